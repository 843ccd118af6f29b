"""The seed's four requests, word for word, through all five entrances: one result."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.domain.actions import AGENTS
from dreamnet_actions.entrances.setup.called import CALLED
from dreamnet_actions.entrances.setup.workflows import Wanted
from tests.actions.bed import ROOT, SHOP, Bed, bed, free_port, told

pytestmark = pytest.mark.slow

CONFIG = """\
version: 1
platforms:
  gke: {{process: {{cluster: autopilot-cluster-1}}}}
services:
  web:
    platform: gke
    command: [{python}, -m, http.server, "{{port}}", --bind, 127.0.0.1]
    port: {port}
    release: {{git: .}}            # a checkout of its own: those of the runs are gone with them
    checks:
      home: {{http: "http://127.0.0.1:{port}/"}}
env:
  gcp-secret-manager: {{from: {{dotenv: secrets.env}}, to: [{{process: web}}], require: [GREETING]}}
"""
DIRECT = """\
name: Direct
on: {workflow_dispatch: {inputs: {request: {type: string}}}}
permissions: {}
jobs:
  direct:
    runs-on: ubuntu-latest
    permissions: {contents: write, issues: write, deployments: write, statuses: write}
    env: {DREAMNET_STATE: "${{ vars.DREAMNET_STATE }}"}
    outputs: {result: "${{ steps.it.outputs.result }}"}
    steps:
      - uses: actions/checkout@v5
      - {id: it, uses: dreamnet/dreamnet@main, with: {request: "${{ inputs.request }}"}}
"""
HOSTED = ("workflows", "runs", "drift", "maintenance", "limits")
"""The checks of ``dreamnet-health`` that ask the host."""
SEEDS = {agent: (ROOT / f"examples/requests/{agent}.json").read_text(encoding="utf-8") for agent in AGENTS}


def plain(result: dict[str, Any]) -> Any:
    """Leave out what is another in every request: ids, times, counts and timings; and what the checks of the host say,
    for one token sees more there than another, and how much is left of its limit changes."""
    kept = {key: one for key, one in result.items() if key not in ("id", "started_at", "finished_at")}
    for finding in kept["findings"]:
        for check in finding.get("checks", ()):
            if check["check"] in HOSTED:
                check["detail"] = ""
    text = re.sub(r'"phases_ms": \{[^}]*\}', '"phases_ms": {}', json.dumps(kept))
    return json.loads(re.sub(r"version \d+|\d+ ms", "N", text))


class Entrances:
    """One system, asked at each of its doors."""

    def __init__(self, story: Bed, folder: Path) -> None:
        self.story = story
        self.environ = story.environ(story.github.person("alice", "admin"))
        self.root = folder / "clone"
        url = f"{story.github.server_url}/{SHOP}.git"
        subprocess.run(["git", "clone", "-q", url, self.root], check=True, timeout=60)

    def command_line(self, agent: str) -> Any:
        command = [sys.executable, "-m", "dreamnet_actions", "-q", "call", "--no-deliver", "-"]
        run = subprocess.run(
            command, input=SEEDS[agent], cwd=self.root, env=self.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert run.returncode == 0, run.stdout + run.stderr
        return json.loads(run.stdout)

    def post(self, agent: str) -> Any:
        port = free_port()
        command = [
            sys.executable,
            "-m",
            "dreamnet_actions",
            "-q",
            "serve",
            "--no-deliver",
            "--port",
            str(port),
        ]
        serving = subprocess.Popen(
            command,
            cwd=self.root,
            env=self.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert serving.stdout is not None
            address = serving.stdout.readline().strip()  # printed once it listens
            call = urllib.request.Request(f"{address}/api/agent", SEEDS[agent].encode(), method="POST")
            with urllib.request.urlopen(call, timeout=60) as answer:
                return json.load(answer)
        finally:
            serving.terminate()
            serving.communicate(timeout=20)

    def action_input(self, agent: str) -> Any:
        run = self.story.press("direct.yml", request=SEEDS[agent])
        assert run.conclusion == "success", told(run)
        return json.loads(run.job("direct").outputs["result"])

    def workflow_dispatch(self, agent: str) -> Any:
        run = self.story.press(CALLED[agent].file, request=SEEDS[agent])
        assert run.conclusion == "success", told(run)
        return json.loads(run.job(agent, "relay" if agent == "relaybot" else agent).outputs["result"])

    def repository_dispatch(self, agent: str) -> Any:
        self.story.dispatch("dreamnet.request.v1", {"dreamnet": json.loads(SEEDS[agent])})
        self.story.settle()
        run = self.story.runs()[-1]
        assert run.conclusion == "success", told(run)
        job = ("relaybot", "relay") if agent == "relaybot" else ("relaybot", agent, agent)
        return json.loads(run.job(*job).outputs["result"])


@pytest.mark.parametrize("agent", AGENTS)
def test_the_seed_gets_one_result_at_all_five_entrances(tmp_path: Path, agent: str) -> None:
    with bed(tmp_path) as story:
        config = CONFIG.format(python=sys.executable, port=story.port)
        story.shop(
            files={
                ".github/dreamnet.yml": config,
                ".github/workflows/direct.yml": DIRECT,
                "secrets.env": "GREETING=hello\n",
            },
            wanted=Wanted(branch="main", services=("web",), with_env=True, ref="main"),
        )  # fmt: skip
        doors = Entrances(story, tmp_path)
        # Once each, so that all five find the same system: deployed, in step, well.
        for one in ("envkeeper", "deploykeeper", "dreamkeeper"):
            doors.command_line(one)
        answers = {
            door.__name__: plain(door(agent))
            for door in (
                doors.command_line,
                doors.post,
                doors.action_input,
                doors.workflow_dispatch,
                doors.repository_dispatch,
            )
        }
        assert answers["command_line"]["outcome"] in ("done", "unchanged")
        for name, answer in answers.items():
            assert answer == answers["command_line"], name
        assert story.github.violations == []
