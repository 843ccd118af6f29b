"""Facts in files: one line of JSON each, one file for each UTC day, ``journal/YYYY-MM-DD.jsonl``.

Only the days that a question is about are read, and each file once. Pure but for the ``content`` that it is given.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dreamnet_actions.adapters.github.rows import View, copied, dumps
from dreamnet_actions.domain.journal import KINDS, Fact
from dreamnet_actions.errors import JournalDamaged

FOLDER = "journal/"
_END = ".jsonl"
_PATH = re.compile(r"journal/(?P<day>\d{4}-\d\d-\d\d)\.jsonl")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Lines = list[dict[str, Any]]


def day_of(at: float) -> str:
    """Answer the UTC day of a time in seconds since 1970; what no calendar holds counts as its first or last day."""
    try:
        return (_EPOCH + timedelta(seconds=at)).strftime("%Y-%m-%d").zfill(10)
    except (OverflowError, ValueError):
        return "9999-12-31" if at > 0 else "0001-01-01"


def day_in(path: str) -> str | None:
    """Answer the day whose file that is; None for any other file."""
    found = _PATH.fullmatch(path)
    return found["day"] if found else None


def path_of(day: str) -> str:
    """Answer the file of a day."""
    return f"{FOLDER}{day}{_END}"


class Daybook:
    """The facts of one commit, with what this run adds and drops.

    ``files`` is the commit's list of files, ``content`` reads one of its objects, ``read`` keeps what was parsed by
    object (shared with the next commit's), ``where`` names the branch for errors.
    """

    def __init__(
        self,
        rows: View,
        files: Mapping[str, str],
        content: Callable[[str], bytes],
        read: dict[str, Lines],
        where: str,
    ) -> None:
        self._rows, self._content, self._read, self._where = rows, content, read, where
        self._blobs = {day: blob for path, blob in files.items() if (day := day_in(path)) is not None}
        self._added: dict[str, Lines] = {}
        self._kept: dict[str, Lines] = {}
        for gone in set(read) - set(self._blobs.values()):
            del read[gone]

    def append(self, facts: Collection[Fact]) -> list[Fact]:
        """Add facts, answer them with their ``seq``."""
        stored = []
        for fact in facts:
            self._rows.seq += 1
            stored.append(replace(fact, seq=self._rows.seq, data=copied(fact.data)))
            day = day_of(fact.at)
            self._added.setdefault(day, []).append(replace(stored[-1], data=copied(fact.data)).to_json())
            first, _, count = self._rows.days.get(day, [self._rows.seq, 0, 0])
            self._rows.days[day] = [first, self._rows.seq, count + 1]
        return stored

    def read(
        self,
        *,
        kinds: Collection[str],
        service: str | None,
        dream: str | None,
        correlation_id: str | None,
        since: float,
        after: int,
        limit: int,
    ) -> list[Fact]:
        """Answer the newest ``limit`` facts that fit, oldest first, as the port says."""
        # A kind that a newer DreamNet wrote is left out: nobody here knows what it means.
        wanted = set(kinds or KINDS) & set(KINDS)
        found: Lines = []
        for day, last in self._days_by_last_seq():
            full = len(found) >= limit
            if limit <= 0 or last <= after or (full and last < found[-limit]["seq"]):
                break  # no older file holds anything newer
            if day < day_of(since):
                continue
            found += [
                line
                for line in self._lines(day)
                if line["kind"] in wanted
                and service in (None, line["service"])
                and dream in (None, line["dream"])
                and correlation_id in (None, line["correlation_id"])
                and line["at"] >= since
                and line["seq"] > after
            ]
            found.sort(key=lambda line: int(line["seq"]))
        return [_fact(line) for line in found[max(0, len(found) - max(0, limit)) :]]

    def compact(self, before: float, kinds: Collection[str]) -> int:
        """Drop facts of these kinds older than ``before``; answers how many."""
        dropped = 0
        for day in [one for one in self._days() if one <= day_of(before)] if kinds else []:
            lines = self._lines(day)
            kept = [line for line in lines if line["kind"] not in kinds or line["at"] >= before]
            if len(kept) == len(lines):
                continue
            dropped += len(lines) - len(kept)
            self._kept[day], self._added[day] = kept, []
            if kept:
                self._rows.days[day] = [kept[0]["seq"], kept[-1]["seq"], len(kept)]
            else:
                self._rows.days.pop(day, None)
        return dropped

    def added(self) -> dict[str, int]:
        """Answer how many facts of each kind this run adds."""
        counts: dict[str, int] = {}
        for line in (line for lines in self._added.values() for line in lines):
            counts[line["kind"]] = counts.get(line["kind"], 0) + 1
        return counts

    def is_changed(self) -> bool:
        """Say whether a fact was added or dropped."""
        return bool(self._added or self._kept)

    def changes(self) -> dict[str, bytes | None]:
        """Answer the files that differ from the commit's, by path; None: take it away."""
        changed: dict[str, bytes | None] = {}
        for day in {*self._added, *self._kept}:
            added = encoded(self._added.get(day, []))
            if day in self._kept:
                body = encoded(self._kept[day]) + added
            elif day in self._blobs:
                former = self._content(self._blobs[day])
                body = former + (b"" if former.endswith(b"\n") or not former else b"\n") + added
            else:
                body = added
            if body or day in self._blobs:
                changed[path_of(day)] = body or None
        return changed

    def _days(self) -> set[str]:
        return {*self._blobs, *self._added}

    def _days_by_last_seq(self) -> Iterator[tuple[str, float]]:
        """Yield the days, the one with the newest fact first. A file that is not in the index is looked into first."""
        last = {day: self._rows.days[day][1] if day in self._rows.days else math.inf for day in self._days()}
        yield from sorted(last.items(), key=lambda one: -one[1])

    def _lines(self, day: str) -> Lines:
        if day in self._kept:
            return self._kept[day] + self._added.get(day, [])
        former: Lines = []
        if (blob := self._blobs.get(day)) is not None:
            if blob not in self._read:
                self._read[blob] = _parsed(self._content(blob), f"{self._where}:{path_of(day)}")
            former = self._read[blob]
        return former + self._added.get(day, [])


def read_lines(content: bytes) -> tuple[Lines, list[tuple[int, str]]]:
    """Read a day's file: the facts that are whole, and what is wrong with the other lines, by their number."""
    lines: Lines = []
    mistakes = []
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line:
            continue
        try:
            fact = json.loads(line)
        except (ValueError, RecursionError) as error:
            mistakes.append((number, f"it is no JSON ({error})"))
            continue
        if _is_fact(fact):
            lines.append(fact)
        else:
            mistakes.append((number, "it is no fact"))
    return lines, mistakes


def _parsed(content: bytes, where: str) -> Lines:
    lines, mistakes = read_lines(content)
    for number, why in mistakes:
        raise JournalDamaged(f"{where}, line {number}", why)
    return lines


def _is_fact(line: object) -> bool:
    texts = ("kind", "text", "service", "dream", "correlation_id")
    return (
        isinstance(line, dict)
        and isinstance(line.get("seq"), int)
        and not isinstance(line["seq"], bool)
        and isinstance(line.get("at"), int | float)
        and isinstance(line.get("data"), dict)
        and all(isinstance(line.get(name), str) for name in texts)
    )


def _fact(line: Mapping[str, Any]) -> Fact:
    names = ("kind", "at", "text", "service", "dream", "correlation_id", "seq")
    return Fact(**{name: line[name] for name in names}, data=copied(line["data"]))


def encoded(lines: Lines) -> bytes:
    """Write facts as a day's file holds them."""
    return "".join(f"{dumps(line)}\n" for line in lines).encode("ascii")
