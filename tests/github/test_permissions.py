"""Who may do what: the table of permissions, tokens and roles."""

from __future__ import annotations

import json

import httpx2 as httpx
import pytest
from github import GithubException

from dreamnet_actions.testing.github.openapi import described
from dreamnet_actions.testing.github.permissions import NEEDS, WORKFLOW_TOKENS_HAVE, alternatives
from dreamnet_actions.testing.github.rest import all_routes
from dreamnet_actions.testing.github.standin import StandIn
from dreamnet_actions.testing.github.tokens import LEVELS, LIFE
from dreamnet_actions.testing.github.wire import template_of
from dreamnet_actions.testing.memory.clock import VirtualClock
from tests.github.conftest import OPENAPI, client

pytestmark = pytest.mark.slow
VALUES = {
    "owner": "octo",
    "repo": "shop",
    "ref": "heads/main",
    "branch": "main",
    "username": "alice",
    "assignee": "alice",
    "path": "README.md",
    "basehead": "main...main",
}


HTTP = httpx.Client(trust_env=False)
"""One for all: making a client (its certificates) costs more than asking."""


def ask(github: StandIn, token: str, method: str, path: str, **options: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    headers |= options.pop("headers", {})  # type: ignore[arg-type]
    return HTTP.request(method, github.api_url + path, headers=headers, **options)  # type: ignore[arg-type]


def test_every_row_is_an_operation_of_github() -> None:
    description = described(OPENAPI)
    assert [one for one in NEEDS if description.operation(*one) is None] == []


def test_every_row_is_well_formed() -> None:
    for needs in NEEDS.values():
        for way in alternatives(needs):
            assert all(level in LEVELS for name, level in way if needs != "anyone"), needs


def test_every_endpoint_refuses_without_its_permission(github: StandIn) -> None:
    """For each endpoint that needs one: a job with every other permission is told which one is missing."""
    github.world.repository("octo/shop").private = True
    github.person("alice")
    for route in all_routes():
        for method in sorted(route.methods - {"HEAD"}):
            template = template_of(route)
            needs = NEEDS[method, template]
            if needs in {"", "anyone", "metadata=read"}:
                continue
            wanted = {name for way in alternatives(needs) for name, _ in way}
            held = dict.fromkeys(WORKFLOW_TOKENS_HAVE - wanted, "write")
            token = github.workflow_token("octo/shop", held, job="without")
            path = template
            for part in [one[1:-1] for one in template.split("/") if one.startswith("{")]:
                path = path.replace("{" + part + "}", VALUES.get(part, "1"))
            answer = ask(github, token, method, path)
            assert answer.status_code == 403, (method, template, answer.text)
            assert answer.json()["message"] == "Resource not accessible by integration"
            assert answer.headers["x-accepted-github-permissions"] == needs


def test_which_permissions_were_never_used(github: StandIn) -> None:
    held = {"issues": "write", "contents": "write", "pull-requests": "read", "deployments": "none"}
    repo = client(github, github.workflow_token("octo/shop", held, job="dream")).get_repo("octo/shop")
    repo.get_branch("main")
    repo.create_issue("x")
    assert github.tokens.used("dream") == {"contents": "read", "issues": "write"}
    assert github.tokens.unused("dream") == {"contents": "write", "pull_requests": "read"}


def test_tokens_end(github: StandIn, clock: VirtualClock) -> None:
    token = github.workflow_token("octo/shop", {"issues": "read"}, job="a")
    assert ask(github, token, "GET", "/repos/octo/shop/issues").status_code == 200
    github.revoke(token)
    assert ask(github, token, "GET", "/repos/octo/shop/issues").json()["message"] == "Bad credentials"
    other = github.workflow_token("octo/shop", {"issues": "read"}, job="b")
    clock.advance(LIFE)
    assert ask(github, other, "GET", "/repos/octo/shop/issues").status_code == 401
    assert ask(github, "ghp_unknown", "GET", "/repos/octo/shop").status_code == 401


def test_a_workflow_token_is_nobody_and_stays_at_home(github: StandIn) -> None:
    github.create_repository("octo/other", files={"a": "a"}, private=True)
    github.create_repository("octo/open", files={"a": "a"})
    token = github.workflow_token("octo/shop", {"issues": "write", "contents": "write"}, job="a")
    assert ask(github, token, "GET", "/user").status_code == 403
    assert ask(github, token, "GET", "/repos/octo/other").status_code == 404
    assert ask(github, token, "GET", "/repos/octo/open/contents/a").status_code == 200
    assert ask(github, token, "POST", "/repos/octo/open/issues", json={"title": "x"}).status_code == 403


def test_private_things_do_not_exist_for_strangers(github: StandIn) -> None:
    github.world.repository("octo/shop").private = True
    assert ask(github, "", "GET", "/repos/octo/shop").status_code == 404
    assert ask(github, github.person("mallory", "none"), "GET", "/repos/octo/shop/issues").status_code == 404
    assert ask(github, github.person("bob", "read"), "GET", "/repos/octo/shop/issues").status_code == 200


def test_who_only_reads_may_speak_but_not_change(github: StandIn) -> None:
    repo = client(github, github.person("bob", "read")).get_repo("octo/shop")
    issue = repo.create_issue("mine", labels=["dream"], assignee="octo")
    assert (issue.labels, issue.assignees) == ([], [])
    issue.create_comment("more")
    issue.edit(title="still mine")
    with pytest.raises(GithubException):
        issue.add_to_labels("dream")
    foreign = client(github, github.person("alice")).get_repo("octo/shop").create_issue("hers")
    with pytest.raises(GithubException) as refused:
        repo.get_issue(foreign.number).edit(state="closed")
    assert refused.value.status == 403
    for method, path, body in (
        ("POST", "/dispatches", {"event_type": "x"}),
        ("POST", "/deployments", {"ref": "main"}),
        ("PUT", "/contents/x", {"message": "x", "content": ""}),
        ("GET", "/actions/variables", None),
    ):
        answer = ask(github, github.person("bob", "read"), method, "/repos/octo/shop" + path, json=body)
        assert answer.status_code == 403, path


def test_a_fine_grained_token_is_no_more_than_it_says(github: StandIn) -> None:
    github.person("alice", "admin")
    token = github.fine_grained("alice", {"issues": "read", "actions_variables": "write"})
    assert ask(github, token, "GET", "/repos/octo/shop/actions/variables").status_code == 200
    answer = ask(github, token, "POST", "/repos/octo/shop/issues", json={"title": "x"})
    assert (answer.status_code, answer.json()["message"]) == (
        403,
        "Resource not accessible by personal access token",
    )
    assert ask(github, token, "GET", "/user").json()["login"] == "alice"


def test_permission_lookup(github: StandIn) -> None:
    github.person("alice", "write")
    github.person("bob", "read")
    github.person("carol", "admin", repository="octo/shop")
    repo = client(github, github.workflow_token("octo/shop", {}, job="a")).get_repo("octo/shop")
    found = {name: repo.get_collaborator_permission(name) for name in ("octo", "alice", "bob", "carol")}
    assert found == {"octo": "admin", "alice": "write", "bob": "read", "carol": "admin"}


def test_tokens_show_in_no_repr(github: StandIn) -> None:
    token = github.workflow_token("octo/shop", {}, job="a")
    assert token not in repr(github.tokens.find(token))
    assert token not in json.dumps([repr(one) for one in github.calls.all()])
