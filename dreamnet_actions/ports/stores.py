"""DreamStore, Journal, MessageBus, Lock: what DreamNet remembers, and how two runs stay out of each other's way."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from dreamnet_actions.domain.dream import Dream, DreamState
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.message import Message


class DreamStore(Protocol):
    """Keeps dreams: at most one that has not ended per key, whatever runs at the same time."""

    WRITES: ClassVar[frozenset[str]] = frozenset({"open", "update", "comment"})

    def open(self, dream: Dream) -> Dream:
        """File a new dream and answer it with its number. Where one of that key has not ended, that one is answered
        unchanged instead (twice is once)."""

    def update(self, dream: Dream) -> Dream:
        """Replace what is stored under the dream's number. Raises NotFound for an unknown number, Conflict when the
        state may not follow the stored one (``domain.dream.NEXT``) or another open one has the key."""

    def comment(self, number: int, at: float, *lines: str) -> None:
        """Add lines to the dream's own story, all or none; one that is there (the same time, the same words) is not
        added twice: who was cut off tells again. Nothing is ever deleted. Raises NotFound."""

    def comments(self, number: int) -> Sequence[tuple[float, str]]:
        """Answer the dream's story, oldest first. Raises NotFound."""

    def find(self, key: str) -> Dream | None:
        """Answer the newest dream of the key, ended or not."""

    def get(self, number: int) -> Dream:
        """Answer the dream of that number. Raises NotFound."""

    def search(
        self, *, states: Collection[DreamState] = (), key: str | None = None, limit: int = 1000
    ) -> Sequence[Dream]:
        """Answer dreams in any of ``states`` (empty: any), newest number first."""


class Journal(Protocol):
    """The only history, and the small state that runs share."""

    WRITES: ClassVar[frozenset[str]] = frozenset()
    """Nothing: memory is kept while DreamNet is paused, too."""

    def append(self, *facts: Fact) -> Sequence[Fact]:
        """Store facts, all or none; answers them with their ``seq``, which only grows."""

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
        """Answer the newest ``limit`` facts that fit, oldest first: ``at`` ≥ ``since`` and ``seq`` > ``after``."""

    def compact(self, *, before: float, kinds: Collection[str]) -> int:
        """Drop facts of these kinds older than ``before``; answers how many."""

    def state(self, key: str) -> tuple[Any, int]:
        """Answer shared plain data and its version; ``(None, 0)`` where nothing was ever stored."""

    def states(self, prefix: str) -> dict[str, Any]:
        """Answer all shared data whose key starts so, by key."""

    def set_state(self, key: str, value: Any, *, version: int | None = None) -> int:
        """Store plain data, answer its new version. With ``version``, raises Conflict unless that is the stored one
        (compare-and-set; 0 means: not there yet). ``None`` as value forgets the data; the version still grows."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A message handed out for handling: acknowledge it or it comes again. ``attempt`` counts from 1."""

    message: Message
    attempt: int
    seq: int


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a bus knows of a message's way, in seconds since 1970; None is what has not been, or is not kept.

    ``announced`` is when a run was last asked to come for it and ``announcements`` how often since one last did;
    ``taken`` is when it was last handed out and ``holder`` to whom, on GitHub the run's address; ``ended`` is when it
    was done or put aside.
    """

    announced: float | None = None
    announcements: int = 0
    taken: float | None = None
    holder: str = ""
    ended: float | None = None


@dataclass(frozen=True, kw_only=True)
class MessageState:
    """Where one message stands: ``waiting``, ``leased``, ``done`` or ``dead`` (with ``error``)."""

    message: Message
    seq: int
    state: str
    attempts: int
    error: str = ""
    receipt: Receipt = field(default_factory=Receipt)


class MessageBus(Protocol):
    """Carries messages: at least once on the wire, once in effect by ``(sender, id)``."""

    WRITES: ClassVar[frozenset[str]] = frozenset({"publish", "replay"})

    def publish(self, *messages: Message) -> Sequence[bool]:
        """Store messages durably, all or none; answers for each whether it was new (same sender and id: not)."""

    def receive(self, *, limit: int = 10, lease: float = 60.0) -> Sequence[Delivery]:
        """Hand out waiting addressed messages (``to`` is set), oldest first; nobody else gets them for ``lease``
        seconds, or until the process that took them is dead."""

    def ack(self, delivery: Delivery) -> None:
        """The message has had its effect; it never comes again."""

    def retry(self, delivery: Delivery, *, error: str, after: float) -> None:
        """Hand it out again in ``after`` seconds."""

    def dead_letter(self, delivery: Delivery, *, error: str) -> None:
        """Put it aside for a person, with the reason."""

    def replay(self, message_id: str) -> Message:
        """Let a dead (or done) message be handed out again; answers it. Raises NotFound."""

    def list(self, *, states: Collection[str] = (), limit: int = 100) -> Sequence[MessageState]:
        """Answer the newest messages, oldest of them first; ``states`` empty: all."""

    def follow(self, after: int) -> Iterator[tuple[int, Message]]:
        """Yield what is stored after that seq, events included, then end; callers poll. Handing out is not touched."""

    def last(self) -> int:
        """Answer the newest seq, 0 for an empty bus."""


class Lock(Protocol):
    """Leases that lower contention. A dead holder's lease is free at once where that can be seen."""

    WRITES: ClassVar[frozenset[str]] = frozenset()

    def lease(self, name: str, seconds: float) -> AbstractContextManager[None]:
        """Hold ``name`` for the block, at most ``seconds``. Raises Leased (naming the holder) when it is taken.
        The same process may not hold it twice: that is Leased, too."""
