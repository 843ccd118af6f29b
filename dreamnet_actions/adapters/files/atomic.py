"""Files that are always whole: written beside, flushed to the disk, then put in place by one rename."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from dreamnet_actions.errors import ConfigError, PermanentError, TemporaryError


def read_text(file: Path, what: str, *, hint: str) -> str:
    """Answer a file's text. Raises ConfigError when it is not there or no UTF-8, TemporaryError when unreadable."""
    try:
        return read_some(file, None, what, hint=hint).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # Not from it: the error holds the file's bytes, and says one of them.
        raise ConfigError(f"{what} {file} is no UTF-8 text (at byte {error.start}).", hint=hint) from None


def read_some(file: Path, most: int | None, what: str, *, hint: str) -> bytes:
    """Answer a file's first ``most`` bytes (None: all of it). Raises as ``read_text`` does, whatever the bytes are."""
    try:
        with file.open("rb") as opened:
            return opened.read(most)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ConfigError(f"{what} {file} is not there.", hint=hint) from error
    except IsADirectoryError as error:
        raise ConfigError(f"{what} {file} is a directory.", hint=hint) from error
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise TemporaryError(f"{what} {file} cannot be read: {why}.", hint="See who may read it.") from error


def write_bytes(file: Path, data: bytes, *, mode: int | None = None) -> None:
    """Make ``data`` the whole of ``file``, all or nothing.

    ``mode`` are the permissions of the file; left out, those that it has, else 0644. A symbolic link stays one:
    what it points to is replaced. Raises PermanentError where it cannot be written.
    """
    try:
        place = file.resolve()
        if mode is None:
            mode = place.stat().st_mode & 0o777 if place.exists() else 0o644
        place.parent.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(prefix=f".{place.name}.", suffix=".new", dir=place.parent)
        try:
            with os.fdopen(number, "wb") as new:
                new.write(data)
                new.flush()
                os.fchmod(new.fileno(), mode)
                os.fsync(new.fileno())
            Path(name).replace(place)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
        _sync(place.parent)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise PermanentError(f"{file} cannot be written: {why}.", hint="See who may write there.") from error


def _sync(directory: Path) -> None:
    """Flush the directory, so that the rename outlives a power cut."""
    with contextlib.suppress(OSError):  # some file systems have no such thing
        number = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
