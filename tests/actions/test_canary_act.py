"""A canary that waits for a person, under the real act: an issue says so, a comment decides, and the issue is closed.

What is taken back afterwards is to be reverted by a pull request, which the job's own token may not open.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.actions.bed import SHOP, bed, told
from tests.actions.test_comments_act import started

pytestmark = pytest.mark.slow
RULES = (
    "release: {git: ., branch: main, ready-within: 10s, strategy: {canary: [50%], soak: 1s}, "
    "on-failure: {revert: pull-request}}"
)
WAITS = {"dream", "dream: needs-human"}


def test_a_comment_decides_on_a_canary_and_what_fails_is_to_be_reverted(tmp_path: Path) -> None:
    with bed(tmp_path) as story:
        config = story.config().replace("release: {git: ., branch: main, ready-within: 10s}", RULES)
        assert RULES in config
        story.shop(files={".github/dreamnet.yml": config})
        story.push("1")
        story.settle()
        assert story.page() == "shop 1", "\n".join(map(told, story.runs()))

        # ── a step of a second is too short to tell: it waits, and an issue says so ─────────────────────
        story.push("2")
        story.settle()
        (issue,) = story.issues()
        number = issue["number"]
        assert {one["name"] for one in issue["labels"]} == WAITS, "\n".join(map(told, story.runs()))
        for word in ("/approve", "/promote", "/abort"):
            assert word in issue["body"]

        so_far = len(story.runs())
        story.post(f"/issues/{number}/comments", {"body": "/promote"})
        story.settle()
        runs = started(story, so_far)
        assert runs[0] == ("dreamnet-dream.yml", "issue_comment", "success")
        assert {one[0] for one in runs[1:]} == {"dreamnet-relay.yml"}
        assert {one[2] for one in runs} == {"success"}, "\n".join(map(told, story.runs()[so_far:]))
        assert [story.page() for _ in range(4)] == ["shop 2"] * 4
        (issue,) = story.issues()
        assert (issue["state"], issue["state_reason"]) == ("closed", "completed")
        assert story.github.violations == []

        # ── one that fails is taken back; its job may push a branch, and opens no pull request ──────────
        so_far = len(story.runs())
        at_once = config.replace(" strategy: {canary: [50%], soak: 1s},", "")
        bad = story.push("3", status=500, **{".github/dreamnet.yml": at_once})
        story.settle()
        run = story.runs()[so_far]
        assert run.conclusion == "failure", told(run)
        assert [story.page() for _ in range(4)] == ["shop 2"] * 4
        git = story.github.world.git(story.github.world.repository(SHOP))
        tip = git.ref(f"refs/heads/dreamnet-revert-{bad[:12]}")
        assert tip is not None, told(run)
        assert git.text("show", f"{tip}:app.py") == git.text("show", f"{bad}~1:app.py")
        assert "pull-requests: write" in run.summary, told(run)
        assert f"dreamnet-revert-{bad[:12]}?expand=1" in run.summary, told(run)
        assert story.get("/pulls") == []
        assert story.github.violations == []
