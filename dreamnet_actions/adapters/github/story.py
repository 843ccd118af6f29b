"""A dream's story as the one comment under its issue that is edited: readable lines, and the same hidden. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dreamnet_actions.adapters.github.body import MOST
from dreamnet_actions.adapters.github.hidden import decode, encode
from dreamnet_actions.domain.markdown import cut, inline
from dreamnet_actions.domain.times import rfc3339
from dreamnet_actions.domain.units import counted

KIND = "story"
SHOWN = 30
"""How many of the newest lines are shown; older ones are folded away."""
_LINE = 2_000
"""The most characters of one line."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """The lines of a story, oldest first, and how many older ones no longer had room."""

    lines: tuple[tuple[float, str], ...] = ()
    dropped: int = 0

    def and_then(self, at: float, text: str) -> Told:
        """Answer the story with one line more."""
        return Told(lines=(*self.lines, (at, cut(text, _LINE))), dropped=self.dropped)


def write(told: Told, home: str = "") -> tuple[str, Told]:
    """Answer the comment's body and what it holds: the oldest lines go first where there is no room for all; ``home``,
    the repository's address, then leads to the journal, which has them."""
    lines = told.lines
    body = _write(told, home)
    while len(body) > MOST and len(lines) > 1:
        lines = lines[max(1, len(lines) // 20) :]
        told = Told(lines=lines, dropped=told.dropped + len(told.lines) - len(lines))
        body = _write(told, home)
    return body, told


def read(body: str) -> Told | None:
    """Read what ``write`` wrote; None for a comment that is no story."""
    data = decode(KIND, body)
    if data is None:
        return None
    try:
        lines = tuple((float(at), str(text)) for at, text in data["lines"])
        return Told(lines=lines, dropped=int(data["dropped"]))
    except (KeyError, TypeError, ValueError):
        return None


def _write(told: Told, home: str) -> str:
    parts = ["**Progress**"]
    if told.dropped:
        where = f"; [the journal]({home}/tree/dreamnet) has them" if home else ""
        parts.append(f"_{counted(told.dropped, 'older line')} no longer kept here{where}._")
    older, newest = told.lines[:-SHOWN], told.lines[-SHOWN:]
    if older:
        summary = f"<details><summary>{counted(len(older), 'earlier line')}</summary>"
        parts.append(f"{summary}\n\n{_listed(older)}\n\n</details>")
    parts.append(_listed(newest))
    parts.append(encode(KIND, {"dropped": told.dropped, "lines": [list(line) for line in told.lines]}))
    return "\n\n".join(parts)


def _listed(lines: Sequence[tuple[float, str]]) -> str:
    return "\n".join(f"- {_time(at)} {inline(text)}" for at, text in lines)


def _time(seconds: float) -> str:
    try:
        return rfc3339(seconds)[:19].replace("T", " ")
    except (ValueError, OverflowError, OSError):
        return f"{seconds:g}"
