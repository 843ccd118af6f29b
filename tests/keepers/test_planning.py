"""The plan of a deploy: what the platform itself would change, told everywhere, and what former releases left."""

from __future__ import annotations

import pytest

from dreamnet_actions.domain.difference import Difference, FieldChange
from dreamnet_actions.domain.result import AgentResult, warnings
from dreamnet_actions.entrances.action.summary import summary
from dreamnet_actions.entrances.cli.render import finding_lines
from dreamnet_actions.errors import PermissionMissing
from dreamnet_actions.testing.memory.platform import MemoryPlatform
from dreamnet_actions.testing.memory.system import MemorySystem
from tests.keepers.homes import facts
from tests.keepers.test_deploys import commit, deploy, first, runs, version

FIELD = FieldChange(path="spec.replicas", before="1", after="2|3\n::error::x")
CHANGED = Difference(object="Deployment/web", effect="changed", fields=(FIELD,))
DELETED = Difference(object="Service/old", effect="deleted", why="it left the manifests")
REFUSED = Difference(object="Service/new", effect="refused", why="exceeded quota")


def plan(system: MemorySystem, *differences: Difference) -> AgentResult:
    platform(system).differences = list(differences)
    return system.submit(
        {"agent": "deploykeeper", "input": {"action": "deploy", "service": "web"}}, dry_run=True
    )


def platform(system: MemorySystem) -> MemoryPlatform:
    return system.platforms["local"]


def test_a_dry_run_tells_what_the_platform_would_change() -> None:
    system = first()
    result = plan(system, CHANGED, DELETED)
    assert result.outcome == "planned"
    assert [one["object"] for one in result.findings] == ["Deployment/web", "Service/old"]
    assert result.findings[0]["fields"] == [FIELD.to_json()]
    lines = [line for one in result.findings for line in finding_lines(one)]
    assert lines[0] == "Deployment/web would change"
    assert lines[1].startswith("  spec.replicas: 1 → 2|3")
    assert lines[2:] == ["Service/old would be deleted: it left the manifests"]
    page = summary(result, {})
    (row,) = [one for one in page.splitlines() if "spec.replicas" in one]
    assert row.startswith("| Deployment/web | changed |")
    assert "::error::" not in "\n".join(one for one in page.splitlines() if one.startswith("::"))
    assert "deleted" in page
    assert runs(system, 1)


def test_what_would_be_refused_fails_the_dry_run_and_changes_nothing() -> None:
    system = first()
    result = plan(system, CHANGED, REFUSED)
    assert (result.outcome, result.exit_status) == ("failed", 5)
    assert result.error is not None
    assert result.error["code"] == "permanent.platform"
    assert "Service/new: exceeded quota" in result.summary
    assert len(result.findings) == 2
    assert runs(system, 1)


@pytest.mark.parametrize("drifts", [False, True])
def test_a_version_that_runs_is_planned_only_where_its_configuration_is_another(drifts: bool) -> None:
    system = first()
    deploy(system)
    result = plan(system, *[CHANGED] * drifts)
    assert result.outcome == ("planned" if drifts else "unchanged")


def test_what_former_releases_left_goes_once_the_new_one_has_proved_itself() -> None:
    system = first()
    platform(system).left = ["Service/old"]
    system.sick[version(system)] = "HTTP 500"
    assert deploy(system).verdict == "rolled-back"
    assert platform(system).left == ["Service/old"], "the release that needs it serves again"
    commit(system)
    assert deploy(system).verdict == "deployed"
    assert platform(system).left == []
    assert [one["deleted"] for one in facts(system, "release-step") if "deleted" in one] == [["Service/old"]]


def test_what_cannot_be_deleted_breaks_no_release() -> None:
    system = first()
    platform(system).stays = PermissionMissing("services is forbidden", hint="Bind the Role.")
    result = deploy(system)
    assert result.verdict == "deployed"
    assert "services is forbidden" in str(warnings(result))
