"""Who a process is. A pid is a number that the system gives out again; a pid with its start time is not.

Facts: on Linux ``/proc/<pid>/stat`` holds the state, parent, group and session, and as its 22nd field the start
time in clock ticks since boot (proc_pid_stat(5)); it never changes and does not move with the wall clock, which
psutil's ``create_time`` does. ``/proc/<pid>/environ`` is the environment that the program started with. A pidfd
(pidfd_open(2)) stays bound to its process, so open, compare, then signal can never hit a newcomer. Elsewhere
(macOS) psutil answers the same questions, and between compare and signal a small gap is left.

Every process that the platform starts carries two variables, and its children inherit them:
``DREAMNET_PLATFORM=<instance>.<epoch>`` (128 random bits of the state directory, and which run of its supervisor)
and ``DREAMNET_REPLICA=<id>``.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PLATFORM_VARIABLE = "DREAMNET_PLATFORM"
REPLICA_VARIABLE = "DREAMNET_REPLICA"


@dataclass(frozen=True, slots=True)
class Identity:
    """One process for good: its pid and its start time (clock ticks since boot; elsewhere ms since 1970)."""

    pid: int
    started: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a process stands among others. ``zombie``: it has ended and nobody has reaped it yet."""

    identity: Identity
    parent: int
    group: int
    session: int
    zombie: bool


def boot_id() -> str:
    """Name this boot of the machine: start times of another boot mean nothing."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    import psutil

    return str(int(psutil.boot_time()))


def standing(pid: int) -> Standing | None:
    """Answer where the process stands, or None when there is none with this pid."""
    if sys.platform != "linux":
        return _standing_elsewhere(pid)
    text = _read(f"/proc/{pid}/stat")
    if not text:
        return None
    fields = text[text.rindex(b")") + 2 :].split()  # the name before it may hold blanks and brackets
    return Standing(
        identity=Identity(pid, int(fields[19])),
        parent=int(fields[1]),
        group=int(fields[2]),
        session=int(fields[3]),
        zombie=fields[0] in (b"Z", b"X"),
    )


def identity_of(pid: int) -> Identity | None:
    """Answer who has this pid now, or None."""
    found = standing(pid)
    return found.identity if found else None


def is_running(identity: Identity) -> bool:
    """Tell whether exactly this process still runs (a zombie does not)."""
    found = standing(identity.pid)
    return found is not None and found.identity == identity and not found.zombie


def marks(pid: int) -> tuple[str, str] | None:
    """Answer the values of our two variables in the process's environment, or None where it has none of ours (or is
    not ours to look into, or has overwritten its environment, as programs do that change their title)."""
    if sys.platform != "linux":
        return _marks_elsewhere(pid)
    raw = _read(f"/proc/{pid}/environ")
    if PLATFORM_VARIABLE.encode() not in raw:
        return None
    found = {}
    for entry in raw.split(b"\0"):
        name, _, value = entry.partition(b"=")
        found[name] = value.decode("utf-8", "replace")
    platform = found.get(PLATFORM_VARIABLE.encode())
    return None if platform is None else (platform, found.get(REPLICA_VARIABLE.encode(), ""))


def pids() -> Iterator[int]:
    """Go through all processes of the machine."""
    if sys.platform != "linux":
        import psutil

        return iter(psutil.pids())
    with os.scandir("/proc") as entries:
        return iter([int(entry.name) for entry in entries if entry.name.isdecimal()])


def children(pid: int) -> list[int]:
    """Answer the pids of a process's children, those that it adopted among them.

    ``/proc/<pid>/task/<tid>/children`` needs CONFIG_PROC_CHILDREN; without it all processes are asked for their parent.
    """
    found: list[int] = []
    try:
        with os.scandir(f"/proc/{pid}/task") as threads:
            for thread in threads:
                found.extend(int(one) for one in Path(thread.path, "children").read_bytes().split())
    except OSError:
        if standing(pid) is None:
            return []
        return [one for one in pids() if (stands := standing(one)) and stands.parent == pid]
    return found


def send(identity: Identity, number: int) -> bool:
    """Send a signal to exactly this process; False when it is gone or is not ours to signal."""
    if sys.platform != "linux":
        return _send_elsewhere(identity, number)
    try:
        descriptor = os.pidfd_open(identity.pid)
    except OSError:
        return False
    try:
        if identity_of(identity.pid) != identity:
            return False
        signal.pidfd_send_signal(descriptor, number)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def marked(belongs: Callable[[str], bool]) -> list[Identity]:
    """Answer the running processes whose ``DREAMNET_PLATFORM`` is one that ``belongs``."""
    found = []
    for pid in pids():
        before = identity_of(pid)
        mark = marks(pid)
        # Looked at before and after: both readings were of one and the same process.
        if before and mark and belongs(mark[0]) and is_running(before):
            found.append(before)
    return found


def sweep(belongs: Callable[[str], bool], also: Iterable[Identity] = (), *, within: float = 10.0) -> int:
    """End every marked process that ``belongs``, and ``also`` these, by SIGKILL; answer how many there were.

    Looks again until none is left, since a process may have started another meanwhile; gives up after ``within``
    seconds (a process in uninterruptible sleep cannot be ended by anybody).
    """
    deadline = time.monotonic() + within
    seen: set[Identity] = set()
    extra = set(also)
    while True:
        left = {*marked(belongs), *(one for one in extra if is_running(one))}
        seen |= left
        if not left or time.monotonic() > deadline:
            return len(seen)
        for one in left:
            send(one, signal.SIGKILL)
        time.sleep(0.01)


def _read(path: str) -> bytes:
    """Read a small file of /proc; empty when the process is gone or is not ours to look into."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        parts = []
        while part := os.read(descriptor, 65536):
            parts.append(part)
        return b"".join(parts)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def _standing_elsewhere(pid: int) -> Standing | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return Standing(
            identity=Identity(pid, round(process.create_time() * 1000)),
            parent=process.ppid(),
            group=os.getpgid(pid),
            session=os.getsid(pid),
            zombie=process.status() == psutil.STATUS_ZOMBIE,
        )
    except (psutil.Error, OSError):
        return None


def _send_elsewhere(identity: Identity, number: int) -> bool:
    if identity_of(identity.pid) != identity:
        return False
    try:
        os.kill(identity.pid, number)
    except OSError:
        return False
    return True


def _marks_elsewhere(pid: int) -> tuple[str, str] | None:
    import psutil

    try:
        found = psutil.Process(pid).environ()
    except (psutil.Error, OSError):
        return None
    platform = found.get(PLATFORM_VARIABLE)
    return None if platform is None else (platform, found.get(REPLICA_VARIABLE, ""))
