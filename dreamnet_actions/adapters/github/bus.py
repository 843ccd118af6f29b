"""The message bus of the GitHub home: rows on the branch ``dreamnet``, announced by ``repository_dispatch``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dreamnet_actions.adapters.github.branch import Branch
from dreamnet_actions.adapters.github.letters import (
    Row,
    announcements,
    event_of,
    is_known,
    is_pointer,
    message_of,
    prune,
    receipt_of,
    resolved,
    row_key,
    store,
    unheard_of,
)
from dreamnet_actions.adapters.github.locks import Holders
from dreamnet_actions.adapters.github.rows import copied
from dreamnet_actions.adapters.github.snapshot import Change, Snapshot
from dreamnet_actions.domain.actions import CALLERS
from dreamnet_actions.domain.message import TYPE, Message
from dreamnet_actions.errors import DreamNetError, Leased, NotFound, StateDamaged, TemporaryError
from dreamnet_actions.ports.stores import Delivery, MessageBus, MessageState
from dreamnet_actions.ports.system import Clock

Dispatch = Callable[[str, Mapping[str, Any]], None]
"""Sends ``POST /repos/{owner}/{repo}/dispatches`` with ``event_type`` and ``client_payload``:
https://docs.github.com/en/rest/repos/repos#create-a-repository-dispatch-event"""

UNHEARD = (
    "no run took it, announced {} times: "
    f"is the workflow {CALLERS['relaybot']} on the default branch and enabled?"
)
"""Why a message was put aside that nobody came for."""


class GitHubMessageBus(MessageBus):
    """Carries messages: first the row is on the branch, then the message is announced.

    An announcement that fails for now changes nothing: the row waits, and ``redrive`` announces it again. A lease is
    held by ``holders.me`` until its time (by ``clock.now()``) or its death; the attempt number is its fence. Messages
    that are done are kept for two days (200 at most), and known by a hash for 90 more. Without ``dispatch`` nothing is
    announced.
    """

    def __init__(self, branch: Branch, clock: Clock, holders: Holders, dispatch: Dispatch | None) -> None:
        self._branch, self._clock, self._holders, self._dispatch = branch, clock, holders, dispatch
        self._unannounced: list[str] = []
        self._guard = threading.Lock()
        self._taken: dict[tuple[str, int], Change] = {}
        branch.after_push.append(self._announce)

    def publish(self, *messages: Message) -> Sequence[bool]:
        if not messages:
            return []
        copies = [replace(message, data=copied(message.data)) for message in messages]
        with self._branch.reading() as at:
            if all(is_known(at, one) for one in copies):
                return [False] * len(
                    copies
                )  # asked for again in each round while it is under way: no commit for that

        def announce(new: Sequence[bool]) -> None:
            fresh = [one for one, is_new in zip(copies, new, strict=True) if is_new and one.to]
            self._to_announce([row_key(one) for one in fresh])

        return self._branch.change(lambda at: self._store(at, copies), weight="notable", then=announce)[0]

    def accept(self, message: Message) -> Message:
        """Take a message that came by its event: stored, if it has no row (its sender's push was lost, or somebody
        else dispatched it), and answered whole, with its body where it held a pointer. It is not announced.

        Raises TemporaryError or StateDamaged for a body that is not there or another.
        """
        if is_pointer(message):
            message = self._resolved(message)
        copy = replace(message, data=copied(message.data))
        with self._branch.reading() as at:
            if is_known(at, copy):
                return message
        self._branch.change(lambda at: self._store(at, [copy]), weight="notable")
        return message

    def receive(
        self, *, limit: int = 10, lease: float = 60.0, only: Collection[tuple[str, str]] | None = None
    ) -> Sequence[Delivery]:
        """Hand out waiting messages as the port says; ``only`` those of these ``(sender, id)``.

        One whose body is lost holds up none of the others; raises StateDamaged where there is no other.
        """

        def take(at: Snapshot) -> list[Delivery]:
            return [self._lease(at, key, lease) for key in self._ready(at, limit, only)]

        with self._branch.reading() as at:
            # An idle look writes nothing: many poll, and mostly there is nothing.
            ready = {key: at.rows.messages[key]["attempts"] for key in self._ready(at, limit, only)}
        if not ready:
            return []
        if self._branch.mode == "eager":
            return self._branch.change(take, weight="intent")[0]
        return [self._take(key, lease, attempts) for key, attempts in ready.items()]

    def ack(self, delivery: Delivery) -> None:
        def done(row: Row) -> None:
            # Whoever holds it by now: it has had its effect. A delivery from before a replay (which starts to count
            # anew) says nothing about the replay.
            if row["attempts"] >= delivery.attempt:
                row.update(state="done", error="", ended=self._clock.now())

        self._change(delivery, done)

    def retry(self, delivery: Delivery, *, error: str, after: float) -> None:
        due = self._clock.now() + after
        self._change(delivery, self._held_by(delivery, state="waiting", due=due, error=error))

    def dead_letter(self, delivery: Delivery, *, error: str) -> None:
        now = self._clock.now()
        self._change(delivery, self._held_by(delivery, state="dead", error=error, ended=now))

    def replay(self, message_id: str) -> Message:
        def again(at: Snapshot) -> tuple[Message, str | None]:
            named = [(k, one) for k, one in at.rows.messages.items() if one["message"]["id"] == message_id]
            if not named:
                dead = [one for one in at.rows.messages.values() if one["state"] == "dead"]
                dead.sort(key=lambda one: -int(one["seq"]))
                raise NotFound("message", message_id, [one["message"]["id"] for one in dead[:20]])
            # Ids are unique per sender only: the dead one is meant, else the newest.
            key, row = max(named, key=lambda one: (one[1]["state"] == "dead", one[1]["seq"]))
            fresh = row["state"] in ("dead", "done") and bool(row["message"]["to"])
            if fresh:
                row.update(state="waiting", attempts=0, due=0.0, error="", announced=self._clock.now())
                row.update(announcements=1, ended=None)
            return message_of(at, row), key if fresh else None

        (message, _), _ = self._branch.change(
            again,
            weight="notable",
            then=lambda told: self._to_announce([told[1]] if told[1] else []),
        )
        return message

    def redrive(self, older_than: float) -> int:
        """Announce again, with the next push, what waits and was last announced ``older_than`` seconds ago or earlier;
        answers how many."""

        def mark(at: Snapshot) -> Sequence[str]:
            late = self._late(at, older_than)
            for key in late:
                row = at.rows.messages[key]
                row.update(announced=self._clock.now(), announcements=announcements(row) + 1)
            return late

        with self._branch.reading() as at:
            if not self._late(at, older_than):
                return 0
        late, _ = self._branch.change(mark, weight="notable", then=self._to_announce)
        return len(late)

    def give_up(self, older_than: float, *, after: int) -> Sequence[Message]:
        """Put aside, with the reason and a fact that says so, what was announced ``after`` times since a run last took
        it, the last time ``older_than`` seconds ago or earlier; answers it. ``replay`` starts to count anew."""

        def bury(at: Snapshot) -> Sequence[Message]:
            now = self._clock.now()
            rows = [at.rows.messages[key] for key in self._late(at, older_than)]
            unheard = [row for row in rows if announcements(row) >= after]
            for row in unheard:
                row.update(state="dead", error=UNHEARD.format(announcements(row)), ended=now)
            gone = [message_of(at, row) for row in unheard]
            # With the row, and not after it: where another run takes the message first, neither is true.
            at.book.append([unheard_of(message, now) for message in gone])
            return gone

        with self._branch.reading() as at:
            late = [at.rows.messages[key] for key in self._late(at, older_than)]
            if all(announcements(row) < after for row in late):
                return []
        return self._branch.change(bury, weight="notable")[0]

    def list(self, *, states: Collection[str] = (), limit: int = 100) -> Sequence[MessageState]:
        now = self._clock.now()
        with self._branch.reading() as at:
            fit = [
                (row, seen)
                for _, row in self._by_seq(at)
                if (seen := self._seen(row, now)) and (not states or seen in states)
            ]
            return [
                MessageState(
                    message=message_of(at, row),
                    seq=row["seq"],
                    state=seen,
                    attempts=row["attempts"],
                    error=row["error"],
                    receipt=receipt_of(row),
                )
                for row, seen in fit[max(0, len(fit) - max(0, limit)) :]
            ]

    def follow(self, after: int) -> Iterator[tuple[int, Message]]:
        with self._branch.reading() as at:
            told = [(row["seq"], message_of(at, row)) for _, row in self._by_seq(at) if row["seq"] > after]
        yield from told

    def last(self) -> int:
        with self._branch.reading() as at:
            return at.rows.message_seq

    # ── within ───────────────────────────────────────────────────────────────────────────────────────────

    def _store(self, at: Snapshot, messages: Sequence[Message]) -> Sequence[bool]:
        now = self._clock.now()
        new = [store(at, message, now) for message in messages]
        prune(at, now)
        return new

    def _resolved(self, message: Message) -> Message:
        try:
            with self._branch.reading() as at:
                return resolved(at, message)
        except TemporaryError:
            self._branch.refresh()  # the sender may have pushed after this run began to look
        with self._branch.reading() as at:
            return resolved(at, message)

    def _by_seq(self, at: Snapshot) -> Sequence[tuple[str, Row]]:
        return sorted(at.rows.messages.items(), key=lambda one: int(one[1]["seq"]))

    def _seen(self, row: Row, now: float) -> str:
        """Answer the row's state, where a lease that ran out, or whose holder is dead, is none."""
        if row["state"] == "leased" and (row["until"] <= now or self._holders.is_dead(row["owner"])):
            return "waiting"
        return str(row["state"])

    def _is_ready(self, row: Row, now: float) -> bool:
        due = row["state"] != "waiting" or row["due"] <= now
        return bool(row["message"]["to"]) and due and self._seen(row, now) == "waiting"

    def _late(self, at: Snapshot, older_than: float) -> Sequence[str]:
        """Answer what waits and was last announced so long ago that no run will come of that."""
        now = self._clock.now()
        return [
            key
            for key, row in self._by_seq(at)
            if self._is_ready(row, now) and row["announced"] <= now - older_than
        ]

    def _ready(self, at: Snapshot, limit: int, only: Collection[tuple[str, str]] | None) -> Sequence[str]:
        now, ready, lost = self._clock.now(), list[str](), list[StateDamaged]()
        for key, row in self._by_seq(at):
            named = only is None or (row["message"]["sender"], row["message"]["id"]) in only
            if len(ready) >= limit or not named or not self._is_ready(row, now):
                continue
            try:
                message_of(at, row)
            except StateDamaged as error:
                lost.append(error)
            else:
                ready.append(key)
        if lost and not ready:
            raise lost[0]
        return ready

    def _take(self, key: str, lease: float, attempts: int) -> Delivery:
        """Lease one message in memory; the push decides whether it was so."""
        delivery, change = self._branch.change(
            lambda at: self._lease(at, key, lease, attempts), weight="intent"
        )
        self._taken[key, delivery.attempt] = change
        return delivery

    def _lease(self, at: Snapshot, key: str, lease: float, attempts: int | None = None) -> Delivery:
        """Lease one message; raises Leased where somebody else took it since it had ``attempts``."""
        now = self._clock.now()
        row = at.rows.messages.get(key)
        if row is None or not self._is_ready(row, now) or attempts not in (None, row["attempts"]):
            holder = self._holders.named(row["owner"]) if row and row["owner"] else "another run"
            raise Leased(f"message {row['message']['id'] if row else key}", holder)
        message = message_of(at, row)
        row.update(state="leased", attempts=row["attempts"] + 1, owner=self._holders.me, until=now + lease)
        row.update(taken=now, announcements=0)
        return Delivery(message=message, attempt=row["attempts"], seq=row["seq"])

    def _change(self, delivery: Delivery, change: Callable[[Row], None]) -> None:
        key = row_key(delivery.message)

        def apply(at: Snapshot) -> None:
            if key in at.rows.messages:
                change(at.rows.messages[key])

        taken = self._taken.get((key, delivery.attempt))
        if taken is None or taken.lost is None:  # who lost it decides nothing
            self._branch.change(apply, weight="notable", needs=(taken,))

    def _held_by(self, delivery: Delivery, **fields: Any) -> Callable[[Row], None]:
        """Answer a change that is made only while that delivery is the one that counts."""

        def change(row: Row) -> None:
            mine = row["owner"] == self._holders.me and row["attempts"] == delivery.attempt
            if row["state"] == "leased" and mine:
                row.update(fields)

        return change

    def _to_announce(self, keys: Sequence[str]) -> None:
        """Have rows announced with the next push, whichever thread's that is."""
        with self._guard:
            self._unannounced.extend(keys)

    def _announce(self) -> None:
        """Dispatch what is on the branch and was not announced; what fails for now stays for the next push, or for
        ``redrive``. Raises the first error that trying again does not mend, after all were tried."""
        if self._dispatch is None or not self._unannounced:
            return
        final: list[DreamNetError] = []
        events: list[tuple[str, dict[str, Any]]] = []
        with self._branch.reading() as at:
            with self._guard:
                keys, self._unannounced = self._unannounced, []
            now = self._clock.now()
            for key, row in ((key, at.rows.messages[key]) for key in keys if key in at.rows.messages):
                # By what it is seen as: one whose run was killed is still called leased in its row.
                if self._seen(row, now) == "waiting":
                    try:
                        events.append((key, event_of(message_of(at, row))))
                    except StateDamaged as error:
                        final.append(error)
        for key, event in events:
            try:
                self._dispatch(TYPE, {"dreamnet": event})
            except TemporaryError:
                self._to_announce([key])
            except DreamNetError as error:
                final.append(error)
        if final:
            raise final[0]
