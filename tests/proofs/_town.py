"""A repository whose DreamNet lives through virtual time: its runs, as workflows start them, on the stand-in.

Runs are the action's own (``entrances.action.run``), in this process, with each job's token and permissions. What a run
dispatches starts RelayBot and then the keeper; a command in a comment starts DreamKeeper. Imagined are the platform,
whose replicas last from run to run, and what the probes see: the town's ``ills``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

from dreamnet_actions.bootstrap import Options, System, assemble
from dreamnet_actions.bootstrap.assembly import Assembly
from dreamnet_actions.domain.health import Cause, Report
from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.domain.spec.models import Check
from dreamnet_actions.entrances.action.first import read_asked
from dreamnet_actions.entrances.action.run import run
from dreamnet_actions.ports.platform import Platform
from dreamnet_actions.ports.probe import Look
from dreamnet_actions.testing.github.actions.together import GitHubWithActions
from dreamnet_actions.testing.github.hosting import Event
from dreamnet_actions.testing.github.limits import Quota
from dreamnet_actions.testing.github.records import Issue
from dreamnet_actions.testing.memory.clock import CountingIds, VirtualClock
from dreamnet_actions.testing.memory.delivery import RecordingReporter
from dreamnet_actions.testing.memory.platform import MemoryPlatform
from dreamnet_actions.testing.memory.probe import ScriptedProbe

REPOSITORY = "octo/town"
BOT = "github-actions[bot]"
CRON = "*/5 * * * *"
WORKFLOW = ".github/workflows/dreamnet-dream.yml"
PERMISSIONS: Mapping[str, Mapping[str, str]] = {
    # 'actions: write' is more than the starter workflow grants: with it schedules are kept alive without a person.
    "dreamkeeper": {"contents": "write", "issues": "write", "actions": "write"},
    "deploykeeper": {"contents": "write", "deployments": "write", "issues": "read", "statuses": "write"},
    "envkeeper": {"contents": "write", "issues": "read"},
    "relaybot": {"contents": "write", "issues": "read"},
}
_IDLE = "on: workflow_dispatch\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}\n"
STARTS_IN = 20.0
"""Seconds from an event to its job's first line."""


@dataclass
class Ill:
    """What is wrong with a service: until a restart cures it, or (``curable`` False) until it is taken away."""

    cause: Cause
    curable: bool


@dataclass(frozen=True, kw_only=True)
class Ran:
    """One job: who worked on what event, when it began and what it cost."""

    keeper: str
    event: str
    at: float
    charged: int
    commits: int
    result: AgentResult


@dataclass(kw_only=True)
class Town:
    """One repository. ``tick`` is a run on the schedule; what it leads to has happened when it returns."""

    github: GitHubWithActions
    clock: VirtualClock
    folder: Path
    platform: MemoryPlatform
    ills: dict[str, Ill] = field(default_factory=dict)
    saw: Callable[[Ran], None] = lambda _: None
    jobs: int = 0
    ticks: int = 0
    _waiting: list[Event] = field(default_factory=list)

    # ── what happens ────────────────────────────────────────────────────────────────────────────────────

    def tick(self) -> Ran:
        """A schedule starts DreamKeeper; then everything that follows from it."""
        self.ticks += 1
        ran = self._job(
            "dreamkeeper", "schedule", {"schedule": CRON, "workflow": WORKFLOW}, number=self.ticks
        )
        self.settle()
        return ran

    def settle(self) -> None:
        """Let every event that happened start its jobs, until no more happens."""
        while self._waiting:
            event = self._waiting.pop(0)
            self.clock.advance(STARTS_IN)
            if event.name == "repository_dispatch":
                payload = {"action": event.action, "client_payload": event.payload["client_payload"]}
                routed = self._job("relaybot", event.name, payload).result
                for found in routed.findings:
                    if found.get("to"):
                        self.clock.advance(STARTS_IN)
                        self._job(found["to"], event.name, payload, request=found["event"])
            elif event.name == "issue_comment" and not self._is_ignored(event.payload):
                self._job("dreamkeeper", event.name, event.payload)

    def see(self, look: Look) -> Report | None:
        """Answer a look from what is wrong."""
        ill = self.ills.get(look.service)
        if ill is None:
            return None
        detail = f"{look.service} failed: {ill.cause}"
        return Report(service=look.service, check=look.name, status="failed", cause=ill.cause, detail=detail)

    # ── what there is ───────────────────────────────────────────────────────────────────────────────────

    @property
    def issues(self) -> list[Issue]:
        """Every issue, as the host holds it."""
        return list(self.github.world.repository(REPOSITORY).issues.values())

    @property
    def remote(self) -> Path:
        """The bare git repository."""
        return self.github.git_dir(REPOSITORY)

    @contextmanager
    def system(self) -> Iterator[System]:
        """DreamNet assembled as a person has it, to look at what is remembered."""
        made = assemble(
            Options(root=self.folder, environ=self._environ("dreamkeeper", "push"), home="github")
        )
        try:
            yield made
        finally:
            made.close()

    # ── jobs ────────────────────────────────────────────────────────────────────────────────────────────

    def heard(self, event: Event) -> None:
        """Take an event that may start a workflow; a run's own token starts only dispatches."""
        if event.name == "repository_dispatch" or (event.name == "issue_comment" and not event.by_workflow):
            self._waiting.append(event)

    def _is_ignored(self, payload: Mapping[str, Any]) -> bool:
        """Say whether the workflow's own condition leaves a comment out."""
        return bool(read_asked(self._environ("dreamkeeper", "issue_comment", payload)).ignored)

    def _job(
        self, keeper: str, event: str, payload: Mapping[str, Any], *, request: object = None, number: int = 0
    ) -> Ran:
        self.jobs += 1
        environ = self._environ(keeper, event, payload, number=number)
        if request is not None:
            environ["DREAMNET_INPUT_REQUEST"] = json.dumps(request)
        self.github.calls.clear()
        at = self.clock.now()
        result, _ = run(environ)
        made = self.github.calls.all()
        pushes = sum(one.path.endswith("git-receive-pack") and one.method == "POST" for one in made)
        charged = sum(one.charged for one in made)
        ran = Ran(keeper=keeper, event=event, at=at, charged=charged, commits=pushes, result=result)
        self.saw(ran)
        return ran

    def _environ(
        self, keeper: str, event: str, payload: Mapping[str, Any] | None = None, *, number: int = 0
    ) -> dict[str, str]:
        file = self.folder / "event.json"
        file.write_text(json.dumps(payload or {}), encoding="utf-8")
        return {
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(file),
            "GITHUB_WORKFLOW_REF": f"{REPOSITORY}/{WORKFLOW}@refs/heads/main",
            "GITHUB_WORKSPACE": str(self.folder),
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_API_URL": self.github.api_url,
            "GITHUB_SERVER_URL": self.github.server_url,
            "GITHUB_RUN_ID": str(100_000 + self.jobs),
            "GITHUB_RUN_NUMBER": str(number),
            "GITHUB_JOB": keeper,
            "GITHUB_TOKEN": self.github.workflow_token(
                REPOSITORY, PERMISSIONS[keeper], job=f"{keeper} {self.jobs}"
            ),
            "RUNNER_TEMP": str(self.folder / "temp"),
            "DREAMNET_INPUT_AGENT": keeper,
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        }


class Healing(MemoryPlatform):
    """A platform on which a restart cures what is curable."""

    town: Town

    def restart(self, service: str, *, token: str) -> None:
        super().restart(service, token=token)
        ill = self.town.ills.get(service)
        if ill is not None and ill.curable:
            del self.town.ills[service]


@contextmanager
def town(folder: Path, config: Mapping[str, Any], *, start: float) -> Iterator[Town]:
    """Set one up: the repository with its workflows and ``config``, every service running, virtual time from ``start``
    (seconds since 1970)."""
    clock = VirtualClock(start)
    quota = Quota(content_minute=80, content_hour=500)
    (folder / "dreamnet.yml").write_text(yaml.safe_dump(dict(config)), encoding="utf-8")
    with GitHubWithActions(clock=clock, root=folder / "github", quota=quota) as github, ExitStack() as stack:
        files = {WORKFLOW: f"{_IDLE}# {CRON}\n", ".github/workflows/dreamnet-relay.yml": _IDLE}
        github.create_repository(REPOSITORY, files=files)
        platform = Healing("local", clock=clock, starts_in=2.0)
        made = platform.town = Town(github=github, clock=clock, folder=folder, platform=platform)
        github.subscribe(made.heard)
        probe, ids = ScriptedProbe((Check,), made.see), CountingIds("town")

        def guarded(assembly: Assembly, name: str) -> Platform:
            return assembly.gate.before(platform, outside=True)

        for patch in (
            mock.patch("dreamnet_actions.adapters.system.clock.SystemClock", return_value=clock),
            mock.patch("dreamnet_actions.adapters.system.ids.UuidIds", return_value=ids),
            mock.patch(
                "dreamnet_actions.adapters.console.reporter.ConsoleReporter", return_value=RecordingReporter()
            ),
            mock.patch.object(Assembly, "platform", guarded),
            mock.patch.object(Assembly, "probe", return_value=probe),
        ):
            stack.enter_context(patch)
        with made.system() as system:
            for name, spec in system.config.services.items():
                platform.apply(name, spec, platform.configured(name, spec))
        clock.advance(5.0)
        probe.looks.clear()
        yield made
