"""The stand-in's own judge and door: mistakes are seen, more routes pass through the same checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.routing import Route

from dreamnet_actions.errors import RequestInvalid
from dreamnet_actions.testing.github import StandIn
from dreamnet_actions.testing.github.call import Answer, Call, rest
from dreamnet_actions.testing.github.permissions import R
from dreamnet_actions.testing.github.world import World
from tests.github.test_permissions import ask

pytestmark = pytest.mark.slow
RUNS = R + "/actions/runs"
Make = Callable[..., StandIn]


def answering(body: Any, status: int = 200) -> Callable[[World], list[Route]]:
    def handler(_: Call) -> Answer:
        if body is ZeroDivisionError:
            raise ZeroDivisionError
        return Answer(status, body)

    return lambda _: [rest("GET", RUNS, handler)]


def made(make_github: Make, extend: Callable[[World], list[Route]]) -> tuple[StandIn, str]:
    github = make_github(extend=[extend])
    github.create_repository("octo/shop", files={"a": "a"})
    return github, github.workflow_token("octo/shop", {"actions": "read"}, job="a")


def test_more_routes_pass_through_the_same_door(make_github: Make) -> None:
    github, token = made(make_github, answering({"total_count": 0, "workflow_runs": []}))
    path = "/repos/octo/shop/actions/runs"
    first = ask(github, token, "GET", path)
    assert first.json() == {"total_count": 0, "workflow_runs": []}
    assert (
        ask(github, token, "GET", path, headers={"If-None-Match": first.headers["etag"]}).status_code == 304
    )
    other = github.workflow_token("octo/shop", {"issues": "write"}, job="b")
    assert ask(github, other, "GET", path).headers["x-accepted-github-permissions"] == "actions=read"
    github.faults.add("502", path=path)
    assert ask(github, token, "GET", path).status_code == 502
    assert github.tokens.unused("a") == {}


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"total_count": "many", "workflow_runs": []}, 200, "$.total_count"),
        ({"total_count": 0}, 200, "'workflow_runs' is a required property"),
        (None, 204, "status 204 is not described"),
        ({"message": 5}, 404, "$.message"),
        (ZeroDivisionError, 500, "ZeroDivisionError"),
    ],
)
def test_a_wrong_answer_is_seen(make_github: Make, body: Any, status: int, said: str) -> None:
    github, token = made(make_github, answering(body, status))
    assert ask(github, token, "GET", "/repos/octo/shop/actions/runs").status_code == status
    assert len(github.violations) == 1
    assert said in github.violations[0]
    github.violations.clear()


def test_a_request_that_is_not_described_is_seen(github: StandIn) -> None:
    token = github.person("alice")
    assert ask(github, token, "GET", "/repos/octo/shop/issues?state=any").status_code == 200
    (said,) = github.violations
    assert said.endswith("accepted although query state: $: 'any' is not one of ['open', 'closed', 'all']")
    github.violations.clear()


def test_what_is_not_there_is_told_apart(github: StandIn) -> None:
    token = github.person("alice")
    assert ask(github, token, "GET", "/repos/octo/shop/no-such-thing").status_code == 404
    assert github.violations == []
    assert ask(github, token, "GET", "/repos/octo/shop/hooks").status_code == 501
    assert github.violations == [
        "GET /repos/octo/shop/hooks: GitHub has GET /repos/{owner}/{repo}/hooks, the stand-in does not"
    ]
    github.violations.clear()


def test_a_route_without_a_permission_is_refused(make_github: Make) -> None:
    with pytest.raises(ValueError, match="no row in the permission table"):
        make_github(extend=[lambda _: [rest("GET", R + "/hooks", lambda _: Answer(200, []))]])


def test_workflow_files_through_rest(github: StandIn) -> None:
    path = "/repos/octo/shop/contents/.github/workflows/ci.yml"
    body = {"message": "ci", "content": "b246IHB1c2g="}
    token = github.workflow_token("octo/shop", {"contents": "write"}, job="a")
    refused = ask(github, token, "PUT", path, json=body)
    assert (refused.status_code, ask(github, token, "GET", path).status_code) == (403, 404)
    assert "workflows=write" in refused.headers["x-accepted-github-permissions"]
    assert ask(github, github.person("alice"), "PUT", path, json=body).status_code == 201
    raw = ask(github, token, "GET", path, headers={"Accept": "application/vnd.github.raw+json"})
    assert raw.content == b"on: push"


def test_its_own_mistakes_are_named(github: StandIn) -> None:
    with pytest.raises(RequestInvalid, match="'owner' is none of"):
        github.person("alice", "owner")
    with pytest.raises(ValueError, match="is there already"):
        github.create_repository("octo/shop")
    with pytest.raises(ValueError, match="named 'owner/name'"):
        github.create_repository("shop")
    with pytest.raises(ValueError, match="has the level 'all'"):
        github.workflow_token("octo/shop", {"issues": "all"}, job="a")
