"""The action's two stages one after the other in this process, on a system that is assembled once: thousands of runs.

What is left out is what a process of its own brings (``recording`` has that): installing, signals, GitHub as the home.
Dreams, messages and the journal are in the file of SQLite that a machine of one's own has; git and the files are real.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dreamnet_actions import bootstrap
from dreamnet_actions.adapters.runner.actions import ActionsRunner
from dreamnet_actions.domain.message import Message
from dreamnet_actions.entrances.action import run
from dreamnet_actions.entrances.action.event import Asked
from dreamnet_actions.entrances.action.first import first
from dreamnet_actions.entrances.action.inputs import VARIABLES
from dreamnet_actions.entrances.action.telling import tell
from tests.actions.obeyed import mistakes_of
from tests.actions.recording import Recorded

CONFIG = """\
version: 1
platforms:
  here: {{process: {{}}}}
services:
  web:
    platform: here
    command: [{python}, app.py, "{{port}}"]
    port: 18080
    restart-policy: never
    checks: {{home: {{http: "http://127.0.0.1:18080/"}}}}
    release: {{git: ., branch: main, ready-within: 10s}}
"""
CHECK = {"agent": "dreamkeeper", "input": {"action": "check"}}


class Directly:
    """``asks`` runs one step; ``mistakes`` are all that anything would obey, over all steps so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repository = folder / "repository"
        (self.repository / ".github").mkdir(parents=True)
        config = CONFIG.format(python=sys.executable)
        (self.repository / ".github" / "dreamnet.yml").write_text(config, encoding="utf-8")
        (self.repository / "app.py").write_text("raise SystemExit\n", encoding="utf-8")
        who = ["-c", "user.name=octocat", "-c", "user.email=octocat@example.com"]
        for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], [*who, "commit", "-q", "-m", "x"]):
            subprocess.run(["git", *arguments], cwd=self.repository, check=True, capture_output=True)
        system = bootstrap.assemble(
            bootstrap.Options(root=self.repository, state=folder / "state", environ=dict(os.environ))
        )

        def receive(message: Message) -> None:
            system.bus.publish(message)

        # A message that came by an event is in this home's bus once it was sent.
        self.system = replace(system, memory=replace(system.memory, receive_only=receive))
        self.mistakes: list[str] = []
        self.statuses: dict[int, int] = {}
        self.asked: Asked | None = None
        """What the last step's first stage handed on; None where that stage has answered."""

    def asks(
        self, what: str, *, event: str = "push", payload: Any = None, body: bytes | None = None, **given: str
    ) -> Recorded:
        """Run one step with the inputs ``given`` and the event; ``what`` names it where it does wrong.

        ``body`` is the event's file as it stands, else it is ``payload`` as JSON.
        """
        out, files = io.StringIO(), {}
        for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_EVENT_PATH"):
            files[name] = self.folder / name
            files[name].write_bytes(b"")
        files["GITHUB_EVENT_PATH"].write_bytes(json.dumps(payload or {}).encode() if body is None else body)
        found = {
            **{name: str(path) for name, path in files.items()},
            **{VARIABLES[name.replace("_", "-")]: value for name, value in given.items()},
            "GITHUB_EVENT_NAME": event,
            "GITHUB_WORKSPACE": str(self.repository),
            "GITHUB_RUN_ID": str(sum(self.statuses.values()) + 1),
        }
        runner = ActionsRunner(out, output=found["GITHUB_OUTPUT"], summary=found["GITHUB_STEP_SUMMARY"])
        status: int | None
        self.asked, status = first(found, runner, now=0.0)
        if self.asked is not None:
            status = self._second(self.asked, found, runner)
        step = Recorded(
            printed=out.getvalue().encode("utf-8", "surrogateescape"),
            files={name: files[name].read_bytes() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")},
            status=status or 0,
        )
        if status is not None:
            self.mistakes += [f"{what}: {one}" for one in mistakes_of(step)]
        self.statuses[step.status] = self.statuses.get(step.status, 0) + 1
        return step

    def _second(self, asked: Asked, found: Mapping[str, str], runner: ActionsRunner) -> int | None:
        """Do what is asked, and tell it; None where nothing of the event is in what would be done.

        What would be done to services stays a plan: a proof takes seconds, and these are many. A whole check is left
        out, and a comment and a pull request, which are answered on GitHub alone.
        """
        if asked.spoken is not None or asked.proposed is not None or asked.request == CHECK:
            return None
        result = run._perform(self.system, asked, found, dry_run=asked.agent != "relaybot")
        tell(result, found, runner)
        return result.exit_status


@contextlib.contextmanager
def directly(folder: Path) -> Iterator[Directly]:
    """Make it, and hold nothing of it back at the end."""
    made = Directly(folder)
    try:
        yield made
    finally:
        made.system.close()
