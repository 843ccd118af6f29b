"""A command of git's runs to its end, or is ended with all that it started."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from dreamnet_actions.adapters.gitcalls import Running, finished

PARENT = 'sleep 1000 & echo $! >"$0"; echo said; wait'
"""A command with a child that holds its output open, as git's helpers for the network do."""


def gone(pid: int) -> bool:
    """Wait until that process is no more, or is only still listed."""
    until = time.monotonic() + 10.0
    while time.monotonic() < until:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.01)
    return False


def child(file: Path) -> int:
    """Wait for the child's number."""
    until = time.monotonic() + 10.0
    while not (file.exists() and file.read_text("utf-8").endswith("\n")):
        assert time.monotonic() < until
        time.sleep(0.01)
    return int(file.read_text("utf-8"))


def test_it_answers_status_and_output_and_gives_what_is_given(tmp_path: Path) -> None:
    script = (
        "import os, sys; sys.stderr.write(os.environ['A']); print(sys.stdin.read(), os.getcwd()); sys.exit(3)"
    )
    running = Running()
    done = finished(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"A": "b"},
        timeout=30.0,
        given=b"x",
        running=running,
    )
    assert (done.returncode, done.stdout.split(), done.stderr) == (3, [b"x", str(tmp_path).encode()], b"b")
    assert len(running) == 0


def test_when_its_time_is_up_its_children_end_too(tmp_path: Path) -> None:
    file = tmp_path / "child"
    running = Running()
    with pytest.raises(subprocess.TimeoutExpired):
        finished(
            ["sh", "-c", PARENT, str(file)], cwd=tmp_path, env=dict(os.environ), timeout=0.5, running=running
        )
    assert gone(child(file))
    assert len(running) == 0


def test_an_interrupt_ends_it_with_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "child"

    def interrupted(*_: object) -> None:
        child(file)
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "communicate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        finished(["sh", "-c", PARENT, str(file)], cwd=tmp_path, env=dict(os.environ), timeout=30.0)
    assert gone(child(file))


def test_another_thread_can_end_it(tmp_path: Path) -> None:
    file = tmp_path / "child"
    running = Running()
    done: list[subprocess.CompletedProcess[bytes]] = []

    def work() -> None:
        command = ["sh", "-c", PARENT, str(file)]
        done.append(finished(command, cwd=tmp_path, env=dict(os.environ), timeout=30.0, running=running))

    thread = threading.Thread(target=work)
    thread.start()
    child(file)
    running.end()
    thread.join(10.0)
    assert [one.returncode for one in done] == [-9]
    assert gone(child(file))
    assert len(running) == 0
    running.end()  # nothing to end is no error
