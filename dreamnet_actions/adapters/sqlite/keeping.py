"""The database looked through (the port ``Keeping``). It is not repaired here: SQLite's own log keeps it whole."""

from __future__ import annotations

from collections.abc import Iterator

from dreamnet_actions.adapters.sqlite.codec import loads
from dreamnet_actions.adapters.sqlite.database import Database
from dreamnet_actions.errors import RequestError, StateDamaged
from dreamnet_actions.ports.keeping import Flaw, Keeping, Repaired, Verified


class SqliteKeeping(Keeping):
    """Looks through one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def verify(self, *, whole: bool = True) -> Verified:
        """Look through the file and, where ``whole``, into every row."""
        try:
            self._database.check()
            flaws = list(self._rows()) if whole else []
        except StateDamaged as error:
            flaws = [Flaw(file=str(self._database.path), what=error.message)]
        with self._database.read() as connection:
            (facts,) = connection.execute("SELECT count(*) FROM fact").fetchone() if not flaws else (0,)
        path = self._database.path
        return Verified(where=str(path), flaws=flaws, facts=facts, files=1, size=path.stat().st_size)

    def repair(self, *, dry_run: bool) -> Repaired:  # noqa: ARG002 — the port's signature
        flaws = self.verify().flaws
        if flaws:
            raise RequestError(
                f"{flaws[0]}. The journal of the home 'embedded' cannot be repaired.",
                hint="Run 'dreamnet down' and move the file away; keep it if you want to know what happened.",
            )
        return Repaired(flaws=(), steps=())

    def compact(self) -> str:
        """Say how much is free: what was dropped leaves pages that are filled first, so that the file does not grow."""
        with self._database.read() as connection:
            (pages,) = connection.execute("PRAGMA freelist_count").fetchone()
            (size,) = connection.execute("PRAGMA page_size").fetchone()
        return f"{pages * size / 1e6:.1f} MB of the file are free for what comes."

    def _rows(self) -> Iterator[Flaw]:
        """Yield every row whose data cannot be read."""
        for table, key in (("fact", "seq"), ("shared", "key")):
            with self._database.read() as connection:
                rows = connection.execute(f"SELECT {key}, body FROM {table} ORDER BY {key}").fetchall()  # noqa: S608
            for name, body in rows:
                try:
                    _ = None if body is None else loads(body)
                except (ValueError, RecursionError) as error:
                    yield Flaw(file=str(self._database.path), what=f"{table} {name!r} is no JSON ({error})")
