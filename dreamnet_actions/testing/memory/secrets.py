"""Values in memory: a source with versions that count up, and a sink that keeps all its former sets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import ClassVar

from dreamnet_actions.domain.secret import LATEST, Ref, SecretValue, SinkState, Versioned, with_kept
from dreamnet_actions.errors import DreamNetError, NotFound, PermanentError
from dreamnet_actions.ports.secrets import SecretSink, SecretSource


class MemorySecretSource(SecretSource):
    """Values by name. Each ``put`` of another value is a new version (``1``, ``2``, …); the old ones stay readable.

    Set ``error`` to make every call raise it: an outage.
    """

    WRITES: ClassVar[frozenset[str]] = frozenset()
    kind: str = "memory"

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values: dict[str, list[str]] = {}
        self.error: DreamNetError | None = None
        self.labels: dict[str, dict[str, str]] = {}
        self.accessed: list[str] = []
        """The name of every value that was read, each time."""
        for name, value in (values or {}).items():
            self.put(name, value)

    def put(self, name: str, value: str) -> None:
        """Make ``value`` the current one of ``name``."""
        versions = self._values.setdefault(name, [])
        if not versions or versions[-1] != value:
            versions.append(value)

    def remove(self, name: str) -> None:
        """Forget a name with all its versions."""
        del self._values[name]

    def names(self, labels: Mapping[str, str] | None = None) -> Collection[str]:
        self._check()
        wanted = (labels or {}).items()
        return [name for name in self._values if wanted <= self.labels.get(name, {}).items()]

    def resolve(self, refs: Collection[Ref]) -> Mapping[Ref, str]:
        self._check()
        return {ref: self._number(ref) for ref in refs}

    def access(self, refs: Collection[Ref]) -> Mapping[Ref, Versioned]:
        self._check()
        numbers = {ref: self._number(ref) for ref in refs}
        self.accessed += [ref.name for ref in refs]
        return {
            ref: Versioned(value=SecretValue(self._values[ref.name][int(number) - 1]), version=number)
            for ref, number in numbers.items()
        }

    def _number(self, ref: Ref) -> str:
        if ref.name not in self._values:
            raise NotFound("secret", ref.name, self._values)
        count = len(self._values[ref.name])
        number = str(count) if ref.version == LATEST else ref.version
        if not number.isdigit() or not 1 <= int(number) <= count:
            raise NotFound(f"version of {ref.name}", ref.version, [str(one + 1) for one in range(count)])
        return number

    def _check(self) -> None:
        if self.error is not None:
            raise self.error


class MemorySecretSink(SecretSink):
    """Values as a service would read them. ``refuses`` are names that it cannot hold.

    ``held`` is what it holds, open to a test's hand (drift). Set ``error`` to make every call raise it.
    """

    WRITES: ClassVar[frozenset[str]] = frozenset({"write", "restore", "remove"})

    def __init__(
        self, name: str = "memory", services: Collection[str] = (), *, refuses: Collection[str] = ()
    ) -> None:
        self.name, self.services = name, tuple(services)
        self.refuses = frozenset(refuses)
        self.error: DreamNetError | None = None
        self.held: dict[str, str] = {}
        self.writes = 0
        self._sets: dict[str, dict[str, Versioned]] = {}
        self._formers: dict[str, str | None] = {}
        self._current: str | None = None

    def state(self) -> SinkState:
        self._check()
        if self._current is None:
            return SinkState()
        ours = self._sets[self._current]
        return SinkState(
            versions={name: one.version for name, one in ours.items()},
            revision=self._current,
            former=self._formers[self._current],
            drifted=frozenset(
                name for name, one in ours.items() if self.held.get(name) != one.value.reveal()
            ),
        )

    def write(self, values: Mapping[str, Versioned], keep: Mapping[str, str] | None = None) -> str:
        self._check()
        values = with_kept(values, keep, self.read_back, self.name)
        for name in sorted(values):
            if name in self.refuses:
                raise PermanentError(f"{self.name} cannot hold {name}: it was told to refuse it.")
        text = json.dumps(sorted((name, one.value.reveal()) for name, one in values.items()))
        revision = hashlib.sha256(text.encode()).hexdigest()[:12]
        self._make_current(revision, dict(values))
        return revision

    def read_back(self) -> Mapping[str, SecretValue]:
        self._check()
        ours = self._sets[self._current] if self._current else {}
        return {name: SecretValue(self.held[name]) for name in ours if name in self.held}

    def restore(self, revision: str) -> None:
        self._make_current(revision, dict(self.former_set(revision)))

    def former_set(self, revision: str) -> Mapping[str, Versioned]:
        self._check()
        if revision not in self._sets:
            raise NotFound("revision", revision, self._sets)
        return self._sets[revision]

    def _make_current(self, revision: str, values: dict[str, Versioned]) -> None:
        before = self._current
        if before is not None:
            for name in self._sets[before]:
                self.held.pop(name, None)
        if before != revision:
            self._formers[revision] = before
        self._sets[revision] = values
        self._current = revision
        self.held |= {name: one.value.reveal() for name, one in values.items()}
        self.writes += 1

    def _check(self) -> None:
        if self.error is not None:
            raise self.error
