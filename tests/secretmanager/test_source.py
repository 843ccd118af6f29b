"""SecretManagerSource against the server: what it answers, what it costs, and every way in which it does not answer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dreamnet_actions.domain.secret import Ref
from dreamnet_actions.errors import ConfigError, NotFound, PermanentError, PermissionMissing, TemporaryError
from dreamnet_actions.testing.google.secretmanager.faults import Fault
from dreamnet_actions.testing.google.secretmanager.refusals import Refusal
from dreamnet_actions.testing.google.secretmanager.server import SecretManagerServer
from dreamnet_actions.testing.google.secretmanager.store import Secret
from dreamnet_actions.testing.google.standin import GoogleStandIn
from dreamnet_actions.testing.memory.clock import VirtualClock
from tests.secretmanager.conftest import ME, PROJECT, READER, Make

pytestmark = pytest.mark.slow

BINARY = bytes(range(256)) * 256
"""64 KiB, of every byte."""


def refs(*names: str) -> list[Ref]:
    return [Ref(name) for name in names]


# ── What it answers, and what that costs ────────────────────────────────────────────────────────────────


def test_names_are_listed_by_filter_and_labels(server: SecretManagerServer, make: Make) -> None:
    server.put("shop-db", "1", labels={"env": "prod"})
    server.put("shop-key", "2", labels={"env": "test"})
    server.put("other", "3", labels={"env": "prod"})
    server.put("far", "4", location="europe-west1")
    assert set(make().names()) == {"shop-db", "shop-key", "other"}
    assert set(make(filter="name:shop OR name:far").names()) == {"shop-db", "shop-key"}
    assert set(make(labels={"env": "prod"}).names()) == {"shop-db", "other"}
    assert set(make(filter="name:shop OR name:other").names({"env": "prod"})) == {"shop-db", "other"}
    assert set(make(location="europe-west1").names()) == {"far"}
    assert server.ledger.access_calls == 0
    with pytest.raises(ConfigError, match="Invalid list filter"):
        make(filter="name ~ shop.*").names()


def test_looking_is_free_and_reading_is_pinned(server: SecretManagerServer, make: Make) -> None:
    server.put("db", "old")
    server.put("db", BINARY)
    server.store.change(f"projects/{PROJECT}/secrets/db", "", lambda one: one.aliases.update(live=1))
    source = make()
    wanted = [Ref("db"), Ref("db", "1"), Ref("db", "live")]
    assert source.resolve(wanted) == {wanted[0]: "2", wanted[1]: "1", wanted[2]: "1"}
    assert (server.ledger.access_calls, server.ledger.all_calls) == (0, 3)
    found = source.access([Ref("db", "2"), Ref("db", "live")])
    assert {ref.version: (one.version, one.value.raw()) for ref, one in found.items()} == {
        "2": ("2", BINARY),
        "live": ("1", b"old"),
    }
    assert server.ledger.access_calls == 2


def test_regional_secrets_are_their_own(server: SecretManagerServer, make: Make) -> None:
    server.put("db", "everywhere")
    server.put("db", "here", location="europe-west1")
    found = make(location="europe-west1").access(refs("db"))
    assert found[Ref("db")].value.raw() == b"here"


def test_many_are_asked_for_together_and_never_more_than_eight(
    server: SecretManagerServer, make: Make
) -> None:
    names = [f"s{number}" for number in range(40)]
    for name in names:
        server.put(name, f"value of {name}")
    server.ledger.latency = 0.01
    source = make()
    found = source.access(refs(*names))
    assert {ref.name: one.value.raw().decode() for ref, one in found.items()} == {
        name: f"value of {name}" for name in names
    }
    assert 2 <= server.ledger.at_once <= 8


# ── Who may ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def alone(google: GoogleStandIn, server: SecretManagerServer) -> SecretManagerServer:
    """The source may nothing yet."""
    google.world.policies.clear()
    return server


def test_single_secrets_need_no_role_on_the_project(alone: SecretManagerServer, make: Make) -> None:
    for name in ("a", "b"):
        alone.put(name, name)
        alone.grant(ME, "viewer", secret=name)
        alone.grant(ME, "secretAccessor", secret=name)
    assert make().resolve(refs("a", "b")) == {Ref("a"): "1", Ref("b"): "1"}
    assert len(make().access(refs("a", "b"))) == 2
    with pytest.raises(PermissionMissing, match=r"may not list the secrets of shop-4711") as refused:
        make().names()
    assert (
        f"gcloud projects add-iam-policy-binding {PROJECT} --role roles/secretmanager.viewer --member '{ME}'"
        in refused.value.hint
    )


def test_each_secret_that_is_denied_is_told_with_its_role(alone: SecretManagerServer, make: Make) -> None:
    for number in range(20):
        alone.put(f"s{number}", "x")
        alone.grant(ME, "viewer", secret=f"s{number}")
        if number not in (7, 13):
            alone.grant(ME, "secretAccessor", secret=f"s{number}")
    names = [f"s{number}" for number in range(20)]
    assert len(make().resolve(refs(*names))) == 20
    with pytest.raises(PermissionMissing) as refused:
        make().access(refs(*names))
    assert refused.value.message.startswith(f"{READER} may not read the value of s13, s7 in {PROJECT}")
    for name in ("s7", "s13"):
        assert (
            f"gcloud secrets add-iam-policy-binding {name} --project {PROJECT} "
            f"--role roles/secretmanager.secretAccessor --member '{ME}'" in refused.value.hint
        )
    blind = [Ref("s1"), Ref("there-is-none")]
    with pytest.raises(PermissionMissing, match="see the versions of there-is-none") as unseen:
        make().resolve(blind)
    assert "--role roles/secretmanager.viewer" in unseen.value.hint


def test_who_may_list_is_told_what_is_not_there(server: SecretManagerServer, make: Make) -> None:
    server.put("database-url", "x")
    server.store.create(f"projects/{PROJECT}", "empty", Secret(name="", id="", created=0.0))
    with pytest.raises(NotFound, match=r"databse-url.*Did you mean 'database-url'"):
        make().resolve(refs("databse-url", "database-url"))
    with pytest.raises(NotFound, match="empty in shop-4711, or it has no version yet") as empty:
        make().resolve(refs("empty"))
    assert "gcloud secrets versions add empty" in empty.value.hint
    with pytest.raises(NotFound, match="no version or alias '9'"):
        make().resolve([Ref("database-url", "9")])


def test_an_api_that_is_switched_off_is_told(
    google: GoogleStandIn, server: SecretManagerServer, make: Make
) -> None:
    google.world.switched_off.add("secretmanager")
    with pytest.raises(PermissionMissing, match="switched off") as refused:
        make().resolve(refs("a"))
    assert f"gcloud services enable secretmanager.googleapis.com --project {PROJECT}" in refused.value.hint


def test_the_doctor_looks_without_reading(alone: SecretManagerServer, make: Make) -> None:
    for name in ("good", "blind", "unseen", "off"):
        alone.put(name, "x")
    for name in ("good", "off", "blind"):
        alone.grant(ME, "viewer", secret=name)
    for name in ("good", "off"):
        alone.grant(ME, "secretAccessor", secret=name)
    alone.store.turn(f"projects/{PROJECT}/secrets/off/versions/1", "DISABLED", "")
    found = {
        name: error.message if error else ""
        for name, error in make().reach(["good", "blind", "unseen", "off"])
    }
    assert found["good"] == ""
    assert "may not read the value of blind" in found["blind"]
    assert "may not see the versions of unseen" in found["unseen"]
    assert "is disabled" in found["off"]
    assert alone.ledger.access_calls == 0


# ── Versions that cannot be read ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("state", ["DISABLED", "DESTROYED"])
def test_the_policy_decides_about_a_version_that_is_off(
    server: SecretManagerServer, make: Make, state: str
) -> None:
    for value in ("one", "two", "three"):
        server.put("db", value)
    server.store.turn(f"projects/{PROJECT}/secrets/db/versions/3", state, "")
    for ask in (make().resolve, make().access):
        with pytest.raises(
            PermanentError, match=rf"newest version of db \((3|latest)\).*{state.lower()}"
        ) as refused:
            ask(refs("db"))
        assert "disabled: former" in refused.value.hint
    former = make(disabled="former")
    assert former.resolve(refs("db")) == {Ref("db"): "2"}
    assert former.access(refs("db"))[Ref("db")].value.raw() == b"two"
    # A version that is pinned is meant.
    with pytest.raises(PermanentError, match="Version 3 of db"):
        former.resolve([Ref("db", "3")])
    for number in ("1", "2"):
        server.store.turn(f"projects/{PROJECT}/secrets/db/versions/{number}", state, "")
    with pytest.raises(PermanentError, match=state.lower()):
        former.resolve(refs("db"))


def test_a_version_destroyed_between_look_and_read_is_told(server: SecretManagerServer, make: Make) -> None:
    for name in ("a", "b"):
        server.put(name, "x")
    source = make()
    looked = source.resolve(refs("a", "b"))
    gone = f"projects/{PROJECT}/secrets/b/versions/1"
    server.ledger.faults.append(
        Fault(method="AccessSecretVersion", about="/b/", do=lambda: server.store.turn(gone, "DESTROYED", ""))
    )
    with pytest.raises(
        PermanentError, match=r"Version 1 of b in shop-4711 is destroyed. Nothing was written"
    ):
        source.access([Ref(ref.name, version) for ref, version in looked.items()])


# ── Outages ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", ["UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL", "ABORTED", "UNKNOWN"])
def test_trouble_that_passes_is_waited_for(
    server: SecretManagerServer, make: Make, clock: VirtualClock, status: str
) -> None:
    server.put("a", "x")
    server.ledger.faults.append(Fault(times=2, refusal=Refusal(status=status, message="not now")))
    assert make().resolve(refs("a")) == {Ref("a"): "1"}
    assert clock.monotonic() == pytest.approx(3.0)


def test_an_outage_is_never_an_empty_answer(
    google: GoogleStandIn, server: SecretManagerServer, make: Make
) -> None:
    names = [f"s{number}" for number in range(100)]
    source = make()
    source.names()
    server.ledger.faults.append(Fault(refusal=Refusal(status="UNAVAILABLE", message="down")))
    for ask in (source.names, lambda: source.resolve(refs(*names)), lambda: source.access(refs(*names))):
        with pytest.raises(TemporaryError, match="cannot be reached") as refused:
            ask()
        assert refused.value.retry_after > 0
    google.world.away = True  # those who give tokens, too
    with pytest.raises(TemporaryError, match="cannot be reached"):
        make().resolve(refs(*names))
    google.world.away = False
    server.close()
    with pytest.raises(TemporaryError, match="cannot be reached"):
        make().resolve(refs("a"))


def test_an_outage_ends_a_long_look_at_once(server: SecretManagerServer, make: Make) -> None:
    server.ledger.faults.append(Fault(refusal=Refusal(status="UNAVAILABLE", message="down")))
    with pytest.raises(TemporaryError):
        make().resolve(refs(*(f"s{number}" for number in range(200))))
    assert server.ledger.all_calls <= 8 * 3


def test_damage_on_the_wire_is_seen(server: SecretManagerServer, make: Make) -> None:
    server.put("a", "x")
    server.ledger.faults.append(Fault(method="AccessSecretVersion", crc=True, times=1))
    assert make().access(refs("a"))[Ref("a")].value.raw() == b"x"
    server.ledger.faults.append(Fault(method="AccessSecretVersion", crc=True))
    with pytest.raises(TemporaryError, match="damaged twice"):
        make().access(refs("a"))


def test_a_quota_is_waited_for_as_long_as_the_service_says(
    server: SecretManagerServer, make: Make, clock: VirtualClock
) -> None:
    server.put("a", "x")
    server.ledger.quotas["Read"] = 3
    source = make()
    for _ in range(3):
        source.resolve(refs("a"))
    assert source.resolve(refs("a")) == {Ref("a"): "1"}
    assert 55 <= clock.monotonic() <= 61
    server.ledger.quotas["Read"] = 0
    with pytest.raises(TemporaryError, match="used up by others") as refused:
        source.resolve(refs("a"))
    assert refused.value.retry_after == pytest.approx(60.0)


def test_more_names_than_a_minute_takes_are_paced(
    server: SecretManagerServer, make: Make, clock: VirtualClock
) -> None:
    names = [f"s{number}" for number in range(700)]
    for name in names:
        server.put(name, "x")
    assert len(make().resolve(refs(*names))) == 700
    assert server.ledger.all_calls == 700  # not one of them was refused and asked again
    assert 59 <= clock.monotonic() <= 61


def test_a_token_that_ends_on_the_way_is_renewed(
    google: GoogleStandIn, server: SecretManagerServer, make: Make
) -> None:
    names = [f"s{number}" for number in range(30)]
    for name in names:
        server.put(name, "x")
    server.ledger.faults.append(Fault(skip=10, times=1, do=google.world.end_tokens))
    assert len(make().access(refs(*names))) == 30


# ── Where it asks ───────────────────────────────────────────────────────────────────────────────────────


def test_it_speaks_tls_to_the_authorities_that_are_named(
    google: GoogleStandIn, server: SecretManagerServer, make: Make
) -> None:
    server.put("a", "x")
    place = {"CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER": server.secure_address}
    assert make(place).access(refs("a"))[Ref("a")].value.raw() == b"x"
    with pytest.raises(TemporaryError):
        make(place | {"SSL_CERT_FILE": ""}).access(refs("a"))
    plain = {"CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER": "http://secrets.example.com"}
    with pytest.raises(ConfigError, match="not one that secrets may come from"):
        make(plain).access(refs("a"))


# ── What must not be ────────────────────────────────────────────────────────────────────────────────────

LOUD = """
import logging, sys
from pathlib import Path

logging.basicConfig(level=logging.DEBUG)
from dreamnet_actions.adapters.gcp.options import SecretManagerOptions, SecretManagerSourceOptions
from dreamnet_actions.adapters.gcp.secrets import SecretManagerSource
from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.domain.secret import Ref
from dreamnet_actions.domain.spec.models import Config
from dreamnet_actions.ports.site import Site
import os

site = Site(root=Path.cwd(), state=Path.cwd(), environ=os.environ, clock=SystemClock(), config=Config(version=1),
            hash_key=lambda: b"")
options = SecretManagerSourceOptions(
    gcp_secret_manager=SecretManagerOptions(project="shop-4711", credentials=sys.argv[1]))
found = SecretManagerSource.at(options, site).access([Ref("db")])
print(found, len(found[Ref("db")].value.raw()))
"""


def loud(google: GoogleStandIn, before: str = "") -> subprocess.CompletedProcess[str]:
    """Read a value in a process that logs all it can."""
    environ = google.environment() | {"GOOGLE_SDK_PYTHON_LOGGING_SCOPE": "google", "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [sys.executable, "-c", before + LOUD, str(google.folder / "key.json")],
        env=environ, capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[2],
    )  # fmt: skip


def test_neither_values_nor_tokens_reach_a_log(google: GoogleStandIn, server: SecretManagerServer) -> None:
    """The client would log both, where it is told to log."""
    server.put("db", "correct-horse-battery")
    done = loud(google)
    assert (
        done.stdout.strip() == "{Ref(name='db', version='latest'): Versioned(value=***, version='1')} 21"
    ), done.stderr
    assert "DEBUG" in done.stderr  # it did log
    for secret in ("correct-horse", "Y29ycmVjdC1ob3Jz", "ya29."):
        assert secret not in done.stderr


@pytest.mark.parametrize("package", ["grpc", "google.cloud.secretmanager_v1", "google_crc32c", "google.auth"])
def test_a_package_that_is_missing_is_named_with_its_extra(
    google: GoogleStandIn, server: SecretManagerServer, package: str
) -> None:
    done = loud(google, f"import sys; sys.modules[{package!r}] = None\n")
    assert "A source of kind gcp-secret-manager needs google-" in done.stderr
    assert "ExtraMissing" in done.stderr
