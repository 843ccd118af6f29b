"""How a damaged branch is set right: from what can be read of it, of its former commits, and of the dreams. Pure.

Rules: a fact that can be read anywhere is kept. What differs from what was pushed before yields to that. A number that
two facts have (a branch that was forced back, and written on) is kept by the one that was pushed last; the other gets a
new one. What is damaged is moved, as it is, below ``journal/damaged/``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dreamnet_actions.adapters.github.daybook import Lines, day_of, encoded, path_of
from dreamnet_actions.adapters.github.inspection import DAMAGED, Inspected, message_flaw
from dreamnet_actions.adapters.github.rows import FILE, View, copied, decoded, salvaged
from dreamnet_actions.adapters.github.snapshot import BODIES, README
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.units import counted

_PLAIN = re.compile(r"[^A-Za-z0-9.-]")


@dataclass(frozen=True, kw_only=True)
class State:
    """The branch at one commit: its files by path, and what was found in them."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    found: Inspected = field(default_factory=Inspected)


@dataclass(kw_only=True)
class Mended:
    """The files of the repaired branch, and what was done, one sentence each."""

    files: dict[str, bytes]
    steps: list[str]


def mend(
    head: State,
    former: Sequence[State],
    *,
    name: str,
    suspect: bool,
    apart: bool,
    rebuilt: Sequence[Fact],
    now: float,
) -> Mended:
    """Answer the repaired files.

    ``former`` are the commits that help, the most trusted first; ``name`` is that of the damaged commit. ``suspect``:
    somebody else changed files; ``apart``: the head does not follow the first of ``former``. ``rebuilt`` are facts that
    the dreams tell; those that are on the branch are left out. ``now`` is in seconds since 1970.
    """
    steps: list[str] = []
    flawed = head.found.flawed
    mixed = suspect or apart or any(one.startswith(DAMAGED) for one in flawed)
    facts, moved = _facts(head, former, mixed=mixed, apart=apart, steps=steps)
    view = _view(head, former, apart=apart, now=now, steps=steps)
    view.seq = max([view.seq, *facts])
    facts |= _renumbered(moved, view, steps)
    facts |= _rebuilt(facts.values(), rebuilt, view, steps)
    bodies = _bodies(head, former, view, now, steps)
    days = _days(facts.values())
    view.days = {day: [lines[0]["seq"], lines[-1]["seq"], len(lines)] for day, lines in days.items()}
    view.written = now
    files = {path_of(day): encoded(lines) for day, lines in days.items()}
    files |= {f"{BODIES}{sha}.json": body for sha, body in bodies.items()}
    for state in (head, *former):
        files |= {path: body for path, body in state.files.items() if path.startswith(DAMAGED)}
    for path, body in head.files.items():
        replaced = path in flawed or (mixed and path not in ("README.md", FILE) and files.get(path) != body)
        if replaced:
            place = f"{DAMAGED}{name}/{_PLAIN.sub('_', path)}"
            while f"{place}.damaged" in files:
                place += "_"
            files[f"{place}.damaged"] = body
            steps.append(f"Move {path}, as it is, to {place}.damaged.")
    files |= {FILE: view.encoded(), "README.md": head.files.get("README.md", README)}
    return Mended(files=files, steps=steps)


# ── facts ────────────────────────────────────────────────────────────────────────────────────────────────


def _facts(
    head: State, former: Sequence[State], *, mixed: bool, apart: bool, steps: list[str]
) -> tuple[dict[int, dict[str, Any]], Lines]:
    """Answer all facts by number, and those of the head whose number another fact has."""
    flawed = head.found.flawed
    unread = head.found.view is None
    facts: dict[int, dict[str, Any]] = {}
    moved: Lines = []
    days = {day for state in (head, *former) for day in state.found.days}
    known = head.found.view.days if head.found.view is not None else {}
    for day in sorted({*days, *known}):
        damaged = mixed or path_of(day) in flawed or (unread and day not in head.found.days)
        own = head.found.days.get(day, [])
        if not damaged:
            continue
        before = 0
        for state in former:
            for line in (one for one in state.found.days.get(day, []) if one["seq"] > 0):
                before += facts.setdefault(line["seq"], line) is line and line not in own
        if before:
            steps.append(f"Take {counted(before, 'fact')} of {day} from former commits.")
    pushed = set() if apart else set(facts)
    for day, lines in sorted(head.found.days.items()):
        for line in lines:
            first = facts.setdefault(line["seq"], line) if line["seq"] > 0 else None
            if first != line and not (first and line["seq"] in pushed and _day(first) == day):
                moved.append(line)
    return facts, moved


def _renumbered(moved: Lines, view: View, steps: list[str]) -> dict[int, dict[str, Any]]:
    if moved:
        steps.append(f"Give {counted(len(moved), 'fact')} a new number, for another has it.")
    return _numbered(moved, view)


def _numbered(lines: Iterable[Mapping[str, Any]], view: View) -> dict[int, dict[str, Any]]:
    found = {}
    for line in lines:
        view.seq += 1
        found[view.seq] = {**line, "seq": view.seq}
    return found


def _rebuilt(
    facts: Iterable[Mapping[str, Any]], rebuilt: Sequence[Fact], view: View, steps: list[str]
) -> dict[int, dict[str, Any]]:
    """Answer what only the dreams know, as facts that say so."""
    known = {(one["kind"], one["dream"]) for one in facts}
    missing = [one for one in rebuilt if (one.kind, one.dream) not in known]
    if missing:
        steps.append(f"Write {counted(len(missing), 'fact')} again that only the dreams still tell.")
    return _numbered([copied(one.to_json()) for one in missing], view)


def _days(facts: Iterable[Mapping[str, Any]]) -> dict[str, Lines]:
    days: dict[str, Lines] = {}
    for line in sorted(facts, key=lambda one: int(one["seq"])):
        days.setdefault(_day(line), []).append(dict(line))
    return dict(sorted(days.items()))


def _day(line: Mapping[str, Any]) -> str:
    return day_of(line["at"])


# ── shared state ─────────────────────────────────────────────────────────────────────────────────────────


def _view(head: State, former: Sequence[State], *, apart: bool, now: float, steps: list[str]) -> View:
    """Answer the shared state: the head's where it can be read, else the last that can, with what can be read of the
    head's upon it."""
    views = [_copy(one.found.view) for one in former if one.found.view is not None]
    own = _copy(head.found.view) if head.found.view is not None else None
    if own is not None and not apart:
        view = own
        for one in views:  # the numbers never go back, whoever wrote smaller ones
            view.seq, view.message_seq = max(view.seq, one.seq), max(view.message_seq, one.message_seq)
    elif views:
        view = views[0]
        steps.append(f"Take {FILE} from a former commit.")
        if own is not None:
            _join(view, own)
            steps.append(f"Join the rows of the two states of {FILE}, the newer version of each.")
    elif own is not None:
        view = own
    else:
        # No version may come twice: there were fewer changes than seconds since 1970.
        view = View(floor=int(now))
        steps.append(f"Begin {FILE} anew.")
    if head.found.view is None and FILE in head.files:
        rows = salvaged(head.files[FILE])
        count = sum(len(rows[one]) for one in ("shared", "messages", "handled", "leases"))
        got = View(
            shared=rows["shared"], messages=rows["messages"], handled=rows["handled"], leases=rows["leases"]
        )
        _join(view, got)
        steps.append(f"Take {counted(count, 'row')} that can be read from the damaged {FILE}.")
    _renumber_messages(view, steps)
    return view


def _copy(view: View) -> View:
    return decoded(view.encoded(), FILE)


def _join(view: View, other: View) -> None:
    for key, row in other.shared.items():
        if row[0] > view.version(key):
            view.shared[key] = row
    for key, message in other.messages.items():
        if message_flaw(message) is None and key not in view.handled:
            view.messages[key] = message
    view.handled |= other.handled
    view.leases |= {key: row for key, row in other.leases.items() if key not in view.leases}
    view.units = [*view.units, *(one for one in other.units if one not in view.units)]
    view.seq, view.floor = max(view.seq, other.seq), max(view.floor, other.floor)
    view.message_seq = max(view.message_seq, other.message_seq)


def _renumber_messages(view: View, steps: list[str]) -> None:
    """See to it that each message is one, with a number of its own, and each version is one."""
    for key in [one for one, row in view.messages.items() if message_flaw(row) is not None]:
        del view.messages[key]
        steps.append(f"Take the message {key} out: it lacks what it needs.")
    for key in [one for one, (version, _) in view.shared.items() if version < 1]:
        view.shared[key][0] = 1
    seen: set[int] = set()
    for row in sorted(view.messages.values(), key=lambda one: int(one["seq"])):
        if row["seq"] in seen:
            view.message_seq = row["seq"] = max(view.message_seq, *seen) + 1
        seen.add(row["seq"])
    view.message_seq = max([view.message_seq, *seen])


def _bodies(
    head: State, former: Sequence[State], view: View, now: float, steps: list[str]
) -> dict[str, bytes]:
    """Answer the bodies of large messages; a message whose body is nowhere waits for a person, dead."""
    known: dict[str, bytes] = {}
    for state in (*reversed(former), head):
        known |= state.found.bodies
    wanted = {row["body"] for row in view.messages.values() if "body" in row}
    for key, row in sorted(view.messages.items()):
        if "body" not in row or row["body"] in known:
            continue
        error = f"its body {row.pop('body')} is lost"
        row |= {"state": "dead", "error": error, "until": 0.0, "at": now}
        steps.append(f"Put the message {key} aside as dead: {error}.")
    if missing := (wanted & set(known)) - set(head.found.bodies):
        steps.append(f"Take the bodies of {counted(len(missing), 'message')} from former commits.")
    return {sha: body for sha, body in known.items() if sha in wanted or sha in head.found.bodies}


def rebuilt_fact(fact: Fact, number: int) -> Fact:
    """Mark a fact as one that was written again from a dream's own story."""
    return replace(
        fact, text=f"{fact.text} (rebuilt from dream {number})", data={**fact.data, "rebuilt": True}
    )
