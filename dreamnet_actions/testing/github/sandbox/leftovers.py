"""What a sandbox leaves that was killed: its folder, and the services that ran by it. The next sandbox takes it away.

Whether a sandbox lives is told by a lock on a file in its folder: the kernel lets go of it with the process, however
that ends. A folder without that file is not ours to judge, and stays.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

PREFIX = "dreamnet-sandbox-"
ALIVE = "alive"


def live(root: Path) -> IO[bytes]:
    """Mark a sandbox's folder as one in use, for as long as the answered file is open."""
    new = root / f"{ALIVE}.new"
    held = new.open("wb")
    fcntl.flock(held, fcntl.LOCK_EX)
    new.rename(root / ALIVE)  # nobody ever sees it without its lock
    return held


def sweep(folder: Path, end_services: Callable[[Path], int]) -> int:
    """End what dead sandboxes below ``folder`` (the directory for temporary files) have left; answer how many.

    ``end_services`` is given each one's folder of state.
    """
    count = 0
    for root in sorted(folder.glob(f"{PREFIX}*")):
        with _dead(root) as dead:
            if dead:
                end_services(root / "state")
                shutil.rmtree(root, ignore_errors=True)
                count += 1
    return count


@contextlib.contextmanager
def _dead(root: Path) -> Iterator[bool]:
    """Say whether this is the folder of a sandbox of this user that lives no more."""
    try:
        if root.is_symlink() or root.stat().st_uid != os.getuid():
            raise PermissionError(root)
        held = os.open(root / ALIVE, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        yield False
        return
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(held)
