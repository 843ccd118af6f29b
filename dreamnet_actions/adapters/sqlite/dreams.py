"""Dreams in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import replace

from dreamnet_actions.adapters.sqlite.codec import column, dream_body, dream_from, dumps, loads
from dreamnet_actions.adapters.sqlite.database import Database
from dreamnet_actions.domain.dream import Dream, DreamState, may_become
from dreamnet_actions.errors import Conflict, NotFound
from dreamnet_actions.ports.stores import DreamStore


class SqliteDreamStore(DreamStore):
    """Keeps dreams in the database; their story is kept as long as they are: for ever."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, dream: Dream) -> Dream:
        with self._database.write() as connection:
            former = _not_ended(connection, dream.key)
            if former is not None:
                return former
            number = connection.execute(
                "INSERT INTO dream (key, state, body) VALUES (?, ?, ?)",
                (column(dream.key), dream.state, dream_body(dream)),
            ).lastrowid
            assert number is not None  # noqa: S101  # an INSERT that did not raise has a row
            return replace(dream, number=number)

    def update(self, dream: Dream) -> Dream:
        with self._database.write() as connection:
            stored = _get(connection, dream.number)
            if not may_become(stored, dream):
                raise Conflict(
                    f"Dream {dream.number} is {stored.state!r} and cannot become {dream.state!r}: it"
                )
            other = None if dream.ended else _not_ended(connection, dream.key)
            if other is not None and other.number != dream.number:
                raise Conflict(
                    f"Dream {dream.number} cannot be open while dream {other.number} of its key is: it"
                )
            connection.execute(
                "UPDATE dream SET key = ?, state = ?, body = ? WHERE number = ?",
                (column(dream.key), dream.state, dream_body(dream), dream.number),
            )
            return dream

    def comment(self, number: int, at: float, *lines: str) -> None:
        with self._database.write() as connection:
            _get(connection, number)
            connection.executemany(
                "INSERT INTO comment (number, at, body) SELECT :number, :at, :body WHERE NOT EXISTS"
                " (SELECT 1 FROM comment WHERE number = :number AND at = :at AND body = :body)",
                [{"number": number, "at": at, "body": dumps(text)} for text in lines],
            )

    def comments(self, number: int) -> Sequence[tuple[float, str]]:
        with self._database.read() as connection:
            _get(connection, number)
            rows = connection.execute("SELECT at, body FROM comment WHERE number = ? ORDER BY id", (number,))
            return [(at, loads(body)) for at, body in rows]

    def find(self, key: str) -> Dream | None:
        found = self.search(key=key, limit=1)
        return found[0] if found else None

    def get(self, number: int) -> Dream:
        with self._database.read() as connection:
            return _get(connection, number)

    def search(
        self, *, states: Collection[DreamState] = (), key: str | None = None, limit: int = 1000
    ) -> Sequence[Dream]:
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT number, body FROM dream"
                " WHERE (:any OR state IN (SELECT value FROM json_each(:states))) AND (:key IS NULL OR key = :key)"
                " ORDER BY number DESC LIMIT :limit",
                {
                    "any": not states,
                    "states": dumps(list(states)),
                    "key": None if key is None else column(key),
                    "limit": max(0, limit),
                },
            )
            return [dream_from(number, body) for number, body in rows]


def _get(connection: sqlite3.Connection, number: int) -> Dream:
    row = connection.execute("SELECT body FROM dream WHERE number = ?", (number,)).fetchone()
    if row is None:
        raise NotFound("dream", str(number))
    return dream_from(number, row[0])


def _not_ended(connection: sqlite3.Connection, key: str) -> Dream | None:
    row = connection.execute(
        "SELECT number, body FROM dream WHERE key = ? AND state NOT IN ('resolved', 'wont-fix')",
        (column(key),),
    ).fetchone()
    return None if row is None else dream_from(*row)
