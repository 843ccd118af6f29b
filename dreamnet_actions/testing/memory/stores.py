"""Dreams, journal, messages and leases in memory. What goes in and comes out is copied: nothing is shared by chance."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from dreamnet_actions.domain.dream import Dream, DreamState, may_become
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.message import Message
from dreamnet_actions.errors import Conflict, Leased, NotFound
from dreamnet_actions.ports.stores import Delivery, DreamStore, Journal, Lock, MessageBus, MessageState
from dreamnet_actions.ports.system import Clock


def plain(value: Any) -> Any:
    """Copy plain data through JSON, as every real store does: a tuple comes back as a list, a set is refused."""
    return json.loads(json.dumps(value, default=_mapping))


def _mapping(value: object) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no plain data")


class MemoryDreamStore(DreamStore):
    """Keeps dreams in memory, for one process with any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._dreams: dict[int, Dream] = {}
        self._comments: dict[int, list[tuple[float, str]]] = {}

    def open(self, dream: Dream) -> Dream:
        with self._lock:
            former = self._not_ended(dream.key)
            if former is not None:
                return _copy(former)
            stored = _copy(replace(dream, number=len(self._dreams) + 1))
            self._dreams[stored.number] = stored
            self._comments[stored.number] = []
            return _copy(stored)

    def update(self, dream: Dream) -> Dream:
        with self._lock:
            stored = self.get(dream.number)
            if not may_become(stored, dream):
                raise Conflict(
                    f"Dream {dream.number} is {stored.state!r} and cannot become {dream.state!r}: it"
                )
            other = None if dream.ended else self._not_ended(dream.key)
            if other is not None and other.number != dream.number:
                raise Conflict(
                    f"Dream {dream.number} cannot be open while dream {other.number} of its key is: it"
                )
            self._dreams[dream.number] = _copy(dream)
            return dream

    def comment(self, number: int, at: float, *lines: str) -> None:
        with self._lock:
            self.get(number)
            told = self._comments[number]
            told += [(at, text) for text in dict.fromkeys(lines) if (at, text) not in told]

    def comments(self, number: int) -> Sequence[tuple[float, str]]:
        with self._lock:
            self.get(number)
            return list(self._comments[number])

    def find(self, key: str) -> Dream | None:
        found = self.search(key=key, limit=1)
        return found[0] if found else None

    def get(self, number: int) -> Dream:
        with self._lock:
            if number not in self._dreams:
                raise NotFound("dream", str(number))
            return _copy(self._dreams[number])

    def search(
        self, *, states: Collection[DreamState] = (), key: str | None = None, limit: int = 1000
    ) -> Sequence[Dream]:
        with self._lock:
            found = [
                _copy(dream)
                for dream in reversed(self._dreams.values())
                if (not states or dream.state in states) and (key is None or dream.key == key)
            ]
        return found[: max(0, limit)]

    def _not_ended(self, key: str) -> Dream | None:
        return next((one for one in self._dreams.values() if one.key == key and not one.ended), None)


class MemoryJournal(Journal):
    """Keeps facts and shared data in memory, for one process with any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._facts: list[Fact] = []
        self._seq = 0
        self._shared: dict[str, tuple[Any, int]] = {}

    def append(self, *facts: Fact) -> Sequence[Fact]:
        copies = [replace(fact, data=plain(fact.data)) for fact in facts]
        with self._lock:
            stored = [replace(fact, seq=self._seq + place) for place, fact in enumerate(copies, 1)]
            self._seq += len(stored)
            self._facts += stored
        return [replace(fact, data=plain(fact.data)) for fact in stored]

    def read(
        self,
        *,
        kinds: Collection[str] = (),
        service: str | None = None,
        dream: str | None = None,
        correlation_id: str | None = None,
        since: float = 0.0,
        after: int = 0,
        limit: int = 10_000,
    ) -> Sequence[Fact]:
        with self._lock:
            facts = list(self._facts)
        found = [
            replace(fact, data=plain(fact.data))
            for fact in facts
            if (not kinds or fact.kind in kinds)
            and service in (None, fact.service)
            and dream in (None, fact.dream)
            and correlation_id in (None, fact.correlation_id)
            and fact.at >= since
            and fact.seq > after
        ]
        return found[max(0, len(found) - max(0, limit)) :]

    def compact(self, *, before: float, kinds: Collection[str]) -> int:
        with self._lock:
            kept = [fact for fact in self._facts if fact.kind not in kinds or fact.at >= before]
            dropped = len(self._facts) - len(kept)
            self._facts = kept
            return dropped

    def state(self, key: str) -> tuple[Any, int]:
        with self._lock:
            value, version = self._shared.get(key, (None, 0))
        return plain(value), version

    def states(self, prefix: str) -> dict[str, Any]:
        with self._lock:
            shared = sorted(self._shared.items())
        return {
            key: plain(value) for key, (value, _) in shared if key.startswith(prefix) and value is not None
        }

    def set_state(self, key: str, value: Any, *, version: int | None = None) -> int:
        copy = plain(value)
        with self._lock:
            _, stored = self._shared.get(key, (None, 0))
            if version is not None and version != stored:
                raise Conflict(f"The shared state {key!r} (version {version} expected, {stored} found)")
            self._shared[key] = (copy, stored + 1)
            return stored + 1


@dataclass
class _Row:
    """One message on the bus; times are the clock's ``now``."""

    message: Message
    seq: int
    state: str
    attempts: int = 0
    due: float = 0.0
    leased_until: float = 0.0
    error: str = ""

    def seen(self, now: float) -> str:
        """Answer the state, where a lease that ran out is none."""
        return "waiting" if self.state == "leased" and self.leased_until <= now else self.state

    def holds(self, delivery: Delivery) -> bool:
        """Say whether that delivery is still the one that counts."""
        return self.state == "leased" and self.attempts == delivery.attempt


class MemoryMessageBus(MessageBus):
    """Carries messages in memory; leases and waits run by ``clock.now()``."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._rows: list[_Row] = []
        self._known: set[tuple[str, str]] = set()

    def publish(self, *messages: Message) -> Sequence[bool]:
        copies = [replace(message, data=plain(message.data)) for message in messages]
        with self._lock:
            return [self._publish(message) for message in copies]

    def _publish(self, message: Message) -> bool:
        name = (message.sender, message.id)
        if name in self._known:
            return False
        self._known.add(name)
        self._rows.append(_Row(message, len(self._rows) + 1, "waiting" if message.to else "done"))
        return True

    def receive(self, *, limit: int = 10, lease: float = 60.0) -> Sequence[Delivery]:
        now = self._clock.now()
        with self._lock:
            ready = [
                row
                for row in self._rows
                if row.message.to
                and (row.due <= now if row.state == "waiting" else row.seen(now) == "waiting")
            ][: max(0, limit)]
            for row in ready:
                row.state, row.leased_until, row.attempts = "leased", now + lease, row.attempts + 1
            return [Delivery(message=_sent(row), attempt=row.attempts, seq=row.seq) for row in ready]

    def ack(self, delivery: Delivery) -> None:
        with self._lock:
            row = self._row(delivery)
            # Whoever holds it by now: it has had its effect. A delivery from before a replay says nothing about it.
            if row is not None and row.attempts >= delivery.attempt:
                row.state, row.error = "done", ""

    def retry(self, delivery: Delivery, *, error: str, after: float) -> None:
        due = self._clock.now() + after
        with self._lock:
            row = self._row(delivery)
            if row is not None and row.holds(delivery):
                row.state, row.due, row.error = "waiting", due, error

    def dead_letter(self, delivery: Delivery, *, error: str) -> None:
        with self._lock:
            row = self._row(delivery)
            if row is not None and row.holds(delivery):
                row.state, row.error = "dead", error

    def replay(self, message_id: str) -> Message:
        with self._lock:
            named = [row for row in self._rows if row.message.id == message_id]
            if not named:
                dead = [row.message.id for row in self._rows if row.state == "dead"]
                raise NotFound("message", message_id, dead[-20:])
            # Ids are unique per sender only: the dead one is meant, else the newest.
            row = max(named, key=lambda one: (one.state == "dead", one.seq))
            if row.state in ("dead", "done") and row.message.to:
                row.state, row.attempts, row.due, row.error = "waiting", 0, 0.0, ""
            return _sent(row)

    def list(self, *, states: Collection[str] = (), limit: int = 100) -> Sequence[MessageState]:
        now = self._clock.now()
        with self._lock:
            found = [
                MessageState(
                    message=_sent(row),
                    seq=row.seq,
                    state=row.seen(now),
                    attempts=row.attempts,
                    error=row.error,
                )
                for row in self._rows
                if not states or row.seen(now) in states
            ]
        return found[max(0, len(found) - max(0, limit)) :]

    def follow(self, after: int) -> Iterator[tuple[int, Message]]:
        with self._lock:
            rows = self._rows[max(0, after) :]
        for row in rows:
            yield row.seq, _sent(row)

    def last(self) -> int:
        with self._lock:
            return len(self._rows)

    def _row(self, delivery: Delivery) -> _Row | None:
        return self._rows[delivery.seq - 1] if 0 < delivery.seq <= len(self._rows) else None


class MemoryLock(Lock):
    """Holds leases in memory, by ``clock.now()``; the holder is always this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until: dict[str, tuple[object, float]] = {}

    def lease(self, name: str, seconds: float) -> AbstractContextManager[None]:
        return self._held(name, seconds)

    @contextmanager
    def _held(self, name: str, seconds: float) -> Iterator[None]:
        mine = object()
        now = self._clock.now()
        with self._lock:
            if name in self._until and self._until[name][1] > now:
                raise Leased(name, "this process")
            self._until[name] = (mine, now + seconds)
        try:
            yield
        finally:
            with self._lock:
                # After it ran out, the name may be somebody else's.
                if name in self._until and self._until[name][0] is mine:
                    del self._until[name]


def _copy(dream: Dream) -> Dream:
    evidence = tuple(replace(report, phases=plain(report.phases)) for report in dream.evidence)
    return replace(dream, evidence=evidence, data=plain(dream.data))


def _sent(row: _Row) -> Message:
    return replace(row.message, data=plain(row.message.data))
