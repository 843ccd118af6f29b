"""FlagStore: the feature flags of a system."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

from dreamnet_actions.domain.flag import Flag, FlagState


class FlagStore(Protocol):
    """Where feature flags are kept. Raises ConfigError when they are not there or hold mistakes (all at once),
    TemporaryError when they cannot be read."""

    WRITES: ClassVar[frozenset[str]] = frozenset({"set"})

    def read(self) -> Mapping[str, Flag]:
        """Answer every flag by name."""

    def set(self, name: str, variant: str | None = None, state: FlagState | None = None) -> Flag:
        """Make ``variant`` the flag's default and ``state`` its state, leave what is None; all else in the store stays
        as it is. Answers the flag as it was before, which undoes it. Raises NotFound for an unknown flag or variant."""
