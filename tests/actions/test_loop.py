"""The whole story under the real act: a push deploys, a schedule dreams, dispatches relay, and the issue is closed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.actions.bed import SHOP, Bed, bed, told

pytestmark = pytest.mark.slow


def events(story: Bed) -> list[tuple[str, str, str | None]]:
    """Answer what started each run, and how it ended."""
    return [
        (run.workflow.path.rpartition("/")[2], str(run.event.name), run.conclusion) for run in story.runs()
    ]


def commits(story: Bed) -> int:
    """Answer how many commits the branch ``dreamnet`` has."""
    world = story.github.world
    git = world.git(world.repository(SHOP))
    return len(git.text("rev-list", "dreamnet").split()) if git.ref("refs/heads/dreamnet") else 0


def test_from_the_first_push_to_a_closed_dream(tmp_path: Path) -> None:
    with bed(tmp_path) as story:
        story.shop()

        # ── a push deploys, and GitHub's Deployment tells how ────────────────────────────────────────────
        sha = story.push("1")
        story.settle()
        (run,) = story.runs()
        assert run.conclusion == "success", told(run)
        assert story.page() == "shop 1"
        (deployment,) = story.get("/deployments")
        assert (deployment["sha"], deployment["environment"]) == (sha, "here")
        statuses = [one["state"] for one in story.get(f"/deployments/{deployment['id']}/statuses")]
        assert statuses[0] == "success", statuses
        assert "in_progress" in statuses
        assert commits(story) == 2  # the intent, and the result

        # ── the service goes down, and the next schedule sees it ─────────────────────────────────────────
        story.kill()
        assert story.page() != "shop 1"
        story.github.calls.clear()
        story.tick()
        story.settle()
        assert events(story)[1:] == [
            ("dreamnet-dream.yml", "schedule", "success"),
            ("dreamnet-relay.yml", "repository_dispatch", "success"),  # health-check-failed-needs-restart
            ("dreamnet-relay.yml", "repository_dispatch", "success"),  # restart-finished
        ], "\n".join(map(told, story.runs()[1:]))
        assert story.page() == "shop 1"

        # ── one issue, closed, with its story ────────────────────────────────────────────────────────────
        (issue,) = story.issues()
        assert issue["user"]["login"] == "github-actions[bot]"
        assert (issue["state"], issue["state_reason"]) == ("closed", "completed")
        assert {one["name"] for one in issue["labels"]} == {"dream", "dream: resolved", "blip"}
        assert "<!-- dreamnet:dream v1" in issue["body"]
        (comment,) = story.get(f"/issues/{issue['number']}/comments")
        for word in ("filed", "healing", "resolved after"):
            assert word in comment["body"]
        told_by_name = [run.title for run in story.runs()[2:]]
        assert told_by_name[0].split()[-1] == told_by_name[1].split()[-1] == f"dream-{issue['number']}-0"

        # ── what it cost, and that nothing GitHub's description forbids was said ─────────────────────────
        assert story.github.calls.charged() <= 40, json.dumps(story.github.calls.by_endpoint(), indent=1)
        assert story.github.violations == []

        # ── a quiet schedule afterwards leaves no trace ──────────────────────────────────────────────────
        before = commits(story)
        story.tick()
        story.settle()
        assert commits(story) == before
        assert len(story.issues()) == 1
        assert events(story)[4:] == [("dreamnet-dream.yml", "schedule", "success")]


def test_a_bad_release_is_taken_back_and_the_run_says_so(tmp_path: Path) -> None:
    with bed(tmp_path) as story:
        story.shop()
        story.push("1")
        story.settle()
        bad = story.push("2", status=500)
        story.settle()
        assert story.page() == "shop 1"
        run = story.runs()[-1]
        assert run.conclusion == "failure", told(run)
        outputs = run.job("deploykeeper", "deploykeeper").outputs
        assert outputs["verdict"] == "rolled-back"
        newest = story.get("/deployments")[0]
        assert newest["sha"] == bad
        assert story.get(f"/deployments/{newest['id']}/statuses")[0]["state"] == "failure"
        assert story.github.violations == []
