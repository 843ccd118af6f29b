"""Keeping: how a memory is looked through, and set right where it is damaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True)
class Flaw:
    """One thing that is wrong: in which file, in which line (0: none in particular), and what."""

    file: str
    what: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}" if self.line else f"{self.file}: {self.what}"

    def to_json(self) -> dict[str, Any]:
        """Answer plain data."""
        return {"file": self.file, "line": self.line, "what": self.what}


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What a look through a memory found: everything that is wrong, and how much there is (``size`` in bytes)."""

    where: str
    flaws: Sequence[Flaw]
    facts: int
    files: int
    size: int


@dataclass(frozen=True, kw_only=True)
class Repaired:
    """A repair: what was wrong, what is done about it (one sentence each), and the commit that did it; None where it is
    only a plan, or nothing was wrong."""

    flaws: Sequence[Flaw]
    steps: Sequence[str]
    commit: str | None = None


class Keeping(Protocol):
    """Looks through a memory as it is kept, and repairs it."""

    def verify(self, *, whole: bool = True) -> Verified:
        """Look through everything; what is wrong is an answer, not an error. ``whole=False`` leaves out what costs
        more than the newest state: who wrote it."""

    def repair(self, *, dry_run: bool) -> Repaired:
        """Set right what is damaged from everything that is still known; nothing is thrown away. A dry run only says
        what would be done. Raises Conflict when somebody wrote meanwhile, RequestError where it cannot be repaired."""

    def compact(self) -> str:
        """Let go of what a store holds beside its newest state, once the journal was compacted; says in a sentence what
        was done. Nothing of the newest state changes. Raises what the store raises."""
