"""One command of a build: its output to a log, its last line told while it runs, all that is left of it ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic

from dreamnet_actions.adapters.gitcalls import TAIL
from dreamnet_actions.errors import CommandFailed

EVERY = 1.0
"""Seconds between two words on how a command stands."""
_TIMED_OUT = 124
"""The status that timeout(1) gives to a command that it ended."""


def run(
    command: Sequence[str],
    *,
    name: str,
    cwd: Path,
    env: Mapping[str, str],
    log: Path,
    seconds: float,
    tell: Callable[[str], None],
) -> None:
    """Run a command for at most ``seconds``; ``name`` is what errors call it (its arguments may be long).

    Raises CommandFailed with its last lines, also where it could not be started.
    """
    began, status = monotonic(), None
    with log.open("ab") as out:
        start = out.tell()
        try:
            process = subprocess.Popen(
                list(command),
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise CommandFailed(name, 127, f"it could not be started: {error.strerror}") from error
        try:
            while status is None and (left := seconds - (monotonic() - began)) > 0:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    status = process.wait(min(EVERY, left))
                tell(next(iter(tail(log, start, 1)), "begins"))
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    lines = tail(log, start, 20)
    if status is None:
        lines.append(f"ended by DreamNet: still running after {seconds:g} s")
    if status != 0:
        raise CommandFailed(name, _TIMED_OUT if status is None else status, "\n".join(lines))


def tail(log: Path, start: int, lines: int) -> list[str]:
    """Answer the last lines of a log that were written after ``start``."""
    with log.open("rb") as said:
        said.seek(max(start, log.stat().st_size - TAIL))
        return said.read().decode("utf-8", "replace").rstrip().splitlines()[-lines:]
