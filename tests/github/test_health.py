"""``dreamnet-health`` in a run of the GitHub home, with the permissions that the starter workflow grants."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.bootstrap import Options, System, assemble
from dreamnet_actions.testing.github.actions.together import GitHubWithActions
from dreamnet_actions.testing.memory.clock import VirtualClock
from tests.github.conftest import OPENAPI

pytestmark = pytest.mark.slow

REPOSITORY = "octo/shop"
STARTER = {"contents": "write", "issues": "write"}
CHECK = {"agent": "dreamkeeper", "input": {"action": "check"}}
WORKFLOW = "on: workflow_dispatch\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}\n"


@pytest.fixture
def github(clock: VirtualClock, tmp_path: Path) -> Iterator[GitHubWithActions]:
    with GitHubWithActions(clock=clock, root=tmp_path / "github", check=OPENAPI) as made:
        yield made
        made.engine.wait_idle(60)
        assert made.violations == []


def run(github: GitHubWithActions, root: Path, number: int, permissions: dict[str, str]) -> System:
    (root / "dreamnet.yml").write_text("version: 1\n", encoding="utf-8")
    environ = {
        "GITHUB_EVENT_NAME": "schedule",
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_API_URL": github.api_url,
        "GITHUB_SERVER_URL": github.server_url,
        "GITHUB_RUN_ID": str(number),
        "GITHUB_TOKEN": github.workflow_token(REPOSITORY, permissions, job=f"job-{number}"),
        "RUNNER_TEMP": str(root / f"run-{number}"),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    }
    return assemble(Options(root=root, environ=environ, home="github"))


def look(system: System) -> dict[str, dict[str, Any]]:
    result = system.pipe.submit(CHECK)
    system.finish()
    system.close()
    return {one["service"]: one["checks"][0] for one in result.findings}


def asked(github: GitHubWithActions) -> int:
    return len([one for one in github.calls.all() if "/actions/" in one.template])


def test_the_host_is_asked_once_an_hour_and_what_may_not_be_seen_is_no_fault(
    github: GitHubWithActions, tmp_path: Path
) -> None:
    github.create_repository(REPOSITORY, files={"dreamnet.yml": "version: 1\n"}, private=True)
    first = look(run(github, tmp_path, 1, STARTER))
    assert {one["status"] for one in first.values()} == {"passed"}
    assert "Not seen with this token" in first["self/runs"]["detail"]
    assert first["self/config"]["detail"] == "The configuration on main is valid; this run has 0 services."
    assert "requests of this hour are left; this look took" in first["self/limits"]["detail"]
    before = asked(github)
    second = look(run(github, tmp_path, 2, STARTER))
    assert "self/runs" not in second
    assert asked(github) == before


def test_a_configuration_with_mistakes_on_the_default_branch_is_a_dream(
    github: GitHubWithActions, tmp_path: Path
) -> None:
    bad = "version: 1\nservces: {}\n"
    github.create_repository(REPOSITORY, files={"dreamnet.yml": bad}, private=True)
    found = look(run(github, tmp_path, 1, STARTER))
    assert found["self/config"]["status"] == "degraded"
    for word in ("dreamnet.yml on main", "dreamnet.yml:2:1", "'services'"):
        assert word in found["self/config"]["detail"]


def test_a_workflow_that_somebody_switched_off_is_a_dream(github: GitHubWithActions, tmp_path: Path) -> None:
    path = ".github/workflows/dreamnet-dream.yml"
    github.create_repository(REPOSITORY, files={path: WORKFLOW}, private=True)
    entry = github.engine.entry(REPOSITORY, "dreamnet-dream.yml")
    github.engine.registry.switch(REPOSITORY, entry.id, on=False, now=0.0)
    permissions = STARTER | {"actions": "read"}
    found = look(run(github, tmp_path, 1, permissions))
    assert found["self/workflows"]["status"] == "degraded"
    assert "gh workflow enable dreamnet-dream.yml" in found["self/workflows"]["detail"]
    later = run(github, tmp_path, 2, permissions)
    dream = later.dreams.find("self/workflows")
    later.close()
    assert dream is not None
    assert dream.state == "open"
