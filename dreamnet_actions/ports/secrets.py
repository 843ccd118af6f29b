"""SecretSource and SecretSink: where values come from and where services read them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from dreamnet_actions.domain.secret import SecretValue, SinkState, Versioned


class SecretSource(Protocol):
    """A place that values come from. Raises TemporaryError when it cannot be read, ConfigError when it is not there
    or holds mistakes (file, line, all at once): an outage never looks like an empty source."""

    WRITES: ClassVar[frozenset[str]] = frozenset()
    kind: str

    def versions(self) -> Mapping[str, str]:
        """Answer every name with its current version, without reading a value where the source can."""

    def access(self, names: Mapping[str, str]) -> Mapping[str, Versioned]:
        """Answer the values of ``names`` (name → version, ``latest`` for the current one). All or an error:
        NotFound names a missing one, and the version that a value was read at is the one answered."""


class SecretSink(Protocol):
    """A place that services read values from. Only names that we wrote are ever changed or removed."""

    WRITES: ClassVar[frozenset[str]] = frozenset({"write", "restore"})
    name: str
    """What it is, for people: ``process/web``, ``app.env``."""
    services: Collection[str]
    """The services that read it and must be restarted after a change."""

    def state(self) -> SinkState:
        """Answer what it holds of ours. ``revision`` names the set; ``former`` the one before it."""

    def write(self, values: Mapping[str, Versioned]) -> str:
        """Make ``values`` the whole of what is ours in it, all or nothing; answers the revision's id, which follows
        from names and values (the same set, the same id). Raises PermanentError for what it cannot hold."""

    def read_back(self) -> Mapping[str, SecretValue]:
        """Answer what it holds of ours now, to prove a write."""

    def restore(self, revision: str) -> None:
        """Make a former set current again, byte for byte. Raises NotFound for a revision that it does not keep."""
