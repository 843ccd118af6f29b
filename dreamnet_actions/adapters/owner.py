"""Who holds a lease: a process, named so that its death can be seen and its pid's next user is not taken for it.

An owner is written ``place|pid|started``. ``place`` is where that pid has a meaning: on Linux the boot and the pid
namespace (two containers may share the database and a boot, and have the same pids); elsewhere the host's name.
``started`` tells the process from a later one that got the same pid.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")
_START_TIME = 19  # field 22 of /proc/<pid>/stat, counted from the state (field 3) that follows the name

_known: dict[int, str] = {}


def this_process() -> str:
    """Answer the owner that this process is. Kept by pid, for a forked child is another owner."""
    pid = os.getpid()
    if pid not in _known:
        _known.clear()
        _known[pid] = f"{_place()}|{pid}|{_started(pid)}"
    return _known[pid]


def is_dead(owner: str) -> bool:
    """Say whether that owner is dead for certain.

    An owner of another boot, host or container cannot be seen from here: that is False, and its lease ends by time.
    """
    place, _, rest = owner.partition("|")
    pid, _, started = rest.partition("|")
    if owner == this_process() or place != this_process().partition("|")[0] or not pid.isdecimal():
        return False
    now = _started(int(pid))
    if now is None:
        return not _exists(int(pid))
    return now != started


def named(owner: str) -> str:
    """Name the owner for people."""
    pid = owner.partition("|")[2].partition("|")[0]
    return f"this process ({pid})" if owner == this_process() else f"process {pid}"


def _place() -> str:
    try:
        return f"{_BOOT.read_text().strip()}/{_NAMESPACE.readlink()}"
    except OSError:
        return os.uname().nodename


def _started(pid: int) -> str | None:
    """Answer when the process started, in a unit of the system's own; None where it is gone or cannot be seen."""
    if sys.platform != "linux":
        return _started_elsewhere(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    # The name stands in parentheses and may hold blanks and parentheses itself: count from the last one.
    fields = stat.rpartition(")")[2].split()
    # A zombie runs no code any more; only its parent has not looked yet.
    return "ended" if fields[0] in "ZX" else fields[_START_TIME]


def _started_elsewhere(pid: int) -> str | None:
    import psutil  # late: Linux does not need it

    try:
        process = psutil.Process(pid)
        return "ended" if process.status() == psutil.STATUS_ZOMBIE else repr(process.create_time())
    except psutil.Error:
        return None


def _exists(pid: int) -> bool:
    """Say whether there is such a process, also one that /proc hides from us (``hidepid``)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
