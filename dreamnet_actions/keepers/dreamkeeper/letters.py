"""What the check ``messages`` of this system sees: messages that are dead or stuck, why, and how each is tried again.

It only looks. Where workflows carry the messages, it also looks at their host for why none came.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from dreamnet_actions.domain.actions import CALLERS
from dreamnet_actions.domain.health import Status
from dreamnet_actions.domain.message import TYPE
from dreamnet_actions.domain.times import rfc3339
from dreamnet_actions.domain.units import counted, format_duration
from dreamnet_actions.errors import DreamNetError, NotFound, RefusedError
from dreamnet_actions.keepers.context import SELF
from dreamnet_actions.ports.hosting import Hosting
from dreamnet_actions.ports.stores import MessageBus, MessageState

KEY = f"{SELF}/messages"
"""The dream that tells of all of them."""
STUCK = 300.0
"""Seconds after which a message that waits is a fault of the delivery."""
SHOWN = 10
"""How many dead messages are told one by one: the newest."""
WORKFLOWS = (CALLERS["relaybot"], "relaybot.yml")
"""The workflow that carries messages: as ``dreamnet init`` names it, and in DreamNet's own repository."""
_MOST = 10_000
_FOLDER = ".github/workflows/"


@dataclass(frozen=True, kw_only=True)
class Letters:
    """Looks at the bus; ``hosting`` is the host whose workflows carry the messages, None where a process does."""

    bus: MessageBus
    hosting: Hosting | None = None

    def look(self, now: float) -> tuple[Status, str]:
        """Answer how the messages do at ``now`` (seconds since 1970). Equal states are told in equal words."""
        dead = self.bus.list(states={"dead"}, limit=_MOST)
        waiting = self.bus.list(states={"waiting"}, limit=_MOST)
        stuck = [one for one in waiting if _sent(one) < now - STUCK]
        if not dead and not stuck:
            return "passed", f"No dead messages, {len(waiting)} waiting."
        lines = [*self._stuck(stuck), *self._dead(dead)]
        if self.hosting is not None and (stuck or any("no run took it" in one.error for one in dead)):
            lines[1:1] = self._carrier(self.hosting)
        return "degraded", "\n".join(lines)

    def _stuck(self, stuck: Sequence[MessageState]) -> Iterator[str]:
        if not stuck:
            return
        oldest = min(stuck, key=_sent)
        still = "waits" if len(stuck) == 1 else "wait"
        advice = "" if self.hosting is not None else " Run 'dreamnet watch', which hands them out."
        yield f"{counted(len(stuck), 'message')} {still} for more than {format_duration(STUCK)}.{advice}"
        yield f"The oldest, since {rfc3339(_sent(oldest))[:19]}Z: {_told(oldest)}"

    def _dead(self, dead: Sequence[MessageState]) -> Iterator[str]:
        if not dead:
            return
        last = dead[-1].message.name
        yield f"{counted(len(dead), 'dead message')}, the last is {last!r}."
        yield "When the reason is gone, have each handed out again:"
        for one in reversed(dead[-SHOWN:]):
            yield f"- {_told(one)}"
            yield f"  dreamnet replay {shlex.quote(one.message.id)}"
        if len(dead) > SHOWN:
            yield f"- and {len(dead) - SHOWN} older ones: dreamnet messages --dead"
        if self.hosting is not None:
            yield (
                "Or on GitHub: Actions, RelayBot's workflow (DreamNet relay), Run workflow, with the action replay and "
                "the message's id."
            )

    def _carrier(self, hosting: Hosting) -> Iterator[str]:
        """Tell what the host shows of the workflow that carries messages; a host that does not answer hides nothing."""
        try:
            yield _carrier(hosting)
        except DreamNetError as error:
            yield f"Why no run came could not be seen: {error.message}"


def _carrier(hosting: Hosting) -> str:
    branch = hosting.repository().default_branch
    found = {name: hosting.text(_FOLDER + name, branch) for name in WORKFLOWS}
    name, text = next(
        ((name, text) for name, text in found.items() if text is not None), (WORKFLOWS[0], None)
    )
    if text is None:
        return (
            f"The cause: there is no {_FOLDER}{name} on the default branch {branch!r}, and GitHub starts no other for "
            f"a message. Merge it there, or write it with 'dreamnet init'."
        )
    if "repository_dispatch" not in text or TYPE not in text:
        return (
            f"The cause: {_FOLDER}{name} on the default branch {branch!r} does not start on repository_dispatch of the "
            f"type {TYPE}. 'dreamnet init' writes one that does."
        )
    try:
        states = {one.path: one.state for one in hosting.workflows()}
    except (RefusedError, NotFound):
        return (
            f"{_FOLDER}{name} is on the default branch {branch!r}. Whether it is enabled, this token may not see "
            f"(actions: read): look at Actions, or run 'dreamnet doctor'."
        )
    state = states.get(_FOLDER + name)
    if state not in (None, "active"):
        return (
            f"The cause: {_FOLDER}{name} is switched off ({state}). Switch it on at Actions, or with "
            f"'gh workflow enable {name}'."
        )
    return (
        f"{_FOLDER}{name} is on the default branch {branch!r} and active: look at its last runs, and at Settings, "
        f"Actions, General. Where GitHub started no job of them, it grants too little: 'dreamnet doctor' has the lines."
    )


def _told(one: MessageState) -> str:
    """Name a message, who sent it to whom, and why it is not done."""
    message = one.message
    way = f"{message.name} ({message.id}), {message.sender} → {message.to or 'everybody'}"
    tries = f", {counted(one.attempts, 'attempt')} so far" if one.attempts else ", never taken"
    error = f": {' '.join(one.error.split())}" if one.error else ""
    return f"{way}{tries}{error}"


def _sent(one: MessageState) -> float:
    """Answer when a message was sent; one that says no time counts as sent long ago."""
    with suppress(ValueError, OverflowError):
        at = datetime.fromisoformat(one.message.time)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    return 0.0
