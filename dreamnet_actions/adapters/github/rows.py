"""``state.json`` of the branch ``dreamnet``: what it holds, written so that a change is a line, read with every check.

A view is what one run sees of it. Pure: nothing here knows git, time or chance.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dreamnet_actions.adapters.github.schema import SCHEMA, migrated
from dreamnet_actions.errors import JournalDamaged

FILE = "state.json"
UNITS = 50
"""How many of the newest units of work are named, so that a push without an answer can be found again."""
_TOMBSTONES = 1000

_KINDS: dict[str, type | tuple[type, ...]] = {
    "schema": int,
    "written": (int, float),
    "seq": int,
    "message-seq": int,
    "floor": int,
    "units": list,
    "days": dict,
    "shared": dict,
    "messages": dict,
    "handled": dict,
    "leases": dict,
}
_ROWS: dict[str, type | tuple[type, ...]] = {
    "days": list,
    "shared": list,
    "messages": dict,
    "handled": (int, float),
    "leases": dict,
}


@dataclass
class View:
    """The shared rows as one run sees them.

    ``seq`` and ``message_seq`` are the last ones given, ``written`` when the file was (seconds since 1970). ``days``
    holds ``[first seq, last seq, facts]`` of each day's file; ``shared`` holds ``[version, value]``, where the value of
    what was forgotten is None; ``floor`` is a version that no forgotten row had passed which is not named any more.
    """

    written: float = 0.0
    seq: int = 0
    message_seq: int = 0
    floor: int = 0
    units: list[str] = field(default_factory=list)
    days: dict[str, list[int]] = field(default_factory=dict)
    shared: dict[str, list[Any]] = field(default_factory=dict)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    handled: dict[str, float] = field(default_factory=dict)
    leases: dict[str, dict[str, Any]] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """Write the file: one row a line, in the order of keys."""
        self._forget_the_forgotten()
        head = {
            "schema": SCHEMA,
            "written": self.written,
            "seq": self.seq,
            "message-seq": self.message_seq,
            "floor": self.floor,
            "units": self.units[-UNITS:],
        }
        lines = [f"{dumps(name)}: {dumps(value)}" for name, value in head.items()]
        for name in _ROWS:
            rows = sorted(vars(self)[name].items())
            inner = ",\n".join(f"  {dumps(key)}: {dumps(value)}" for key, value in rows)
            lines.append(f"{dumps(name)}: {{\n{inner}\n}}" if rows else f"{dumps(name)}: {{}}")
        return ("{\n" + ",\n".join(lines) + "\n}\n").encode("ascii")

    def _forget_the_forgotten(self) -> None:
        """Drop the rows of forgotten keys when they are many. A version never comes twice all the same: new rows start
        above the highest that was dropped."""
        if sum(value is None for _, value in self.shared.values()) > _TOMBSTONES:
            self.bury()

    def bury(self) -> int:
        """Drop the rows of forgotten keys; answers how many."""
        gone = {key: version for key, (version, value) in self.shared.items() if value is None}
        self.floor = max([self.floor, *gone.values()])
        for key in gone:
            del self.shared[key]
        return len(gone)

    def version(self, key: str) -> int:
        """Answer the version that a row stands at; 0 where there is none."""
        row = self.shared.get(key)
        return row[0] if row else 0

    def put(self, key: str, value: Any) -> int:
        """Store a value (None: forget it), answer its new version."""
        version = max(self.version(key), self.floor if key not in self.shared else 0) + 1
        self.shared[key] = [version, value]
        return version


def decoded(content: bytes, where: str) -> View:
    """Read the file; ``where`` names it for errors. Raises StateDamaged with file and line, also for a newer schema."""
    view, mistakes = read_all(content, where)
    if view is None:
        line, why = mistakes[0]
        raise JournalDamaged(f"{where}, line {line}" if line else where, why)
    return view


def read_all(content: bytes, where: str) -> tuple[View | None, list[tuple[int, str]]]:
    """Read the file and answer all that is wrong with it, each with its line (0: none in particular); the view is None
    where anything is. Raises StateDamaged for a newer schema only."""
    try:
        text = content.decode("utf-8")
        whole = json.loads(text)
    except UnicodeDecodeError as error:
        return None, [(0, f"it is no UTF-8 at byte {error.start}")]
    except RecursionError:
        return None, [(0, "it is nested too deep")]
    except json.JSONDecodeError as error:
        return None, [(error.lineno, f"it is no JSON ({error.msg})")]
    except ValueError as error:  # a number of more digits than Python reads
        return None, [(0, f"it is no JSON ({error})")]
    if not isinstance(whole, dict) or not _is_count(whole.get("schema")):
        return None, [(1, "it names no schema")]
    whole = migrated(whole, where)
    if mistakes := list(_mistakes(whole, text)):
        return None, mistakes
    del whole["schema"]
    return View(
        message_seq=whole.pop("message-seq"), **{one: whole[one] for one in _KINDS if one in whole}
    ), []


def salvaged(content: bytes) -> dict[str, dict[str, Any]]:
    """Answer the rows that can be read in a file that as a whole cannot: by section, then key. One row stands in each
    line, and a line that is no whole row is left out."""
    found: dict[str, dict[str, Any]] = {name: {} for name in _ROWS}
    section = ""
    for raw in content.split(b"\n"):
        line = raw.decode("utf-8", "replace")
        if line.startswith('"'):
            section = line.partition('"')[2].partition('"')[0]
        elif section in found and line.startswith('  "'):
            try:
                row = json.loads("{" + line.rstrip(",") + "}")
            except (ValueError, RecursionError):
                continue
            found[section] |= {key: value for key, value in row.items() if _is_row(section, value)}
    return found


def _mistakes(whole: Mapping[str, Any], text: str) -> Iterator[tuple[int, str]]:
    """Yield everything that has not the form that we write, with its line."""
    for name, kind in _KINDS.items():
        if not isinstance(whole.get(name), kind):
            yield _line(text, name), f"{name!r} is missing or no {_named(kind)}"
            continue
        for key, row in whole[name].items() if name in _ROWS else ():
            if not _is_row(name, row):
                yield _line(text, key), f"the row {key!r} of {name!r} has another form"


def _is_row(section: str, row: Any) -> bool:
    right = isinstance(row, _ROWS[section])
    if section == "shared":
        return right and len(row) == 2 and _is_count(row[0])
    if section == "days":
        return right and len(row) == 3 and all(_is_count(one) for one in row)
    return right


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _line(text: str, key: str) -> int:
    place = text.find(f"{dumps(key)}:")
    return text.count("\n", 0, max(0, place)) + 1


def _named(kind: type | tuple[type, ...]) -> str:
    return "object" if kind is dict else "list" if kind is list else "number"


def dumps(value: Any) -> str:
    """Write plain data (any mapping counts as an object) as ASCII JSON. Raises TypeError for what is none."""
    return json.dumps(value, separators=(",", ":"), default=_mapping)


def copied(value: Any) -> Any:
    """Answer plain data as it would come back from the branch. Raises TypeError for what is none."""
    return json.loads(dumps(value))


def _mapping(value: object) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no plain data")
