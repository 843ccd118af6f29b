"""Issues, labels, comments and reactions through the official client."""

from __future__ import annotations

import pytest
from github import GithubException

from dreamnet_actions.testing.github.standin import StandIn
from dreamnet_actions.testing.memory.clock import VirtualClock
from tests.github.conftest import client

pytestmark = pytest.mark.slow


def test_an_issue_from_first_to_last(github: StandIn, clock: VirtualClock) -> None:
    repo = client(github, github.person("alice")).get_repo("octo/shop")
    clock.advance(60)
    issue = repo.create_issue("web is down", body="<!-- dreamnet: x -->", labels=["dream", "bug"])
    assert issue.number == 1
    assert {one.name for one in issue.labels} == {"dream", "bug"}
    assert issue.created_at.timestamp() == 1_700_000_060
    comment = issue.create_comment("seen")
    comment.edit("seen twice")
    assert comment.create_reaction("eyes").content == "eyes"
    assert [one.body for one in issue.get_comments()] == ["seen twice"]
    issue.add_to_labels("state:healing")
    issue.remove_from_labels("bug")
    assert [one.number for one in repo.get_issues(labels=["dream"])] == [1]
    clock.advance(10)
    issue.edit(state="closed", state_reason="not_planned")
    closed = repo.get_issue(1)
    assert (closed.state, closed.state_reason, closed.closed_by.login) == ("closed", "not_planned", "alice")
    assert list(repo.get_issues(state="open")) == []
    issue.edit(state="open")
    assert repo.get_issue(1).state_reason == "reopened"


def test_a_workflow_token_writes_as_the_bot(github: StandIn) -> None:
    token = github.workflow_token("octo/shop", {"issues": "write"}, job="dream")
    issue = client(github, token).get_repo("octo/shop").create_issue("x")
    assert (issue.user.login, issue.user.type) == ("github-actions[bot]", "Bot")


def test_a_body_that_is_too_long_is_refused(github: StandIn) -> None:
    repo = client(github, github.person("alice")).get_repo("octo/shop")
    assert repo.create_issue("x", body="y" * 65_536).number == 1
    with pytest.raises(GithubException) as refused:
        repo.create_issue("x", body="y" * 65_537)
    assert refused.value.status == 422


def test_pages_are_linked(github: StandIn) -> None:
    repo = client(github, github.person("alice")).get_repo("octo/shop")
    for number in range(45):
        repo.create_issue(f"issue {number}")
    assert [one.number for one in repo.get_issues(direction="asc", sort="created")] == list(range(1, 46))
    assert repo.get_issues().totalCount == 45


def test_ref_is_a_lock(github: StandIn) -> None:
    repo = client(github, github.person("alice")).get_repo("octo/shop")
    sha = repo.get_git_ref("heads/main").object.sha
    repo.create_git_ref("refs/dreamnet/lock", sha)
    with pytest.raises(GithubException) as refused:
        repo.create_git_ref("refs/dreamnet/lock", sha)
    assert refused.value.status == 422
    repo.get_git_ref("dreamnet/lock").delete()
    repo.create_git_ref("refs/dreamnet/lock", sha)


def test_a_dispatch_is_told(github: StandIn) -> None:
    events = []
    github.subscribe(events.append)
    repo = client(github, github.person("alice")).get_repo("octo/shop")
    assert repo.create_repository_dispatch("dreamnet.message.v1", {"dreamnet": {"id": "1"}})
    (event,) = [one for one in events if one.name == "repository_dispatch"]
    assert (event.action, event.ref) == ("dreamnet.message.v1", "refs/heads/main")
    assert event.payload["client_payload"] == {"dreamnet": {"id": "1"}}
    assert not event.by_workflow
