"""The journal in SQLite: facts in one table, shared data in another."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from dreamnet_actions.adapters.sqlite.codec import column, dumps, loads
from dreamnet_actions.adapters.sqlite.database import Database
from dreamnet_actions.domain.journal import KINDS, Fact
from dreamnet_actions.errors import Conflict
from dreamnet_actions.ports.stores import Journal


class SqliteJournal(Journal):
    """Keeps facts and shared data in the database. A ``seq`` is in the order of commits: who has read up to one
    has missed none before it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, *facts: Fact) -> Sequence[Fact]:
        if not facts:
            return []
        rows = [(*_columns(fact), _body(fact)) for fact in facts]  # before the lock: nobody waits for JSON
        with self._database.write() as connection:
            return [
                replace(fact, seq=_insert(connection, row)) for fact, row in zip(facts, rows, strict=True)
            ]

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
        conditions = ["at >= ?", "seq > ?"]
        values: list[Any] = [since, after]
        for name, wanted in (("service", service), ("dream", dream), ("correlation_id", correlation_id)):
            if wanted is not None:
                conditions.append(f"{name} = ?")
                values.append(column(wanted))
        # A kind that a newer DreamNet wrote is left out: nobody here knows what it means.
        conditions.append(f"kind IN ({', '.join('?' * len(kinds or KINDS))})")
        values += [*(kinds or KINDS), max(0, limit)]
        with self._database.read() as connection:
            rows = connection.execute(
                f"SELECT seq, body FROM fact WHERE {' AND '.join(conditions)} ORDER BY seq DESC LIMIT ?",  # noqa: S608
                values,
            ).fetchall()
        return [Fact(seq=seq, **loads(body)) for seq, body in reversed(rows)]

    def compact(self, *, before: float, kinds: Collection[str]) -> int:
        with self._database.write() as connection:
            return sum(
                connection.execute("DELETE FROM fact WHERE kind = ? AND at < ?", (kind, before)).rowcount
                for kind in set(kinds)
            )

    def state(self, key: str) -> tuple[Any, int]:
        with self._database.read() as connection:
            return _shared(connection, key)

    def states(self, prefix: str) -> dict[str, Any]:
        start = column(prefix)
        with self._database.read() as connection:
            rows = connection.execute(
                # Not LIKE, which knows no upper and lower case and has signs of its own.
                "SELECT key, body FROM shared WHERE key >= ? AND substr(key, 1, ?) = ? AND body IS NOT NULL"
                " ORDER BY key",
                (start, len(start), start),
            )
            return {key: loads(body) for key, body in rows}

    def set_state(self, key: str, value: Any, *, version: int | None = None) -> int:
        body = None if value is None else dumps(value)
        with self._database.write() as connection:
            _, stored = _shared(connection, key)
            if version is not None and version != stored:
                raise Conflict(f"The shared state {key!r} (version {version} expected, {stored} found)")
            connection.execute(
                "INSERT INTO shared (key, version, body) VALUES (?, ?, ?)"
                " ON CONFLICT (key) DO UPDATE SET version = excluded.version, body = excluded.body",
                (column(key), stored + 1, body),
            )
            return stored + 1


def _columns(fact: Fact) -> tuple[str, float, str, str, str]:
    return fact.kind, fact.at, column(fact.service), column(fact.dream), column(fact.correlation_id)


def _body(fact: Fact) -> str:
    return dumps({name: value for name, value in vars(fact).items() if name != "seq"})


def _insert(connection: sqlite3.Connection, row: tuple[Any, ...]) -> int:
    seq = connection.execute(
        "INSERT INTO fact (kind, at, service, dream, correlation_id, body) VALUES (?, ?, ?, ?, ?, ?)", row
    ).lastrowid
    assert seq is not None  # noqa: S101  # an INSERT that did not raise has a row
    return seq


def _shared(connection: sqlite3.Connection, key: str) -> tuple[Any, int]:
    row = connection.execute("SELECT body, version FROM shared WHERE key = ?", (column(key),)).fetchone()
    if row is None:
        return None, 0
    return (None if row[0] is None else loads(row[0])), row[1]
