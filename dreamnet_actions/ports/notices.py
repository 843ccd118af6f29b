"""Notices: what people announced of maintenance, where dreams are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol

from dreamnet_actions.domain.maintenance import Notice


class Notices(Protocol):
    """The notices of maintenance that stand now. Raises TemporaryError or RefusedError where it cannot tell."""

    WRITES: ClassVar[frozenset[str]] = frozenset()

    def ever(self) -> bool:
        """Say whether anybody ever wrote one, whoever it was."""

    def standing(self) -> Sequence[Notice]:
        """Answer those that nobody took back, oldest first, by people who may write to the repository; no others."""
