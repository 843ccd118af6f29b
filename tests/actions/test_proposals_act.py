"""Two pushes to a pull request and one comment; and a stranger's, whose run sees no secret and writes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from dreamnet_actions.entrances.setup.called import PLAN
from dreamnet_actions.entrances.setup.workflows import Wanted, planner
from tests.actions.bed import SHOP, bed, told

pytestmark = pytest.mark.slow

FORK = "mallory/shop"
CONFIG = """\
version: 1
env:
  shop: {from: {dotenv: app.env}, to: [{dotenv: out/shop.env}]}
"""
VALUE = "not-a-word-of-it"


def test_a_pull_request_has_one_comment_and_a_strangers_has_none(tmp_path: Path) -> None:
    with bed(tmp_path) as story:
        wanted = Wanted(branch="main", services=(), ref="main", proposals=(".github/dreamnet.yml", "app.env"))
        files: dict[str, str | bytes] = {
            ".github/dreamnet.yml": CONFIG,
            ".github/workflows/dreamnet-plan.yml": planner(wanted),
            "app.env": "LEVEL=info\n",
        }
        story.repository(files)
        story.secret("KUBECONFIG", "a cluster's")
        story.github.create_repository(FORK)
        fork = story.github.world.git(story.github.world.repository(FORK))
        fork.run("fetch", "--quiet", str(story.github.git_dir(SHOP)), "+refs/heads/main:refs/heads/main")

        # ── ours: opened, then pushed to, and the comment follows ────────────────────────────────────────
        story.github.commit(SHOP, {"app.env": f"LEVEL=info\nTOKEN={VALUE}\n"}, "a value", branch="change")
        pull = story.post(
            "/pulls", {"title": "${{ github.token }} @octocat", "head": "change", "base": "main"}
        )
        number = pull["number"]
        story.settle()
        (run,) = story.runs()
        assert (run.event.name, run.conclusion) == ("pull_request", "success"), told(run)
        (first,) = story.get(f"/issues/{number}/comments")
        assert first["user"]["login"] == "github-actions[bot]"
        assert "| TOKEN | added | – |" in first["body"], first["body"]
        assert "`dreamnet sync shop --plan " in first["body"]

        # ── and a stranger's, at the same time: not to be written about, nor to be trusted ────────────────
        story.github.commit(FORK, {"app.env": f"OTHER={VALUE}\n"}, "mine", branch="theirs", author="mallory")
        theirs = story.post("/pulls", {"title": "theirs", "head": "mallory:theirs", "base": "main"})
        story.github.commit(SHOP, {"app.env": "LEVEL=debug\n"}, "another", branch="change")
        story.settle()
        _, *later = story.runs()
        assert [one.conclusion for one in later] == ["success", "success"], "\n".join(map(told, later))
        (second,) = story.get(f"/issues/{number}/comments")
        assert second["id"] == first["id"]
        assert "TOKEN" not in second["body"]
        assert "| LEVEL | added | – |" in second["body"]
        assert story.get(f"/issues/{theirs['number']}/comments") == []
        stranger = later[0]
        why = "No comment on the pull request: it comes from a fork, and such a run has no secrets"
        assert why in stranger.summary, told(stranger)
        assert [why in one.message for one in stranger.annotations] == [True]
        assert "| OTHER | added | – |" in stranger.summary, "what needs no secret is told all the same"

        for one in story.runs():
            assert VALUE not in one.summary
            assert not [line for line in one.log.splitlines() if VALUE in line and "add-mask" not in line]
        git = story.github.world.git(story.github.world.repository(SHOP))
        assert set(git.refs("refs/heads/")) == {"refs/heads/change", "refs/heads/main"}, "no journal"
        tokens = story.github.tokens
        job = "dreamnet-plan.yml/plan/plan"
        assert job in tokens.jobs()
        used = {name.replace("_", "-"): level for name, level in tokens.used(job).items()}
        assert used == PLAN.permissions, "each is used, and no other"
        assert story.github.violations == []
