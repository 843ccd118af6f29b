"""`dreamnet init` on a real terminal: what it asks, and what it takes for an answer."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.bootstrap import check_config
from tests.entrances.repositories import FLASK, repository, snapshot

PIN = "0123456789abcdef0123456789abcdef01234567"
EVERY_FILE = {
    ".github/dreamnet.yml",
    *(f".github/workflows/dreamnet-{one}.yml" for one in ("deploy", "dream", "relay")),
}


class Terminal:
    """A real terminal with the command in it; answers are typed when their question is there."""

    def __init__(self, root: Path, *arguments: str) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(root)
            os.execv(sys.executable, [sys.executable, "-m", "dreamnet_actions", "init", *arguments])
        self.said = ""

    def answer(self, question: str, text: str) -> None:
        seen = len(self.said)
        self.until(lambda: question in self.said[seen:] or question in self.said)
        os.write(self.fd, f"{text}\n".encode())
        self.said = ""

    def until(self, there: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not there() and time.monotonic() < end:
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    self.said += os.read(self.fd, 65536).decode("utf-8", "replace")
                except OSError:
                    break
        assert there(), self.said

    def ends(self) -> int:
        try:
            while chunk := os.read(self.fd, 65536):
                self.said += chunk.decode("utf-8", "replace")
        except OSError:
            pass
        pid, self.pid = self.pid, 0
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def close(self) -> None:
        """End what is left of it, so that no failed test leaves a process behind."""
        os.close(self.fd)
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    with ExitStack() as stack:

        def make(root: Path, *arguments: str) -> Terminal:
            made = Terminal(root, *arguments)
            stack.callback(made.close)
            return made

        yield make


@pytest.mark.slow
def test_questions_have_good_answers_ready_and_take_others(
    tmp_path: Path, terminal: Callable[..., Terminal]
) -> None:
    root = repository(tmp_path, {"app.py": FLASK})
    here = terminal(root, "--ref", PIN)
    here.answer("Service [", "Shop Window")
    here.answer("Write --service shop-window.", "window")
    here.answer("How it starts", "")
    here.answer("Port for clients [5000]", "5055")
    here.answer("is well [http://127.0.0.1:5055/healthz]", "")
    here.answer("How often to check (30m, 1h, or a cron line) [30m]", "3m")
    here.answer("5 minutes", "2h")
    here.answer("Write 4 files?", "y")
    assert here.ends() == 0
    assert 'cron: "7 0,2,4' in (root / ".github/workflows/dreamnet-dream.yml").read_text()
    window: Any = check_config(root).config.services["window"]
    assert window.command[:3] == ("python3", "-m", "flask")
    assert (window.port, window.checks["home"].http) == (5055, "http://127.0.0.1:5055/healthz")
    assert set(snapshot(root)) == {"app.py", *EVERY_FILE}


@pytest.mark.slow
def test_no_is_no(tmp_path: Path, terminal: Callable[..., Terminal]) -> None:
    root = repository(tmp_path, {"app.py": FLASK})
    here = terminal(root)
    for question in ("Service [", "How it starts", "Port for", "is well", "How often"):
        here.answer(question, "")
    here.answer("Write 4 files?", "n")
    assert here.ends() == 130
    assert set(snapshot(root)) == {"app.py"}
