"""Files that survive a SIGKILL: written whole beside their place, then moved there.

``os.replace`` is atomic within one file system (POSIX rename), so a reader sees the old file or the new one and
never half of either. With ``sync`` the data and the directory entry are on the disk before the call returns.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def write_atomic(path: Path, data: bytes, *, mode: int = 0o600, sync: bool = True) -> None:
    """Make ``data`` the whole content of ``path``. Raises OSError (a full disk) with the old file untouched."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        try:
            os.fchmod(descriptor, mode)
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            if sync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if sync:
        sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Put the directory's entries on the disk."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def private_directory(directory: Path) -> Path:
    """Make ``directory`` (and parents that are not there); only its owner may look into it."""
    if not directory.is_dir():
        private_directory(directory.parent)
        directory.mkdir(exist_ok=True, mode=0o700)
    return directory
