"""ProcessEnvironmentSink: the synced values of one service on the process platform, as content-addressed sets.

::

    <state>/hash.key                                  32 random bytes of this installation, 0600
    <state>/environments/<platform>/<service>/
        <id>.json                                     {"NAME": "value", …}, 0600, written whole
        index.json                                    which set is current, which was before, what was written

A set's id is the HMAC-SHA-256 of its names and values under ``hash.key``: the same set has the same id, a set that was
touched no longer has its own, and nobody who sees an id (in a journal, an issue) can guess a short value from it.
``index.json`` also keeps the source's version and an HMAC of each value, so that a value changed by hand is known by
name.

The ten newest sets are kept, and every set that a release of the platform still names: going back to it must be exact.
A running service is never touched from here: it gets another set by ``Platform.restart``.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from dreamnet_actions.adapters.process.durable import private_directory, sync_directory, write_atomic
from dreamnet_actions.adapters.process.options import OWN_NAMES, ProcessSinkOptions
from dreamnet_actions.domain.secret import SecretValue, SinkState, Versioned, with_kept
from dreamnet_actions.errors import NotFound, PermanentError, StateDamaged
from dreamnet_actions.ports.secrets import SecretSink
from dreamnet_actions.ports.site import Site

SETS_KEPT = 10
BY_HAND = "by-hand"
"""The version that is told of a name that somebody added to a set by hand."""
_NAME = re.compile(r"[^=\0]+")
_ID = re.compile(r"[0-9a-f]{64}")
_ENVIRONMENT_LIMIT = 131_072
"""Bytes of one ``NAME=value``: Linux's MAX_ARG_STRLEN, 32 pages (execve(2))."""


@dataclass
class _Index:
    current: str | None = None
    former: str | None = None
    sets: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    """By id, the set that was current longest ago first: by name its ``version`` and ``seal``."""


def current_environment(directory: Path) -> str | None:
    """Answer the id of the current set in a service's directory of sets; None where nothing was ever synced."""
    return _read_index(directory).current


def read_set(directory: Path, revision: str) -> dict[str, str]:
    """Answer the values of one set. Raises NotFound for one that is not kept, StateDamaged for one that is no set."""
    path = directory / f"{revision}.json"
    if not _ID.fullmatch(revision) or not path.exists():
        raise NotFound("set of synced values", revision)
    values = _read_values(path)
    if values is None:
        raise StateDamaged(str(path), "it is not a set of names and values")
    return values


class ProcessEnvironmentSink(SecretSink):
    """What one service of one process platform starts with. ``state_directory`` is DreamNet's."""

    WRITES: ClassVar[frozenset[str]] = SecretSink.WRITES

    def __init__(self, service: str, platform: str, state_directory: Path) -> None:
        self.name = f"process/{service}"
        self.services: Collection[str] = (service,)
        self._state = state_directory.resolve()
        self._platform, self._service = platform, service
        self._directory = self._state / "environments" / platform / service

    @classmethod
    def at(cls, options: ProcessSinkOptions, site: Site) -> ProcessEnvironmentSink:
        """Make the sink of the service that the options name."""
        return cls(options.process, site.config.services[options.process].platform, site.state)

    def state(self) -> SinkState:
        index = _read_index(self._directory)
        if index.current is None:
            return SinkState()
        written = index.sets[index.current]
        found = _read_values(self._directory / f"{index.current}.json") or {}
        key = self._key()
        drifted = {
            name
            for name, one in written.items()
            if name not in found or _seal(key, name, found[name]) != one["seal"]
        }
        added = found.keys() - written.keys()
        versions = {name: one["version"] for name, one in written.items()} | dict.fromkeys(added, BY_HAND)
        return SinkState(
            versions=versions,
            revision=index.current,
            former=index.former,
            drifted=frozenset(drifted | added),
        )

    def write(self, values: Mapping[str, Versioned], keep: Mapping[str, str] | None = None) -> str:
        values = with_kept(values, keep, self.read_back, self.name)
        _refuse_what_cannot_be_held(self.name, values)
        with self._locked() as index:
            key = self._key()
            texts = {name: one.value.reveal() for name, one in values.items()}
            revision = _revision(key, texts)
            self._put(revision, texts)
            written = {
                name: {"version": values[name].version, "seal": _seal(key, name, texts[name])}
                for name in sorted(values)
            }
            self._make_current(index, revision, written)
        return revision

    def read_back(self) -> Mapping[str, SecretValue]:
        revision = _read_index(self._directory).current
        if revision is None:
            return {}
        return {name: SecretValue(text) for name, text in read_set(self._directory, revision).items()}

    def restore(self, revision: str) -> None:
        with self._locked() as index:
            self._kept(index, revision)
            self._make_current(index, revision, index.sets[revision])

    def former_set(self, revision: str) -> Mapping[str, Versioned]:
        index = _read_index(self._directory)
        return {
            name: Versioned(value=SecretValue(text), version=index.sets[revision][name]["version"])
            for name, text in self._kept(index, revision).items()
        }

    def _kept(self, index: _Index, revision: str) -> dict[str, str]:
        """Read a set as it was written. Raises NotFound, and StateDamaged where it is another one by now."""
        if revision not in index.sets:
            raise NotFound("set of synced values", revision, index.sets)
        values = read_set(self._directory, revision)
        if _revision(self._key(), values) != revision:
            path = self._directory / f"{revision}.json"
            raise StateDamaged(str(path), "its values are not the ones that were written")
        return values

    def _put(self, revision: str, texts: Mapping[str, str]) -> None:
        """Write a set, unless it is there just as it should be."""
        path = self._directory / f"{revision}.json"
        data = json.dumps(texts, sort_keys=True, indent=1).encode() + b"\n"
        with contextlib.suppress(OSError):
            if path.read_bytes() == data:
                return
        write_atomic(path, data)

    def _make_current(self, index: _Index, revision: str, written: dict[str, dict[str, str]]) -> None:
        if index.current != revision:
            index.former = index.current
        index.current = revision
        index.sets.pop(revision, None)
        index.sets[revision] = written
        dropped = self._droppable(index)
        for one in dropped:
            del index.sets[one]
        data = {"version": 1, "current": index.current, "former": index.former, "sets": index.sets}
        write_atomic(self._directory / "index.json", json.dumps(data, indent=1).encode() + b"\n")
        for one in dropped:
            (self._directory / f"{one}.json").unlink(missing_ok=True)

    def _droppable(self, index: _Index) -> list[str]:
        """Answer the oldest sets over the number that is kept, without those that a release still names."""
        old = list(index.sets)[: max(0, len(index.sets) - SETS_KEPT)]
        if not old:
            return []
        with contextlib.suppress(OSError):
            named = (self._state / f"platform-{self._platform}" / "state.json").read_text(encoding="utf-8")
            old = [one for one in old if one not in named]
        return [one for one in old if one not in (index.current, index.former)]

    @contextlib.contextmanager
    def _locked(self) -> Iterator[_Index]:
        private_directory(self._directory)
        descriptor = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield _read_index(self._directory)
        finally:
            os.close(descriptor)

    def _key(self) -> bytes:
        return installation_key(self._state)


def installation_key(state_directory: Path) -> bytes:
    """Answer the key of this installation's ids, made at random at its first use; two at once make one."""
    path = state_directory / "hash.key"
    if not path.exists():
        private_directory(state_directory)
        made = path.with_name(f".hash.key.{os.getpid()}.{secrets.token_hex(4)}")
        write_atomic(made, secrets.token_bytes(32))
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(made)
        made.unlink()
        sync_directory(state_directory)
    key = path.read_bytes()
    if len(key) != 32:
        raise StateDamaged(str(path), "it does not hold 32 bytes")
    return key


def _revision(key: bytes, values: Mapping[str, str]) -> str:
    canonical = json.dumps(dict(values), sort_keys=True, separators=(",", ":")).encode()
    return hmac.new(key, b"set\0" + canonical, hashlib.sha256).hexdigest()


def _seal(key: bytes, name: str, value: str) -> str:
    return hmac.new(key, json.dumps(["value", name, value]).encode(), hashlib.sha256).hexdigest()


def _refuse_what_cannot_be_held(sink: str, values: Mapping[str, Versioned]) -> None:
    for name, one in values.items():
        text = one.value.reveal()
        if not _NAME.fullmatch(name):
            raise PermanentError(f"{sink}: {name!r} cannot be the name of an environment variable.")
        if name in OWN_NAMES:
            raise PermanentError(
                f"{sink}: {name} is set by the process platform itself.", hint="Sync it under another name."
            )
        try:
            size = len(name.encode()) + len(text.encode()) + 2
        except UnicodeEncodeError:
            raise PermanentError(f"{sink}: the value of {name} is not valid text.") from None
        if "\0" in text or size > _ENVIRONMENT_LIMIT:
            why = "holds a NUL character" if "\0" in text else f"is longer than {_ENVIRONMENT_LIMIT} bytes"
            raise PermanentError(f"{sink}: the value of {name} {why}; no environment variable can.")


def _read_index(directory: Path) -> _Index:
    path = directory / "index.json"
    try:
        data: dict[str, Any] = json.loads(path.read_bytes())
        index = _Index(current=data["current"], former=data["former"], sets=dict(data["sets"]))
        if data["version"] != 1 or (index.current is not None and index.current not in index.sets):
            raise StateDamaged(str(path), "it does not hold what was written there")
        return index
    except FileNotFoundError:
        return _Index()
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise StateDamaged(str(path), f"{type(error).__name__}: {error}") from error


def _read_values(path: Path) -> dict[str, str] | None:
    """Answer the values of a set's file; None for one that is no set (somebody's hand), which is drift, not damage."""
    try:
        data = json.loads(path.read_bytes())
    except (ValueError, OSError):
        return None
    if isinstance(data, dict) and all(isinstance(value, str) for value in data.values()):
        return data
    return None
