"""SecretSource and SecretSink: where values come from and where services read them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from dreamnet_actions.errors import NotFound

if TYPE_CHECKING:
    from dreamnet_actions.domain.secret import Ref, SecretValue, SinkState, Versioned


class SecretSource(Protocol):
    """A place that values come from. Raises TemporaryError when it cannot be read, ConfigError when it is not there
    or holds mistakes (file, line, all at once), RefusedError when it may not be read: none of that ever looks like an
    empty source."""

    WRITES: ClassVar[frozenset[str]] = frozenset()
    kind: str

    def names(self, labels: Mapping[str, str] | None = None) -> Collection[str]:
        """Answer the name of every value; with ``labels`` of those that carry them. No value is read. Raises
        ConfigError for labels where its values carry none."""

    def resolve(self, refs: Collection[Ref]) -> Mapping[Ref, str]:
        """Answer which version each of ``refs`` is now (``latest`` and aliases become a version of their own), without
        reading a value where the source can. All or an error: NotFound names a missing one."""

    def access(self, refs: Collection[Ref]) -> Mapping[Ref, Versioned]:
        """Answer the values of ``refs``. All or an error: NotFound names a missing one, and the version that a value
        was read at is the one answered."""


@runtime_checkable
class Locating(Protocol):
    """A source that knows where a person mends a value: a file of the repository."""

    def place(self, name: str) -> tuple[str, int, int] | None:
        """Answer file, line and column (from 1) of a value; None where it is not there."""


@runtime_checkable
class Hashing(Protocol):
    """A source that knows no versions: it calls a value by a hash of it under a key (a file, the environment)."""

    lasts: bool
    """Whether its own key will be there in the next run, too."""

    def hashes(self, refs: Collection[Ref], keys: Collection[bytes]) -> Mapping[bytes, Mapping[Ref, str]]:
        """Answer the versions of ``refs`` under each of ``keys``, all of one reading; an empty key means its own, under
        which ``resolve`` and ``access`` call them. Raises as ``resolve``."""


class SecretSink(Protocol):
    """A place that services read values from. Only names that we wrote are ever changed or removed."""

    WRITES: ClassVar[frozenset[str]] = frozenset({"write", "restore", "remove"})
    name: str
    """What it is, for people: ``process/web``, ``app.env``."""
    services: Collection[str]
    """The services that read it and must be restarted after a change."""
    readable: bool = True
    """Whether it gives back what it holds; where not, ``read_back`` answers nothing and versions are from memory."""
    keeps: bool = True
    """Whether it keeps the values of former sets. Where not, ``restore`` raises NotFound for them, and they are read
    at their source again."""

    outlives: bool = False
    """Whether it and what is remembered of it outlive this machine, where others than those who may read the values
    read the versions: then a source that hashes needs a key that lasts. One that keeps a key beside the values (``key``
    of its state) needs none."""

    public: bool = False
    """Whether people may read it who may read no secret (a ConfigMap, a variable): a secret in it is complained of."""

    def state(self) -> SinkState:
        """Answer what it holds of ours. ``revision`` names the set; ``former`` the one before it."""

    def write(self, values: Mapping[str, Versioned], keep: Mapping[str, str] | None = None) -> str:
        """Make ``values``, and beside them the names of ``keep`` as it holds them now, the whole of what is ours in it,
        all or nothing. ``keep`` gives a version for each name, the one it is called by from now on. Answers the
        revision's id, which follows from names and values (the same set, the same id). Raises PermanentError for what
        it cannot hold, Conflict where a name of ``keep`` is not there any more."""

    def read_back(self) -> Mapping[str, SecretValue]:
        """Answer what it holds of ours now, to prove a write."""

    def former_set(self, revision: str) -> Mapping[str, Versioned]:
        """Answer what a set holds that it keeps, and change nothing. Raises NotFound for one that it does not keep."""
        raise NotFound(f"set of values of {self.name}", revision)

    def restore(self, revision: str) -> None:
        """Make a former set current again, byte for byte. Raises NotFound for a revision that it does not keep."""

    def remove(self) -> None:
        """Take all that is ours away, and the place itself where it is ours alone; a former set still comes back."""
        self.write({})
