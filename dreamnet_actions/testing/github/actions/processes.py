"""act's process and all that its steps started: cancelled as the runner does it, and never left behind.

Cancelling: SIGINT to each step's entry process, SIGTERM 7.5 s later, SIGKILL 2.5 s after that; then act itself
is told, which goes on with the steps that ask to run on a cancel
(https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-cancellation). act alone would kill
the entry process at once. At the end of a run every process that carries its tracking id is ended, as the
runner does.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable

import psutil

TRACKING = "RUNNER_TRACKING_ID"
INTERRUPT_SECONDS = 7.5
TERMINATE_SECONDS = 2.5
LAST_STEPS_SECONDS = 300
"""After this a cancelled run is ended whatever it does (five minutes, the page above)."""
_LOOK = 0.01


def entries(act: int, job: tuple[str, str] | None = None) -> list[psutil.Process]:
    """Answer the entry processes of the steps under way: act's children; of one job by its mark (name and
    value)."""
    try:
        children = psutil.Process(act).children()
    except psutil.Error:
        return []
    return [one for one in children if job is None or _variable(one, job[0]) == job[1]]


def _variable(process: psutil.Process, name: str) -> str | None:
    try:
        return process.environ().get(name)
    except (psutil.Error, OSError):
        return None


def interrupt(
    processes: Iterable[psutil.Process],
    *,
    interrupt_seconds: float = INTERRUPT_SECONDS,
    terminate_seconds: float = TERMINATE_SECONDS,
) -> None:
    """End entry processes as the runner does: SIGINT, SIGTERM, then SIGKILL for the whole tree."""
    left = list(processes)
    for number, seconds in ((signal.SIGINT, interrupt_seconds), (signal.SIGTERM, terminate_seconds)):
        for one in left:
            with contextlib.suppress(psutil.Error):
                one.send_signal(number)
        left = _alive_after(left, seconds)
    for one in left:
        kill_tree(one)


def _alive_after(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    end = time.monotonic() + seconds
    pause = threading.Event()
    while (left := [one for one in processes if _lives(one)]) and time.monotonic() < end:
        pause.wait(_LOOK)
    return left


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def kill_tree(process: psutil.Process) -> None:
    """Kill a process with all below it."""
    with contextlib.suppress(psutil.Error):
        below = process.children(recursive=True)
        for one in [*below, process]:
            with contextlib.suppress(psutil.Error):
                one.kill()


def kill_tracked(tracking: str, *, ours: Callable[[int], bool] = lambda _pid: False) -> int:
    """Kill every process of this user whose tracking id begins so; answer how many there were.

    ``ours`` spares a process. Looked for again until none is left, since one may be starting another.
    """
    count = 0
    for _ in range(20):
        found = [
            one
            for one in psutil.process_iter()
            if one.pid != os.getpid() and not ours(one.pid)
            if _lives(one) and (_variable(one, TRACKING) or "").startswith(tracking)
        ]
        if not found:
            break
        for one in found:
            with contextlib.suppress(psutil.Error):
                one.kill()
        psutil.wait_procs(found, timeout=1)
        count += len(found)
    return count
