"""The parser's events made into a tree with places, one event at a time and within limits.

PyYAML's own composer recurses (30,000 nested ``[`` end the process) and expands nothing lazily; this one keeps its own
stack, counts while the text streams in, and stops at the first limit. Mistakes that leave the structure clear (a key
written twice) are collected; those that do not (a limit, an unknown alias) end the reading by ``Stopped``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from dreamnet_actions.config.scalars import read_scalar
from dreamnet_actions.config.tree import Entry, Node, Place, Scalar, Step, spell
from dreamnet_actions.domain.spec.values import said, shown
from dreamnet_actions.errors.configuration import Mistake

MAX_DEPTH = 64
"""Levels of lists and mappings within each other, aliases written out."""
MAX_NODES = 20_000
"""Values in all, aliases written out: a file of 256 KiB without them has about as many."""
MAX_CHARACTERS = 1_048_576
"""Characters of text in all, aliases written out."""
MAX_ALIASES = 100

_TOO_DEEP = f"More than {MAX_DEPTH} levels within each other."
_UNUSABLE = re.compile("[\0\ud800-\udfff]")


class Stopped(Exception):
    """The reading cannot go on; the mistake is already noted."""


@dataclass(slots=True)
class _Open:
    """A list or mapping that is still being read."""

    node: Node
    anchor: str | None
    forgotten: bool
    key: str | None = None
    key_place: Place | None = None

    @property
    def wants_key(self) -> bool:
        return isinstance(self.node.value, dict) and self.key_place is None


class Composer:
    """Composes one document. ``mistakes`` grows while it works; ``root`` is there when it is done. ``read`` says what
    an unquoted scalar is (raises ValueError)."""

    def __init__(self, file: str, read: Callable[[str], Scalar] = read_scalar) -> None:
        self.file = file
        self._read = read
        self.mistakes: list[Mistake] = []
        self.root: Node | None = None
        self._stack: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}
        self._aliases = 0
        self._documents = 0
        self._nodes = 0
        self._characters = 0

    def compose(self, events: Iterable[Any]) -> None:
        """Take every event of a stream; raises Stopped where a limit or an alias ends the reading."""
        take = {
            "ScalarEvent": self._scalar,
            "SequenceStartEvent": self._open,
            "MappingStartEvent": self._open,
            "SequenceEndEvent": self._close,
            "MappingEndEvent": self._close,
            "AliasEvent": self._alias,
            "DocumentStartEvent": self._document,
        }
        for event in events:
            if taker := take.get(type(event).__name__):
                taker(event)

    # ── One event each ───────────────────────────────────────────────────────────────────────────────────

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            self._stop(_place(event), "A second document begins here ('---'); the file must be one.")

    def _scalar(self, event: Any) -> None:
        place = _place(event)
        self._refuse_tag(event, place)
        value: Scalar = event.value
        if not event.style:
            try:
                value = self._read(event.value)
            except ValueError as error:
                self._note(place, f"{error}.")
                value = 0
        elif _UNUSABLE.search(event.value):
            self._note(place, "The text holds a NUL or half a character (a lone surrogate); take it out.")
            value = ""
        node = Node(place, value, characters=len(event.value))
        if event.anchor:
            self._anchors[event.anchor] = node
        if self._stack and self._stack[-1].wants_key:
            self._count(place, 0, node.characters)
            self._key(place, value, plain=not event.style)
        else:
            self._count(place, 1, node.characters)
            self._add(node)

    def _open(self, event: Any) -> None:
        place = _place(event)
        self._refuse_tag(event, place)
        if len(self._stack) >= MAX_DEPTH:
            self._stop(place, _TOO_DEEP)
        if self._stack and self._stack[-1].wants_key:
            # What stands in the key's place is read to its end and forgotten.
            self._refuse_key(place, "A list or mapping cannot be a key; write text.")
            forgotten = True
        else:
            forgotten = False
        if event.anchor:
            self._anchors[event.anchor] = None
        self._count(place, 1, 0)
        empty: list[Node] | dict[str, Entry] = [] if type(event).__name__ == "SequenceStartEvent" else {}
        self._stack.append(_Open(Node(place, empty), event.anchor, forgotten))

    def _close(self, _event: Any) -> None:
        done = self._stack.pop()
        if done.anchor:
            self._anchors[done.anchor] = done.node
        if not done.forgotten:
            self._add(done.node)

    def _alias(self, event: Any) -> None:
        place = _place(event)
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            self._stop(place, f"More than {MAX_ALIASES} aliases ('*name'); write the values out.")
        if event.anchor not in self._anchors:
            name = event.anchor[:60]
            self._stop(place, f"No anchor '&{name}' stands before '*{name}'; put it in quotes if it is text.")
        target = self._anchors[event.anchor]
        if target is None:
            self._stop(place, f"The alias '*{event.anchor[:60]}' stands within what it names.")
        elif self._stack and self._stack[-1].wants_key:
            self._refuse_key(place, "An alias cannot be a key; write the text.")
        else:
            self._count(place, target.nodes, target.characters)
            self._add(target)

    # ── The tree ─────────────────────────────────────────────────────────────────────────────────────────

    def _key(self, place: Place, value: Scalar, *, plain: bool) -> None:
        """Take a scalar in a key's place; one that cannot be a key leaves its value unread."""
        opened = self._stack[-1]
        if value == "<<" and plain:
            self._refuse_key(place, "Merge keys ('<<') are not taken; write the entries out.")
        elif not isinstance(value, str):
            self._refuse_key(place, f"The key {said(value)} is no text; put it in quotes.")
        elif value in opened.node.entries:
            first = opened.node.entries[value].key.line
            self._refuse_key(place, f"The key {shown(value)} is there twice (first in line {first}).", value)
        else:
            opened.key, opened.key_place = value, place

    def _refuse_key(self, place: Place, message: str, name: str | None = None) -> None:
        self._note(place, message, *(() if name is None else (name,)))
        self._stack[-1].key, self._stack[-1].key_place = None, place

    def _add(self, node: Node) -> None:
        """Put a finished value into what holds it; the value of a refused key is dropped."""
        if not self._stack:
            self.root = node
            return
        opened = self._stack[-1]
        parent, key, key_place = opened.node, opened.key, opened.key_place
        opened.key = opened.key_place = None
        if isinstance(parent.value, list):
            parent.value.append(node)
        elif key is not None and key_place is not None:
            parent.entries[key] = Entry(key_place, node)
        parent.nodes += node.nodes
        parent.characters += node.characters
        parent.levels = max(parent.levels, node.levels + 1)
        if len(self._stack) + node.levels > MAX_DEPTH:
            self._stop(node.place, _TOO_DEEP)

    def _count(self, place: Place, nodes: int, characters: int) -> None:
        self._nodes += nodes
        self._characters += characters
        if self._nodes > MAX_NODES:
            self._stop(place, f"More than {MAX_NODES} values, aliases written out; the file is too large.")
        if self._characters > MAX_CHARACTERS:
            self._stop(
                place, f"More than {MAX_CHARACTERS} characters, aliases written out; the file is too large."
            )

    # ── Mistakes ─────────────────────────────────────────────────────────────────────────────────────────

    def _refuse_tag(self, event: Any, place: Place) -> None:
        if event.tag is not None:
            self._note(
                place, f"Tags ({shown(event.tag)}) are not taken; write the value plainly, text in quotes."
            )

    def _note(self, place: Place, message: str, *more: Step) -> None:
        path: list[Step] = []
        for opened in self._stack:
            if isinstance(opened.node.value, list):
                path.append(len(opened.node.value))
            elif opened.key is not None:
                path.append(opened.key)
        self.mistakes.append(Mistake(self.file, place.line, place.column, spell([*path, *more]), message))

    def _stop(self, place: Place, message: str) -> NoReturn:
        self._note(place, message)
        raise Stopped


def _place(event: Any) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)
