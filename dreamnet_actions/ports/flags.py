"""FlagStore: the feature flags of a system. Document: the file that they are in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from dreamnet_actions.domain.flag import Flag
from dreamnet_actions.domain.flagedit import Edit


@dataclass(frozen=True, kw_only=True)
class Note:
    """What a change is (``subject``, one line), who asked for it and why. ``at_once``: it waits for nobody's review."""

    subject: str
    why: str
    by: str
    at_once: bool = False


@dataclass(frozen=True, kw_only=True)
class Written:
    """Where a change went: in words (nothing for a file of this machine), with its page. ``pending``: it is in effect
    once somebody has merged it."""

    text: str = ""
    url: str = ""
    pending: bool = False


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A flag before and after a change; ``written`` is None where nothing differed."""

    before: Flag
    after: Flag
    written: Written | None


class FlagStore(Protocol):
    """Where feature flags are kept. Raises TemporaryError when they cannot be read."""

    WRITES: ClassVar[frozenset[str]] = frozenset({"change"})

    def read(self) -> Mapping[str, Flag]:
        """Answer every flag by name. Raises ConfigError when they are not there or hold mistakes (all at once)."""

    def get(self, name: str) -> Flag:
        """Answer one flag, also where others hold mistakes. Raises NotFound, and ConfigError for its own mistakes but
        those of its targeting."""

    def text(self) -> str:
        """Answer all flags as the text of a file in flagd's format."""

    def change(self, name: str, edit: Edit, note: Note) -> Changed:
        """Change one flag; all else in the store stays as it is. The same change twice is one.

        Raises NotFound for an unknown flag or variant, RefusedError (``flagedit.edited``), ConfigError where the flag
        itself holds mistakes; turning it on or off works regardless of those in its targeting.
        """


class FlagTarget(Protocol):
    """A place that services, or a flagd beside them, read the flags from. Raises PermanentError and TemporaryError."""

    WRITES: ClassVar[frozenset[str]] = frozenset({"publish"})

    @property
    def name(self) -> str:
        """What messages call it."""

    def current(self) -> str | None:
        """Answer what is there now; None where nothing is."""

    def publish(self, text: str) -> None:
        """Make ``text`` all that is there, all or nothing."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """A document's text, and what a write over it has to name: its ``revision``."""

    text: str
    revision: str


class Document(Protocol):
    """One text that changes as a whole: a file of this machine, or of a repository at its host."""

    WRITES: ClassVar[frozenset[str]] = frozenset({"write"})

    @property
    def shown(self) -> str:
        """What messages call it."""

    def read(self) -> Held:
        """Answer its text. Raises ConfigError when it is not there or no text, TemporaryError when it is unreadable."""

    def write(self, text: str, *, over: str, note: Note) -> Written:
        """Make ``text`` all of it, all or nothing. Raises Conflict where it is not at revision ``over`` any more,
        PermanentError or RefusedError where it may not be written."""
