"""A step that is told to stop ends by itself, safely; the next attempt goes on and ends well.

How soon it ends is proved by ``scripts/prove interrupt``; here it only has to end before what it waits for does. The
entry runs as a step runs it (``python3 -I scripts/action.py``, the runner's variables) against the stand-in.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.testing.github.standin import StandIn
from tests.actions.bed import OPENAPI, ROOT, SHOP, bed, free_port, passed_on, told, tools
from tests.actions.grammar import pairs
from tests.actions.obeyed import mistakes_of
from tests.actions.recording import FILES, Recorded

pytestmark = pytest.mark.slow

LIMIT = 20.0
"""Seconds in which a step ends here: what it hangs on does so for longer."""
TOOK: list[float] = []
"""Seconds that each step took to end, for the proof."""
APP = """\
import http.server, os, sys, time
while not os.path.exists(sys.argv[2]):  # ready only when the test says so
    time.sleep(0.05)
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind="127.0.0.1")
"""
CONFIG = """\
version: 1
platforms: {{here: {{process: {{}}}}}}
services:
  web:
    platform: here
    command: [{python}, app.py, "{{port}}", {go}]
    port: {port}
    checks: {{home: {{http: "http://127.0.0.1:{port}/"}}}}
    release: {{git: .}}
"""
PERMISSIONS = {"contents": "write", "issues": "read", "deployments": "write", "statuses": "write"}


class Step:
    """One repository with a service, and steps of the action in it: attempts of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state, self.go = folder, folder / "state", folder / "go"
        self.port = free_port()
        self.github = StandIn(clock=SystemClock(), root=folder / "github", check=OPENAPI).__enter__()
        config = CONFIG.format(python=sys.executable, go=self.go, port=self.port)
        self.github.create_repository(SHOP, files={"app.py": APP, ".github/dreamnet.yml": config})
        self.workspace = folder / "work"
        token = self.github.person("alice", "admin")
        address = self.github.server_url.replace("://", f"://alice:{token}@")
        subprocess.run(
            ["git", "clone", "-q", f"{address}/{SHOP}.git", self.workspace], check=True, timeout=60
        )
        said = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=self.workspace, capture_output=True, text=True, check=True
        )
        self.sha = said.stdout.strip()
        self.attempt = 0
        self.environment: dict[str, str] = {}

    def start(self, **more: str) -> subprocess.Popen[bytes]:
        """Start the next attempt; answers once the entry's own code has begun."""
        self.attempt += 1
        here = self.folder / f"attempt-{self.attempt}"
        here.mkdir()
        event = here / "event.json"
        event.write_text(json.dumps({"ref": "refs/heads/main", "after": self.sha}), encoding="utf-8")
        for name in FILES:
            (here / name).touch()
        token = self.github.workflow_token(SHOP, PERMISSIONS, job="deploy")
        self.environment = {
            **passed_on(),
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "GITHUB_ACTIONS": "true", "GITHUB_TOKEN": token,
            "GITHUB_REPOSITORY": SHOP, "GITHUB_API_URL": self.github.api_url,
            "GITHUB_SERVER_URL": self.github.server_url,
            "GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": str(event), "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_SHA": self.sha, "GITHUB_RUN_ID": "77", "GITHUB_RUN_ATTEMPT": str(self.attempt),
            "GITHUB_JOB": "deploy", "GITHUB_ACTION": "dreamnet", "DREAMNET_STATE": str(self.state),
            "DREAMNET_ACTION_HOME": str(tools()), **{name: str(here / name) for name in FILES}, **more,
        }  # fmt: skip
        real = str(Path(sys._base_executable).parent / "python3")
        process = subprocess.Popen(
            [real, "-I", str(ROOT / "scripts/action.py")], cwd=self.workspace, env=self.environment,
            stdout=(here / "printed").open("wb"), stderr=subprocess.STDOUT,
        )  # fmt: skip
        wait(lambda: process.poll() is not None or _holds_or_handles_sigint(process.pid))
        return process

    def ended(self, process: subprocess.Popen[bytes]) -> tuple[Recorded, dict[str, str]]:
        """Wait for an attempt's end; answers what it wrote, which nobody may obey, and its outputs."""
        status = process.wait(60)
        here = self.folder / f"attempt-{self.attempt}"
        files = {name: (here / name).read_bytes() for name in FILES}
        wrote = Recorded(
            printed=(here / "printed").read_bytes(), files=files, status=status
        )  # fmt: skip
        assert mistakes_of(wrote) == [], wrote.printed.decode()
        return wrote, dict(pairs(files["GITHUB_OUTPUT"]))

    def stopped(self, process: subprocess.Popen[bytes], *numbers: signal.Signals) -> None:
        """Tell an attempt to stop, and see that it does: in time, with its outputs, and nothing of it left."""
        assert process.poll() is None, (self.folder / f"attempt-{self.attempt}" / "printed").read_text()
        began = time.monotonic()
        for number in numbers or (signal.SIGINT,):
            process.send_signal(number)
        process.wait(60)
        took = time.monotonic() - began
        TOOK.append(took)
        wrote, outputs = self.ended(process)
        assert took < LIMIT, wrote.printed.decode()
        assert wrote.status == 130, wrote.printed.decode()
        assert outputs["outcome"] == "deferred"
        assert "told to stop" in outputs["summary"]
        assert self.left() == []

    def left(self) -> list[str]:
        """Answer what still runs of this bed but for the service: git, its helpers, installers."""
        found = []
        for one in psutil.process_iter():
            try:
                if (
                    one.environ().get("DREAMNET_STATE") == str(self.state)
                    and one.status() != psutil.STATUS_ZOMBIE
                ):
                    found.append(" ".join(one.cmdline()))
            except (psutil.Error, OSError):
                continue
        return [one for one in found if "git" in Path(one.split(" ")[0]).name or "uv" in one.split(" ")[0]]

    def ends_well(self, **more: str) -> None:
        """Run the next attempt: it deploys. ``more`` are variables of its own."""
        self.go.touch()
        self.github.faults.clear()
        wrote, outputs = self.ended(self.start(**more))
        assert wrote.status == 0, wrote.printed.decode()
        assert outputs["verdict"] == "deployed", outputs
        assert self.github.violations == []
        assert self.leased() == []

    def leased(self) -> list[str]:
        """Answer what is still leased on the branch, which can be read whole."""
        git = self.github.world.git(self.github.world.repository(SHOP))
        git.text("fsck", "--strict")
        leases = json.loads(git.text("show", "dreamnet:state.json"))["leases"]
        return [name for name, row in leases.items() if row["until"] > time.time()]

    def close(self) -> None:
        self.github.faults.clear()
        self.github.__exit__(None, None, None)
        down = [sys.executable, "-m", "dreamnet_actions", "--state", str(self.state), "--config",
                str(self.workspace / ".github/dreamnet.yml"), "-q", "down"]  # fmt: skip
        subprocess.run(down, cwd=ROOT, check=False, timeout=60)


def _holds_or_handles_sigint(pid: int) -> bool:
    """Say whether the entry has begun to answer for signals itself (proc(5): SigBlk)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False
    rows = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    return bool(int(rows["SigBlk"], 16) >> (signal.SIGTERM - 1) & 1) or bool(
        int(rows["SigCgt"], 16) >> (signal.SIGTERM - 1) & 1
    )


def wait(until: Callable[[], bool], seconds: float = 40.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


@pytest.fixture
def step(tmp_path: Path) -> Iterator[Step]:
    made = Step(tmp_path)
    try:
        yield made
    finally:
        made.close()


def test_while_packages_are_installed(step: Step, tmp_path: Path) -> None:
    """uv and what it started are gone, no environment is taken for finished, and the next attempt makes it."""
    programs, pid = tmp_path / "programs", tmp_path / "pid"
    programs.mkdir()
    uv = programs / "uv"
    uv.write_text(f"#!/bin/sh\nsleep 300 & echo $! > {pid}; wait\n", encoding="utf-8")
    uv.chmod(0o755)
    home = tmp_path / "tools"
    process = step.start(DREAMNET_ACTION_HOME=str(home), PATH=f"{programs}:{os.environ['PATH']}")
    wait(lambda: pid.exists() and bool(pid.read_text().strip()))
    step.stopped(process)
    wait(lambda: not psutil.pid_exists(int(pid.read_text())), 5)
    assert list(home.glob("*/.dreamnet-ready")) == []
    step.ends_well()


@pytest.mark.parametrize("numbers", [(signal.SIGINT,), (signal.SIGTERM,), (signal.SIGINT, signal.SIGTERM)])
def test_while_a_release_gets_ready(step: Step, numbers: tuple[signal.Signals, ...]) -> None:
    process = step.start()
    wait(lambda: any(made.template.endswith("/statuses") for made in step.github.calls.all()))
    step.stopped(process, *numbers)
    step.ends_well(GITHUB_RUN_ID="78")  # another run, which is not blocked by what this one held


def test_while_the_journal_is_pushed(step: Step) -> None:
    rule = step.github.faults.add("hang-real", path="*/git-receive-pack", seconds=25, times=None)
    process = step.start()
    wait(lambda: rule.acted > 0)
    step.stopped(process)
    step.ends_well()


@pytest.mark.parametrize("path", ["*/deployments", "*/statuses", "*/info/refs"])
def test_while_github_hangs(step: Step, path: str) -> None:
    rule = step.github.faults.add("hang-real", path=path, seconds=25, times=None)
    process = step.start()
    wait(lambda: rule.acted > 0)
    step.stopped(process)
    step.ends_well()


def test_a_run_that_is_cancelled_under_act(tmp_path: Path) -> None:
    with bed(tmp_path) as story:
        story.shop()
        story.push("1", **{"app.py": "import time\ntime.sleep(300)\n"})
        wait(lambda: any(made.template.endswith("/statuses") for made in story.github.calls.all()), 90)
        (run,) = story.runs()
        story.engine.cancel(run)
        story.settle()
        assert run.conclusion == "cancelled", told(run)
        assert run.job("deploykeeper", "deploykeeper").outputs["outcome"] == "deferred", told(run)
        story.push("2")
        story.settle()
        assert story.runs()[-1].conclusion == "success", told(story.runs()[-1])
        assert story.page() == "shop 2"


def test_at_any_moment(step: Step) -> None:
    """From the first line of the entry on, through both stages' start."""
    for number in range(12):
        process = step.start()
        time.sleep(0.05 * number)
        step.stopped(process)
    step.ends_well()
