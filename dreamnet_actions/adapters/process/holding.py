"""One deployer a service at a time on this machine: a lock of the system's, which ends with the process that has it.

Beside it lie who has it, for people, and who waited last: ``hold/<service>``, ``.holder`` and ``.waits``.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dreamnet_actions.adapters.process.durable import private_directory, write_atomic
from dreamnet_actions.domain.times import rfc3339
from dreamnet_actions.errors import Leased

NOTE = 30.0
"""Seconds for which a note of who waits counts."""


@contextmanager
def held(directory: Path, service: str, what: str, wants: str) -> Iterator[str]:
    """Hold a service for the block, as ``Platform.hold`` says; ``what`` names it in what is raised."""
    file, holder, waits = (directory / f"{service}{end}" for end in ("", ".holder", ".waits"))
    private_directory(directory)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if wants:
                write_atomic(waits, wants.encode(), sync=False)
            raise Leased(what, _said(holder)) from None
        write_atomic(holder, str(os.getpid()).encode(), sync=False)
        noted = _noted(waits, holder.stat().st_mtime)
        yield "" if noted == wants else noted
    finally:
        os.close(descriptor)


def _said(holder: Path) -> str:
    try:
        pid, since = holder.read_text("utf-8"), holder.stat().st_mtime
    except FileNotFoundError:  # it is just about to say so
        return "another process"
    return f"process {pid} since {rfc3339(since)}, until it ends"


def _noted(waits: Path, now: float) -> str:
    """Take the note of who waited, by the file system's own time."""
    try:
        version, age = waits.read_text("utf-8"), now - waits.stat().st_mtime
    except FileNotFoundError:
        return ""
    waits.unlink(missing_ok=True)
    return version if age < NOTE else ""
