"""Pull requests of the stand-in as runs see them: refs, events, changed files, forks, and what their runs lack."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.errors import DreamNetError
from dreamnet_actions.testing.github.actions import restricted, triggers, workflow
from dreamnet_actions.testing.github.actions.repository import Repository
from dreamnet_actions.testing.github.hosting import Event
from dreamnet_actions.testing.github.standin import StandIn

pytestmark = pytest.mark.slow

SHOP, FORK = "octo/shop", "mallory/shop"
LISTENS = b"on: {pull_request: {paths: [app.env]}}\njobs: {a: {runs-on: x, steps: [{run: 'true'}]}}\n"


@pytest.fixture
def told(github: StandIn) -> list[Event]:
    """What was told of pull requests."""
    events: list[Event] = []
    github.subscribe(lambda event: events.append(event) if event.name == "pull_request" else None)
    return events


def opened(person: GitHubRepository, head: str) -> dict[str, Any]:
    return dict(person.call("POST", "/pulls", body={"title": "x", "head": head, "base": "main"}))


def hears(github: StandIn, event: Event) -> bool:
    git = Repository(github.git_dir(SHOP))
    chosen = triggers.choose(
        [workflow.read(".github/workflows/x.yml", LISTENS)], event, changed=lambda: git.changed("", event.sha)
    )
    return bool(chosen)


def test_each_push_to_its_branch_is_told_with_what_merging_would_make(
    github: StandIn, person: GitHubRepository, told: list[Event]
) -> None:
    first = github.commit(SHOP, {"app.env": "A=1\n"}, "a value", branch="change")
    number = opened(person, "change")["number"]
    github.commit(SHOP, {"other": "x"}, "beside it")
    second = github.commit(SHOP, {"app.env": "A=2\n"}, "another", branch="change")
    assert [(one.action, one.ref) for one in told] == [
        ("opened", f"refs/pull/{number}/merge"),
        ("synchronize", f"refs/pull/{number}/merge"),
    ]
    assert [one.payload["pull_request"]["head"]["sha"] for one in told] == [first, second]
    git = Repository(github.git_dir(SHOP))
    assert git.file(told[1].sha, "app.env") == b"A=2\n"
    assert git.file(told[1].sha, "other") == b"x", "together with what came meanwhile"
    assert git.changed("", told[1].sha) == ["app.env"]
    assert hears(github, told[1])

    github.commit(SHOP, {"app.env": "A=3\n"}, "the same line")
    github.commit(SHOP, {"app.env": "A=4\n"}, "a conflict", branch="change")
    assert len(told) == 2, "what cannot be merged starts nothing"
    person.call("PATCH", f"/pulls/{number}", body={"state": "closed"})
    github.commit(SHOP, {"app.env": "A=5\n"}, "later", branch="change")
    assert len(told) == 2


def test_a_branch_that_touches_other_files_is_not_heard(
    github: StandIn, person: GitHubRepository, told: list[Event]
) -> None:
    github.commit(SHOP, {"README.md": "# another\n"}, "words", branch="words")
    opened(person, "words")
    assert [hears(github, one) for one in told] == [False]


def test_a_fork_proposes_and_its_runs_have_nothing_to_lose(
    github: StandIn, person: GitHubRepository, told: list[Event]
) -> None:
    with pytest.raises(DreamNetError, match="head"):
        opened(person, "mallory:change")
    github.create_repository(FORK, files={"README.md": "# shop\n"})
    git = github.world.git(github.world.repository(FORK))
    git.run("fetch", "--quiet", str(github.git_dir(SHOP)), "+refs/heads/main:refs/heads/main")
    github.commit(FORK, {"app.env": "A=1\n"}, "a value", branch="change", author="mallory")
    pull = opened(person, "mallory:change")
    assert (pull["head"]["repo"]["full_name"], pull["head"]["label"]) == (FORK, "mallory:change")
    pushed = github.commit(FORK, {"app.env": "A=2\n"}, "another", branch="change", author="mallory")
    assert [one.action for one in told] == ["opened", "synchronize"]
    assert told[1].payload["pull_request"]["head"]["sha"] == pushed
    asks = {"contents": "read", "pull-requests": "write", "id-token": "write"}
    assert all(restricted.is_stranger(one) and not restricted.has_secrets(one) for one in told)
    assert restricted.granted(told[1], asks) == {"contents": "read", "pull-requests": "read"}


def test_dependabots_runs_have_no_secrets_and_what_the_workflow_names(
    github: StandIn, person: GitHubRepository, told: list[Event]
) -> None:
    github.commit(SHOP, {"app.env": "A=1\n"}, "a value", branch="change")
    opened(person, "change")
    (ours,) = told
    robots = replace(ours, actor=restricted.ROBOT)
    assert (restricted.has_secrets(ours), restricted.has_secrets(robots)) == (True, False)
    assert restricted.granted(robots, {"pull-requests": "write"}) == {"pull-requests": "write"}
