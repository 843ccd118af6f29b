"""The action's first stage as a step runs it: one process, no package, outputs and summary written."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.domain.endings import failure
from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.entrances.action import telling
from dreamnet_actions.entrances.action.first import extras
from dreamnet_actions.entrances.action.naming import request_id
from dreamnet_actions.entrances.action.summary import summary
from dreamnet_actions.errors.configuration import ConfigInvalid, ConfigLacks, Mistake
from tests.actions.bed import tools

ROOT = Path(__file__).resolve().parents[2]
PYTHON = getattr(sys, "_base_executable", sys.executable)
PUSH = {"ref": "refs/tags/v1", "after": "a" * 40}


class Step:
    """One step's surroundings; ``run`` executes the action's entry in them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {
            "PATH": "/usr/bin:/bin",
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(folder),
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_EVENT_PATH": str(folder / "event.json"),
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary"),
            "GITHUB_RUN_ID": "7",
            "GITHUB_RUN_ATTEMPT": "2",
            "GITHUB_JOB": "dreamkeeper",
            "GITHUB_ACTION": "dreamnet",
            "GITHUB_SERVER_URL": "http://127.0.0.1:1",
            "GITHUB_REPOSITORY": "octo/shop",
            "GITHUB_TOKEN": "ghs_secret",
            "DREAMNET_ACTION_HOME": str(tools()),
        }

    def run(self, event: Any = None, **inputs: str) -> subprocess.CompletedProcess[str]:
        (self.folder / "event.json").write_text(json.dumps(event or {}), encoding="utf-8")
        given = {f"DREAMNET_INPUT_{name.upper()}": value for name, value in inputs.items()}
        return subprocess.run(
            [PYTHON, "-I", "-S", ROOT / "scripts/action.py"],
            env=self.environ | given,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    @property
    def outputs(self) -> dict[str, str]:
        """Read the outputs as the runner does: heredocs with a delimiter."""
        found, lines = {}, iter((self.folder / "output").read_text(encoding="utf-8").split("\n"))
        for line in lines:
            if "<<" in line:
                name, _, delimiter = line.partition("<<")
                value = []
                while (one := next(lines)) != delimiter:
                    value.append(one)
                found[name] = "\n".join(value)
        return found


@pytest.fixture
def step(tmp_path: Path) -> Step:
    return Step(tmp_path)


def test_what_is_ignored_is_answered_without_any_package(step: Step) -> None:
    run = step.run(PUSH)
    assert (run.returncode, run.stderr) == (0, "")
    assert set(step.outputs) == set(telling.OUTPUTS)
    assert step.outputs["outcome"] == "unchanged"
    assert json.loads(step.outputs["result"])["summary"] == step.outputs["summary"]
    assert (step.folder / "summary").read_text(encoding="utf-8").startswith("## ✅ unchanged · DeployKeeper")


def test_what_is_refused_is_told_once_at_the_run_with_every_mistake(step: Step) -> None:
    run = step.run(PUSH, agent="dreamkeper", dry_run="maybe")
    assert run.returncode == 3
    assert run.stdout.count("::error") == 1
    assert "Did you mean 'dreamkeeper'?" in run.stdout
    assert "'dry-run' is 'maybe'" in run.stdout
    assert "ghs_secret" not in run.stdout + run.stderr + (step.folder / "output").read_text()
    assert step.outputs["outcome"] == "refused"


def test_relaybots_job_hands_a_dispatched_request_on_without_any_package(step: Step) -> None:
    step.environ["GITHUB_EVENT_NAME"] = "repository_dispatch"
    request = {"agent": "deploykeeper", "input": {"action": "restart", "service": "web"}}
    event = {"action": "dreamnet.request.v1", "client_payload": {"dreamnet": request}}
    run = step.run(event, agent="relaybot")
    assert run.returncode == 0, run.stdout + run.stderr
    assert step.outputs["to"] == "deploykeeper"
    handed = json.loads(step.outputs["event"])
    assert handed["input"] == request["input"]
    assert handed["id"].startswith("actions/7/2/dreamkeeper/dreamnet/")
    wrong = {**event, "client_payload": {"dreamnet": {**request, "input": {"action": "restrat"}}}}
    run = step.run(wrong, agent="relaybot")
    assert run.returncode == 3
    assert "Did you mean 'restart'?" in run.stdout


def test_hostile_text_in_inputs_and_event_is_never_a_command(step: Step) -> None:
    evil = "x'; touch canary; $(touch canary) `touch canary`\n::error::pwned\n##[add-mask]x"
    step.run({"ref": evil, "after": evil}, agent=evil, input=evil, config=evil)
    run = step.run({"ref": f"refs/heads/{evil}", "after": "nohash"})
    assert run.returncode == 3
    assert not (step.folder / "canary").exists()
    assert [line for line in run.stdout.splitlines() if line.lstrip().startswith("::")] == [
        line for line in run.stdout.splitlines() if line.startswith("::error title=DreamNet")
    ]
    assert "##[" not in run.stdout


def test_an_old_python_is_told_what_to_add(tmp_path: Path) -> None:
    # The entry itself must be readable by it: only the syntax of Python 3.6 may stand there.
    import ast

    source = (ROOT / "scripts/action.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 7))
    shown = source.replace("(3, 11)", "(99, 0)", 1)
    (tmp_path / "action.py").write_text(shown, encoding="utf-8")
    run = subprocess.run([PYTHON, tmp_path / "action.py"], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    pins = (ROOT / ".github/pins.md").read_text(encoding="utf-8")
    newest = re.search(r"`actions/setup-python` \| `[0-9a-f]{40}` \| (v\d+)\.", pins)
    assert newest is not None
    assert f"actions/setup-python@{newest[1]}'" in run.stderr


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("platforms:\n  here: {process: {}}\n", []),
        ("platforms:\n  p: {gke: {project: p}}\n", ["gke"]),
        ('platforms:\n  p: {"gke": {project: p}}\n  q: {kubernetes: {}}\n', ["kubernetes", "gke"]),
        ("platforms:\n  p:\n    kubernetes:\n      context: x\n", ["kubernetes"]),
        ("env:\n  a: {from: {gcp-secret-manager: {project: p}}, to: []}\n", ["gcp"]),
        ("", []),
    ],
)
def test_only_what_the_configuration_needs_is_installed(tmp_path: Path, text: str, wanted: list[str]) -> None:
    (tmp_path / "dreamnet.yml").write_text(text, encoding="utf-8")
    assert extras({"GITHUB_WORKSPACE": str(tmp_path)}) == wanted


# ── what people get ─────────────────────────────────────────────────────────────────────────────────────


class Said:
    """A runner that keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[dict[str, Any]] = []
        self.outputs: dict[str, str] = {}
        self.page = ""

    def annotate(self, level: str, message: str, **where: Any) -> None:
        self.notes.append({"level": level, "message": message, **where})

    def output(self, name: str, value: str) -> None:
        self.outputs[name] = value

    def summary(self, markdown: str) -> None:
        self.page += markdown


def test_mistakes_of_the_configuration_are_annotated_at_their_lines(tmp_path: Path) -> None:
    file = tmp_path / ".github" / "dreamnet.yml"
    mistakes = [Mistake(str(file), line, 3, f"services.s{line}", f"wrong {line}") for line in range(1, 15)]
    error, said = ConfigInvalid(mistakes), Said()
    environ = {
        "GITHUB_WORKSPACE": str(tmp_path),
        "GITHUB_SHA": "b" * 40,
        "GITHUB_SERVER_URL": "https://h",
        "GITHUB_REPOSITORY": "o/r",
    }
    telling.tell(failure(error, request_id="x", at=0.0), environ, said, error=error)
    assert [(one["file"], one["line"], one["column"]) for one in said.notes] == [
        (".github/dreamnet.yml", line, 3) for line in range(1, 11)
    ]
    assert {one["level"] for one in said.notes} == {"error"}
    # Those that GitHub would not show stand in the summary, each with a link to its line.
    assert f"/blob/{'b' * 40}/.github/dreamnet.yml#L14" in said.page


def result(**fields: Any) -> AgentResult:
    whole: dict[str, Any] = {
        "id": "x",
        "agent": "dreamkeeper",
        "action": "check",
        "outcome": "done",
        "verdict": "failing",
        "summary": "web is failing.",
        "started_at": "",
        "finished_at": "",
    }
    return AgentResult(**whole | fields)


def test_the_summary_tells_verdict_table_changes_next_and_links() -> None:
    found = result(
        findings=[
            {
                "service": "web",
                "health": "failing",
                "dream": 7,
                "checks": [{"check": "home", "status": "failed", "cause": "refused", "detail": "no | one"}],
            }
        ],
        changes=[{"what": "dream local/web", "from": None, "to": "open", "why": "a\nb", "undo": "x"}],
        messages=["m"],
    )
    environ = {"GITHUB_SERVER_URL": "https://h", "GITHUB_REPOSITORY": "o/r", "GITHUB_RUN_ID": "5"}
    page = summary(found, environ)
    assert page.startswith("## ❌ failing · DreamKeeper check\n\nweb is failing.")
    assert "| web | failing | ✗ home (refused): no \\| one |" in page
    assert "| dream local/web | – | open | a<br>b | x |" in page
    assert "RelayBot carries a message on ([its runs](https://h/o/r/actions))" in page
    assert "[dream #7](https://h/o/r/issues/7) · [this run](https://h/o/r/actions/runs/5)" in page


def test_the_lines_to_add_stand_in_the_summary_as_they_are_to_be_added() -> None:
    error = ConfigLacks("service 'web'", (), lines="services:\n  web:\n    port: 80", section="services")
    page = summary(failure(error, request_id="x", at=0.0), {})
    assert "  ```\n  services:\n    web:\n      port: 80\n  ```" in page


def test_a_result_too_long_for_an_output_keeps_its_verdict() -> None:
    said = Said()
    telling.tell(result(findings=[{"service": "web", "text": "x" * 1_000_000}]), {}, said)
    cut = json.loads(said.outputs["result"])
    assert (cut["verdict"], cut["findings"]) == ("failing", [])
    assert "left out" in cut["summary"]


def test_a_second_attempt_is_another_request() -> None:
    first = {"GITHUB_RUN_ID": "1", "GITHUB_RUN_ATTEMPT": "1", "GITHUB_JOB": "j", "GITHUB_ACTION": "s"}
    assert request_id(first, {"a": 1}) == request_id(dict(first), {"a": 1})
    assert len({request_id(first | {name: "2"}, {"a": 1}) for name in first} | {request_id(first, {})}) == 5
