"""A permission that is missing: what the run's people are told, and the lines that mend it, all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from dreamnet_actions.adapters.github.remote import RemoteBranch
from dreamnet_actions.adapters.github.retry import Answer
from dreamnet_actions.adapters.github.translate import translate
from dreamnet_actions.adapters.runner.actions import ActionsRunner
from dreamnet_actions.domain.endings import failure
from dreamnet_actions.domain.result import AgentResult, warning
from dreamnet_actions.entrances.action.inputs import VARIABLES
from dreamnet_actions.entrances.action.needs import whole
from dreamnet_actions.entrances.action.telling import tell
from dreamnet_actions.entrances.setup.called import CALLED
from dreamnet_actions.errors import DreamNetError, TemporaryError


def refused(needed: str, said: str = "Resource not accessible by integration") -> DreamNetError:
    """What GitHub answers where a permission is missing, translated."""
    answer = Answer(status=403, headers={"x-accepted-github-permissions": needed}, message=said)
    return translate(answer, verb="GET", path="/repos/octo/shop/issues")


def pushed(folder: Path) -> DreamNetError:
    """What git says where a push needs a permission, translated."""
    branch = RemoteBranch("https://github.com/octo/shop.git", environment={}, folder=folder)
    try:
        said = "remote: Write access to repository not granted.\nfatal: The requested URL returned error: 403"
        return branch._trouble("push", 128, said)
    finally:
        branch.close()


def lines(hint: str) -> Any:
    """Read the lines of a workflow that a hint holds."""
    _, _, rest = hint.partition("\n")
    return yaml.safe_load(rest)


@pytest.mark.parametrize("keeper", CALLED)
def test_the_lines_are_all_that_the_keepers_job_needs(keeper: str, tmp_path: Path) -> None:
    """Whichever call is refused first, at whatever level: who adds the lines meets no second refusal."""
    step = {VARIABLES["agent"]: keeper}
    for error in (refused("issues=read; pull_requests=read"), refused("contents=write"), pushed(tmp_path)):
        # RelayBot's part of a keeper's job may be what is refused: the job is the keeper's all the same.
        result = whole(failure(error, request_id="r", at=0.0), step)
        assert result.error is not None
        assert lines(result.error["hint"]) == {"permissions": dict(CALLED[keeper].own)}
        assert result.error["message"] == error.message


def test_a_job_that_has_a_token_to_show_keeps_it() -> None:
    asking = {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://x"}
    for keeper, shows in (("deploykeeper", True), ("relaybot", False)):
        step = {VARIABLES["agent"]: keeper, **asking}
        result = whole(failure(refused("contents=write"), request_id="r", at=0.0), step)
        assert result.error is not None
        assert ("id-token" in lines(result.error["hint"])["permissions"]) == shows


def test_what_lines_do_not_mend_keeps_its_own_hint() -> None:
    step = {VARIABLES["agent"]: "dreamkeeper"}
    for error in (
        refused("issues=write", "Resource not accessible by personal access token"),
        refused("secrets=write"),
        TemporaryError("GitHub is down.", hint="permissions:\nwait"),
    ):
        given = failure(error, request_id="r", at=0.0)
        assert whole(given, step).error == given.error
    lost = failure(refused("issues=write"), request_id="r", at=0.0)
    assert whole(lost, {}) == lost, "nobody knows whose job it is"


def test_a_release_that_cannot_be_told_of_is_a_warning_with_the_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    error = refused("deployments=write")
    done = AgentResult(
        id="r", agent="deploykeeper", action="deploy", outcome="done", verdict="deployed",
        summary="here/web: 2 is deployed.", started_at="", finished_at="",
        findings=[{"service": "web", "health": "healthy"}, warning("here/web: it could not be told.", error)],
    )  # fmt: skip
    runner = ActionsRunner.of(
        {"GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    )
    tell(whole(done, {VARIABLES["agent"]: "deploykeeper"}), {}, runner)
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 1
    assert said[0].startswith(
        "::warning title=DreamNet%3A refused.permission::here/web: it could not be told.%0A"
    )
    assert "%0Apermissions:%0A  contents: write%0A  deployments: write%0A  issues: read" in said[0]
    summary = (tmp_path / "summary").read_text()
    assert summary.startswith("## ✅ deployed · DeployKeeper deploy\n")
    assert "⚠️ here/web: it could not be told." in summary
    block = summary.partition("```")[2].partition("```")[0]
    assert lines(block) == {"permissions": dict(CALLED["deploykeeper"].own)}
