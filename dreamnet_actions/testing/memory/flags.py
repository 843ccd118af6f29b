"""Flags in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import ClassVar

from dreamnet_actions.domain.flag import Flag
from dreamnet_actions.domain.flagedit import Edit, edited
from dreamnet_actions.errors import NotFound
from dreamnet_actions.ports.flags import Changed, FlagStore, FlagTarget, Note, Written


class MemoryFlagStore(FlagStore):
    """Flags in memory. ``notes`` are what was said of each change."""

    WRITES: ClassVar[frozenset[str]] = frozenset({"change"})

    def __init__(self, *flags: Flag) -> None:
        self._flags = {flag.name: flag for flag in flags}
        self.notes: list[Note] = []

    def read(self) -> Mapping[str, Flag]:
        return dict(self._flags)

    def get(self, name: str) -> Flag:
        if name not in self._flags:
            raise NotFound("flag", name, self._flags)
        return self._flags[name]

    def text(self) -> str:
        rows = {
            name: {
                "state": one.state,
                "variants": one.variants,
                "defaultVariant": one.default_variant,
                "targeting": one.targeting,
            }
            for name, one in self._flags.items()
        }
        return json.dumps({"flags": rows}, indent=2)

    def change(self, name: str, edit: Edit, note: Note) -> Changed:
        before = self.get(name)
        after = edited(before, edit)
        if before == after:
            return Changed(before=before, after=after, written=None)
        self._flags[name] = after
        self.notes.append(note)
        return Changed(before=before, after=after, written=Written())


class MemoryFlagTarget(FlagTarget):
    """A place in memory. ``held`` is what is there; ``broken`` is raised instead of a write, where it is set."""

    WRITES: ClassVar[frozenset[str]] = frozenset({"publish"})

    def __init__(self, name: str = "memory/flags") -> None:
        self._name = name
        self.held: str | None = None
        self.broken: Exception | None = None

    @property
    def name(self) -> str:
        return self._name

    def current(self) -> str | None:
        return self.held

    def publish(self, text: str) -> None:
        if self.broken is not None:
            raise self.broken
        self.held = text
