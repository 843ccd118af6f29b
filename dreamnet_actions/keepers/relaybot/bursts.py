"""Bursts: many messages that ask for the same sync, of which one that begins later than they came is enough.

Fifty secrets of one entry that change at once are fifty messages. A sync reads the whole entry, so one that began after
a message was stored has seen what the message tells of. What is known of syncs is this process's own and kept in
memory: forgotten, it costs a sync that finds nothing to do.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from dreamnet_actions.domain.message import digest
from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.domain.secretevents import seen_versions, told_version
from dreamnet_actions.ports.stores import Delivery

MOST = 1000
"""Syncs that are remembered; the oldest are forgotten."""
_SAID = frozenset({"entry", "source", "secret", "reason"})
"""What such a sync is asked with; one that is asked for more is a case of its own."""


@dataclass(frozen=True, kw_only=True)
class Sync:
    """A sync that a message asks for. ``key`` is the same for all that read the same; ``least`` is the version of a
    secret that it has to have seen, if the message names one."""

    key: str
    least: tuple[str, int] | None


@dataclass(frozen=True, kw_only=True)
class _Ended:
    by: str
    upto: int
    seen: Mapping[str, int]


@dataclass(kw_only=True)
class Bursts:
    """What is known of syncs. Several threads may ask at once."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _under_way: set[str] = field(default_factory=set)
    _ended: dict[str, _Ended] = field(default_factory=dict)

    def about(self, request: Mapping[str, Any]) -> Sync | None:
        """Answer the sync that a request is; None where it is another thing, or must be done by itself."""
        given: Mapping[str, Any] = request["input"]
        if request["agent"] != "envkeeper" or given.get("action") != "sync":
            return None
        if request.get("dry_run") or not given.keys() <= _SAID | {"action"}:
            return None
        # An entry is read whole, whichever of its secrets changed.
        which = {key: given[key] for key in ("entry", "source") if key in given}
        secret = given.get("secret")
        if secret is not None and "entry" not in given:
            which["secret"] = secret
        return Sync(key=digest(which), least=told_version(secret) if isinstance(secret, str) else None)

    def covering(self, sync: Sync, delivery: Delivery) -> str | None:
        """Answer the request's id of an ended sync that has seen what the delivery tells of; None where none has."""
        with self._lock:
            ended = self._ended.get(sync.key)
        if ended is None or delivery.seq > ended.upto:
            return None
        if sync.least is not None and ended.seen.get(sync.least[0], 0) < sync.least[1]:
            return None
        return ended.by

    @contextmanager
    def alone(self, sync: Sync | None) -> Iterator[bool]:
        """Give whether the sync may run now. While another of the same is under way it may not: its message waits, and
        then that one or the next has seen it."""
        if sync is None:
            yield True
            return
        with self._lock:
            free = sync.key not in self._under_way
            self._under_way.add(sync.key)
        try:
            yield free
        finally:
            if free:
                with self._lock:
                    self._under_way.discard(sync.key)

    def ended(self, sync: Sync | None, upto: int, began: str, result: AgentResult) -> None:
        """Remember a sync that began after the message ``upto`` was stored, at the time ``began``, and went well.

        One that did not says nothing about any other message, nor does a result of before: a request that is known
        already answers its first one.
        """
        if sync is None or result.outcome not in ("done", "unchanged") or result.started_at < began:
            return
        with self._lock:
            self._ended.pop(sync.key, None)
            self._ended[sync.key] = _Ended(by=result.id, upto=upto, seen=seen_versions(result.findings))
            while len(self._ended) > MOST:
                del self._ended[next(iter(self._ended))]
