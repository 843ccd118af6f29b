"""Slack's incoming webhook (the port ``Notifier``).

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks and, for what text means there,
https://docs.slack.dev/messaging/formatting-message-text
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dreamnet_actions.adapters.webhooks.options import SlackOptions
from dreamnet_actions.adapters.webhooks.post import address, encoded, post
from dreamnet_actions.domain.alert import Alert
from dreamnet_actions.domain.markdown import BREAK, cut, visible
from dreamnet_actions.ports.notifier import Notifier
from dreamnet_actions.ports.site import Site

_MEANS = re.compile(r"([@#:*_~`|/!])")
"""Characters that begin a mention, a channel, an emoji, a link, or an emphasis."""
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MOST = 300


class SlackNotifier(Notifier):
    """Writes one message a call. Slack knows no id of its own, so the alert's stands in the message."""

    def __init__(self, options: SlackOptions, environ: Mapping[str, str]) -> None:
        self._options, self._environ = options, environ

    @classmethod
    def at(cls, options: SlackOptions, site: Site) -> SlackNotifier:
        """Make it from the configuration."""
        return cls(options, site.environ)

    def notify(self, alert: Alert) -> None:
        where = address(self._environ, self._options.url_variable)
        name = f"The Slack webhook of {self._options.url_variable}"
        post(where, encoded(message(alert)), {"Idempotency-Key": alert.id}, name=name)


def message(alert: Alert) -> dict[str, Any]:
    """Write the message: a plain text for notifications, and blocks in which nothing is turned into a link by Slack."""
    what = f"{neutral(alert.key)} is {neutral(alert.health)} and waits for a person"
    lines = [f"*{what}*", neutral(alert.because)]
    if alert.seen:
        lines.append(f"Seen: {neutral(alert.seen)}")
    if alert.approves:
        lines.append(f"To let it {neutral(alert.approves)}, comment /approve on the dream.")
    lines.append(f"<{alert.page}|Dream {alert.number}>" if _is_plain(alert.page) else f"Dream {alert.number}")
    section = {"type": "section", "text": {"type": "mrkdwn", "verbatim": True, "text": "\n".join(lines)}}
    mark = {"type": "mrkdwn", "verbatim": True, "text": neutral(alert.id)}
    return {
        "text": f"{what}: {neutral(alert.because)}",
        "blocks": [section, {"type": "context", "elements": [mark]}],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def neutral(text: str) -> str:
    """Answer untrusted text as Slack shows it as it was written: on one line, at most 300 characters, with no mention,
    channel, link, emoji or emphasis in it."""
    shown = _MEANS.sub(rf"\1{BREAK}", cut(visible(text), _MOST))
    return "".join(_ESCAPES.get(one, one) for one in shown)


def _is_plain(page: str) -> bool:
    return re.fullmatch(r"https?://[A-Za-z0-9./_:%-]+", page) is not None
