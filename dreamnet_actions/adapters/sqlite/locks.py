"""Locks in SQLite: one row per lease that is held."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from dreamnet_actions.adapters.owner import named, this_process
from dreamnet_actions.adapters.sqlite.codec import column
from dreamnet_actions.adapters.sqlite.database import Database
from dreamnet_actions.errors import Leased, TemporaryError
from dreamnet_actions.ports.stores import Lock
from dreamnet_actions.ports.system import Clock


class SqliteLock(Lock):
    """Holds leases in the database, by ``clock.now()``. One whose process died is free at once."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def lease(self, name: str, seconds: float) -> AbstractContextManager[None]:
        return self._held(name, seconds)

    @contextmanager
    def _held(self, name: str, seconds: float) -> Iterator[None]:
        fence = self._take(name, seconds)
        try:
            yield
        finally:
            # A lease that cannot be given back ends by time; what the block did is not undone by that.
            with suppress(TemporaryError), self._database.write() as connection:
                # By its number: after it ran out, the name may be somebody else's.
                connection.execute("DELETE FROM lease WHERE id = ?", (fence,))

    def _take(self, name: str, seconds: float) -> int:
        now = self._clock.now()
        with self._database.write() as connection:
            row = connection.execute(
                "SELECT owner FROM lease WHERE name = ? AND until > ? AND NOT dead_owner(owner)",
                (column(name), now),
            ).fetchone()
            if row is not None:
                raise Leased(name, named(row[0]))
            connection.execute("DELETE FROM lease WHERE name = ?", (column(name),))
            fence = connection.execute(
                "INSERT INTO lease (name, owner, until) VALUES (?, ?, ?)",
                (column(name), this_process(), now + seconds),
            ).lastrowid
        assert fence is not None  # noqa: S101  # an INSERT that did not raise has a row
        return fence
