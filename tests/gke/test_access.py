"""Who we are towards Google and where the cluster is: google-auth itself, against the stand-in."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from dreamnet_actions.adapters.kubernetes.access import reached_by
from dreamnet_actions.adapters.kubernetes.api import Api
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.errors import (
    ConfigError,
    DreamNetError,
    NotFound,
    PermissionMissing,
    TemporaryError,
    Unauthenticated,
)
from dreamnet_actions.testing.google.standin import MAPPING, GoogleStandIn, job_claims
from tests.gke.conftest import Access

pytestmark = pytest.mark.slow

MAIN = "refs/heads/main"
CONDITION = "assertion.repository_owner_id == '123456' && assertion.ref == 'refs/heads/main'"


def pool(google: GoogleStandIn) -> str:
    return f"iam.googleapis.com/projects/{google.world.number}/locations/global/workloadIdentityPools/github"


@pytest.fixture(autouse=True)
def known(google: GoogleStandIn) -> dict[str, Any]:
    there = {
        "server": "https://127.0.0.1:1",
        "certificate-authority-data": b64encode(google.authority.encode()),
    }
    nowhere = {"clusters": [{"cluster": there}], "users": [{"user": {"token": "nobody's"}}]}
    return google.cluster("autopilot-cluster-1", "europe-west1", nowhere)


# ── Federation ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("immutable", [False, True], ids=["by-name", "immutable"])
@pytest.mark.parametrize("way", ["subject", "repository", "repository_id"])
@pytest.mark.parametrize("file", [False, True], ids=["of-the-job", "of-the-auth-action"])
def test_a_job_acts_as_the_service_account(
    google: GoogleStandIn, access: Access, told: list[SecretValue], immutable: bool, way: str, file: bool
) -> None:
    """By the subject of one branch, in either of GitHub's forms, or by the repository's name or number."""
    provider = google.provider(condition=CONDITION)
    claims = job_claims("octocat/shop", MAIN, immutable=immutable)
    member = {
        "subject": f"principal://{pool(google)}/subject/"
        + ("repo:octocat@123456/shop@456789" if immutable else "repo:octocat/shop")
        + f":ref:{MAIN}",
        "repository": f"principalSet://{pool(google)}/attribute.repository/octocat/shop",
        "repository_id": f"principalSet://{pool(google)}/attribute.repository_id/456789",
    }[way]
    email = google.account("deployer", member)
    job = google.job(**claims)
    if file:
        found = access({"GOOGLE_APPLICATION_CREDENTIALS": str(google.auth_file(provider, email))})
    else:
        found = access(job, identity_provider=provider, service_account=email)
    token = found.token()
    grant = google.world.grant(f"Bearer {token.reveal()}")
    assert grant is not None
    assert grant.name == email
    assert told[-1] == token
    assert found.who() == email


def test_another_branch_repository_or_owner_is_not_let_in(google: GoogleStandIn, access: Access) -> None:
    provider = google.provider(condition=CONDITION)
    email = google.account("deployer", f"principalSet://{pool(google)}/attribute.repository/octocat/shop")
    other = google.job(**job_claims("octocat/shop", "refs/heads/feature"))
    with pytest.raises(Unauthenticated, match="condition") as refused:
        access(other, identity_provider=provider, service_account=email).token()
    assert "refs/heads/feature" in refused.value.message
    assert "attributeCondition" in refused.value.hint
    # A name that somebody else took over has another number behind it.
    squatter = google.job(**job_claims("octocat/shop", MAIN, owner_id="666"))
    with pytest.raises(Unauthenticated, match="condition"):
        access(squatter, identity_provider=provider, service_account=email).token()
    stranger = google.job(**job_claims("octocat/other", MAIN))
    with pytest.raises(PermissionMissing, match="may not act as") as denied:
        access(stranger, identity_provider=provider, service_account=email).token()
    assert f"add-iam-policy-binding {email} --role roles/iam.workloadIdentityUser" in denied.value.hint
    assert f"'principal://{pool(google)}/subject/repo:octocat/other:ref:{MAIN}'" in denied.value.hint


def test_a_job_may_be_itself(google: GoogleStandIn, access: Access) -> None:
    """Without a service account the cluster sees the job's own identity."""
    provider = google.provider()
    me = f"principal://{pool(google)}/subject/repo:octocat@123456/shop@456789:ref:{MAIN}"
    google.world.bind("projects/shop-4711", "roles/container.clusterViewer", me)
    found = access(google.job(**job_claims("octocat/shop", MAIN, immutable=True)), identity_provider=provider)
    grant = google.world.grant(f"Bearer {found.token().reveal()}")
    assert grant is not None
    assert grant.name == me == found.who()
    assert found.endpoint().kind == "public address"


WRONG: dict[str, tuple[dict[str, Any], type[DreamNetError], str, str]] = {
    "audience": ({"audiences": ("https://example.com",)}, Unauthenticated, "audience", "https://iam.googleapis.com/"),
    "issuer": ({"issuer": "https://gitlab.com"}, Unauthenticated, "another issuer", "--issuer-uri"),
    "disabled": ({"enabled": False}, ConfigError, "switched off", "providers list"),
    "key": ({"key": "another"}, Unauthenticated, "does not take our credentials", "docs/gke.md"),
    "long": (
        {"mapping": MAPPING | {"google.subject": "assertion.sub + assertion.sub + assertion.sub"}},
        Unauthenticated, "127 bytes", "--attribute-mapping",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_the_provider_is_told(google: GoogleStandIn, access: Access, name: str) -> None:
    provider = google.provider()
    changes, kind, words, fix = WRONG[name]
    for field, value in changes.items():
        if field == "key":
            value = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
        setattr(google.world.providers[provider], field, value)
    job = google.job(**job_claims("octocat/shop", MAIN, immutable=True))
    with pytest.raises(kind, match=words) as refused:
        access(job, identity_provider=provider).token()
    assert fix in refused.value.hint
    assert "ya29" not in refused.value.message + refused.value.hint


def test_a_job_without_a_token_of_its_own_is_told_of_the_permission(access: Access) -> None:
    provider = "projects/123456789012/locations/global/workloadIdentityPools/github/providers/github"
    with pytest.raises(ConfigError, match="id-token: write"):
        access({"GITHUB_ACTIONS": "true"}, identity_provider=provider).token()


# ── Other credentials ───────────────────────────────────────────────────────────────────────────────────


def test_a_key_works_and_one_that_is_gone_is_told(google: GoogleStandIn, access: Access) -> None:
    email = google.account("deployer")
    key = google.key_of(email)
    found = access(credentials=str(key))
    assert google.world.grant(f"Bearer {found.token().reveal()}")
    assert found.who() == email
    # gcloud's own file is found where gcloud leaves it.
    (google.folder / "gcloud").mkdir()
    (google.folder / "gcloud" / "application_default_credentials.json").write_text(key.read_text())
    assert access().token()
    google.key_of(email)  # another key: the former is of no use any more
    key.write_text((google.folder / "gcloud" / "application_default_credentials.json").read_text())
    with pytest.raises(Unauthenticated, match="not valid any more"):
        access(credentials=str(key)).token()


def test_a_wrong_clock_is_named(google: GoogleStandIn, access: Access) -> None:
    key = google.key_of(google.account("deployer"))
    google.world.now = lambda: time.time() - 7200
    with pytest.raises(Unauthenticated, match=r"clock is 7[12]\d\d s ahead of Google's") as refused:
        access(credentials=str(key)).token()
    assert "timedatectl" in refused.value.hint


def test_the_machines_own_account(google: GoogleStandIn, tmp_path: Path) -> None:
    """The metadata server: of a pod with Workload Identity Federation for GKE, of a machine, of Cloud Run."""
    google.world.machine = google.account("machine")
    code = """
import os, time
from base64 import b64encode
from pathlib import Path
from dreamnet_actions.adapters.gcp.gke import GkeAccess
from dreamnet_actions.adapters.gcp.options import GkePlatformOptions
options = GkePlatformOptions(project="shop-4711", location="europe-west1", cluster="autopilot-cluster-1")
access = GkeAccess(options, environ=os.environ, root=Path.cwd(), now=time.time, mask=lambda _: None)
access.token()
print(access.endpoint().url, access.who())
"""
    environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path.cwd()), **google.environment()}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split()[1] == google.world.machine


@pytest.mark.parametrize("text", ["", "{}", '{"type": "service_account"}'])
def test_a_file_that_holds_no_credentials_is_named(google: GoogleStandIn, access: Access, text: str) -> None:
    file = google.folder / "wrong.json"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"wrong\.json"):
        access(credentials=str(file)).token()


# ── Tokens ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_token_is_kept_renewed_before_it_ends_and_at_once_when_refused(
    google: GoogleStandIn, access: Access
) -> None:
    key = google.key_of(google.account("deployer"))
    found = access(credentials=str(key))
    first = found.token()
    assert found.token() == first
    google.world.end_tokens()
    second = found.renew(first)
    assert second != first
    assert found.renew(first) == second  # another thread was refused the same one
    assert google.world.calls.count(("POST", "/token")) == 2
    # A token with less than google-auth's margin to go is asked for anew, but not with every request.
    google.world.lifetime = 100
    times = iter([time.time(), *([time.time() + 10] * 3), time.time() + 40, time.time() + 40])
    hasty = access(credentials=str(key), now=lambda: next(times))
    one = hasty.token()
    assert hasty.token() == one


@pytest.mark.slow
def test_while_a_token_is_good_google_may_be_away(google: GoogleStandIn, access: Access) -> None:
    key = google.key_of(google.account("deployer"))
    google.world.lifetime = 100
    clock = [time.time()]
    found = access(credentials=str(key), now=lambda: clock[0])
    first = found.token()
    google.world.away = True
    clock[0] += 60
    assert found.token() == first
    with pytest.raises(TemporaryError):
        found.renew(first)


# ── The cluster ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_each_address_of_a_cluster(google: GoogleStandIn, access: Access, known: dict[str, Any]) -> None:
    key = str(google.key_of(google.account("deployer")))
    place = access(credentials=key).endpoint()
    assert place.url == f"https://{known['endpoint']}"
    assert place.authority == google.authority
    with pytest.raises(ConfigError, match="not a DNS endpoint") as refused:
        access(credentials=key, endpoint="dns").endpoint()
    assert "--enable-dns-access" in refused.value.hint
    known["controlPlaneEndpointsConfig"]["dnsEndpointConfig"]["allowExternalTraffic"] = True
    for wanted in ("auto", "dns"):
        place = access(credentials=key, endpoint=wanted).endpoint()
        assert place.url.startswith("https://localhost:")
        assert place.authority is None
    assert access(credentials=key, endpoint="ip").endpoint().kind == "public address"
    known["controlPlaneEndpointsConfig"]["ipEndpointsConfig"]["privateEndpoint"] = "10.0.0.2"
    assert access(credentials=key, endpoint="private-ip").endpoint().url == "https://10.0.0.2"
    place = access(credentials=key, endpoint="connect-gateway").endpoint()
    assert place.url.endswith("/v1/projects/123456789012/locations/global/gkeMemberships/autopilot-cluster-1")
    known["fleet"] = {}
    with pytest.raises(ConfigError, match="fleet"):
        access(credentials=key, endpoint="connect-gateway").endpoint()
    known["status"] = "PROVISIONING"
    with pytest.raises(TemporaryError, match="still being made"):
        access(credentials=key).endpoint()


@pytest.mark.slow
def test_a_cluster_that_is_not_there_or_may_not_be_seen(google: GoogleStandIn, access: Access) -> None:
    email = google.account("deployer")
    key = str(google.key_of(email))
    with pytest.raises(NotFound, match=r"Known: autopilot-cluster-1 \(europe-west1\)"):
        access(credentials=key, cluster="autopilot-cluster-2").endpoint()
    with pytest.raises(NotFound, match="europe-west1"):
        access(credentials=key, location="europe-west4").endpoint()
    google.world.policies["projects/shop-4711"].clear()
    with pytest.raises(PermissionMissing, match=r"container\.clusters\.get") as denied:
        access(credentials=key).endpoint()
    assert f"--role roles/container.clusterViewer --member 'serviceAccount:{email}'" in denied.value.hint
    google.world.switched_off.add("container")
    with pytest.raises(PermissionMissing, match="switched off") as off:
        access(credentials=key).endpoint()
    assert "gcloud services enable container.googleapis.com --project shop-4711" in off.value.hint
    google.world.away = True
    with pytest.raises(TemporaryError):
        access(credentials=key).endpoint()


def test_an_address_that_nobody_answers_at_is_told_with_what_to_open(
    google: GoogleStandIn, access: Access, known: dict[str, Any]
) -> None:
    known["endpoint"] = "127.0.0.1:9"
    found = access(credentials=str(google.key_of(google.account("deployer"))))
    with pytest.raises(TemporaryError, match="cannot be reached") as failed:
        Api(reached_by(found), "web").request("GET", "/version")
    assert "authorized networks" in failed.value.hint
    assert "--location europe-west1 --project shop-4711 --enable-dns-access" in failed.value.hint


def test_options_say_what_is_wrong_with_them(tmp_path: Path) -> None:
    from dreamnet_actions.bootstrap import check_config
    from dreamnet_actions.errors.configuration import ConfigInvalid

    file = tmp_path / "dreamnet.yml"
    wrong = {
        "project": "12",
        "location": "Europe",
        "cluster": "c",
        "identity-provider": "github",
        "service-account": "x",
    }
    file.write_text(json.dumps({"version": 1, "platforms": {"p": {"gke": wrong}}}))
    with pytest.raises(ConfigInvalid) as found:
        check_config(file)
    assert {one.path.rpartition(".")[2] for one in found.value.mistakes} == {
        "project", "location", "identity-provider", "service-account"
    }  # fmt: skip
