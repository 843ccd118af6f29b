"""Starting the bed's parts, and waiting for what they do.

Each part is a process with a log of its own and the bed's mark in its environment. Every wait has a limit, ends early
when a part that it needs has ended, and shows that part's last words.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import psutil

from tests.cluster.errors import BedError
from tests.cluster.network import enter
from tests.cluster.places import MARK, Bed

T = TypeVar("T")

SLOW = float(os.environ.get("CLUSTER_PATIENCE", "1"))
"""Every limit is multiplied by this: more than 1 for a machine that is very busy."""


def start(bed: Bed, part: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    """Start a part in the bed's network, in a session of its own, and keep its pid and start time."""
    bed.logs.mkdir(parents=True, exist_ok=True)
    passed = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    with (bed.logs / f"{part}.log").open("ab") as log:
        process = subprocess.Popen(
            [*enter(bed), *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=bed.home,
            env={**passed, "HOME": str(bed.home), **(environment or {}), MARK: bed.name},
        )
    record = bed.home / "pids" / part
    record.parent.mkdir(exist_ok=True)
    record.write_text(f"{process.pid} {psutil.Process(process.pid).create_time()}\n", encoding="utf-8")


def running(bed: Bed, part: str) -> psutil.Process | None:
    """Answer a part's process, if it is that one and still runs."""
    try:
        pid, born = (bed.home / "pids" / part).read_text(encoding="utf-8").split()
        process = psutil.Process(int(pid))
        if process.create_time() != float(born) or process.status() == psutil.STATUS_ZOMBIE:
            return None
    except (FileNotFoundError, psutil.NoSuchProcess):
        return None
    return process


def parts(bed: Bed) -> list[str]:
    """Answer the names of the parts that were started."""
    folder = bed.home / "pids"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def kill(bed: Bed, part: str) -> None:
    """End one part at once, and see it gone; as a crash would."""
    process = running(bed, part)
    if process is not None:
        process.kill()
        wait_for(f"{part} to be gone after SIGKILL", lambda: running(bed, part) is None, 20)


def last_words(bed: Bed, part: str, lines: int = 15) -> str:
    """Answer the end of a part's log."""
    path: Path = bed.logs / f"{part}.log"
    if not path.is_file():
        return f"{part}: no log"
    text = path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    return "\n".join([f"last lines of {path}:", *(f"  {line[:400]}" for line in text)])


def wait_for(
    what: str,
    condition: Callable[[], T],
    seconds: float,
    *,
    bed: Bed | None = None,
    needs: Sequence[str] = (),
    every: float = 0.05,
    state: Callable[[], str] | None = None,
) -> T:
    """Wait until ``condition`` answers something true, and answer that.

    Args:
        what: What is waited for, for the error.
        condition: Asked again and again; an OSError means "not yet".
        seconds: The limit.
        bed: Whose parts are needed.
        needs: Parts without which it cannot come true; their logs are shown when it does not.
        every: Seconds between two questions.
        state: Asked at the limit, to say what was seen instead.

    Raises:
        BedError: At the limit, or once a part that is needed has ended.
    """
    began = time.monotonic()
    error = ""
    while True:
        try:
            answer = condition()
        except OSError as problem:
            error = f" ({problem})"
        else:
            error = ""
            if answer:
                return answer
        gone = [part for part in needs if bed is not None and running(bed, part) is None]
        passed = time.monotonic() - began
        if gone or passed > seconds * SLOW:
            said = [f"waited {passed:.0f} s for {what}{error}"]
            if gone:
                said = [f"{', '.join(gone)} ended while waiting for {what}"]
            if state is not None:
                said.append(state())
            said += [last_words(bed, part) for part in gone or needs if bed is not None]
            raise BedError("\n".join(said))
        time.sleep(every)
