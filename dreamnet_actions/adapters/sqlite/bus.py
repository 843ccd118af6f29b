"""The message bus in SQLite: one table; a lease is an owner and a time in the message's row."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from dreamnet_actions.adapters.owner import this_process
from dreamnet_actions.adapters.sqlite.codec import column, dumps, loads, message_body, message_from
from dreamnet_actions.adapters.sqlite.database import Database
from dreamnet_actions.domain.message import Message
from dreamnet_actions.errors import NotFound
from dreamnet_actions.ports.stores import Delivery, MessageBus, MessageState
from dreamnet_actions.ports.system import Clock

_PAGE = 500

# Not ON CONFLICT DO NOTHING, which uses up a seq for each message that was known already.
_PUBLISH = """
    INSERT INTO message (sender, id, recipient, state, body)
    SELECT :sender, :id, :recipient, :state, :body
    WHERE NOT EXISTS (SELECT 1 FROM message WHERE sender = :sender AND id = :id)
"""
# A lease that ran out, or whose owner died, is none: the message waits again. `:now` is seconds since 1970.
_READY = """
    SELECT seq, attempts, body FROM message
    WHERE state IN ('waiting', 'leased') AND recipient IS NOT NULL
        AND CASE state WHEN 'waiting' THEN due <= :now ELSE leased_until <= :now OR dead_owner(owner) END
    ORDER BY seq LIMIT :limit
"""
_LIST = """
    SELECT seq, seen, attempts, error, body FROM (
        SELECT *, CASE
            WHEN state = 'leased' AND (leased_until <= :now OR dead_owner(owner)) THEN 'waiting' ELSE state
        END AS seen FROM message
    )
    WHERE :any OR seen IN (SELECT value FROM json_each(:states)) ORDER BY seq DESC LIMIT :limit
"""
_HELD = "state = 'leased' AND attempts = :attempt"


class SqliteMessageBus(MessageBus):
    """Carries messages in the database.

    A lease is held by this process until its time (by ``clock.now()``, which all processes share) or its death. The
    attempt number is its fence: ``retry`` and ``dead_letter`` of a delivery that was meanwhile handed to somebody else
    change nothing. Messages are kept for ever.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def publish(self, *messages: Message) -> Sequence[bool]:
        if not messages:
            return []
        rows = [
            {
                "sender": column(message.sender),
                "id": column(message.id),
                "recipient": column(message.to) if message.to else None,
                "state": "waiting" if message.to else "done",
                "body": message_body(message),
            }
            for message in messages
        ]
        with self._database.write() as connection:
            return [connection.execute(_PUBLISH, row).rowcount == 1 for row in rows]

    def receive(self, *, limit: int = 10, lease: float = 60.0) -> Sequence[Delivery]:
        now = self._clock.now()
        wanted = {"now": now, "limit": max(0, limit)}
        # An idle look takes no write lock: many poll, and mostly there is nothing.
        with self._database.read() as connection:
            if connection.execute(_READY, wanted | {"limit": min(1, max(0, limit))}).fetchone() is None:
                return []
        with self._database.write() as connection:
            ready = connection.execute(_READY, wanted).fetchall()
            connection.executemany(
                "UPDATE message SET state = 'leased', attempts = attempts + 1, owner = ?, leased_until = ?"
                " WHERE seq = ?",
                [(this_process(), now + lease, seq) for seq, _, _ in ready],
            )
        return [
            Delivery(message=message_from(body), attempt=attempts + 1, seq=seq)
            for seq, attempts, body in ready
        ]

    def ack(self, delivery: Delivery) -> None:
        # Whoever holds it by now: it has had its effect. A delivery from before a replay (which starts to count
        # anew) says nothing about the replay.
        self._change(delivery, "state = 'done', error = '\"\"'", "attempts >= :attempt")

    def retry(self, delivery: Delivery, *, error: str, after: float) -> None:
        due = self._clock.now() + after
        self._change(
            delivery, "state = 'waiting', due = :due, error = :error", _HELD, due=due, error=dumps(error)
        )

    def dead_letter(self, delivery: Delivery, *, error: str) -> None:
        self._change(delivery, "state = 'dead', error = :error", _HELD, error=dumps(error))

    def replay(self, message_id: str) -> Message:
        with self._database.write() as connection:
            row = connection.execute(
                # Ids are unique per sender only: the dead one is meant, else the newest.
                "SELECT seq, body FROM message WHERE id = ? ORDER BY state <> 'dead', seq DESC",
                (column(message_id),),
            ).fetchone()
            if row is None:
                dead = connection.execute(
                    "SELECT id FROM message WHERE state = 'dead' ORDER BY seq DESC LIMIT 20"
                )
                raise NotFound("message", message_id, [one for (one,) in dead])
            connection.execute(
                "UPDATE message SET state = 'waiting', attempts = 0, due = 0, error = '\"\"'"
                " WHERE seq = ? AND state IN ('dead', 'done') AND recipient IS NOT NULL",
                (row[0],),
            )
            return message_from(row[1])

    def list(self, *, states: Collection[str] = (), limit: int = 100) -> Sequence[MessageState]:
        with self._database.read() as connection:
            rows = connection.execute(
                _LIST,
                {
                    "now": self._clock.now(),
                    "any": not states,
                    "states": dumps([*states]),
                    "limit": max(0, limit),
                },
            ).fetchall()
        return [
            MessageState(
                message=message_from(body), seq=seq, state=state, attempts=attempts, error=loads(error)
            )
            for seq, state, attempts, error, body in reversed(rows)
        ]

    def follow(self, after: int) -> Iterator[tuple[int, Message]]:
        last = self.last()  # what comes while we tell is for the next call: this one ends
        while True:
            with self._database.read() as connection:
                rows = connection.execute(
                    "SELECT seq, body FROM message WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
                    (after, last, _PAGE),
                ).fetchall()
            for seq, body in rows:
                yield seq, message_from(body)
            if len(rows) < _PAGE:
                return
            after = rows[-1][0]

    def last(self) -> int:
        with self._database.read() as connection:
            return int(connection.execute("SELECT coalesce(max(seq), 0) FROM message").fetchone()[0])

    def _change(self, delivery: Delivery, what: str, where: str, **values: object) -> None:
        with self._database.write() as connection:
            connection.execute(
                f"UPDATE message SET {what} WHERE seq = :seq AND {where}",  # noqa: S608  # both are ours
                {"seq": delivery.seq, "attempt": delivery.attempt, **values},
            )
