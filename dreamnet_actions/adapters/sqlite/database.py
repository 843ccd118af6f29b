"""One SQLite file for several processes and threads at once.

Write-ahead logging, so that readers never wait. ``synchronous=NORMAL``: what was committed outlives the death of the
process by any signal, for it is with the operating system by then; when the power fails, the newest commits may be
lost, but the file is whole. Writers take the write lock at the start (``BEGIN IMMEDIATE``): a transaction that began
by reading could not wait for it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from dreamnet_actions.adapters.owner import is_dead
from dreamnet_actions.adapters.sqlite.schema import APPLICATION_ID, MIGRATIONS, VERSION
from dreamnet_actions.adapters.sqlite.trouble import translated
from dreamnet_actions.errors import StateDamaged

BUSY_SECONDS = 10.0
"""How long a statement waits for another process's write before it is a TemporaryError."""


class Database:
    """An open database: a connection per thread, made when the thread first asks. ``open_database`` makes it.

    May be shared by all threads; a forked child gets connections of its own. SQL here may call ``dead_owner(owner)``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mine = threading.local()
        self._guard = threading.Lock()
        self._opened: list[tuple[weakref.ref[threading.Thread], int, sqlite3.Connection]] = []

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Give a connection for one reading statement: each sees one consistent state of the database."""
        with translated(self.path):
            yield self._connection()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Give a connection within a transaction: committed at the block's end, undone by any exception."""
        with translated(self.path):
            connection = self._connection()
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def check(self) -> None:
        """Look through the whole file; raises StateDamaged with the first thing that is wrong."""
        with self.read() as connection:
            (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if answer != "ok":
            raise StateDamaged(str(self.path), answer)

    def close(self) -> None:
        """Close every thread's connection. No other thread may be using the database any more."""
        with self._guard:
            for _, pid, connection in self._opened:
                if pid == os.getpid():
                    connection.close()
            self._opened.clear()
        self._mine = threading.local()

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _connection(self) -> sqlite3.Connection:
        pid = os.getpid()
        if getattr(self._mine, "pid", None) != pid:
            connection = _connect(self.path)
            with self._guard:
                self._forget_ended_threads(pid)
                self._opened.append((weakref.ref(threading.current_thread()), pid, connection))
            self._mine.pid, self._mine.connection = pid, connection
        mine: sqlite3.Connection = self._mine.connection
        return mine

    def _forget_ended_threads(self, pid: int) -> None:
        """Close what ended threads left open. A connection from before a fork is kept: closing it here would take
        the parent's locks away."""
        kept = []
        for thread, opener, connection in self._opened:
            owner = thread()
            if opener == pid and (owner is None or not owner.is_alive()):
                connection.close()
            else:
                kept.append((thread, opener, connection))
        self._opened = kept


def open_database(path: Path) -> Database:
    """Open the database at ``path``, made anew (and its folder, for this user only) where there is none.

    Brings an older schema up to date. Raises StateDamaged for what is no database of ours or a newer one's,
    TemporaryError when it cannot be had now.
    """
    with translated(path):
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _create(path)
        elif path.is_dir():
            raise StateDamaged(str(path), "it is a directory")
        elif path.stat().st_mode & 0o077:
            path.chmod(0o600)
        # Only for the first look: the threads make their own.
        connection = _connect(path)
        try:
            _prepare(path, connection)
        finally:
            connection.close()
    return Database(path)


def _connect(path: Path) -> sqlite3.Connection:
    # check_same_thread: each connection is used by one thread, but closed by whoever cleans up.
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.create_function("dead_owner", 1, is_dead)
    return connection


def _create(path: Path) -> None:
    """Make the database under another name and link it into place.

    So nobody ever sees one that is half made or readable by others, and of several that begin at once one wins.
    (Opening the file by hand and closing it would, in this process, drop the locks of connections that are open.)
    """
    import tempfile  # late: once in a database's life

    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    try:
        connection = _connect(Path(name))
        try:
            _prepare(Path(name), connection)
        finally:
            connection.close()
        _place(Path(name), path)
    finally:
        for suffix in ("", "-wal", "-shm"):
            Path(name + suffix).unlink(missing_ok=True)


def _place(made: Path, path: Path) -> None:
    with suppress(FileExistsError):
        try:
            os.link(made, path)
        except FileExistsError:
            raise
        except OSError:
            # A file system without hard links. This could replace another's new and still empty database: only then.
            if not path.exists():
                made.rename(path)


def _prepare(path: Path, connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging and bring the schema up to date."""
    version = _version(path, connection)
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    if mode != "wal":
        connection.execute("PRAGMA journal_mode = WAL")
    if version == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Again, now that nobody else can write: another process may have done it meanwhile.
        for migration in MIGRATIONS[_version(path, connection) :]:
            for statement in migration:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _version(path: Path, connection: sqlite3.Connection) -> int:
    """Answer the file's schema; raises StateDamaged where it is not ours to touch."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and (version or tables):
        raise StateDamaged(str(path), "it is a database of another program")
    if version > VERSION:
        error = StateDamaged(
            str(path), f"a newer DreamNet wrote it (schema {version}; this one knows up to {VERSION})"
        )
        error.hint = "Update DreamNet; or move the file away to start afresh."
        raise error
    return int(version)
