"""A heal at GitHub from the first look to the closed issue, as the runs and jobs that it is there (for ``kills``).

A service that really runs dies. Jobs are processes of their own with tokens of their own, started as GitHub starts
them: a schedule, and for each dispatch RelayBot's job and then the job of the keeper that it named.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import signal
import socket
import sys
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import yaml

from dreamnet_actions.adapters.process.options import ProcessPlatformOptions
from dreamnet_actions.adapters.process.platform import ProcessPlatform
from dreamnet_actions.testing.github.hosting import Event
from tests.proofs import _victim
from tests.proofs._deathly import DeathlyStandIn, Moving, When, kill

Way = Literal["rerun", "schedule", "expired"]
"""What happens at a step: the job is killed and run ``rerun``, or is killed and only the ``schedule`` comes again; or
its token is ``expired`` from that request on, and the schedule comes again."""
PERMISSIONS: Mapping[str, Mapping[str, str]] = {
    "dreamkeeper": {"contents": "write", "issues": "write"},
    "relaybot": {"contents": "write", "issues": "read"},
    "deploykeeper": {"contents": "write", "deployments": "write", "issues": "read", "statuses": "write"},
}
"""What each keeper's job has in the workflows that are shipped."""
LIMIT = 90.0
"""Seconds for one job; what takes longer is broken."""
APP = """\
import socket, sys
with open(sys.argv[2], "a") as file:
    file.write("started\\n")
listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    one, _ = listening.accept()
    with one:
        one.settimeout(5)
        try:
            one.recv(65536)
            one.sendall(b"HTTP/1.0 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
        except OSError:
            pass
"""


@dataclass(frozen=True)
class Step:
    """Where a job dies: the ``nth`` of its kind in the ``job``-th of the chain (both from 1).

    ``before``: a request has arrived, and nothing came of it; all of the machine goes, git too. ``after``: it took
    effect, and its answer is not read; only the job's own process goes. ``between``: ahead of what the process does to
    its own machine (``_victim``).
    """

    job: int
    when: When
    nth: int
    what: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"job {self.job}, {self.when} {self.nth} ({self.what})"


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job of a run: whose, what started the run, and what RelayBot handed on."""

    agent: str
    event: str
    run: int
    payload: Mapping[str, Any] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    attempt: int = 1


class Chain:
    """One repository with a service that ran and died, and everything that is run about it."""

    def __init__(self, github: DeathlyStandIn, clock: Moving, folder: Path, name: str) -> None:
        self.github, self.clock, self.folder, self.name = github, clock, folder, name
        self.queue: deque[Job] = deque()
        self.met = False
        """Whether the step was come to."""
        self.traces: list[tuple[str, list[str], list[str]]] = []
        """Of each job that ran: who, its requests, its other steps."""
        self.ended: list[str] = []
        self._runs = 0
        self.state = folder / "state"
        self.platform = ProcessPlatform("here", self.state, folder, ProcessPlatformOptions())
        github.subscribe(self._hear)

    def begin(self) -> None:
        """Bring the service up, see it well, and let it die."""
        (self.folder / "outputs").mkdir(parents=True)
        (self.folder / "app.py").write_text(APP, encoding="utf-8")
        port = _free_port()
        web = {
            "platform": "here",
            "command": [sys.executable, "-S", "-E", "app.py", "{port}", str(self.folder / "starts")],
            "port": port,
            "restart-policy": "never",
            "checks": {"home": {"http": f"http://127.0.0.1:{port}/"}},
            "thresholds": {"failures": 1, "successes": 1},
            "heal": {"steps": ["restart"], "recover-within": "1h"},
        }
        config = {
            "version": 1, "platforms": {"here": {"process": {}}}, "services": {"web": web},
            "watch": {"blip-under": "0s"},
        }  # fmt: skip
        (self.folder / "dreamnet.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        self.github.create_repository(self.name, files={"README.md": "# shop\n"})
        self._ask("deploykeeper", {"action": "restart", "service": "web"})
        self._settle()
        self.tick()
        for replica in self.platform.observe().services["web"].stable.replicas:
            os.kill(int(replica.pid or 0), signal.SIGKILL)
        self.traces.clear()
        self.ended.clear()

    def tick(self, step: Step | None = None, way: Way = "rerun") -> None:
        """Let the schedule come, and everything that follows from it. What becomes of the job at ``step`` is told with
        ``Way``."""
        self._ask("dreamkeeper", {"action": "check", "service": "web"}, event="schedule")
        self._settle(step, way)

    def close(self) -> None:
        """End the service and its supervisor."""
        self.platform.shutdown()

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    def _ask(self, agent: str, asked: Mapping[str, Any], *, event: str = "workflow_dispatch") -> None:
        self._runs += 1
        given = {"DREAMNET_INPUT_INPUT": json.dumps(asked)}
        self.queue.append(Job(agent=agent, event=event, run=self._runs, given=given))

    def _settle(self, step: Step | None = None, way: Way = "rerun") -> None:
        """Run what waits, one job after the other."""
        while self.queue:
            job = self.queue.popleft()
            meant = step is not None and not self.met and step.job == len(self.traces) + 1
            if meant and way == "expired":
                status, outputs = self._expire(job, step)
            else:
                status, outputs = self._run(job, step if meant else None)
            if status == -signal.SIGKILL:
                self.met = True
                if way == "rerun":
                    self.queue.appendleft(replace(job, attempt=job.attempt + 1))
            elif job.agent == "relaybot" and status == 0 and outputs.get("to"):
                given = {"DREAMNET_INPUT_REQUEST": outputs["event"]}
                self.queue.appendleft(replace(job, agent=outputs["to"], given=given, attempt=1))

    def _hear(self, event: Event) -> None:
        """Take a dispatch as GitHub does: a run of RelayBot's workflow begins."""
        if event.name == "repository_dispatch" and event.repository == self.name:
            self._runs += 1
            self.queue.append(
                Job(agent="relaybot", event=event.name, run=self._runs, payload=dict(event.payload))
            )

    def _expire(self, job: Job, step: Step | None) -> tuple[int, dict[str, str]]:
        """Run a job whose token is not accepted any more, from that request on."""
        nth = step.nth if step is not None else 1
        rule = self.github.faults.add("401", job=_named(job), nth=nth, times=None)
        ended = self._run(job, None)
        self.github.faults.clear()
        self.met = rule.acted > 0
        return ended

    def _run(self, job: Job, step: Step | None) -> tuple[int, dict[str, str]]:
        place = self.folder / _named(job)
        place.mkdir()
        (place / "event.json").write_text(json.dumps(job.payload), encoding="utf-8")
        output = self.folder / "outputs" / place.name
        environ = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": job.event,
            "GITHUB_EVENT_PATH": str(place / "event.json"),
            "GITHUB_REPOSITORY": self.name,
            "GITHUB_API_URL": self.github.api_url,
            "GITHUB_SERVER_URL": self.github.server_url,
            "GITHUB_WORKSPACE": str(self.folder),
            "GITHUB_RUN_ID": str(job.run),
            "GITHUB_RUN_ATTEMPT": str(job.attempt),
            "GITHUB_JOB": job.agent,
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": f"{output}.md",
            "GITHUB_TOKEN": self.github.workflow_token(self.name, PERMISSIONS[job.agent], job=place.name),
            "DREAMNET_INPUT_AGENT": job.agent,
            "DREAMNET_STATE": str(self.state),
            "RUNNER_TEMP": str(place),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            **job.given,
        }
        last = step.nth if step is not None and step.when == "between" else None
        watched = (str(self.state), str(output))
        door = self.github.door
        door.asked, door.last = [], (step.when, step.nth) if step is not None and last is None else None
        process = forked().Process(
            target=_victim.play, args=(environ, self.clock.passed, str(place), watched, last)
        )
        process.start()
        door.pid = process.pid or 0
        process.join(LIMIT)
        if process.exitcode is None:
            kill(door.pid, everything=True)
            process.join()
            raise TimeoutError(f"{job.agent} did not end within {LIMIT:g} s: see {place}/log")
        door.pid = 0
        trace = place / "trace"
        own = trace.read_text("utf-8").splitlines() if trace.exists() else []
        self.traces.append((job.agent, door.asked, own))
        self.ended.append(f"{place.name}: {process.exitcode}")
        return process.exitcode, _outputs(output)


def forked() -> Any:
    """Answer the way in which jobs are started: forked from one process that holds nothing but the modules."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_victim.PRELOADED))
    return context


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _named(job: Job) -> str:
    return f"{job.run}-{job.agent}-{job.attempt}"


def _outputs(file: Path) -> dict[str, str]:
    """Read what a step put out, as the runner does."""
    text = file.read_text("utf-8") if file.exists() else ""
    return {
        one[1]: one[3] for one in re.finditer(r"^(\w+)<<(\S+)\n(.*?)\n\2$", text, re.DOTALL | re.MULTILINE)
    }
