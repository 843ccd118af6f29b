"""The wrapped PyGithub: what is sent again and when, what answers mean, and that nothing tells the token."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any

import pytest

from dreamnet_actions.adapters.github.client import MOST_PAYLOAD, GitHubRepository
from dreamnet_actions.adapters.github.retry import REPEATABLE, Answer, Patience, wait_before
from dreamnet_actions.adapters.github.translate import permissions
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.errors import (
    ConfigError,
    Conflict,
    DreamNetError,
    NotFound,
    PermanentError,
    RefusedError,
    RequestError,
    RequestTooLarge,
    TemporaryError,
    Unauthenticated,
)
from dreamnet_actions.errors.configuration import ExtraMissing
from dreamnet_actions.testing.contracts.together import together
from dreamnet_actions.testing.memory.clock import VirtualClock
from tests.github.scripted import Reply, Script, scripted

TOKEN = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
OK = Reply(data={"login": "octocat"})


def repository(script: Script, clock: VirtualClock | None = None, **more: Any) -> GitHubRepository:
    more = {"write_spacing": 0.0, "timeout": 5.0} | more
    return GitHubRepository(
        "octocat/hello", SecretValue(TOKEN), clock=clock or VirtualClock(), api_url=script.url, **more
    )


def limited(**headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(403, {"message": "You have exceeded a secondary rate limit. Please wait."}, named)


# ── again, and when ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "trouble", [Reply(502, raw=b"<html>Bad Gateway"), Reply(500, {}), Reply(429, {}), Reply(drop=True)],
    ids=["502", "500", "429", "dropped"],
)  # fmt: skip
def test_what_may_be_repeated_is(verb: str, trouble: Reply) -> None:
    clock = VirtualClock()
    with scripted(trouble, OK) as script:
        assert repository(script, clock).call(verb, "/x")["login"] == "octocat"
    assert [one.verb for one in script.asked] == [verb, verb]
    assert clock.monotonic() == pytest.approx(60.0 if trouble.status == 429 else 1.0)


@pytest.mark.parametrize("verb", ["POST", "PATCH"])
@pytest.mark.parametrize(
    "trouble", [Reply(502, {}), limited(retry_after="1"), Reply(429, {}), Reply(drop=True)],
    ids=["502", "secondary", "429", "dropped"],
)  # fmt: skip
def test_what_may_have_been_done_is_not(verb: str, trouble: Reply) -> None:
    with scripted(trouble) as script, pytest.raises(TemporaryError):
        repository(script).call(verb, "/x", body={})
    assert len(script.asked) == 1


def test_it_gives_up_after_some_tries_and_waits_longer_each_time() -> None:
    clock = VirtualClock()
    with scripted(Reply(503, {})) as script:
        one = repository(script, clock)
        with pytest.raises(TemporaryError, match="503"):
            one.call("GET", "/x")
    assert len(script.asked) == Patience().tries == 4
    assert clock.monotonic() == pytest.approx(1 + 2 + 4)
    assert (one.calls.charged, one.calls.repeated) == (4, 3)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "7", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1700000030"}, 7.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1700000030"}, 31.0),
        ({"retry-after": "Tue, 14 Nov 2023 22:13:50 GMT"}, 30.0),
        ({}, 60.0),
        ({"retry-after": "soon"}, 60.0),
        ({"retry-after": "nan"}, 60.0),
    ],
)
def test_it_waits_as_long_as_github_says(headers: dict[str, str], seconds: float) -> None:
    clock = VirtualClock(1_700_000_000.0)
    with scripted(Reply(429, {"message": "API rate limit exceeded"}, headers), OK) as script:
        repository(script, clock).call("GET", "/x")
    assert clock.monotonic() == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("reply", "seconds"),
    [
        (limited(retry_after="61"), 61.0),
        (
            Reply(
                403,
                {"message": "API rate limit exceeded for installation ID 1."},
                {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1700003000"},
            ),
            3001.0,
        ),
    ],
)
def test_a_wait_beyond_the_cap_ends_the_run(reply: Reply, seconds: float) -> None:
    clock = VirtualClock(1_700_000_000.0)
    with scripted(reply) as script, pytest.raises(TemporaryError, match="rate limit") as caught:
        repository(script, clock).call("GET", "/x")
    assert (len(script.asked), clock.monotonic()) == (1, 0.0)
    assert caught.value.retry_after == pytest.approx(seconds)


def test_an_answer_that_does_not_come_is_not_waited_for() -> None:
    with scripted(Reply(hang=True), OK) as script:
        assert repository(script, timeout=0.1).call("GET", "/x")["login"] == "octocat"
    with scripted(Reply(hang=True)) as script, pytest.raises(TemporaryError, match="Timeout"):
        repository(script, timeout=0.1).call("POST", "/x", body={})
    assert len(script.asked) == 1


def test_no_wait_is_negative_or_shrinks() -> None:
    patience = Patience()
    answers = [None, Answer(status=502, headers={}), Answer(status=429, headers={"retry-after": "-5"})]
    for answer in answers:
        waits = [wait_before(answer, again, now=0.0, patience=patience) for again in range(1, 8)]
        assert waits == sorted(waits)
        assert waits[0] >= 0.0
    assert {"POST", "PATCH"}.isdisjoint(REPEATABLE)


def test_writes_are_spaced_also_those_of_several_threads() -> None:
    clock = VirtualClock()
    times = []
    with scripted(OK) as script:
        one = repository(script, clock, write_spacing=1.0)
        # Time is read when a write has its turn: each waits from the start of the one before.
        together(
            [lambda: times.append(one.call("PATCH", "/x", body={}) and clock.monotonic()) for _ in range(4)]
        )
        one.call("GET", "/x")
    assert clock.monotonic() == pytest.approx(3.0)
    assert one.calls.writes == 4


# ── what answers mean ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("reply", "kind", "says"),
    [
        (Reply(401, {"message": "Bad credentials"}), Unauthenticated, "Bad credentials"),
        (Reply(403, {"message": "Must have admin rights"}), RefusedError, "admin rights"),
        (Reply(404, {"message": "Not Found"}), NotFound, "/repos/octocat/hello/x"),
        (Reply(410, {"message": "This issue was deleted"}), NotFound, "/x"),
        (Reply(410, {"message": "Issues has been disabled in this repository."}), RefusedError, "disabled"),
        (Reply(409, {"message": "Git Repository is empty."}), Conflict, "empty"),
        (Reply(422, {"message": "Reference already exists"}), Conflict, "already exists"),
        (
            Reply(
                422, {"message": "Validation Failed", "errors": [{"code": "already_exists", "field": "name"}]}
            ),
            Conflict,
            "exists",
        ),
        (
            Reply(
                422, {"message": "Validation Failed", "errors": [{"field": "title", "code": "missing_field"}]}
            ),
            RequestError,
            "title missing_field",
        ),
        (Reply(422, {"message": "odd", "errors": ["text", None]}), RequestError, "odd"),
        (Reply(400, {"message": "Problems parsing JSON"}), RequestError, "parsing"),
        (Reply(418, {"message": "teapot"}), PermanentError, "418"),
        (Reply(404, raw=b"<html>no such page"), NotFound, "/x"),
    ],
)
def test_an_answer_is_one_of_our_errors_with_its_cause(
    reply: Reply, kind: type[DreamNetError], says: str
) -> None:
    with scripted(reply) as script, pytest.raises(DreamNetError) as caught:
        repository(script).call("POST", "/x", body={})
    assert type(caught.value) is kind
    assert says in str(caught.value)
    assert type(caught.value.__cause__).__module__ == "github.GithubException"


def test_a_missing_permission_is_named_with_the_lines_to_add() -> None:
    headers = {"X-Accepted-GitHub-Permissions": "issues=write; pull_requests=write"}
    said = {"message": "Resource not accessible by integration"}
    with scripted(Reply(403, said, headers)) as script, pytest.raises(RefusedError) as caught:
        repository(script).call("POST", "/issues", body={})
    assert "'issues: write'" in caught.value.message
    assert caught.value.hint.endswith("permissions:\n  issues: write")
    assert len(script.asked) == 1


@pytest.mark.parametrize(
    ("said", "accepted", "hint"),
    [
        (
            "Resource not accessible by integration",
            "pull_requests=write",
            "permissions:\n  pull-requests: write",
        ),
        (
            "Resource not accessible by integration",
            "contents=write,workflows=write",
            "GitHub App",
        ),
        ("Resource not accessible by integration", "secrets=write", "fine-grained"),
        ("Resource not accessible by personal access token", "issues=write", "Repository permissions"),
        ("Resource not accessible by integration", "", "what the token may do"),
    ],
)
def test_what_a_workflow_cannot_grant_is_said(said: str, accepted: str, hint: str) -> None:
    reply = Reply(403, {"message": said}, {"X-Accepted-GitHub-Permissions": accepted})
    with scripted(reply) as script, pytest.raises(RefusedError) as caught:
        repository(script).call("GET", "/x")
    assert hint in caught.value.hint


def test_permissions_are_alternatives_of_sets() -> None:
    assert permissions("pull_requests=read,contents=read; issues=read") == (
        {"pull-requests": "read", "contents": "read"},
        {"issues": "read"},
    )
    assert permissions("") == permissions("garbage") == ()


def test_a_page_of_a_proxy_is_no_data() -> None:
    with (
        scripted(Reply(200, raw=b"<html>Log in to the hotel's network")) as script,
        pytest.raises(TemporaryError),
    ):
        repository(script).call("GET", "/x")
    assert len(script.asked) == 4


# ── where it goes ───────────────────────────────────────────────────────────────────────────────────────────


def test_it_follows_to_the_same_host_only() -> None:
    with scripted(OK) as other, scripted(Reply(301, {}, {"Location": f"{other.url}/x"})) as script:
        with pytest.raises(PermanentError, match="not followed"):
            repository(script).call("GET", "/x")
        assert other.asked == []
    with scripted(Reply(301, {}, {"Location": "/repositories/7/x?a=1"}), OK) as script:
        assert repository(script).call("GET", "/x")["login"] == "octocat"
        assert [one.path for one in script.asked] == ["/repos/octocat/hello/x", "/repositories/7/x?a=1"]
    with scripted(Reply(307, {}, {"Location": "/repositories/7/x"}), OK) as script:
        repository(script).call("POST", "/x", body={"a": 1})
        assert [(one.verb, one.body) for one in script.asked] == [("POST", {"a": 1})] * 2
    with scripted(Reply(302, {}, {"Location": "/elsewhere"})) as script:
        with pytest.raises(PermanentError):
            repository(script).call("POST", "/x", body={})
        assert len(script.asked) == 1
    again = Reply(301, {}, {"Location": "/again"})
    with scripted(again) as script, pytest.raises(PermanentError, match="more than 5"):
        repository(script).call("GET", "/x")


@pytest.mark.parametrize("name", ["", "hello", "a/b/c", "a/..", "-a/b", "a/b?x", "a b/c", "octocat/hello\n"])
def test_a_name_that_is_none(name: str) -> None:
    with pytest.raises(ConfigError):
        GitHubRepository(name, SecretValue(TOKEN), clock=VirtualClock())


@pytest.mark.parametrize(
    "url",
    [
        "http://github.example/api/v3",
        "ftp://x",
        "https://u:secret@x",
        "https://x/?a",
        "",
        "https://",
        "//x",
        "http://[::1",
        "https://x:port",
    ],
)
def test_a_token_goes_over_https_only(url: str) -> None:
    for more in ({"api_url": url}, {"server_url": url}):
        with pytest.raises(ConfigError) as told:
            GitHubRepository("o/n", SecretValue(TOKEN), clock=VirtualClock(), **more)
        assert "secret" not in str(told.value)


def test_an_enterprise_server_has_a_path() -> None:
    with scripted(OK) as script:
        one = GitHubRepository(
            "o/n", SecretValue(TOKEN), clock=VirtualClock(), api_url=f"{script.url}/api/v3/", write_spacing=0
        )
        one.call("GET", "/x")
        one.rest.create_repository_dispatch("t", {})
    assert [one.path for one in script.asked] == ["/api/v3/repos/o/n/x", "/api/v3/repos/o/n/dispatches"]


# ── what it costs, and what it tells ────────────────────────────────────────────────────────────────────────


def test_what_did_not_change_is_free() -> None:
    first = Reply(200, {"n": 1}, {"ETag": 'W/"1"'})
    with scripted(first, Reply(304), Reply(200, {"n": 2}, {"ETag": 'W/"2"'}), Reply(304)) as script:
        one = repository(script)
        assert [one.call("GET", "/x", parameters={"a": 1})["n"] for _ in range(4)] == [1, 1, 2, 2]
        assert (one.calls.charged, one.calls.free) == (2, 2)
    asked = [one.headers.get("if-none-match") for one in script.asked]
    assert asked == [None, 'W/"1"', 'W/"1"', 'W/"2"']


def test_who_it_is() -> None:
    with scripted(OK) as script:
        one = repository(script)
        assert [one.login(), one.login()] == ["octocat", "octocat"]
        assert [one.path for one in script.asked] == ["/user"]
        own = GitHubRepository("o/n", SecretValue("ghs_x"), clock=VirtualClock(), api_url=script.url)
        assert own.login() == "github-actions[bot]"
        app = GitHubRepository(
            "o/n", SecretValue("ghs_x"), clock=VirtualClock(), api_url=script.url, login="app[bot]"
        )
        assert app.login() == "app[bot]"
        assert len(script.asked) == 1


def test_a_dispatch() -> None:
    with scripted(Reply(204)) as script:
        one = repository(script)
        one.dispatch("dreamnet.message.v1", {"dreamnet": {"id": "1"}})
        assert script.asked[0].path == "/repos/octocat/hello/dispatches"
        assert script.asked[0].body == {
            "event_type": "dreamnet.message.v1",
            "client_payload": {"dreamnet": {"id": "1"}},
        }
        assert script.asked[0].headers["authorization"] == f"token {TOKEN}"
        for event, payload in (("", {}), ("x" * 101, {}), ("x", {str(n): n for n in range(11)})):
            with pytest.raises(RequestError):
                one.dispatch(event, payload)
        with pytest.raises(RequestTooLarge):
            one.dispatch("x", {"a": "é" * MOST_PAYLOAD})
        assert len(script.asked) == 1
    with scripted(Reply(404, {"message": "Not Found"})) as script, pytest.raises(NotFound) as caught:
        repository(script).dispatch("x", {})
    assert "contents: write" in caught.value.hint


@pytest.mark.parametrize(
    "reply", [Reply(401, {"message": "Bad credentials"}), Reply(502, {}), Reply(drop=True), Reply(422, {})]
)
def test_nothing_tells_the_token(reply: Reply, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with scripted(reply) as script:
        one = repository(script, patience=Patience(tries=1))
        with pytest.raises(DreamNetError) as caught:
            one.call("GET", "/x")
    told = "".join(traceback.format_exception(caught.value)) + repr(one) + repr(caught.value) + caplog.text
    assert TOKEN not in told + caught.value.hint
    assert "127.0.0.1" in caplog.text  # something was logged at all


def test_without_the_extra_the_line_to_run_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "github", None)
    with scripted() as script, pytest.raises(ExtraMissing, match="PyGithub, which is not installed") as told:
        repository(script).call("GET", "/x")
    assert "Run: pip install 'dreamnet[github]'" in told.value.hint
