"""Checks that are commands: real processes, well and ill."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil
import pytest

from dreamnet_actions.adapters.probes.options import CommandCheck
from tests.probes.rounds import round_of


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class TestCommands:
    def test_status_and_last_line_are_told(self) -> None:
        good, bad = round_of(
            CommandCheck(command=("sh", "-c", "echo first; echo last; echo")),
            CommandCheck(command=("sh", "-c", "printf 'a\\n\\033[31mb'; exit 3")),
        )
        assert (good.status, good.detail) == ("passed", "sh ended with status 0: last")
        assert (bad.status, bad.cause) == ("failed", "exit-status")
        assert bad.detail == "sh ended with status 3, expected 0: \\x1b[31mb"

    def test_another_status_may_be_well(self) -> None:
        (report,) = round_of(CommandCheck(command=("sh", "-c", "exit 3"), exit_status=3))
        assert report.status == "passed"

    def test_what_cannot_start_is_our_fault(self, tmp_path: Path) -> None:
        (tmp_path / "text").write_text("x")
        for command in ("no-such-program", str(tmp_path / "text"), str(tmp_path), "a\0b"):
            (report,) = round_of(CommandCheck(command=(command,)))
            assert (report.status, report.cause) == ("unknown", None)

    def test_no_shell_reads_the_arguments(self, tmp_path: Path) -> None:
        (report,) = round_of(CommandCheck(command=("echo", "$(touch x); `touch y`")), directory=tmp_path)
        assert report.detail.endswith("$(touch x); `touch y`")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.slow
    def test_the_whole_group_is_killed_at_the_timeout(self, tmp_path: Path) -> None:
        command = ("sh", "-c", f"trap '' TERM; (sleep 1; touch {tmp_path}/survived) & echo waiting; sleep 60")
        began = time.monotonic()
        (report,) = round_of(CommandCheck(command=command, timeout=0.4))
        assert time.monotonic() - began < 30, "nobody waits for the command to end"
        assert (report.status, report.cause) == ("failed", "timeout")
        assert report.detail.endswith("waiting")
        time.sleep(1.0)
        assert not (tmp_path / "survived").exists()

    @pytest.mark.slow
    def test_a_child_that_holds_the_output_holds_up_nobody(self, tmp_path: Path) -> None:
        child = tmp_path / "child"
        held = f"sleep 60 & echo $! > {child}; echo done"
        began = time.monotonic()
        (report,) = round_of(CommandCheck(command=("sh", "-c", held), timeout=50.0))
        assert time.monotonic() - began < 45, "nobody waits for the child"
        assert (report.status, report.detail.endswith("done")) == ("passed", True)
        gone = time.monotonic() + 20
        while _lives(int(child.read_text())):
            assert time.monotonic() < gone, "the child is left"
            time.sleep(0.02)

    def test_endless_output_is_bounded(self) -> None:
        (report,) = round_of(CommandCheck(command=("yes", "x" * 1000), timeout=0.5))
        assert report.cause == "timeout"
        assert len(report.detail) <= 300

    def test_a_signal_is_named(self) -> None:
        (report,) = round_of(CommandCheck(command=("sh", "-c", "kill -SEGV $$")))
        assert "was killed by SIGSEGV" in report.detail

    def test_many_run_at_once(self) -> None:
        began = time.monotonic()
        reports = round_of(*[CommandCheck(command=("sleep", "0.5"))] * 40)
        assert {one.status for one in reports} == {"passed"}
        assert time.monotonic() - began < 15, "one after another they take twenty"

    def test_environment_is_given(self) -> None:
        (report,) = round_of(
            CommandCheck(command=("sh", "-c", "echo ${A-none}")),
            environment={"A": "b", "PATH": os.environ["PATH"]},
        )
        assert report.detail.endswith(": b")
