"""Whatever is asked, in whatever order: never a 500, and never an answer that GitHub's description does not allow."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dreamnet_actions.testing.github.limits import Quota
from dreamnet_actions.testing.github.permissions import NEEDS
from dreamnet_actions.testing.github.rest import all_routes
from dreamnet_actions.testing.github.standin import StandIn
from dreamnet_actions.testing.github.wire import template_of
from tests.github.test_permissions import HTTP, ask

pytestmark = pytest.mark.slow
SERVED = sorted(
    {(one, template_of(route)) for route in all_routes() for one in (route.methods or ()) if one != "HEAD"}
)
R = "/repos/{owner}/{repo}"
VALID: dict[str, dict[str, Any]] = {
    R + "/issues": {"title": "t", "body": "b", "labels": ["dream", {"name": "bug"}], "assignees": ["octo"]},
    R + "/issues/{issue_number}": {
        "state": "closed",
        "state_reason": "not_planned",
        "labels": ["x"],
        "title": "t",
    },
    R + "/issues/{issue_number}/comments": {"body": "b"},
    R + "/issues/comments/{comment_id}": {"body": "b"},
    R + "/issues/{issue_number}/labels": {"labels": ["dream"]},
    R + "/issues/{issue_number}/lock": {"lock_reason": "spam"},
    R + "/issues/{issue_number}/reactions": {"content": "eyes"},
    R + "/issues/{issue_number}/assignees": {"assignees": ["octo"]},
    R + "/labels": {"name": "n", "color": "ff0000", "description": "d"},
    R + "/labels/{name}": {"new_name": "m", "color": "00ff00", "description": "d"},
    R + "/pulls": {"title": "t", "head": "x", "base": "main", "draft": True},
    R + "/pulls/{pull_number}": {"title": "t", "state": "closed", "body": "b"},
    R + "/dispatches": {"event_type": "e", "client_payload": {"a": 1}},
    R + "/deployments": {
        "ref": "main",
        "required_contexts": [],
        "environment": "e",
        "payload": {},
        "task": "t",
    },
    R + "/deployments/{deployment_id}/statuses": {
        "state": "success",
        "description": "d",
        "log_url": "http://x",
    },
    R + "/statuses/{sha}": {"state": "failure", "context": "c", "target_url": "http://x", "description": "d"},
    R + "/check-runs": {
        "name": "n",
        "head_sha": "{sha}",
        "conclusion": "success",
        "output": {"title": "t", "summary": "s", "annotations": [{"path": "p", "start_line": 1}]},
    },
    R + "/check-runs/{check_run_id}": {"status": "completed", "conclusion": "failure"},
    R + "/git/refs": {"ref": "refs/heads/new", "sha": "{sha}"},
    R + "/git/refs/{ref}": {"sha": "{sha}", "force": True},
    R + "/git/blobs": {"content": "aGk=", "encoding": "base64"},
    R + "/git/trees": {
        "tree": [{"path": "a/b", "mode": "100644", "type": "blob", "content": "c"}],
        "base_tree": "{sha}",
    },
    R + "/git/commits": {
        "message": "m",
        "tree": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
        "parents": ["{sha}"],
    },
    R + "/git/tags": {"tag": "t", "message": "m", "object": "{sha}", "type": "commit"},
    R + "/contents/{path}": {"message": "m", "content": "aGk=", "branch": "main"},
    R + "/releases": {"tag_name": "v9", "name": "n", "body": "b", "draft": False, "prerelease": True},
    R + "/releases/{release_id}": {"tag_name": "v9", "name": "n", "draft": False},
    R + "/actions/variables": {"name": "N", "value": "v"},
    R + "/actions/variables/{name}": {"name": "M", "value": "v"},
    R + "/actions/secrets/{secret_name}": {"key_id": "1", "encrypted_value": "aGk="},
    R + "/environments/{environment_name}": {"wait_timer": 5, "deployment_branch_policy": None},
}
NAMES = sorted(
    {name for one in VALID.values() for name in one} | {"author", "committer", "tagger", "reviewers"}
)
TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            "main",
            "open",
            "closed",
            "success",
            "dream",
            "bug",
            "refs/heads/x",
            "v1",
            "#",
            "a/b",
            "-x",
            "..",
            "100644",
            "\ud800",  # comes in as an escape, and is no text that can be written
            "nul\0",
            "line\nbreak",
        ]
    ),
    st.text(max_size=30),
)
PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 2**70), st.floats(allow_nan=False, allow_infinity=False), TEXTS
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=8,
)
PARTS = st.one_of(
    st.sampled_from(
        ["1", "2", "main", "heads/main", "README.md", "dream", "bug", "{sha}", "v1", "main...x", "0", "a b"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12),
).filter(lambda one: not set(one) <= {"."})  # a client takes these out of the path itself
QUERY = st.dictionaries(
    st.sampled_from(
        [
            "state",
            "labels",
            "sort",
            "direction",
            "per_page",
            "page",
            "since",
            "creator",
            "ref",
            "sha",
            "recursive",
            "filter",
        ]
    ),
    TEXTS.map(lambda one: one.encode("utf-8", "replace").decode()),
    max_size=3,
)


@st.composite
def requests_for(draw: st.DrawFn) -> Any:
    """A request that is right, or has up to two things changed; sometimes anything at all."""
    method, template = draw(st.sampled_from(SERVED))
    parts, query = draw(st.lists(PARTS, min_size=2, max_size=2)), draw(QUERY)
    if template not in VALID or draw(st.integers(0, 9)) == 0:
        return (method, template), parts, query, draw(VALUES)
    body = dict(VALID[template])
    for name in draw(st.lists(st.sampled_from([*body, *NAMES]), max_size=2)):
        if draw(st.booleans()):
            body[name] = draw(VALUES)
        else:
            body.pop(name, None)
    return (method, template), parts, query, body


REQUESTS = requests_for()


def send(github: StandIn, token: str, sha: str, request: Any) -> httpx.Response:
    (method, template), parts, query, body = request
    values = iter([httpx_quote(one.replace("{sha}", sha)) for one in parts])
    pieces = []
    for piece in template.split("/"):
        known = {"{owner}": "octo", "{repo}": "shop"}.get(piece, piece)
        pieces.append(next(values, "1") if known.startswith("{") else known)
    content = json.dumps(body).replace("{sha}", sha).encode()
    return HTTP.request(
        method,
        github.api_url + "/".join(pieces),
        params=query,
        content=content if method != "GET" else None,
        headers={"Authorization": f"token {token}", "Content-Type": "application/json"},
    )


def httpx_quote(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="") or "-"


def furnished(github: StandIn) -> tuple[str, str, str]:
    """Put one of each thing into the repository, so that requests meet it; answer a sha and two tokens."""
    alice, job = github.person("octo"), github.workflow_token("octo/shop", {"checks": "write"}, job="a")
    sha = github.commit("octo/shop", {"b": "c"}, "second")
    github.commit("octo/shop", {"d": "e"}, "third", branch="x")
    for token, path, body in (
        (alice, "/issues", {"title": "first", "labels": ["dream"]}),
        (alice, "/issues/1/comments", {"body": "c"}),
        (alice, "/pulls", {"title": "second", "head": "x", "base": "main"}),
        (alice, "/deployments", {"ref": "main"}),
        (alice, "/releases", {"tag_name": "v1"}),
        (alice, "/actions/variables", {"name": "main", "value": "1"}),
        (alice, f"/statuses/{sha}", {"state": "success"}),
        (job, "/check-runs", {"name": "ci", "head_sha": sha}),
    ):
        assert ask(github, token, "POST", "/repos/octo/shop" + path, json=body).status_code == 201, path
    return sha, alice, job


def answers_wrong(github: StandIn) -> list[str]:
    """What the stand-in did wrong. What it let pass is the caller's mistake, and here meant: GitHub, too, ignores
    query values that it does not know, and fields beyond those that it reads."""
    return [one for one in github.violations if "accepted although" not in one]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(requests=st.lists(REQUESTS, min_size=10, max_size=25))
def test_no_request_breaks_it(worn: tuple[StandIn, str, str, str], requests: list[Any]) -> None:
    github, sha, alice, job = worn
    for request in requests:
        answer = send(github, job if "check-runs" in request[0][1] else alice, sha, request)
        assert answer.status_code < 500, (request, answer.text, github.violations)
        assert answers_wrong(github) == [], request


@pytest.fixture
def worn(github: StandIn) -> Iterator[tuple[StandIn, str, str, str]]:
    """One server for all examples: what a request leaves behind is the next one's start. So nothing is shrunk."""
    github.world.limits.quota = Quota(workflow=10**6, personal=10**6)
    yield github, *furnished(github)
    github.violations[:] = answers_wrong(github)


def test_every_route_is_in_the_table() -> None:
    assert set(SERVED) <= set(NEEDS)


def test_many_at_once(github: StandIn) -> None:
    """From many threads at once: each issue has a number of its own, one create of a ref wins."""
    token = github.person("alice")
    sha = github.world.git(github.world.repository("octo/shop")).head("main")
    numbers: list[int] = []
    created: list[int] = []

    def work() -> None:
        for count in range(10):
            numbers.append(
                ask(github, token, "POST", "/repos/octo/shop/issues", json={"title": "x"}).json()["number"]
            )
            body = {"ref": f"refs/dreamnet/lock-{count}", "sha": sha}
            created.append(ask(github, token, "POST", "/repos/octo/shop/git/refs", json=body).status_code)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(numbers) == list(range(1, 61))
    assert (created.count(201), created.count(422)) == (10, 50)
