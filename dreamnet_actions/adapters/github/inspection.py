"""What is wrong with the files of the branch ``dreamnet``: all of it, with file and line. Pure.

A file is wrong where it is not of the form that we write, and where it contradicts another: ``state.json`` counts the
facts of every day, and names the body of every large message.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dreamnet_actions.adapters.github.daybook import Lines, day_in, day_of, path_of, read_lines
from dreamnet_actions.adapters.github.letters import STATES, message_fields
from dreamnet_actions.adapters.github.rows import FILE, View, read_all
from dreamnet_actions.adapters.github.snapshot import BODIES
from dreamnet_actions.ports.keeping import Flaw

DAMAGED = "journal/damaged/"
"""Where damaged pieces are moved to."""
_KNOWN = {"README.md", FILE}
_BODY = re.compile(rf"{BODIES}(?P<hash>[0-9a-f]{{64}})\.json")


@dataclass(kw_only=True)
class Inspected:
    """The files of one commit: what is wrong, and what can be read. ``view`` is None where ``state.json`` cannot."""

    flaws: list[Flaw] = field(default_factory=list)
    view: View | None = None
    days: dict[str, Lines] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)
    """The bodies that are what their names say, by hash."""

    @property
    def flawed(self) -> set[str]:
        """The files in which anything is wrong."""
        return {one.file for one in self.flaws}

    def wrong(self, file: str, what: str, line: int = 0) -> None:
        """Add a flaw."""
        self.flaws.append(Flaw(file=file, what=what, line=line))


def inspect(files: Mapping[str, bytes]) -> Inspected:
    """Look through all files of a commit, by path; raises StateDamaged only where a newer DreamNet wrote them."""
    found = Inspected()
    for path, content in sorted(files.items()):
        if (day := day_in(path)) is not None:
            _day(found, path, day, content)
        elif body := _BODY.fullmatch(path):
            if hashlib.sha256(content).hexdigest() == body["hash"]:
                found.bodies[body["hash"]] = content
            else:
                found.wrong(path, "its hash is another than its name says")
        elif path not in _KNOWN and not path.startswith(DAMAGED):
            found.wrong(path, "it is no file of DreamNet's")
    _order(found)
    if FILE in files:
        found.view, mistakes = read_all(files[FILE], FILE)
        for line, what in mistakes:
            found.wrong(FILE, what, line)
    elif found.days or found.bodies:
        found.wrong(FILE, "it is not there, though facts or messages are")
    if found.view is not None:
        text = files[FILE].decode()
        for path, key, what in [*_index(found, found.view), *_rows(found, found.view)]:
            found.wrong(path, what, _line(text, key) if path == FILE else 0)
    return found


def _day(found: Inspected, path: str, day: str, content: bytes) -> None:
    lines, mistakes = read_lines(content)
    found.days[day] = lines
    for number, what in mistakes:
        found.wrong(path, what, number)
    numbers = [number for number, line in enumerate(content.split(b"\n"), 1) if line]
    wrong = {number for number, _ in mistakes}
    last = 0
    for number, fact in zip([one for one in numbers if one not in wrong], lines, strict=True):
        if fact["seq"] <= last:
            found.wrong(path, f"its number {fact['seq']} does not follow {last}", number)
        if day_of(fact["at"]) != day:
            found.wrong(path, f"the fact {fact['seq']} is of another day, {day_of(fact['at'])}", number)
        last = max(last, fact["seq"])


def _order(found: Inspected) -> None:
    """Tell the numbers that more than one file has."""
    homes: dict[int, str] = {}
    for day, lines in sorted(found.days.items()):
        for fact in lines:
            home = homes.setdefault(fact["seq"], day)
            if home != day:
                found.wrong(path_of(day), f"the fact {fact['seq']} is in {path_of(home)}, too")


def _index(found: Inspected, view: View) -> Iterator[tuple[str, str, str]]:
    """Yield what contradicts between the days' files and the index of them: (file, key, what)."""
    for day in sorted({*view.days, *found.days}):
        lines = found.days.get(day)
        counted = view.days.get(day)
        if lines is None:
            yield (
                path_of(day),
                day,
                f"it is not there; {FILE} counts {counted and counted[2]} facts of that day",
            )
        elif counted is None:
            yield path_of(day), day, f"{FILE} does not know of it"
        elif lines and [lines[0]["seq"], lines[-1]["seq"], len(lines)] != counted:
            yield path_of(day), day, f"{len(lines)} facts can be read; {FILE} counts {counted[2]}"
        elif not lines:
            yield path_of(day), day, f"no fact can be read; {FILE} counts {counted[2]}"
    newest = max((fact["seq"] for lines in found.days.values() for fact in lines), default=0)
    if newest > view.seq:
        yield FILE, "seq", f"the last number is {view.seq}, and there is a fact {newest}"


def _rows(found: Inspected, view: View) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong with rows: (file, key, what)."""
    for key, (version, _) in sorted(view.shared.items()):
        if version < 1:
            yield FILE, key, f"the version of {key!r} is {version}"
    seen: set[int] = set()
    for key, row in sorted(view.messages.items()):
        if (what := message_flaw(row)) is not None:
            yield FILE, key, f"the message {key!r} {what}"
            continue
        if row["seq"] in seen or row["seq"] > view.message_seq:
            yield FILE, key, f"the number {row['seq']} of the message {key!r} is wrong"
        seen.add(row["seq"])
        if "body" in row and row["body"] not in found.bodies:
            yield FILE, key, f"the body {BODIES}{row['body']}.json of the message {key!r} is not there"


def message_flaw(row: Mapping[str, Any]) -> str | None:
    """Say what is wrong with a message's row by itself; None where nothing is."""
    numbers: dict[str, type | tuple[type, ...]] = {
        "seq": int,
        "attempts": int,
        "due": (int, float),
        "until": (int, float),
        "at": (int, float),
    }
    wrong = [name for name, kind in numbers.items() if not isinstance(row.get(name), kind)]
    if row.get("state") not in STATES:
        wrong.append("state")
    if not message_fields(row.get("message")):
        wrong.append("message")
    return f"lacks what it needs: {', '.join(wrong)}" if wrong else None


def _line(text: str, key: str) -> int:
    place = text.find(f"{json.dumps(key)}:")
    return text.count("\n", 0, max(0, place)) + 1 if place >= 0 else 0
