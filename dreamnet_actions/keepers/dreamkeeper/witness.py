"""What the platform knows of a failing service that no check says: last lines of its worst replica, events on it."""

from __future__ import annotations

from dreamnet_actions.domain.health import Report, shorten
from dreamnet_actions.errors import DreamNetError
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.keepers.dreamkeeper.plan import Situation

TOLD = 3
"""How many of the last lines, and of the events, go into a dream."""
_JOIN = " ⏎ "


def last_words(context: Context, one: Situation) -> tuple[Report, ...]:
    """Answer reports that explain a fault and judge nothing. Asked for once, when a dream is filed; a platform that
    cannot answer is left out."""
    service = one.key.partition("/")[2]
    if context.config.services.get(service) is None or one.spec.platform not in context.platforms:
        return ()
    try:
        seen = context.platforms[one.spec.platform].evidence(service)
    except DreamNetError:
        return ()
    told = (("last lines", seen.lines), ("events", seen.notes)) if seen else ()
    return tuple(
        shorten(Report(service=service, check=name, status="unknown", detail=_JOIN.join(texts[-TOLD:])), 500)
        for name, texts in told
        if texts
    )
