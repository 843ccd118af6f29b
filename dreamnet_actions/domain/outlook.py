"""What happens next to a dream, and when: kept with it whenever it changes, and said in one sentence or two. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dreamnet_actions.domain.dream import WHAT_NEXT, Dream
from dreamnet_actions.domain.markdown import inline
from dreamnet_actions.domain.times import rfc3339
from dreamnet_actions.domain.units import format_duration

_CRON = re.compile(r"[0-9A-Za-z*,/ -]{9,200}")
KEY = "next"
"""The key under which a dream's data hold it."""


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """``remedy`` is the next one, None: a person; ``at`` is when its turn comes at the earliest, or until when the one
    under way has time. ``look`` is when DreamNet looks again, by the cron line ``cron`` or ``every`` so many seconds.
    Times are seconds since 1970."""

    remedy: str | None = None
    at: float | None = None
    look: float | None = None
    cron: str = ""
    every: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Answer plain data that ``read`` reads back."""
        return dict(vars(self))


def read(data: Mapping[str, Any]) -> Outlook:
    """Read what data hold; what cannot be read says nothing."""
    held = data.get(KEY)
    if not isinstance(held, Mapping):
        return Outlook()
    times = {name: held.get(name) for name in ("at", "look", "every")}
    if not all(one is None or isinstance(one, int | float) for one in times.values()):
        return Outlook()
    remedy, cron = held.get("remedy"), str(held.get("cron") or "")
    return Outlook(
        remedy=str(remedy) if remedy else None, cron=cron if _CRON.fullmatch(cron) else "", **times
    )


def sentences(dream: Dream) -> str:
    """Say what happens next, and when, in Markdown."""
    found, said = read(dream.data), [WHAT_NEXT[dream.state]]
    if dream.state in ("healing", "verifying") and found.at is not None:
        then = f"{inline(found.remedy)} is next" if found.remedy else "a person is asked"
        said.append(f"If no proof has come by {when(found.at)}, {then}.")
    elif dream.state == "open" and found.at is not None and found.remedy:
        said.append(f"Next is {inline(found.remedy)}, not before {when(found.at)}.")
    elif dream.state == "resolved" and found.at is not None:
        said = [f"Nothing. If it comes back by {when(found.at)}, this issue is opened again."]
    elif dream.state == "snoozed" and dream.until is not None:
        said.append(f"It is over at {when(dream.until)}.")
    elif dream.asks is not None:
        said.append(f"An approval counts until {when(dream.asks.until)}; then nothing is done by itself.")
    if not dream.ended:
        said.append(_looks(found))
    return " ".join(filter(None, said))


def when(seconds: float) -> str:
    """Write a time for people."""
    try:
        return rfc3339(seconds)[:19].replace("T", " ") + " UTC"
    except (ValueError, OverflowError, OSError):
        return f"{seconds:g}"


def _looks(found: Outlook) -> str:
    if found.look is None:
        return ""
    if found.every is not None:
        return f"It looks every {format_duration(found.every)}, next at {when(found.look)}."
    then = f", then by the schedule `{found.cron}`" if found.cron else ""
    return f"The next look is planned for {when(found.look)}{then}."
