"""Clock, Ids and Reporter: time, names for things, and telling people what goes on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from dreamnet_actions.domain.secret import SecretValue


class Clock(Protocol):
    """The time. Everything that waits, waits here, so that tests may run on virtual time."""

    def now(self) -> float:
        """Answer seconds since 1970 (UTC): for people and for comparing across runs."""

    def monotonic(self) -> float:
        """Answer seconds that never jump: for durations and deadlines."""

    def sleep(self, seconds: float) -> None:
        """Wait; raises KeyboardInterrupt when the run is told to stop meanwhile."""


class Ids(Protocol):
    """Fresh names that nobody else ever gets."""

    def fresh(self) -> str:
        """Answer a new id (UUIDv7: in the order of time)."""


class Reporter(Protocol):
    """Tells people what goes on while it goes on, and keeps secrets out of it."""

    def mask(self, value: SecretValue) -> None:
        """From now on print no form of this value."""

    def hide(self, text: str) -> str:
        """Answer ``text`` with ``***`` for every form of every value that was masked so far."""

    def group(self, title: str) -> AbstractContextManager[None]:
        """What is said within the block belongs together."""

    def say(self, text: str) -> None:
        """Say one line. Untrusted text in it is made harmless."""

    def waiting(self, what: str, seconds: float) -> AbstractContextManager[Callable[[str], None]]:
        """Show a wait of at most ``seconds``; the block is given a function that tells how it stands."""
