"""What goes wrong on purpose, the limits, ETags and redirects: as a client meets them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import httpx2 as httpx
import pytest
from github import GithubException, GithubRetry

from dreamnet_actions.testing.github.limits import Quota
from dreamnet_actions.testing.github.standin import StandIn
from dreamnet_actions.testing.memory.clock import VirtualClock
from tests.github.conftest import client
from tests.github.test_permissions import ask

pytestmark = pytest.mark.slow
ISSUES = "/repos/octo/shop/issues"


@pytest.fixture
def token(github: StandIn) -> str:
    return github.person("alice")


def created(github: StandIn) -> int:
    return len(github.world.repository("octo/shop").issues)


@pytest.mark.parametrize(
    ("kind", "status", "takes_effect"),
    [
        ("502", 502, False),
        ("502-after", 502, True),
        ("secondary", 403, False),
        ("429", 429, False),
        ("primary", 403, False),
        ("401", 401, False),
        ("403", 403, False),
        ("404", 404, False),
        ("410", 410, False),
        ("422", 422, False),
        ("html", 200, False),
        ("truncated", 201, True),
        ("hang", 201, True),
        ("hang-after", 201, True),
    ],
)
def test_each_kind_once(github: StandIn, token: str, kind: str, status: int, takes_effect: bool) -> None:
    rule = github.faults.add(kind, method="POST", path=ISSUES, seconds=30)
    answer = ask(github, token, "POST", ISSUES, json={"title": "x"})
    assert (answer.status_code, created(github), rule.acted) == (status, int(takes_effect), 1)
    assert ask(github, token, "POST", ISSUES, json={"title": "y"}).status_code == 201


@pytest.mark.parametrize(("kind", "takes_effect"), [("reset", False), ("reset-after", True)])
def test_a_connection_is_reset(github: StandIn, token: str, kind: str, takes_effect: bool) -> None:
    github.faults.add(kind, method="POST")
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        ask(github, token, "POST", ISSUES, json={"title": "x"})
    assert created(github) == int(takes_effect)
    assert [one.status for one in github.calls.all()] == [0]


def test_what_the_official_client_does_by_default(github: StandIn, clock: VirtualClock, token: str) -> None:
    """Why our own client wraps it: a 502 after the commit is retried, and leaves one issue too many each time."""
    github.faults.add("502-after", method="POST", path=ISSUES, times=2)
    from github import Auth, Github

    default = Github(
        auth=Auth.Token(token), base_url=github.api_url, retry=GithubRetry(total=3, backoff_factor=0)
    )
    default.get_repo("octo/shop").create_issue("x")
    assert created(github) == 3


def test_headers_of_the_limits(github: StandIn, clock: VirtualClock, token: str) -> None:
    github.faults.add("secondary", retry_after=60)
    assert ask(github, token, "GET", ISSUES).headers["retry-after"] == "60"
    github.faults.add("429")
    assert "retry-after" not in ask(github, token, "GET", ISSUES).headers
    github.faults.add("primary", reset=clock.now() + 120)
    headers = ask(github, token, "GET", ISSUES).headers
    assert (headers["x-ratelimit-remaining"], headers["x-ratelimit-reset"]) == (
        "0",
        str(int(clock.now() + 120)),
    )


def test_nth_times_job_and_share(github: StandIn, token: str) -> None:
    github.faults.add("502", nth=2, times=2)
    assert [ask(github, token, "GET", ISSUES).status_code for _ in range(4)] == [200, 502, 502, 200]
    github.faults.clear()
    github.faults.add("502", job="dream", times=None)
    job = github.workflow_token("octo/shop", {"issues": "read"}, job="dream")
    assert (ask(github, token, "GET", ISSUES).status_code, ask(github, job, "GET", ISSUES).status_code) == (
        200,
        502,
    )
    github.faults.clear()
    seen = []
    for _ in range(2):
        github.faults.add("502", share=0.5, seed=7, times=None)
        seen.append([ask(github, token, "GET", ISSUES).status_code for _ in range(20)])
        github.faults.clear()
    assert seen[0] == seen[1]
    assert 4 < seen[0].count(502) < 16


def test_a_real_hang(github: StandIn, token: str) -> None:
    github.faults.add("hang-real", seconds=30)
    with pytest.raises(httpx.ReadTimeout):
        ask(github, token, "POST", ISSUES, json={"title": "x"}, timeout=0.5)
    assert created(github) == 1


def test_a_virtual_hang_moves_the_clock(github: StandIn, clock: VirtualClock, token: str) -> None:
    before = clock.now()
    github.faults.add("hang", seconds=300)
    ask(github, token, "GET", ISSUES)
    assert clock.now() == before + 300


def test_lists_lag(github: StandIn, clock: VirtualClock, token: str) -> None:
    github.faults.stale(5, "/repos/octo/shop/issues")
    repo = client(github, token).get_repo("octo/shop")
    issue = repo.create_issue("x", labels=["dream"])
    assert list(repo.get_issues(labels=["dream"])) == []
    assert repo.get_issue(issue.number).title == "x"
    clock.advance(5)
    assert [one.number for one in repo.get_issues(labels=["dream"])] == [1]
    issue.edit(state="closed")
    assert [one.number for one in repo.get_issues(state="open")] == [1]
    clock.advance(5)
    assert list(repo.get_issues(state="open")) == []


def test_an_answer_that_did_not_change_costs_nothing(github: StandIn, token: str) -> None:
    first = ask(github, token, "GET", ISSUES)
    again = ask(github, token, "GET", ISSUES, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["x-ratelimit-used"] == first.headers["x-ratelimit-used"] == "1"
    assert github.calls.charged() == 1
    other = ask(github, github.person("bob"), "GET", ISSUES, headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200
    ask(github, token, "POST", ISSUES, json={"title": "x"})
    assert (
        ask(github, token, "GET", ISSUES, headers={"If-None-Match": first.headers["etag"]}).status_code == 200
    )


def test_the_primary_limit_is_the_repositorys(make_github: object, clock: VirtualClock) -> None:
    github = make_github(quota=Quota(workflow=3, personal=5))  # type: ignore[operator]
    github.create_repository("octo/shop")
    tokens = [github.workflow_token("octo/shop", {"issues": "read"}, job=name) for name in ("a", "b")]
    codes = [ask(github, tokens[number % 2], "GET", ISSUES).status_code for number in range(4)]
    assert codes == [200, 200, 200, 403]
    limit = ask(github, tokens[0], "GET", "/rate_limit").json()["resources"]["core"]
    assert (limit["limit"], limit["remaining"], limit["reset"]) == (3, 0, int(clock.now() + 3600))
    assert ask(github, github.person("alice"), "GET", ISSUES).status_code == 200
    clock.advance(3600)
    assert ask(github, tokens[0], "GET", ISSUES).status_code == 200


def test_content_comes_at_most_so_fast(make_github: object, clock: VirtualClock) -> None:
    github = make_github(quota=Quota(content_minute=80, content_hour=500))  # type: ignore[operator]
    github.create_repository("octo/shop")
    token = github.person("alice")
    for _ in range(80):
        assert ask(github, token, "POST", ISSUES, json={"title": "x"}).status_code == 201
    refused = ask(github, token, "POST", ISSUES, json={"title": "x"})
    assert refused.status_code == 403
    assert "secondary" in refused.json()["message"]
    clock.advance(float(refused.headers["retry-after"]))
    assert ask(github, token, "POST", ISSUES, json={"title": "x"}).status_code == 201


def test_a_renamed_repository_redirects(github: StandIn, token: str, tmp_path: Path) -> None:
    github.rename("octo/shop", "store")
    answer = ask(github, token, "POST", ISSUES + "?x=1", json={"title": "x"})
    assert answer.status_code == 307
    assert answer.headers["location"] == github.api_url + "/repos/octo/store/issues?x=1"
    assert ask(github, token, "GET", ISSUES).status_code == 301
    github.world.redirect_status = 307
    assert ask(github, token, "GET", ISSUES).status_code == 307
    assert client(github, token).get_repo("octo/shop").full_name == "octo/store"
    subprocess.run(["git", "clone", "-q", github.server_url + "/octo/shop.git", tmp_path / "x"], check=True)
    with pytest.raises(GithubException):
        client(github, token).get_repo("octo/none")


def test_faults_reach_git(github: StandIn, token: str, tmp_path: Path) -> None:
    url = github.server_url.replace("//", f"//x:{token}@") + "/octo/shop.git"
    folder = tmp_path / "shop"
    named = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", "clone", "-q", url, folder], check=True)
    subprocess.run([*named, "commit", "-q", "--allow-empty", "-m", "x"], cwd=folder, check=True)
    github.faults.add("502-after", path="*/git-receive-pack")
    pushed = subprocess.run(["git", "push", "-q"], cwd=folder, capture_output=True, text=True, check=False)
    assert pushed.returncode != 0
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True
    )
    assert github.world.git(github.world.repository("octo/shop")).head("main") == head.stdout.strip()


def test_calls_are_counted(github: StandIn, token: str) -> None:
    repo = client(github, token).get_repo("octo/shop")
    repo.create_issue("x")
    list(repo.get_issues())
    assert github.calls.by_endpoint() == {
        "GET /repos/{owner}/{repo}": 1,
        "POST /repos/{owner}/{repo}/issues": 1,
        "GET /repos/{owner}/{repo}/issues": 1,
    }
    assert github.calls.by_job() == {"alice": 3}
    assert github.calls.count("POST", job="alice") == 1
