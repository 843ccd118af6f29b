"""Pushes of Pub/Sub over real HTTP: who is believed, what is made of them, and how they are answered."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest

from dreamnet_actions.bootstrap import Options, System, assemble
from dreamnet_actions.domain.spec.pubsub import PubSub
from dreamnet_actions.entrances.pushtokens import PushTokens
from dreamnet_actions.errors import ConfigError, TemporaryError, Unauthenticated
from dreamnet_actions.testing.google.issuer import PATH, Issuer
from dreamnet_actions.testing.google.standin import GoogleStandIn
from tests.entrances.conftest import gateway
from tests.secretmanager.conftest import PROJECT
from tests.secretmanager.pushed import AUDIENCE, HOOK, PUSHER, Pushed

pytestmark = pytest.mark.slow

SECRET = "projects/123456789012/secrets/shop-currency"


@pytest.fixture
def pushed(tmp_path: Path, google: GoogleStandIn) -> Pushed:
    return Pushed(tmp_path, google)


@pytest.fixture
def system(pushed: Pushed) -> Iterator[System]:
    made = assemble(Options(root=pushed.root, environ=pushed.environ))
    yield made
    made.close()


@pytest.fixture
def client(system: System) -> Iterator[httpx2.Client]:
    # With a key and under a strange name, as behind a load balancer: a push has neither.
    with gateway(system, key="a-key-of-thirty-two-characters-00") as one:
        one.headers["host"] = "dreamnet.example.com"
        yield one


def message(kind: str = "SECRET_VERSION_ADD", ident: str = "2070443601311540", **more: str) -> bytes:
    attributes = {"eventType": kind, "secretId": SECRET, "dataFormat": "JSON_API_V1", **more}
    told = {"attributes": attributes, "messageId": ident, "data": base64.b64encode(b"{}").decode()}
    return json.dumps({"message": told, "subscription": f"projects/{PROJECT}/subscriptions/x"}).encode()


def send(client: httpx2.Client, google: GoogleStandIn, body: bytes, **headers: str) -> httpx2.Response:
    token = google.world.issuer.token(PUSHER, AUDIENCE)
    return client.post(HOOK, content=body, headers={"Authorization": f"Bearer {token}", **headers})


def test_a_push_is_a_message_for_the_entry_that_reads_the_secret_once(
    client: httpx2.Client, google: GoogleStandIn, system: System
) -> None:
    body = message(versionId=f"{SECRET}/versions/2")
    answers = [send(client, google, body) for _ in range(3)]
    assert [one.status_code for one in answers] == [202] * 3
    assert answers[0].json() == {"event": "SECRET_VERSION_ADD", "secret": SECRET, "entries": ["shop"]}
    (state,) = system.bus.list()
    told = state.message
    assert (told.sender, told.name, told.to) == ("webhook-secrets", "secret-changed", "envkeeper")
    assert (told.data["entry"], told.data["secret"]) == ("shop", f"{SECRET}/versions/2")
    assert [one.text for one in system.journal.read(kinds={"webhook"})] == [
        f"webhook secrets: SECRET_VERSION_ADD of {SECRET}"
    ]
    assert google.world.calls.count(("GET", PATH)) == 1, "the keys are kept"


def test_an_unwrapped_push_is_the_same(client: httpx2.Client, google: GoogleStandIn, system: System) -> None:
    headers = {
        "x-goog-pubsub-message-id": "2070443601311540",
        "eventType": "SECRET_VERSION_ADD",
        "secretId": SECRET,
    }
    assert send(client, google, b"{}", **headers).status_code == 202
    assert send(client, google, message()).status_code == 202
    assert len(system.bus.list()) == 1


NOW = int(time.time())
REFUSED: dict[str, tuple[int, dict[str, Any]]] = {
    "another issuer": (401, {"iss": "https://accounts.example.com"}),
    "another audience": (403, {"aud": "https://other.example.com"}),
    "two audiences": (403, {"aud": [AUDIENCE, "https://other.example.com"]}),
    "another account": (403, {"email": f"other@{PROJECT}.iam.gserviceaccount.com"}),
    "an address that nobody verified": (403, {"email_verified": False}),
    "a text for verified": (403, {"email_verified": "true"}),
    "ended": (401, {"iat": NOW - 7200, "exp": NOW - 3600}),
    "of the future": (401, {"iat": NOW + 3600, "exp": NOW + 7200}),
    "no end": (401, {"exp": None}),
}


def test_a_token_that_says_something_else_leaves_no_trace(
    client: httpx2.Client, google: GoogleStandIn, system: System
) -> None:
    for status, claims in REFUSED.values():
        token = google.world.issuer.token(PUSHER, AUDIENCE, **claims)
        _refused(client, system, {"Authorization": f"Bearer {token}"}, status)


def test_what_google_did_not_sign_leaves_no_trace(
    client: httpx2.Client, google: GoogleStandIn, system: System
) -> None:
    issuer = google.world.issuer
    good = issuer.token(PUSHER, AUDIENCE)
    head, claims, signature = good.split(".")
    ours = {"iss": "https://accounts.google.com", "aud": AUDIENCE, "email": PUSHER, "email_verified": True}
    ours |= {"iat": NOW, "exp": NOW + 3600}
    forged = issuer.sign(ours, header={"kid": "strange"})
    symmetric = jwt.encode(ours, "x" * 40, algorithm="HS256", headers={"kid": "key-1"})
    unsigned = jwt.encode(ours, None, algorithm="none", headers={"kid": "key-1"})
    other = Issuer(time.time)  # its first key has the same id
    lists = [
        None,
        "",
        "Basic YTpi",
        "Bearer",
        "Bearer x.y.z",
        "Bearer " + "a" * 9000,
        f"Bearer {head}.{claims}.",
        f"Bearer {head}.{claims[:-2]}.{signature}",
        f"Bearer {head}.{claims}.{signature[::-1]}",
        f"Bearer {forged}",
        f"Bearer {issuer.sign(ours, header={'kid': None})}",
        f"Bearer {issuer.sign(ours, header={'alg': 'HS256'})}",
        f"Bearer {symmetric}",
        f"Bearer {unsigned}",
        f"Bearer {other.token(PUSHER, AUDIENCE)}",
    ]
    for one in lists:
        _refused(client, system, {} if one is None else {"Authorization": one}, 401)
    two = [("Authorization", f"Bearer {good}"), ("Authorization", f"Bearer {good}")]
    _refused(client, system, two, 401)
    assert google.world.calls.count(("GET", PATH)) <= 1, "no stranger makes us ask twice"


def _refused(client: httpx2.Client, system: System, headers: Any, status: int) -> None:
    answered = client.post(HOOK, content=message(), headers=headers)
    assert answered.status_code == status, (headers, answered.text)
    code = "refused.unauthenticated" if status == 401 else "refused.not-allowed"
    assert answered.json()["error"]["code"] == code
    assert not system.bus.list()
    assert not system.journal.read()


def test_clocks_may_differ_a_little(client: httpx2.Client, google: GoogleStandIn) -> None:
    now = int(time.time())
    for claims in ({"iat": now - 3630, "exp": now - 30}, {"iat": now + 30, "exp": now + 3630}):
        token = google.world.issuer.token(PUSHER, AUDIENCE, **claims)
        answered = client.post(HOOK, content=message(), headers={"Authorization": f"Bearer {token}"})
        assert answered.status_code == 202


def test_without_googles_keys_it_comes_again(
    client: httpx2.Client, google: GoogleStandIn, system: System
) -> None:
    google.world.away = True
    for _ in range(2):
        answered = send(client, google, message())
        assert (answered.status_code, answered.json()["error"]["code"]) == (503, "temporary.unavailable")
        assert int(answered.headers["Retry-After"]) >= 1
    assert google.world.calls.count(("GET", PATH)) == 1, "not asked again at once"
    assert not system.journal.read()


SENSELESS = [
    b"",
    b"\xff",
    b"[]",
    b"{}",
    b'{"message": []}',
    b'{"message": {"attributes": {"eventType": "SECRET_VERSION_ADD"}}}',
    b'{"message": {"messageId": "1", "attributes": []}}',
    b'{"message": {"messageId": 1}}',
    b'{"message": {"messageId": "1"}}',
    b"[" * 100_000,
    b" " * (1024 * 1024 + 1),
    message("SECRET_EATEN"),
    message(secretId="projects/p/secrets/a b"),
    message(secretId="shop-currency"),
    message(secretId=f"{SECRET}/../x"),
    message(versionId="projects/123456789012/secrets/other/versions/2"),
    message(versionId=f"{SECRET}/versions/latest"),
]


def test_what_makes_no_sense_is_acknowledged_and_told(
    client: httpx2.Client, google: GoogleStandIn, system: System
) -> None:
    for body in SENSELESS:
        before = len(system.journal.read(kinds={"webhook"}))
        answered = send(client, google, body)
        assert (answered.status_code, "makes no sense" in answered.json()["ignored"]) == (200, True), body[
            :80
        ]
        told = system.journal.read(kinds={"webhook"})
        assert len(told) - before in (0, 1)
        assert "makes no sense" in told[-1].text
    assert not system.bus.list()


def test_what_changes_nothing_here_is_acknowledged(
    client: httpx2.Client, google: GoogleStandIn, system: System
) -> None:
    for body in (
        message("TOPIC_CONFIGURED"),
        message("SECRET_CREATE"),
        message("SECRET_ROTATE"),
        message(secretId="projects/1/secrets/unread"),
        message(secretId="projects/another-project/secrets/shop-currency"),
        message(secretId="projects/1/locations/europe-west1/secrets/shop-currency"),
    ):
        answered = send(client, google, body)
        assert (answered.status_code, list(answered.json())) == (200, ["ignored"]), body
    assert not system.bus.list()
    (told,) = system.journal.read(kinds={"webhook"})
    assert "TOPIC_CONFIGURED" in told.text


def test_another_subscription_is_refused_where_one_is_named(pushed: Pushed, google: GoogleStandIn) -> None:
    file = pushed.root / "dreamnet.yml"
    only = f"projects/{PROJECT}/subscriptions/only"
    file.write_text(file.read_text().replace("pubsub: {", f"pubsub: {{subscription: {only}, "))
    system = assemble(Options(root=pushed.root, environ=pushed.environ))
    with gateway(system) as client:
        refused = send(client, google, message())
        taken = send(client, google, message().replace(b"/subscriptions/x", b"/subscriptions/only"))
    assert (refused.status_code, taken.status_code) == (403, 202)
    system.close()


def test_keys_are_taken_from_google_or_this_machine(google: GoogleStandIn) -> None:
    push = PubSub(service_account=PUSHER, audience=AUDIENCE)
    token = [f"Bearer {google.world.issuer.token(PUSHER, AUDIENCE)}"]
    own = google.environment()["DREAMNET_GOOGLE_CERTS"]
    for place in (
        own.replace("127.0.0.1", "www.example.com"),
        own.replace("127.0.0.1", "127.0.0.1.example.com"),
        own.replace("//", "//127.0.0.1@example.com:80/"),
        own.replace("http:", "https:"),
        "http://[",
        "file:///etc/passwd",
    ):
        with pytest.raises(ConfigError, match="names no http address of this machine"):
            PushTokens({"DREAMNET_GOOGLE_CERTS": place}, time.monotonic).check(token, push)
    PushTokens({"DREAMNET_GOOGLE_CERTS": own}, time.monotonic).check(token, push)


def test_keys_are_kept_and_a_new_one_is_found(google: GoogleStandIn) -> None:
    now = [0.0]
    issuer, push = google.world.issuer, PubSub(service_account=PUSHER, audience=AUDIENCE)
    tokens = PushTokens(google.environment(), lambda: now[0])

    def asked(token: str) -> int:
        before = google.world.calls.count(("GET", PATH))
        tokens.check([f"Bearer {token}"], push)
        return google.world.calls.count(("GET", PATH)) - before

    first = issuer.token(PUSHER, AUDIENCE)
    assert [asked(first), asked(first)] == [1, 0]
    now[0] = issuer.age - 1
    assert asked(first) == 0
    issuer.rotate()
    second = issuer.token(PUSHER, AUDIENCE)
    assert [asked(second), asked(first), asked(second)] == [1, 0, 0], "a new key is asked for once"
    issuer.rotate(forget=True)
    third = issuer.token(PUSHER, AUDIENCE)
    with pytest.raises(Unauthenticated, match="a key that Google does not have"):
        asked(third)  # the keys were got a moment ago, and strangers may make up any id
    now[0] += 61
    assert asked(third) == 1
    with pytest.raises(Unauthenticated):
        asked(second)
    now[0] += issuer.age
    google.world.away = True
    with pytest.raises(TemporaryError):
        asked(third)
    google.world.away = False
    now[0] += 6
    assert asked(third) == 1


def test_fifty_events_about_one_entry_are_few_syncs(
    client: httpx2.Client, google: GoogleStandIn, system: System, pushed: Pushed
) -> None:
    for number in range(2, 52):
        version = pushed.server.put("shop-currency", f"value-{number}")
        body = message(ident=str(number), versionId=f"{SECRET}/versions/{version}")
        assert send(client, google, body).status_code == 202
    assert len(system.bus.list()) == 50
    while system.pipe.drain():
        pass
    assert {one.state for one in system.bus.list()} == {"done"}
    assert pushed.written("CURRENCY") == "value-51"
    assert pushed.server.ledger.access_calls == 2, "one sync, for two names"
    routed = [one.text for one in system.journal.read(kinds={"message-routed"})]
    assert sum("seen already by the sync" in one for one in routed) == 49
