"""A configuration file as it was read: values, each with the line and column where it stands.

Everything counts from 1, as editors do. The tree is what the reader hands to the models, and what every later
mistake is pointed into.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from dreamnet_actions.domain.spec.values import shown
from dreamnet_actions.errors.configuration import Mistake

Scalar: TypeAlias = "str | int | float | bool | None"
Step: TypeAlias = "str | int"
"""One step down: a mapping's key or a list's index."""


class Place(NamedTuple):
    """A line and a column of the file."""

    line: int
    column: int


class Entry(NamedTuple):
    """One entry of a mapping: where its key stands, and its value."""

    key: Place
    node: Node


@dataclass(slots=True, eq=False)
class Node:
    """One value and where it begins.

    The three counts are those of the value with all that it holds, aliases written out: nodes, characters of text, and
    levels below. The reader bounds them.
    """

    place: Place
    value: Scalar | list[Node] | dict[str, Entry]
    nodes: int = 1
    characters: int = 0
    levels: int = 0

    @property
    def entries(self) -> dict[str, Entry]:
        """The entries of a mapping; empty for anything else."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> list[Node]:
        """The items of a list; empty for anything else."""
        return self.value if isinstance(self.value, list) else []

    def get(self, key: str) -> Node | None:
        """Answer the value of a mapping's ``key``, or None where there is none."""
        entry = self.entries.get(key)
        return entry.node if entry else None


@dataclass(frozen=True, slots=True)
class Found:
    """Where a path led: the steps that exist, the node there, and the place of its key (its own where it has none)."""

    path: tuple[Step, ...]
    node: Node
    key: Place


@dataclass(frozen=True, slots=True)
class Tree:
    """A whole file: its name as mistakes show it, its root, and the mistakes that did not stop the reading."""

    file: str
    root: Node
    mistakes: Sequence[Mistake] = field(default=())

    def follow(self, steps: Sequence[Step]) -> Found:
        """Walk down ``steps`` as far as they exist; steps that the file does not have are passed over."""
        found = Found((), self.root, Place(1, 1))
        for step in steps:
            found = _down(found, step) or found
        return found

    def mistake(self, path: Sequence[Step], place: Place, message: str) -> Mistake:
        """Make a mistake of this file."""
        return Mistake(self.file, place.line, place.column, spell(path), message)

    def names(self, section: str) -> tuple[str, ...]:
        """Answer the names that a top section of the file has, right or wrong."""
        node = self.root.get(section)
        return tuple(node.entries) if node else ()


def _down(found: Found, step: Step) -> Found | None:
    if isinstance(step, str) and (entry := found.node.entries.get(step)):
        return Found((*found.path, step), entry.node, entry.key)
    if isinstance(step, int) and 0 <= step < len(found.node.items):
        node = found.node.items[step]
        return Found((*found.path, step), node, node.place)
    return None


LONGEST_PATH = 200


def spell(path: Sequence[Step]) -> str:
    """Write a path as people do: ``services.web.needs[0]``; a key that is no plain name stands in quotes."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            name = step if step and step.replace("-", "").replace("_", "").isalnum() else shown(step)
            text += f".{name[:60]}" if text else name[:60]
    return text if len(text) <= LONGEST_PATH else f"{text[: LONGEST_PATH - 1]}…"


def plain(node: Node) -> Any:
    """Answer the plain data below ``node``: dicts, lists and scalars. The reader bounds how deep they go."""
    if isinstance(node.value, dict):
        return {key: plain(entry.node) for key, entry in node.value.items()}
    if isinstance(node.value, list):
        return [plain(item) for item in node.value]
    return node.value


def to_json(node: Node) -> str:
    """Write the data below ``node`` as JSON."""
    return json.dumps(plain(node), ensure_ascii=True, allow_nan=False)


def each_entry(node: Node | None) -> Iterator[tuple[str, Entry]]:
    """Go through the entries of a mapping; nothing where there is no mapping."""
    yield from node.entries.items() if node else ()


def texts(node: Node | None) -> Mapping[int, str]:
    """Answer a list's items that are text, by index; empty for anything else."""
    if node is None:
        return {}
    return {index: item.value for index, item in enumerate(node.items) if isinstance(item.value, str)}
