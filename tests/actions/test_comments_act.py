"""A person talks to a dream, under the real act: nothing heals by itself, and a comment does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.actions.bed import Bed, bed, told

pytestmark = pytest.mark.slow


def started(story: Bed, since: int) -> list[tuple[str, str, str | None]]:
    """Answer what started each run after the first ``since``, and how it ended."""
    return [
        (run.workflow.path.rpartition("/")[2], str(run.event.name), run.conclusion)
        for run in story.runs()[since:]
    ]


def test_a_comment_heals_what_nothing_else_may(tmp_path: Path) -> None:
    with bed(tmp_path) as story:
        config = story.config().replace("    checks:\n", "    heal: []\n    checks:\n")
        story.shop(files={".github/dreamnet.yml": config})
        story.push("1")
        story.settle()
        assert story.page() == "shop 1", "\n".join(map(told, story.runs()))
        story.kill()
        story.tick()
        story.settle()
        (issue,) = story.issues()
        number = issue["number"]
        assert {one["name"] for one in issue["labels"]} == {"dream", "dream: needs-human"}

        # ── what is no command starts no job ─────────────────────────────────────────────────────────────
        so_far = len(story.runs())
        story.post(f"/issues/{number}/comments", {"body": "Does anybody look at it?"})
        story.settle()
        assert started(story, so_far) == [("dreamnet-dream.yml", "issue_comment", "skipped")]
        assert story.page() != "shop 1"

        # ── what is one is done, by messages as ever, and the issue is closed ─────────────────────────────
        so_far = len(story.runs())
        story.post(f"/issues/{number}/comments", {"body": "/restart"})
        story.settle()
        assert started(story, so_far) == [
            ("dreamnet-dream.yml", "issue_comment", "success"),
            ("dreamnet-relay.yml", "repository_dispatch", "success"),
            ("dreamnet-relay.yml", "repository_dispatch", "success"),
        ], "\n".join(map(told, story.runs()[so_far:]))
        assert story.page() == "shop 1"
        (issue,) = story.issues()
        assert (issue["state"], issue["state_reason"]) == ("closed", "completed")

        # ── with its receipts, and one answer that starts nothing ────────────────────────────────────────
        comments = story.get(f"/issues/{number}/comments")
        (command,) = [one for one in comments if one["body"] == "/restart"]
        reactions = story.get(f"/issues/comments/{command['id']}/reactions")
        assert {(one["content"], one["user"]["login"]) for one in reactions} == {
            ("eyes", "github-actions[bot]"),
            ("rocket", "github-actions[bot]"),
        }
        (answer,) = [one["body"] for one in comments if "dreamnet:answer" in one["body"]]
        assert "**/restart** by octocat: done." in answer
        assert story.github.violations == []
