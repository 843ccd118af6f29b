"""The gateway on a real socket: the same results as the command line, and who may ask."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dreamnet_actions.bootstrap import Options, System, assemble
from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.entrances.guard import is_loopback, require_key
from dreamnet_actions.entrances.openapi import agent_result
from dreamnet_actions.entrances.pool import Pool
from dreamnet_actions.errors import RefusedError
from tests.entrances.conftest import ENVIRON, REQUESTS, SEEDS, Run, gateway
from tests.entrances.test_wire import HOSTILE

pytestmark = pytest.mark.slow

KEYS = set(agent_result()["required"])
KEY = "a-key-of-thirty-two-characters-00"


def plain(value: Any) -> Any:
    """Leave out what differs between two runs of the same request: ids, times, ports and process ids."""
    if isinstance(value, dict):
        own = {
            "id",
            "started_at",
            "finished_at",
            "phases_ms",
            "pid",
            "address",
            "value",
            "messages",
            "at",
            "after",
        }
        return {key: plain(one) for key, one in value.items() if key not in own}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value


@pytest.mark.slow
@pytest.mark.parametrize("agent", SEEDS)
def test_the_seed_gets_the_same_result_at_both_entrances(
    run: Run, home: Path, tmp_path: Path, agent: str
) -> None:
    body = (REQUESTS / f"{agent}.json").read_bytes()
    by_call = run("--state", str(tmp_path / "one"), "call", "--no-deliver", str(REQUESTS / f"{agent}.json"))
    run("--state", str(tmp_path / "one"), "down")
    system = assemble(Options(root=home, state=tmp_path / "two", environ=ENVIRON))
    try:
        with gateway(system) as client:
            by_post = client.post("/api/agent", content=body)
    finally:
        for platform in system.platforms.values():
            platform.shutdown()
        system.close()
    assert plain(json.loads(by_call.stdout)) == plain(by_post.json())
    assert set(by_post.json()) == KEYS
    expected = {"dreamkeeper": 200, "deploykeeper": 200, "envkeeper": 400, "relaybot": 200}
    assert by_post.status_code == expected[agent]


def check_refused(answered: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    result: dict[str, Any] = answered.json()
    assert (answered.status_code, result["error"]["code"]) == (status, code)
    assert set(result) == KEYS
    assert answered.headers["content-type"] == "application/json"
    assert "server" not in answered.headers
    return result


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_is_answered_by_a_result(client: httpx2.Client, name: str) -> None:
    body, said = HOSTILE[name]
    result = check_refused(client.post("/api/agent", content=body), 400, "request.invalid")
    assert said in result["error"]["message"]


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=100))
def test_any_body_is_answered_by_a_result(client: httpx2.Client, body: bytes) -> None:
    answered = client.post("/api/agent", content=body)
    assert answered.status_code == 400
    assert set(answered.json()) == KEYS


@pytest.mark.parametrize("size", [256 * 1024 + 1, 900 * 1024])
def test_a_body_over_the_limit_is_refused_while_it_is_read(client: httpx2.Client, size: int) -> None:
    def parts() -> Any:  # no Content-Length: only reading tells
        yield from (b" " * 1024 for _ in range(size // 1024))
        yield b" " * (size % 1024)

    check_refused(client.post("/api/agent", content=parts()), 413, "request.too-large")


def test_the_content_type_does_not_matter(client: httpx2.Client) -> None:
    body = b'{"agent": "deploykeeper", "input": {"action": "status"}}'
    for kind in (
        "application/json",
        "text/plain",
        "application/x-www-form-urlencoded",
        "what/ever; charset=x",
    ):
        assert client.post("/api/agent", content=body, headers={"content-type": kind}).status_code == 200


def test_an_idempotency_key_is_the_requests_id(client: httpx2.Client) -> None:
    request = {"agent": "relaybot", "input": {"action": "publish", "event": "lunch"}}
    named = {"Idempotency-Key": "key-1"}
    first = client.post("/api/agent", json=request, headers=named)
    assert first.json()["id"] == "key-1"
    assert client.post("/api/agent", json=request, headers=named).json() == first.json()
    request["input"]["event"] = "dinner"
    check_refused(client.post("/api/agent", json=request, headers=named), 409, "refused.id-reused")
    check_refused(
        client.post("/api/agent", json={**request, "id": "b"}, headers=named), 400, "request.invalid"
    )
    long = {"Idempotency-Key": "x" * 201}
    check_refused(client.post("/api/agent", json=request, headers=long), 400, "request.invalid")


def test_paused_says_when_to_come_again(client: httpx2.Client, system: System) -> None:
    system.pause("somebody", "moving")
    answered = client.post(
        "/api/agent", json={"agent": "relaybot", "input": {"action": "publish", "event": "x"}}
    )
    check_refused(answered, 503, "temporary.paused")
    assert answered.headers["retry-after"] == "60"
    assert client.get("/readyz").json() == {"status": "ready", "paused": True}


def test_there_is_to_see(client: httpx2.Client, system: System) -> None:
    dream = system.dreams.open(Dream(key="gke/web", opened_at=1.0))
    system.dreams.comment(dream.number, 2.0, "seen")
    client.post("/api/agent", json={"agent": "relaybot", "input": {"action": "publish", "event": "lunch"}})
    assert [one["key"] for one in client.get("/api/dreams").json()["dreams"]] == ["gke/web"]
    assert client.get("/api/dreams?state=resolved").json() == {"dreams": []}
    assert client.get("/api/dreams/1").json()["story"][0]["text"] == "seen"
    assert client.get("/api/messages?limit=1").json()["messages"][0]["message"]["subject"] == "lunch"
    assert client.get("/api/status").json()["dreams"][0]["key"] == "gke/web"
    assert client.get("/healthz").json()["status"] == "ok"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/dreams/99", 404, "request.not-found"),
        ("GET", "/api/dreams/x", 404, "request.not-found"),
        ("GET", "/api/dreams/%2e%2e", 404, "request.not-found"),
        ("GET", "/api/dreams?state=opne", 400, "request.invalid"),
        ("GET", "/api/dreams?limit=0", 400, "request.invalid"),
        ("GET", "/api/dreams?limit=many", 400, "request.invalid"),
        ("GET", "/api/messages?state=open", 400, "request.invalid"),
        ("GET", "/api/agent", 405, "request.invalid"),
        ("GET", "/", 404, "request.not-found"),
        ("GET", "/docs", 404, "request.not-found"),
    ],
)
def test_every_refusal_is_a_result(
    client: httpx2.Client, method: str, path: str, status: int, code: str
) -> None:
    check_refused(client.request(method, path), status, code)


def test_a_bug_is_answered_by_a_result_without_its_traceback(
    client: httpx2.Client, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(system), "paused", lambda _: {}["secret"])
    result = check_refused(client.get("/readyz"), 500, "dreamnet.error")
    assert "secret" not in json.dumps(result)


def test_a_full_gateway_says_so(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    hold, inside = threading.Event(), threading.Event()

    def slow() -> None:
        inside.set()
        hold.wait(10)

    monkeypatch.setattr(type(system), "paused", lambda _: slow())
    monkeypatch.setattr("dreamnet_actions.entrances.http.Pool", lambda: Pool(1, 0))
    with gateway(system) as client:
        busy = threading.Thread(target=client.get, args=("/readyz",))
        busy.start()
        assert inside.wait(5)
        answered = client.get("/api/status")
        hold.set()
        busy.join()
    check_refused(answered, 503, "temporary.unavailable")
    assert answered.headers["retry-after"] == "2"


# ── who may ask ──────────────────────────────────────────────────────────────────────────────────────────


def test_with_a_key_every_call_needs_it(system: System) -> None:
    with gateway(system, key=KEY) as client:
        for given_key in (
            None,
            "Bearer wrong",
            f"Basic {KEY}",
            f"Bearer {KEY}x",
            "Bearer",
            "Bearer é".encode("latin-1"),
        ):
            headers = {} if given_key is None else {"authorization": given_key}
            answered = client.get("/api/dreams", headers=headers)
            check_refused(answered, 401, "refused.unauthenticated")
            assert answered.headers["www-authenticate"] == "Bearer"
            assert KEY not in answered.text
        good = {
            "authorization": f"bearer {KEY}",
            "host": "dreamnet.example",
            "origin": "https://page.example",
        }
        assert client.get("/api/dreams", headers=good).status_code == 200
        assert client.get("/openapi.json").status_code == 401
        assert client.get("/healthz", headers={"host": "10.0.0.7"}).status_code == 200
        twice = [("authorization", f"Bearer {KEY}"), ("authorization", f"Bearer {KEY}")]
        assert client.get("/api/dreams", headers=twice).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "localhost:1"}, 200),
        ({"host": "app.localhost"}, 200),
        ({"host": "[::1]:80"}, 200),
        ({"host": "127.9.9.9"}, 200),
        ({"host": "evil.example"}, 403),
        ({"host": "127.0.0.1.evil.example"}, 403),
        ({"host": "127.0.0.1@evil.example"}, 403),
        ({"host": "["}, 403),
        ({"origin": "http://localhost:3000"}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost.evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
    ],
)
def test_without_a_key_web_pages_of_other_sites_are_refused(
    client: httpx2.Client, headers: dict[str, str], status: int
) -> None:
    answered = client.get("/api/dreams", headers=headers)
    assert answered.status_code == status
    if status == 403:
        check_refused(answered, 403, "refused.not-allowed")


def test_a_request_without_a_host_is_refused(client: httpx2.Client) -> None:
    with socket.create_connection((client.base_url.host, client.base_url.port)) as raw:
        raw.sendall(b"GET /api/dreams HTTP/1.0\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.com", ""])
def test_beyond_this_machine_needs_a_key(host: str) -> None:
    with pytest.raises(RefusedError, match="beyond it") as caught:
        require_key(host, None, "DREAMNET_KEY")
    assert "export DREAMNET_KEY=" in caught.value.hint
    require_key(host, KEY, "DREAMNET_KEY")
    with pytest.raises(RefusedError, match="at least 16"):
        require_key(host, "short", "DREAMNET_KEY")


def test_serve_beyond_this_machine_without_a_key_ends_with_4(run: Run) -> None:
    answered = run("serve", "--host", "0.0.0.0")
    assert answered.exit_code == 4
    assert "hint: Set one" in answered.stderr


@pytest.mark.parametrize(
    ("host", "inside"), [("localhost", True), ("LOCALHOST.", True), ("::1", True), ("1.2.3.4", False)]
)
def test_loopback_is_known_by_name_and_address(host: str, inside: bool) -> None:
    assert is_loopback(host) is inside
