"""``state.json`` of the branch ``dreamnet``: what it holds, written so that a change is a line, read with every check.

A view is what one run sees of it. Pure: nothing here knows git, time or chance.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dreamnet_actions.errors import StateDamaged

SCHEMA = 1
"""The form of ``state.json`` that this DreamNet writes."""
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
        gone = {key: version for key, (version, value) in self.shared.items() if value is None}
        if len(gone) > _TOMBSTONES:
            self.floor = max(self.floor, *gone.values())
            for key in gone:
                del self.shared[key]

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
    try:
        text = content.decode("utf-8")
        whole = json.loads(text)
    except UnicodeDecodeError as error:
        raise StateDamaged(where, f"it is no UTF-8 at byte {error.start}") from error
    except RecursionError as error:
        raise StateDamaged(where, "it is nested too deep") from error
    except json.JSONDecodeError as error:
        raise StateDamaged(f"{where}, line {error.lineno}", f"it is no JSON ({error.msg})") from error
    if not isinstance(whole, dict) or not isinstance(whole.get("schema"), int):
        raise StateDamaged(f"{where}, line 1", "it names no schema")
    if whole["schema"] > SCHEMA:
        damaged = StateDamaged(
            where, f"a newer DreamNet wrote it (schema {whole['schema']}; this one knows up to {SCHEMA})"
        )
        damaged.hint = "Update DreamNet."
        raise damaged
    _check(whole, text, where)
    del whole["schema"]
    return View(
        message_seq=whole.pop("message-seq"), **{name: whole[name] for name in _KINDS if name in whole}
    )


def _check(whole: Mapping[str, Any], text: str, where: str) -> None:
    """Raise StateDamaged for the first thing that has not the form that we write."""
    for name, kind in _KINDS.items():
        if not isinstance(whole.get(name), kind):
            raise StateDamaged(
                f"{where}, line {_line(text, name)}", f"{name!r} is missing or no {_named(kind)}"
            )
    for name, kind in _ROWS.items():
        for key, row in whole[name].items():
            right = isinstance(row, kind)
            if right and name == "shared":
                right = len(row) == 2 and isinstance(row[0], int)
            if right and name == "days":
                right = len(row) == 3 and all(isinstance(one, int) for one in row)
            if not right:
                raise StateDamaged(
                    f"{where}, line {_line(text, key)}", f"the row {key!r} of {name!r} has another form"
                )


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
