"""Pull requests that revert what was taken back, on the stand-in: one for a commit, and none that nobody wants."""

from __future__ import annotations

from typing import Any

import pytest

from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.adapters.github.deployments import GitHubReleaseReporter
from dreamnet_actions.domain.revert import Proposed, Revert
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.errors import PermissionMissing
from dreamnet_actions.testing.github.standin import StandIn
from dreamnet_actions.testing.memory.clock import VirtualClock

pytestmark = pytest.mark.slow
REPOSITORY = "octo/shop"
RUN = "https://github.example/octo/shop/actions/runs/7"
NEEDS = {"contents": "write", "pull-requests": "write"}


class Shop:
    """A repository whose newest commit was taken back."""

    def __init__(self, github: StandIn, clock: VirtualClock) -> None:
        self.github, self.clock = github, clock
        self.person = self.reach(github.person("octocat", "admin"))
        self.former = github.commit(REPOSITORY, {"app": "1\n", "other": "1\n"}, "first")
        github.commit(REPOSITORY, {"state.json": "{}"}, "the journal", branch="dreamnet")

    def reach(self, token: str) -> GitHubRepository:
        return GitHubRepository(
            REPOSITORY,
            SecretValue(token),
            clock=self.clock,
            api_url=self.github.api_url,
            server_url=self.github.server_url,
        )

    def commit(self, text: str, **files: str) -> str:
        return self.github.commit(REPOSITORY, dict(files), text)

    def propose(self, bad: str, former: str | None = None, permissions: Any = NEEDS, **more: Any) -> Proposed:
        token = self.github.workflow_token(REPOSITORY, permissions, job=f"revert {len(more)} {bad}")
        reporter = GitHubReleaseReporter(self.reach(token), sha=bad, run_url=RUN)
        told = {"why": "2 of 2 pods ended with exit code 3", "branch": "main", "evidence": ()}
        wanted = Revert(
            service="web", platform="production", bad=bad, former=former or self.former, **(told | more)
        )
        done = reporter.revert(wanted)
        assert done is not None
        return done

    def pulls(self, state: str = "open") -> list[dict[str, Any]]:
        return list(self.person.call("GET", "/pulls", parameters={"state": state}))


@pytest.fixture
def shop(github: StandIn, clock: VirtualClock) -> Shop:
    return Shop(github, clock)


def test_one_pull_request_takes_the_commit_back(shop: Shop) -> None:
    bad = shop.commit("second @everyone fixes #1", app="2\n")
    done = shop.propose(bad, evidence=("log: no table of orders",))
    (pull,) = shop.pulls()
    assert done.new
    assert done.url == pull["html_url"]
    assert pull["title"] == f"Revert {bad[:7]}: taken back on production/web"
    assert (pull["base"]["ref"], pull["head"]["ref"]) == ("main", f"dreamnet-revert-{bad[:12]}")
    for part in ("exit code 3", "no table of orders", RUN, bad, f"--version {bad[:7]}", shop.former[:7]):
        assert part in pull["body"], pull["body"]
    assert "@everyone" not in pull["body"]
    assert "merge commit" not in pull["body"]
    commit = shop.person.call("GET", f"/git/commits/{pull['head']['sha']}")
    assert commit["message"].endswith(f"This reverts commit {bad}.")
    assert [one["sha"] for one in commit["parents"]] == [bad]
    assert commit["tree"] == shop.person.call("GET", f"/git/commits/{shop.former}")["tree"]

    again = shop.propose(bad, why="another service found it, too")
    assert (again.new, again.url) == (False, done.url)
    shop.person.call("PATCH", f"/pulls/{pull['number']}", body={"state": "closed"})
    assert "(closed)" in shop.propose(bad, why="and once more").text, "a person said no"
    assert len(shop.pulls("all")) == 1


def test_all_since_the_release_that_serves_again(shop: Shop) -> None:
    shop.commit("second", app="2\n")
    bad = shop.commit("third", other="2\n")
    shop.commit("fourth, which came meanwhile", more="1\n")
    shop.propose(bad)
    (pull,) = shop.pulls()
    assert pull["title"].startswith(f"Revert 2 commits up to {bad[:7]}")
    assert "It reverts all 2 commits since then" in pull["body"]
    assert "- " + bad + " third" in pull["body"]
    whole = shop.person.call("GET", f"/pulls/{pull['number']}")
    assert (whole["mergeable"], whole["changed_files"]) == (True, 2)


def test_conflicts_and_merge_commits_are_told(shop: Shop) -> None:
    bad = shop.commit("second", app="2\n")
    shop.commit("third", app="3\n")
    done = shop.propose(bad)
    assert "conflicts with later commits" in done.text
    assert "cannot be merged as it is" in shop.pulls()[0]["body"]

    git = shop.github.world.git(shop.github.world.repository(REPOSITORY))
    main = git.ref("refs/heads/main")
    side = shop.github.commit(REPOSITORY, {"side": "1\n"}, "side", branch="side")
    body = {"message": "Merge", "tree": git.text("rev-parse", f"{side}^{{tree}}"), "parents": [main, side]}
    merge = shop.person.call("POST", "/git/commits", body=body)["sha"]
    shop.person.call("PATCH", "/git/refs/heads/main", body={"sha": merge})
    shop.propose(merge, former=main)
    assert "merge commit" in shop.pulls()[0]["body"]


def test_not_where_the_branch_is_elsewhere(shop: Shop) -> None:
    bad = shop.commit("second", app="2\n")
    gone = shop.github.commit(REPOSITORY, {"x": "1"}, "on a branch", branch="other")
    assert "main does not have" in shop.propose(gone, former=bad).text
    assert "does not have" in shop.propose("0" * 40).text
    shop.commit(f"Revert\n\nThis reverts commit {bad}.", app="1\n")
    assert "is reverted on main already" in shop.propose(bad).text
    old = shop.commit("third", app="3\n")
    for number in range(51):
        shop.commit(str(number), app=f"{number}\n")
    assert "51 commits further" in shop.propose(old, former=bad).text
    assert shop.pulls("all") == []


def test_without_the_permission_the_branch_is_there_for_a_person(shop: Shop) -> None:
    shop.github.world.public_reads = False
    bad = shop.commit("second", app="2\n")
    for permissions in ({"contents": "write"}, {"contents": "write", "pull-requests": "read"}):
        with pytest.raises(PermissionMissing) as refused:
            shop.propose(bad, permissions=permissions)
        assert "pull-requests: write" in refused.value.hint
        assert f"/compare/main...dreamnet-revert-{bad[:12]}?expand=1" in refused.value.hint
    with pytest.raises(PermissionMissing) as refused:
        shop.propose(shop.commit("third", app="3\n"), permissions={"pull-requests": "write"})
    assert "contents" in refused.value.message
    assert shop.propose(bad).new, "given the permission, the same is done"
