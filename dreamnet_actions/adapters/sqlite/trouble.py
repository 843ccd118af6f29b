"""What SQLite's errors mean here, as one table by primary result code (https://www.sqlite.org/rescode.html)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dreamnet_actions.errors import Conflict, DreamNetError, PermanentError, StateDamaged, TemporaryError

_TEMPORARY: dict[int, tuple[str, str, float]] = {
    sqlite3.SQLITE_BUSY: (
        "is locked by another process for longer than we wait",
        "Try again. If it stays so, look for a stopped 'dreamnet' process or a program that has the file open.",
        1.0,
    ),
    sqlite3.SQLITE_LOCKED: ("is locked", "Try again.", 1.0),
    sqlite3.SQLITE_FULL: ("cannot grow: the disk is full", "Free some space, then try again.", 60.0),
    sqlite3.SQLITE_IOERR: (
        "cannot be read or written by the system",
        "Look at the disk and the free space; a network file system will not do.",
        30.0,
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened",
        "Its folder must be writable for this user, and the system must have file handles left.",
        30.0,
    ),
    sqlite3.SQLITE_PROTOCOL: ("is locked by too many at once", "Try again.", 1.0),
    sqlite3.SQLITE_NOMEM: ("needs more memory than there is", "Free some memory, then try again.", 30.0),
}
_PERMANENT: dict[int, str] = {
    sqlite3.SQLITE_READONLY: "may not be written",
    sqlite3.SQLITE_PERM: "may not be used",
}
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})
_TAKEN = frozenset({sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY})


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's and the file system's errors within the block into ours; anything else is a bug and passes."""
    try:
        yield
    except sqlite3.Error as error:
        ours = _translation(path, error)
        if ours is None:
            raise
        raise ours from error
    except OSError as error:
        raise PermanentError(
            f"The state in {path} cannot be used: {error.strerror or error}.",
            hint="Its folder must be writable for this user.",
        ) from error


def _translation(path: Path, error: sqlite3.Error) -> DreamNetError | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    if code in _TAKEN:
        return Conflict(f"Something in {path}")
    primary = code & 0xFF  # the extended codes carry the primary one in their lowest byte
    if primary in _DAMAGED:
        return StateDamaged(str(path), str(error))
    if primary in _TEMPORARY:
        what, hint, seconds = _TEMPORARY[primary]
        return TemporaryError(f"The state in {path} {what} ({error}).", hint=hint, retry_after=seconds)
    if primary in _PERMANENT:
        return PermanentError(
            f"The state in {path} {_PERMANENT[primary]} ({error}).",
            hint="Check who owns the file and its folder.",
        )
    return None
