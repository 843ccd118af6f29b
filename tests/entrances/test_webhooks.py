"""Webhooks: believed by their signature, once by their delivery's id, and turned into events."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook as Signer

from dreamnet_actions.bootstrap import System
from dreamnet_actions.domain.spec.models import Webhook
from dreamnet_actions.entrances.webhooks import MAX_BYTES, github_signature, read
from dreamnet_actions.errors import DreamNetError
from tests.entrances.conftest import GITHUB_SECRET, STANDARD_SECRET, Run, gateway

pytestmark = pytest.mark.slow

PUSH = {
    "ref": "refs/heads/main",
    "before": "a" * 40,
    "after": "b" * 40,
    "forced": False,
    "deleted": False,
    "repository": {"full_name": "octo/app"},
    "sender": {"login": "mona"},
}


def github(event: str, payload: Any, *, delivery: str = "d-1", secret: str = GITHUB_SECRET) -> dict[str, Any]:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    headers = {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": github_signature(secret, body),
        "Content-Type": "application/json",
    }
    return {"content": body, "headers": headers}


def test_githubs_published_vector() -> None:
    signed = github_signature(GITHUB_SECRET, b"Hello, World!")
    assert signed == "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_a_push_is_stored_once_and_answered_before_it_is_delivered(system: System) -> None:
    woken = []
    with gateway(system, wake=lambda: woken.append(1)) as client:
        first = client.post("/webhooks/github", **github("push", PUSH))
        again = client.post("/webhooks/github", **github("push", PUSH))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert first.json()["id"] == "webhook-github/d-1"
    assert woken
    states = system.bus.list()
    assert {one.message.name for one in states} == {"push"}
    data = states[0].message.data
    assert (data["branch"], data["revision"], data["repository"]) == ("main", "b" * 40, "octo/app")
    assert len(system.journal.read(kinds={"webhook"})) == 1


def test_the_same_delivery_with_another_body_is_refused(client: httpx2.Client) -> None:
    client.post("/webhooks/github", **github("push", PUSH))
    other = client.post("/webhooks/github", **github("push", {**PUSH, "after": "c" * 40}))
    assert (other.status_code, other.json()["error"]["code"]) == (409, "refused.id-reused")


def test_ping_is_answered(client: httpx2.Client) -> None:
    answered = client.post("/webhooks/github", **github("ping", {"zen": "Design for failure."}))
    assert (answered.status_code, answered.json()) == (200, {"pong": True})


@pytest.mark.parametrize(
    "wrong",
    [
        {"X-Hub-Signature-256": None},
        {"X-Hub-Signature-256": "sha256=" + "0" * 64},
        {"X-Hub-Signature-256": "é"},
        {"X-Hub-Signature-256": None, "X-Hub-Signature": "sha1=" + "0" * 40},
    ],
)
def test_a_github_webhook_that_is_not_signed_leaves_no_trace(
    client: httpx2.Client, system: System, wrong: dict[str, Any]
) -> None:
    sent = github("push", PUSH)
    sent["headers"] = {
        k: v.encode("latin-1") for k, v in {**sent["headers"], **wrong}.items() if v is not None
    }
    answered = client.post("/webhooks/github", **sent)
    assert (answered.status_code, answered.json()["error"]["code"]) == (401, "refused.unauthenticated")
    assert not system.bus.list()
    assert not system.journal.read()


def test_a_form_holds_the_payload_too(client: httpx2.Client, system: System) -> None:
    from urllib.parse import urlencode

    sent = github("push", urlencode({"payload": json.dumps(PUSH)}).encode())
    sent["headers"]["Content-Type"] = "application/x-www-form-urlencoded"
    assert client.post("/webhooks/github", **sent).status_code == 202
    assert system.bus.list()[0].message.data["branch"] == "main"


@pytest.mark.parametrize(
    ("event", "payload", "name"),
    [
        ("push", {**PUSH, "deleted": True, "after": "0" * 40}, "github-push-without-branch"),
        ("push", {**PUSH, "ref": "refs/tags/v1"}, "github-push-without-branch"),
        (
            "issues",
            {"action": "opened", "issue": {"number": 3, "html_url": "https://x"}},
            "github-issues-opened",
        ),
        ("workflow_run", {"action": "completed"}, "github-workflow-run-completed"),
        ("Odd\x7f Event/../", {"action": 7}, "github-odd-event-.."),
        ("star", {}, "github-star"),
    ],
)
def test_other_events_have_names_of_their_own(event: str, payload: Any, name: str) -> None:
    sent = github(event, payload)
    headers = {key.lower(): value for key, value in sent["headers"].items()}
    found = read("github", Webhook(secret_variable="X"), GITHUB_SECRET, headers, sent["content"])
    assert found is not None
    assert found.name.rstrip(".-") == name.rstrip(".-")


def standard(payload: Any, *, ident: str = "msg_1", when: datetime | None = None) -> dict[str, Any]:
    body = json.dumps(payload)
    when = when or datetime.now(UTC)
    headers = {
        "webhook-id": ident,
        "webhook-timestamp": str(int(when.timestamp())),
        "webhook-signature": Signer(STANDARD_SECRET).sign(ident, when, body),
    }
    return {"content": body, "headers": headers}


def test_a_standard_webhook_is_believed(client: httpx2.Client, system: System) -> None:
    answered = client.post("/webhooks/pay", **standard({"type": "invoice.paid", "data": {"id": 7}}))
    assert answered.status_code == 202
    assert answered.json()["id"] == "webhook-pay/msg_1"
    message = system.bus.list()[0].message
    assert (message.name, message.sender) == ("invoice.paid", "webhook-pay")


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "nonsense"},
        {"webhook-signature": "v1,a,b"},
        {"webhook-signature": None},
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": "then"},
    ],
)
def test_a_standard_webhook_that_is_not_signed_is_refused(
    client: httpx2.Client, change: dict[str, Any]
) -> None:
    sent = standard({"type": "x"})
    sent["headers"] = {k: v for k, v in {**sent["headers"], **change}.items() if v is not None}
    answered = client.post("/webhooks/pay", **sent)
    assert (answered.status_code, answered.json()["error"]["code"]) == (401, "refused.unauthenticated")


@pytest.mark.parametrize("minutes", [-6, 6])
def test_an_old_standard_webhook_is_refused(client: httpx2.Client, minutes: int) -> None:
    sent = standard({"type": "x"}, when=datetime.now(UTC) + timedelta(minutes=minutes))
    assert client.post("/webhooks/pay", **sent).status_code == 401


def test_an_unknown_webhook_is_not_found_and_one_without_secret_says_what_to_set(
    client: httpx2.Client,
) -> None:
    unknown = client.post("/webhooks/pya", content=b"{}")
    assert unknown.status_code == 404
    assert "Did you mean 'pay'?" in unknown.json()["error"]["message"]
    unset = client.post("/webhooks/unset", content=b"{}")
    assert unset.status_code == 400
    assert "HOOK_UNSET" in unset.json()["error"]["hint"]


def test_an_unconfigured_github_webhook_shows_the_lines_to_add(home: Path, run: Run) -> None:
    from dreamnet_actions.bootstrap import Options, assemble

    text = (home / "dreamnet.yml").read_text()
    (home / "dreamnet.yml").write_text(text[: text.index("webhooks:")])
    system = assemble(Options(root=home))
    with gateway(system) as client:
        answered = client.post("/webhooks/github", **github("push", PUSH))
    system.close()
    assert answered.status_code == 400
    assert "webhooks:\n  github: {secret-variable:" in answered.json()["error"]["hint"]


def test_a_webhook_comes_under_any_host_and_without_the_key(system: System) -> None:
    sent = github("push", PUSH)
    sent["headers"]["host"] = "tunnel.example"
    with gateway(system, key="a-key-of-thirty-two-characters-00") as client:
        assert client.post("/webhooks/github", **sent).status_code == 202


def test_a_webhook_over_the_limit_is_refused(client: httpx2.Client) -> None:
    answered = client.post("/webhooks/github", **github("push", b" " * (MAX_BYTES + 1)))
    assert (answered.status_code, answered.json()["error"]["code"]) == (413, "request.too-large")


headers = st.dictionaries(
    st.sampled_from(["x-github-event", "x-github-delivery", "x-hub-signature-256", "content-type", "webhook-id",
                     "webhook-timestamp", "webhook-signature"]), st.text(max_size=30))  # fmt: skip


@given(st.sampled_from(["github", "pay"]), headers, st.binary(max_size=60), st.booleans())
def test_whatever_comes_is_an_event_or_an_error_of_ours(
    name: str, given_headers: dict[str, str], body: bytes, signed: bool
) -> None:
    if signed:
        given_headers["x-hub-signature-256"] = github_signature(GITHUB_SECRET, body)
    secret = GITHUB_SECRET if name == "github" else STANDARD_SECRET
    with contextlib.suppress(DreamNetError):
        read(name, Webhook(secret_variable="X"), secret, given_headers, body)
