"""Where everything stands in a JSON text: for mistakes with line and column, and for changing one value in place."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from json.decoder import scanstring  # type: ignore[attr-defined]  # documented by the source only
from typing import Any

Path = tuple[str | int, ...]
_BLANKS = re.compile(r"[ \t\n\r]*")
_SCALAR = re.compile(r"[^\s,\]}]+")
_DEEPEST = 200


@dataclass(slots=True)
class Places:
    """``spans`` are start and end of each value by its path, ``names`` the start of each member's name.

    ``twice`` are the starts of names that an object has already.
    """

    text: str
    spans: dict[Path, tuple[int, int]] = field(default_factory=dict)
    names: dict[Path, int] = field(default_factory=dict)
    twice: list[tuple[Path, int]] = field(default_factory=list)

    def line_and_column(self, at: int) -> tuple[int, int]:
        """Answer line and column (from 1) of a place in the text."""
        return self.text.count("\n", 0, at) + 1, at - self.text.rfind("\n", 0, at)

    def of(self, path: Path) -> tuple[int, int]:
        """Answer line and column of the value at ``path``, or of the nearest thing around it that is there."""
        while path and path not in self.spans:
            path = path[:-1]
        return self.line_and_column(self.spans[path][0])


def parse(text: str) -> tuple[Any, Places]:
    """Read JSON and where its parts stand. Raises json.JSONDecodeError."""
    data = json.loads(text, parse_constant=_no_constant)
    places = Places(text)
    _walk(places, _skip(text, 0), ())
    return data, places


def _no_constant(name: str) -> Any:
    raise json.JSONDecodeError(f"{name} is no JSON", name, 0)


def _skip(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at


def _walk(places: Places, at: int, path: Path) -> int:
    """Note the value that starts at ``at``; answers where it ends. The text is known to be JSON."""
    text, start = places.text, at
    if len(path) > _DEEPEST:
        raise json.JSONDecodeError("nested too deep", text, at)
    opening = text[at]
    if opening == '"':
        _, at = scanstring(text, at + 1, True)
    elif opening in "{[":
        at = _skip(text, at + 1)
        number = 0
        while text[at] not in "}]":
            step: str | int = number
            if opening == "{":
                name_at = at
                step, at = scanstring(text, at + 1, True)
                if (*path, step) in places.names:
                    places.twice.append(((*path, step), name_at))
                places.names[(*path, step)] = name_at
                at = _skip(text, _skip(text, at) + 1)
            at = _skip(text, _walk(places, at, (*path, step)))
            if text[at] == ",":
                at = _skip(text, at + 1)
            number += 1
        at += 1
    else:
        found = _SCALAR.match(text, at)
        at = found.end() if found else at + 1
    places.spans[path] = (start, at)
    return at
