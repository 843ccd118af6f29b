"""What is remembered of names that were written to GitHub: versions and times, never values.

The record lies in the journal's shared state. ``touching`` are the names that a write was about to change: it is noted
before the first of them, so that a run that was cut off leaves a word of what it may have done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from dreamnet_actions.domain.secret import SinkState
from dreamnet_actions.ports.site import Keep

UNKNOWN = "unknown"
"""The version of a value that a cut-off run may have written."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """One name: its version, and when GitHub says that it was last changed."""

    version: str
    at: str


@dataclass(frozen=True, kw_only=True)
class Record:
    """One sink's names, the id of the set, and that of the set before it."""

    revision: str | None = None
    former: str | None = None
    names: Mapping[str, Held] = field(default_factory=dict)
    touching: frozenset[str] = frozenset()

    @classmethod
    def read(cls, keep: Keep, key: str) -> Self:
        """Read what is remembered under a key; an empty one where that is nothing."""
        data = keep.get(key) or {}
        return cls(
            revision=data.get("revision"),
            former=data.get("former"),
            names={name: Held(version=one[0], at=one[1]) for name, one in data.get("names", {}).items()},
            touching=frozenset(data.get("touching", ())),
        )

    def write(self, keep: Keep, key: str, *, first: bool = False) -> None:
        """Remember it; ``first``: before anything else is done."""
        data: dict[str, Any] = {
            "revision": self.revision,
            "former": self.former,
            "names": {name: [one.version, one.at] for name, one in sorted(self.names.items())},
            "touching": sorted(self.touching),
        }
        keep.put(key, data, first=first)

    @property
    def ours(self) -> frozenset[str]:
        """Every name that we wrote, or may have written."""
        return frozenset(self.names) | self.touching

    def about_to(self, names: frozenset[str]) -> Self:
        """Answer it with names that are going to be changed."""
        return replace(self, touching=self.touching | names)

    def became(self, revision: str, names: Mapping[str, Held]) -> Self:
        """Answer it as it is after a write that ended well."""
        former = self.former if revision == self.revision else self.revision
        return replace(self, revision=revision, former=former, names=names, touching=frozenset())

    def state(self, there: Mapping[str, Mapping[str, Any]]) -> SinkState:
        """Compare it with what GitHub lists: what was changed or deleted since is drift, whoever did it."""
        versions = {name: one.version for name, one in self.names.items()}
        versions |= {name: UNKNOWN for name in self.touching - self.names.keys() if name in there}
        drifted = {
            name
            for name in versions
            if name in self.touching or name not in there or there[name]["updated_at"] != self.names[name].at
        }
        return SinkState(
            versions=versions, revision=self.revision, former=self.former, drifted=frozenset(drifted)
        )
