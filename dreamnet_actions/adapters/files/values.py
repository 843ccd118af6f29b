"""Values out of YAML and JSON: one mapping, name → text, with line and column for every mistake and no value in any.

A text is what stands there, an unquoted word or a number as it is written (``no``, ``1.10``, ``0x1F`` stay so); a list
or mapping is its JSON, for a mapping's ``property``. ``null`` is no value: an empty one is written as ``""``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from dreamnet_actions.adapters.files.places import Path as Steps
from dreamnet_actions.adapters.files.places import Places, parse
from dreamnet_actions.config.reader import read_bytes
from dreamnet_actions.config.scalars import read_scalar
from dreamnet_actions.config.source import MAX_BYTES
from dreamnet_actions.config.tree import Node, Scalar, spell
from dreamnet_actions.domain.spec.values import shown
from dreamnet_actions.errors.configuration import ConfigInvalid, Mistake

MAX_DEPTH = 64
"""Levels of lists and mappings within each other."""
_MOST = 100
"""Names written twice that are told: each costs a look through the text."""
_HALF = "the text holds half a character (a lone surrogate)"
_NOTHING = 'there is no value; write "" for an empty one'
_SURROGATE = re.compile("[\ud800-\udfff]")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


class _Word(str):
    """An unquoted scalar, as it is written."""

    __slots__ = ()


def _as_written(text: str) -> Scalar:
    return None if text in _NULLS else _Word(text)


def yaml_values(data: bytes, file: str, at: tuple[str, ...]) -> Mapping[str, str]:
    """Answer the values of a YAML file, or of the mapping in it that ``at`` leads to; raises ConfigInvalid."""
    tree = read_bytes(data, file, read=_as_written, empty="The file is empty; it needs 'name: value' lines.")
    mistakes, node = list(tree.mistakes), tree.root
    for number, step in enumerate(at):
        found = node.get(step)
        if found is None or not isinstance(found.value, dict):
            raise ConfigInvalid([*mistakes, _lost(file, node.place, at[: number + 1], found is not None)])
        node = found
    values: dict[str, str] = {}
    for name, (key, below) in node.entries.items():
        path = spell([*at, name])
        if below.value is None:
            mistakes.append(Mistake(file, *below.place, path, _NOTHING))
        elif not name:
            mistakes.append(Mistake(file, *key, path, "a name is empty"))
        else:
            values[name] = below.value if isinstance(below.value, str) else json.dumps(_plain(below))
    if mistakes:
        raise ConfigInvalid(mistakes)
    return {name: str(value) for name, value in values.items()}


def json_values(data: bytes, file: str, at: tuple[str, ...]) -> Mapping[str, str]:
    """Answer the values of a JSON file, or of the object in it that ``at`` leads to; raises ConfigInvalid."""
    text, found, places = _parsed(data, file)
    mistakes = [
        Mistake(file, *places.line_and_column(start), spell(list(path)), "this name is there twice")
        for path, start in places.twice[:_MOST]
    ]
    path: Steps = ()
    for step in at:
        inner = found.get(step) if isinstance(found, dict) else None
        if not isinstance(inner, dict):
            there = isinstance(found, dict) and step in found
            raise ConfigInvalid([*mistakes, _lost(file, places.of(path), (*at[: len(path)], step), there)])
        found, path = inner, (*path, step)
    if not isinstance(found, dict):
        raise ConfigInvalid([Mistake(file, *places.of(()), "", "The file must be an object ('{…}').")])
    values: dict[str, str] = {}
    for name, value in found.items():
        where = (*path, name)
        if value is None:
            mistakes.append(Mistake(file, *places.of(where), spell(list(where)), _NOTHING))
        elif not name:
            mistakes.append(Mistake(file, *places.of(where), spell(list(where)), "a name is empty"))
        else:
            start, end = places.spans[where]
            values[name] = value if isinstance(value, str) else text[start:end]
            if _SURROGATE.search(values[name]) or _SURROGATE.search(name):
                mistakes.append(Mistake(file, *places.of(where), "", _HALF))
    if mistakes:
        raise ConfigInvalid(mistakes)
    return values


def _parsed(data: bytes, file: str) -> tuple[str, Any, Places]:
    """Read JSON, and where its parts stand."""
    if len(data) > MAX_BYTES:
        raise ConfigInvalid([Mistake(file, 1, 1, "", f"The file has more than {MAX_BYTES // 1024} KiB.")])
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line, before = data.count(b"\n", 0, error.start) + 1, data.rfind(b"\n", 0, error.start)
        raise ConfigInvalid([Mistake(file, line, error.start - before, "", "This is no UTF-8.")]) from None
    _refuse_depth(text, file)
    try:
        found, places = parse(text)
    except json.JSONDecodeError as error:
        # Its message names what was expected, never what stands there.
        raise ConfigInvalid([Mistake(file, error.lineno, error.colno, "", f"{error.msg}.")]) from None
    except ValueError:  # Python's own limit on the digits of a whole number
        raise ConfigInvalid(
            [Mistake(file, 1, 1, "", "A number has too many digits; write it as text.")]
        ) from None
    return text, found, places


def _refuse_depth(text: str, file: str) -> None:
    """Refuse what is nested too deep, before any parser recurses into it."""
    depth, quoted, skip = 0, False, False
    for place, one in enumerate(text):
        if skip:
            skip = False
        elif quoted:
            skip, quoted = one == "\\", one != '"'
        elif one == '"':
            quoted = True
        elif one in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                line, column = text.count("\n", 0, place) + 1, place - text.rfind("\n", 0, place)
                message = f"More than {MAX_DEPTH} levels within each other."
                raise ConfigInvalid([Mistake(file, line, column, "", message)])
        elif one in "]}":
            depth -= 1


def _lost(file: str, place: tuple[int, int], steps: tuple[str, ...], there: bool) -> Mistake:
    what = "is no mapping" if there else "is not there"
    return Mistake(file, *place, "", f"What 'at' leads to, {shown('.'.join(steps))}, {what}.")


def _plain(node: Node) -> Any:
    """Answer plain data: within a list or mapping a number is a number."""
    if isinstance(node.value, dict):
        return {key: _plain(entry.node) for key, entry in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(item) for item in node.value]
    if not isinstance(node.value, _Word):
        return node.value
    try:
        return read_scalar(node.value)
    except ValueError:
        return str(node.value)
