"""What history teaches about a problem, as values that its dream keeps: what changed just before, what worked before.

``patterns`` says it in a few sentences; here are the numbers behind them, with the dreams and commits to look at. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.remedy import Attempt

KEY = "lessons"
"""The key under which a dream's data hold them."""
TRIED = "tried"
"""The key under which they hold what was tried since it was opened last: ``[remedy, at, worked, seconds]`` each."""
MOST_TRIED = 8
"""Tries that a dream tells, the newest; its story tells all."""
MOST_RECORDS = 4
"""Remedies that are told."""
MOST_LINKS = 5
"""Dreams, and commits, that one remedy names: the newest."""
_STORY = re.compile(r"dream-(\d{1,9})-\d+")
_COMMIT = re.compile(r"git:([0-9a-f]{40}(?:[0-9a-f]{24})?)")


@dataclass(frozen=True, kw_only=True)
class Record:
    """How one remedy did: it worked ``worked`` of ``tried`` times, last at ``last`` (seconds since 1970; where it never
    worked, when it was last tried), in ``seconds`` on average. ``dreams`` and ``commits`` (that it went back to) are
    those in which it worked, newest first. ``scope``: on this service for this ``cause``, on it for another cause
    (``service``), or for this cause on others (``elsewhere``)."""

    remedy: str
    scope: str
    worked: int
    tried: int
    last: float
    seconds: float | None = None
    dreams: tuple[int, ...] = ()
    commits: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A change shortly before the problem: ``release`` or ``values``, in words, when; a release's commit, and the one
    before it, where it came from git."""

    what: str
    text: str
    at: float
    commit: str = ""
    former: str = ""


@dataclass(frozen=True, kw_only=True)
class Lessons:
    """All of it."""

    suspect: Suspect | None = None
    records: tuple[Record, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Answer plain data that ``read`` reads back."""
        records = [{**vars(one), "dreams": [*one.dreams], "commits": [*one.commits]} for one in self.records]
        return {"suspect": dict(vars(self.suspect)) if self.suspect else None, "records": records}


def learned(
    ledger: Iterable[Attempt],
    *,
    service: str,
    cause: str | None,
    change: Fact | None,
    back: Mapping[str, str],
) -> Lessons:
    """Answer what the ledger teaches about a problem of ``service`` (``platform/service``).

    Of the three scopes only the nearest that there is counts. ``change`` is the suspected one; ``back`` says which
    version the remedies of a story (``dream-12-0``) went back to.
    """
    scopes: dict[str, dict[str, list[Attempt]]] = {"cause": {}, "service": {}, "elsewhere": {}}
    for one in ledger:
        if one.worked is None:
            continue
        same = one.cause == (cause or "")
        scope = ("cause" if same else "service") if one.service == service else "elsewhere"
        if scope != "elsewhere" or (same and cause):
            scopes[scope].setdefault(one.remedy, []).append(one)
    name, found = next(((name, rows) for name, rows in scopes.items() if rows), ("cause", {}))
    records = [_record(remedy, name, tries, back) for remedy, tries in found.items()]
    records.sort(key=lambda one: (-one.worked / one.tried, -one.last))
    return Lessons(suspect=_suspect(change), records=tuple(records[:MOST_RECORDS]))


def read(data: Mapping[str, Any]) -> Lessons:
    """Read what data hold; what cannot be read teaches nothing."""
    held = data.get(KEY)
    if not isinstance(held, Mapping):
        return Lessons()
    try:
        suspect = _read_suspect(held["suspect"]) if held.get("suspect") else None
        records = tuple(_read_record(one) for one in held.get("records", ()))
        return Lessons(suspect=suspect, records=records)
    except (AttributeError, KeyError, TypeError, ValueError):
        return Lessons()


def commit_of(version: object) -> str:
    """Answer the commit that a version (``git:<hash>``) is; empty for any other kind."""
    found = _COMMIT.fullmatch(version) if isinstance(version, str) else None
    return found[1] if found else ""


def _record(remedy: str, scope: str, tries: Sequence[Attempt], back: Mapping[str, str]) -> Record:
    good = sorted((one for one in tries if one.worked), key=lambda one: -one.at)
    took = [one.seconds for one in good if one.seconds is not None]
    numbers = [int(found[1]) for one in good if (found := _STORY.fullmatch(one.dream))]
    commits = [commit_of(back.get(one.dream)) for one in good] if remedy == "rollback" else []
    return Record(
        remedy=remedy,
        scope=scope,
        worked=len(good),
        tried=len(tries),
        last=max(one.at for one in good or tries),
        seconds=round(sum(took) / len(took), 3) if took else None,
        dreams=tuple(dict.fromkeys(numbers))[:MOST_LINKS],
        commits=tuple(dict.fromkeys(filter(None, commits)))[:MOST_LINKS],
    )


def _suspect(change: Fact | None) -> Suspect | None:
    if change is None:
        return None
    release = change.kind == "release-ended"
    return Suspect(
        what="release" if release else "values",
        text=change.text[:300],
        at=change.at,
        commit=commit_of(change.data.get("version")) if release else "",
        former=commit_of(change.data.get("former")) if release else "",
    )


def _read_suspect(held: Mapping[str, Any]) -> Suspect:
    commits = {name: commit_of(f"git:{held.get(name)}") for name in ("commit", "former")}
    return Suspect(**{**held, "text": str(held["text"]), "at": float(held["at"]), **commits})


def _read_record(held: Mapping[str, Any]) -> Record:
    """Read one; somebody may have written into what is kept, so each part must be what it is to be."""
    seconds = held.get("seconds")
    return Record(
        remedy=str(held["remedy"]),
        scope=str(held["scope"]),
        worked=int(held["worked"]),
        tried=int(held["tried"]),
        last=float(held["last"]),
        seconds=float(seconds) if seconds is not None else None,
        dreams=tuple(map(int, held["dreams"])),
        commits=tuple(filter(None, (commit_of(f"git:{one}") for one in held["commits"]))),
    )
