"""The server as Google's own client sees it, unpatched: what the API reference says that the service does."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import google_crc32c
import grpc
import pytest
from google.api_core import exceptions
from google.cloud import secretmanager_v1
from google.cloud.secretmanager_v1.services.secret_manager_service import transports

from dreamnet_actions.testing.google.secretmanager.faults import Fault
from dreamnet_actions.testing.google.secretmanager.filters import Row, matching
from dreamnet_actions.testing.google.secretmanager.refusals import Refusal
from dreamnet_actions.testing.google.standin import GoogleStandIn
from dreamnet_actions.testing.memory.clock import VirtualClock
from tests.secretmanager.conftest import PROJECT, READER

pytestmark = pytest.mark.slow

PARENT = f"projects/{PROJECT}"
NUMBER = "projects/123456789012"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
AUTOMATIC = {"replication": {"automatic": {}}}
Client = Callable[..., Any]


@pytest.fixture
def client(google: GoogleStandIn) -> Iterator[Client]:
    """Calls a method of the official client as ``member``."""
    channel = grpc.insecure_channel(google.secrets.address.removeprefix("http://"))
    made = secretmanager_v1.SecretManagerServiceClient(
        transport=transports.SecretManagerServiceGrpcTransport(channel=channel)
    )
    google.secrets.grant("user:admin", "admin")

    def call(method: str, member: str = "user:admin", **request: Any) -> Any:
        token, _ = google.world.issue(member, frozenset({member}), SCOPE)
        metadata = [("authorization", f"Bearer {token}")]
        return getattr(made, method)(request=request, metadata=metadata, retry=None, timeout=10)

    yield call
    channel.close()


def secret(client: Client, name: str, *values: bytes, parent: str = PARENT, **fields: Any) -> str:
    whole = {} if "/locations/" in parent else AUTOMATIC
    made = client("create_secret", parent=parent, secret_id=name, secret={**whole, **fields})
    for one in values:
        client("add_secret_version", parent=made.name, payload={"data": one})
    return str(made.name)


# ── Secrets and versions ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("place", ["", "/locations/europe-west1"], ids=["global", "regional"])
def test_a_secret_from_start_to_end(client: Client, place: str) -> None:
    name = secret(
        client, "db", b"one", parent=PARENT + place, labels={"env": "prod"}, annotations={"team": "A"}
    )
    assert name == f"{NUMBER}{place}/secrets/db"
    found = client("get_secret", name=f"{PARENT}{place}/secrets/db")
    assert (dict(found.labels), dict(found.annotations)) == ({"env": "prod"}, {"team": "A"})
    assert ("automatic" in found.replication) != bool(place)
    second = client("add_secret_version", parent=name, payload={"data": b"two"})
    assert second.name == f"{name}/versions/2"
    for version, value in (("1", b"one"), ("2", b"two"), ("latest", b"two")):
        answer = client("access_secret_version", name=f"{name}/versions/{version}")
        assert answer.payload.data == value
        assert answer.payload.data_crc32c == google_crc32c.value(value)
    client(
        "update_secret",
        secret={"name": name, "version_aliases": {"live": 1}},
        update_mask={"paths": ["version_aliases"]},
    )
    assert client("get_secret_version", name=f"{name}/versions/live").name == f"{name}/versions/1"
    with pytest.raises(exceptions.AlreadyExists, match=r"already exists"):
        secret(client, "db", parent=PARENT + place)
    client("delete_secret", name=name)
    with pytest.raises(exceptions.NotFound, match=r"Secret \[.*/db\] not found or has no versions."):
        client("access_secret_version", name=f"{name}/versions/latest")


def test_what_a_payload_must_be(client: Client) -> None:
    name = secret(client, "db")
    client(
        "add_secret_version",
        parent=name,
        payload={"data": b"x" * 65536, "data_crc32c": google_crc32c.value(b"x" * 65536)},
    )
    assert client("get_secret_version", name=f"{name}/versions/1").client_specified_payload_checksum
    for payload in ({"data": b"x" * 65537}, {"data": b""}, {"data": b"abc", "data_crc32c": 1}):
        with pytest.raises(exceptions.InvalidArgument, match="Payload"):
            client("add_secret_version", parent=name, payload=payload)
    assert len(client("list_secret_versions", parent=name).versions) == 1


def test_states_go_as_documented(client: Client) -> None:
    name = secret(client, "db", b"one", b"two")
    first = {"name": f"{name}/versions/1"}
    assert client("disable_secret_version", **first).state.name == "DISABLED"
    with pytest.raises(exceptions.FailedPrecondition, match=r"Secret Version \[.*/1\] is in DISABLED state."):
        client("access_secret_version", **first)
    assert client("enable_secret_version", **first).state.name == "ENABLED"
    assert client("access_secret_version", **first).payload.data == b"one"
    destroyed = client("destroy_secret_version", **first)
    assert (destroyed.state.name, bool(destroyed.destroy_time)) == ("DESTROYED", True)
    for method in ("access_secret_version", "enable_secret_version", "disable_secret_version"):
        with pytest.raises(exceptions.FailedPrecondition, match="is in DESTROYED state"):
            client(method, **first)
    # `latest` is the newest, whatever its state; a list has the newest first.
    client("disable_secret_version", name=f"{name}/versions/2")
    assert client("get_secret_version", name=f"{name}/versions/latest").name.endswith("/2")
    listed = client("list_secret_versions", parent=name)
    assert [(one.name[-1], one.state.name) for one in listed] == [("2", "DISABLED"), ("1", "DESTROYED")]


def test_an_etag_that_is_not_the_stored_one_is_refused(client: Client) -> None:
    name = secret(client, "db", b"one")
    old = client("get_secret", name=name).etag
    mask = {"paths": ["labels"]}
    client("update_secret", secret={"name": name, "labels": {"a": "b"}, "etag": old}, update_mask=mask)
    with pytest.raises(exceptions.Aborted):
        client("update_secret", secret={"name": name, "labels": {}, "etag": old}, update_mask=mask)
    with pytest.raises(exceptions.Aborted):
        client("delete_secret", name=name, etag=old)
    version = client("get_secret_version", name=f"{name}/versions/1")
    client("disable_secret_version", name=version.name, etag=version.etag)
    with pytest.raises(exceptions.Aborted):
        client("destroy_secret_version", name=version.name, etag=version.etag)
    assert dict(client("get_secret", name=name).labels) == {"a": "b"}


def test_a_secret_ends_with_its_time(client: Client, clock: VirtualClock) -> None:
    name = secret(client, "short", b"x", ttl=dt.timedelta(hours=1))
    clock.advance(3599)
    assert client("access_secret_version", name=f"{name}/versions/1").payload.data == b"x"
    clock.advance(1)
    with pytest.raises(exceptions.NotFound):
        client("get_secret", name=name)


@pytest.mark.parametrize(
    "wrong",
    [
        {"labels": {"Upper": "x"}},
        {"labels": {"a": "with space"}},
        {"labels": {f"l{number}": "" for number in range(65)}},
        {"annotations": {"-a": "x"}},
        {"annotations": {"a": "x" * 16384}},
        {"version_aliases": {"latest": 1}},
        {"version_aliases": {"live": 1}},
    ],
    ids=str,
)
def test_fields_are_held_to_their_rules(client: Client, wrong: dict[str, Any]) -> None:
    with pytest.raises((exceptions.InvalidArgument, exceptions.FailedPrecondition)):
        secret(client, "db", **wrong)
    assert not list(client("list_secrets", parent=PARENT))


# ── Lists ───────────────────────────────────────────────────────────────────────────────────────────────


def test_lists_are_paged(client: Client) -> None:
    for number in range(7):
        secret(client, f"s{number}", b"x")
    first = client("list_secrets", parent=PARENT, page_size=3)
    assert (len(first.secrets), first.total_size, bool(first.next_page_token)) == (3, 7, True)
    pager = client("list_secrets", parent=PARENT, page_size=2, page_token=first.next_page_token)
    assert [one.name[-2:] for one in pager.secrets] == ["s3", "s4"]
    with pytest.raises(exceptions.InvalidArgument):
        client("list_secrets", parent=PARENT, page_token="!")


ROWS = [
    Row(id="shop-db", name="n/shop-db", labels={"env": "prod", "tier": "1"}, times={"create_time": 100.0}),
    Row(
        id="shop-key",
        name="n/shop-key",
        labels={"env": "test"},
        times={"create_time": 200.0, "expire_time": 300.0},
    ),
    Row(id="mail", name="n/mail", times={"create_time": 300.0}),
]
FILTERS = {
    "name:shop": "shop-db shop-key",
    "name=mail": "mail",
    "name:asecret OR name:mail": "mail",
    "labels.env=prod": "shop-db",
    'labels.env="prod" AND name:db': "shop-db",
    "labels.env:* NOT labels.env=prod": "shop-key",
    "labels:tier": "shop-db",
    "name:mail OR name:shop AND labels.env=test": "shop-key",
    "(name:mail) OR (name:shop labels.env=test)": "shop-key mail",
    "create_time<1970-01-01T00:03:20Z": "shop-db",
    "create_time>=1970-01-01T00:03:20Z AND create_time<=1970-01-01T00:05:00Z": "shop-key mail",
    "expire_time:*": "shop-key",
    "NOT name:shop": "mail",
}


@pytest.mark.parametrize("filter_", FILTERS)
def test_filters_mean_what_the_page_says(filter_: str) -> None:
    test = matching(filter_, versions=False)
    assert [one.id for one in ROWS if test(one)] == FILTERS[filter_].split()


@pytest.mark.parametrize(
    "filter_",
    ["name", "name ~ shop", "name:shop*db", "topics:x", "state:ENABLED", "(name:a", "name:a)", "create_time<yesterday",
     "name:a OR", "AND name:a", "create_time:5", "name<a", "=", '"'],
)  # fmt: skip
def test_filters_of_another_form_are_refused(client: Client, filter_: str) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="Invalid list filter"):
        client("list_secrets", parent=PARENT, filter=filter_)


def test_versions_are_filtered_by_state(client: Client) -> None:
    name = secret(client, "db", b"1", b"2", b"3")
    client("disable_secret_version", name=f"{name}/versions/3")
    found = client("list_secret_versions", parent=name, filter="state:ENABLED", page_size=1)
    assert [one.name[-1] for one in found.versions] == ["2"]


# ── Who may ─────────────────────────────────────────────────────────────────────────────────────────────


def test_roles_are_held_by_secret_and_by_project(client: Client, google: GoogleStandIn) -> None:
    name = secret(client, "db", b"x")
    latest = f"{name}/versions/latest"
    who = "user:reader"
    with pytest.raises(exceptions.PermissionDenied) as refused:
        client("access_secret_version", who, name=latest)
    assert refused.value.message == (
        f"Permission 'secretmanager.versions.access' denied for resource '{latest}' (or it may not exist)."
    )
    assert (refused.value.reason, refused.value.domain) == ("IAM_PERMISSION_DENIED", "iam.googleapis.com")
    assert refused.value.metadata["permission"] == "secretmanager.versions.access"
    policy = {"bindings": [{"role": "roles/secretmanager.secretAccessor", "members": [who]}]}
    client("set_iam_policy", resource=name, policy=policy)
    assert client("access_secret_version", who, name=latest).payload.data == b"x"
    with pytest.raises(exceptions.PermissionDenied, match=r"secretmanager.versions.get'"):
        client("get_secret_version", who, name=latest)
    asked = ["secretmanager.versions.access", "secretmanager.versions.get"]
    assert (
        list(client("test_iam_permissions", who, resource=name, permissions=asked).permissions) == asked[:1]
    )
    assert client("get_iam_policy", resource=name).bindings[0].members == [who]
    google.secrets.grant(who, "viewer")
    assert client("get_secret_version", who, name=latest).name.endswith("/1")
    with pytest.raises(exceptions.PermissionDenied, match=r"secretmanager.versions.add'"):
        client("add_secret_version", who, parent=name, payload={"data": b"y"})
    with pytest.raises(exceptions.PermissionDenied, match="or it may not exist"):
        client("access_secret_version", who, name=f"{PARENT}/secrets/none/versions/1")
    with pytest.raises(exceptions.PermissionDenied):
        client("list_secrets", who, parent="projects/another-one")


def test_what_was_asked_wrongly_changes_nothing(client: Client, google: GoogleStandIn) -> None:
    for name in ("projects/p/secrets", "secrets/db", f"{PARENT}/secrets/a b"):
        with pytest.raises((exceptions.InvalidArgument, exceptions.PermissionDenied)):
            client("get_secret", name=name)
    with pytest.raises(exceptions.InvalidArgument, match="replication"):
        client("create_secret", parent=PARENT, secret_id="a", secret={})


# ── Limits, faults, counts ──────────────────────────────────────────────────────────────────────────────


def test_quotas_say_when_to_come_again(client: Client, google: GoogleStandIn, clock: VirtualClock) -> None:
    name = secret(client, "db", b"x")
    google.secrets.ledger.quotas["Access"] = 2
    for _ in range(2):
        client("access_secret_version", name=f"{name}/versions/1")
    with pytest.raises(exceptions.ResourceExhausted, match="Access requests per minute") as refused:
        client("access_secret_version", name=f"{name}/versions/1")
    assert refused.value.reason == "RATE_LIMIT_EXCEEDED"
    delay = next(one.retry_delay for one in refused.value.details if hasattr(one, "retry_delay"))
    assert 50 < delay.seconds <= 60
    client("get_secret", name=name)  # each quota is its own
    clock.advance(61)
    client("access_secret_version", name=f"{name}/versions/1")


def test_faults_come_when_they_are_told_to(client: Client, google: GoogleStandIn) -> None:
    ledger = google.secrets.ledger
    for one in ("a", "b"):
        secret(client, one, b"x")
    fault = Fault(
        method="AccessSecretVersion",
        about="/b/",
        skip=1,
        times=2,
        refusal=Refusal(status="UNAVAILABLE", message="no"),
    )
    ledger.faults.append(fault)
    ledger.reset()
    ends = []
    for name in ("a", "b", "a", "b", "b", "b"):
        try:
            client("access_secret_version", name=f"{PARENT}/secrets/{name}/versions/1")
            ends.append("ok")
        except exceptions.ServiceUnavailable:
            ends.append("down")
    assert ends == ["ok", "ok", "ok", "down", "down", "ok"]
    assert (ledger.access_calls, ledger.all_calls, fault.met) == (6, 6, 2)


def test_many_at_once_lose_nothing(client: Client) -> None:
    name = secret(client, "db")

    def add(number: int) -> str:
        return str(client("add_secret_version", parent=name, payload={"data": f"{number}".encode()}).name)

    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(add, range(100)))
    assert sorted(int(one.rpartition("/")[2]) for one in made) == list(range(1, 101))
    for number, one in enumerate(made):
        assert client("access_secret_version", name=one).payload.data == f"{number}".encode()


PLAIN = """
import sys
from google.cloud import secretmanager_v1

client = secretmanager_v1.SecretManagerServiceClient(client_options={"api_endpoint": sys.argv[1]})
print(client.access_secret_version(name=sys.argv[2]).payload.data.decode())
"""


def test_an_ordinary_program_finds_it_by_google_s_own_variables(
    client: Client, google: GoogleStandIn
) -> None:
    """Application default credentials, TLS, and nothing of DreamNet's."""
    name = secret(client, "db", b"hello")
    google.secrets.grant(f"serviceAccount:{READER}", "secretAccessor", secret="db")
    where = google.secrets.secure_address.removeprefix("https://")
    environ = google.environment() | {
        "GOOGLE_APPLICATION_CREDENTIALS": str(google.folder / "key.json"),
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(google.authority_file),
        "PATH": "/usr/bin:/bin",
    }
    done = subprocess.run(
        [sys.executable, "-c", PLAIN, where, f"{name}/versions/latest"],
        env=environ, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("hello\n", 0), done.stderr


def test_tokens_of_others_and_old_ones_are_not_taken(client: Client, google: GoogleStandIn) -> None:
    channel = grpc.insecure_channel(google.secrets.address.removeprefix("http://"))
    made = secretmanager_v1.SecretManagerServiceClient(
        transport=transports.SecretManagerServiceGrpcTransport(channel=channel)
    )
    google.secrets.grant("user:a", "admin")
    token, _ = google.world.issue(
        "user:a", frozenset({"user:a"}), "https://www.googleapis.com/auth/userinfo.email"
    )
    for metadata, error in (
        ([], exceptions.Unauthenticated),
        ([("authorization", "Bearer nobody")], exceptions.Unauthenticated),
        ([("authorization", f"Bearer {token}")], exceptions.PermissionDenied),
    ):
        with pytest.raises(error):
            made.get_secret(name=f"{PARENT}/secrets/db", metadata=metadata, timeout=10)
    channel.close()
