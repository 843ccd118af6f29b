"""Checks that are commands: no shell, a session of their own, killed as a whole group when their time is up."""

from __future__ import annotations

import contextlib
import os
import queue
import selectors
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from time import monotonic
from typing import NamedTuple

from dreamnet_actions.adapters.probes.options import CommandCheck
from dreamnet_actions.adapters.probes.outcome import Outcome
from dreamnet_actions.adapters.probes.text import plain

AT_ONCE = 64
"""The most commands that run at the same time: each is a process of its own."""
_TAIL = 8192
_PAUSE = 0.2
"""Seconds after which a wait looks up, to see whether the round was ended."""


class Run(NamedTuple):
    """A command to run. From another thread, ``done`` gets what it came to, or ``failed`` a bug of ours."""

    check: CommandCheck
    done: Callable[[Outcome], None]
    failed: Callable[[BaseException], None]


class Commands:
    """Runs the commands of one round in daemon threads. ``until`` is the round's end in monotonic seconds."""

    def __init__(self, *, until: float, directory: str, environment: Mapping[str, str] | None) -> None:
        self._until, self._directory, self._environment = until, directory, environment
        self._waiting: queue.SimpleQueue[Run | None] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._threads = 0

    def add(self, run: Run) -> None:
        """Begin this command as soon as a thread is free."""
        if self._threads < AT_ONCE:
            self._threads += 1
            threading.Thread(target=self._work, name="dreamnet-command", daemon=True).start()
        self._waiting.put(run)

    def close(self) -> None:
        """Kill what still runs; nothing more begins."""
        self._ended.set()
        for _ in range(self._threads):
            self._waiting.put(None)

    def _work(self) -> None:
        while (run := self._waiting.get()) is not None and not self._ended.is_set():
            try:
                run.done(self._outcome(run.check))
            except BaseException as error:  # noqa: BLE001  # raised again by the reader of the reports
                run.failed(error)

    def _outcome(self, check: CommandCheck) -> Outcome:
        began = monotonic()
        name = plain(check.command[0], 80)
        if began >= self._until:
            return Outcome("unknown", None, f"The round's time was over before {name} could begin")
        try:
            process = subprocess.Popen(
                check.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=self._directory,
                env=self._environment,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            # Not found, not executable, no process left, a NUL in an argument: all of them ours.
            why = (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
            return Outcome("unknown", None, f"The command {name} could not be started: {plain(why)}")
        wanted_by = began + check.timeout
        try:
            tail, in_time = self._watch(process, min(wanted_by, self._until))
        finally:
            status = _end(process)
        seconds = monotonic() - began
        said = _last_line(tail)
        phases = {"total": seconds}
        if not in_time:
            whose = "when its time was up" if wanted_by <= self._until else "when the round's time was over"
            return Outcome(
                "failed",
                "timeout",
                plain(f"{name} was still running after {seconds:.1f} s {whose}{said}"),
                phases,
            )
        if status == check.exit_status:
            return Outcome("passed", None, plain(f"{name} ended with status {status}{said}"), phases)
        ended = f"was killed by {_signal(-status)}" if status < 0 else f"ended with status {status}"
        return Outcome(
            "failed", "exit-status", plain(f"{name} {ended}, expected {check.exit_status}{said}"), phases
        )

    def _watch(self, process: subprocess.Popen[bytes], until: float) -> tuple[bytes, bool]:
        """Read the output until the command ends; answers its tail and whether it ended in time.

        A child of the command may hold the output open: what counts is the end of the command itself.
        """
        if process.stdout is None:
            raise RuntimeError("the command was started without a pipe")
        out = process.stdout.fileno()
        os.set_blocking(out, False)
        tail = b""
        with selectors.DefaultSelector() as selector:
            selector.register(out, selectors.EVENT_READ)
            pid = _pid_file(process.pid)
            if pid is not None:
                selector.register(pid, selectors.EVENT_READ)
            pause = _PAUSE if pid is not None else 0.005
            try:
                while True:
                    ended = _has_ended(process)
                    tail, more = _read(out, tail)
                    if not more and out in selector.get_map():
                        selector.unregister(out)
                    if ended:
                        return tail, True
                    left = until - monotonic()
                    if left <= 0 or self._ended.is_set():
                        return tail, False
                    selector.select(min(left, pause))
            finally:
                if pid is not None:
                    os.close(pid)


def _read(out: int, tail: bytes) -> tuple[bytes, bool]:
    """Read what is there, at most 1 MiB at once; answers the new tail and whether more may come."""
    for _ in range(16):
        try:
            piece = os.read(out, 65536)
        except BlockingIOError:
            return tail, True
        if not piece:
            return tail, False
        tail = (tail + piece)[-_TAIL:]
    return tail, True


def _pid_file(pid: int) -> int | None:
    """Answer a descriptor that becomes readable when the process ends, where the system has such a thing."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Tell whether the command has ended, without reaping it: its group keeps its number until ``_end``."""
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except (AttributeError, ChildProcessError):
        return process.poll() is not None


def _end(process: subprocess.Popen[bytes]) -> int:
    """Kill what is left of the command's group, reap the command and answer its status (negative: a signal's)."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    if process.stdout is not None:
        process.stdout.close()
    return process.wait()


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_line(tail: bytes) -> str:
    lines = [line.strip() for line in tail.decode("utf-8", "replace").splitlines()]
    last = next((line for line in reversed(lines) if line), "")
    return f": {last}" if last else ""
