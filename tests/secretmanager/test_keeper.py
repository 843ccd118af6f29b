"""The whole of DreamNet over Secret Manager: what a sync costs, and that nothing is written where all is not well."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.bootstrap import Options, assemble
from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.testing.google.secretmanager.faults import Fault
from dreamnet_actions.testing.google.secretmanager.refusals import Refusal
from dreamnet_actions.testing.google.secretmanager.server import SecretManagerServer
from dreamnet_actions.testing.google.standin import GoogleStandIn
from tests.secretmanager.conftest import ME, PROJECT

pytestmark = pytest.mark.slow

NAMES = [f"S{number}" for number in range(20)]
CONFIG = f"""
version: 1
env:
  shop:
    from: {{gcp-secret-manager: {{project: {PROJECT}, credentials: google/key.json}}}}
    to: [{{dotenv: shop.env}}]
    keys: {{{", ".join(f"{name}: {name.lower()}" for name in NAMES)}}}
"""


class Shop:
    """A folder with that configuration."""

    def __init__(self, root: Path, google: GoogleStandIn) -> None:
        self.root, self.google = root, google
        (root / "dreamnet.yml").write_text(CONFIG)

    def ask(self, action: str = "sync", **more: Any) -> AgentResult:
        system = assemble(Options(root=self.root, environ=self.google.environment()))
        try:
            return system.pipe.submit({"agent": "envkeeper", "input": {"action": action, **more}})
        finally:
            system.close()

    @property
    def written(self) -> str:
        file = self.root / "shop.env"
        return file.read_text() if file.exists() else ""


@pytest.fixture
def shop(tmp_path: Path, google: GoogleStandIn, server: SecretManagerServer) -> Shop:
    for name in NAMES:
        server.put(name.lower(), f"hunter-{name}")
    return Shop(tmp_path, google)


def test_what_did_not_change_is_not_read(shop: Shop, server: SecretManagerServer) -> None:
    """The seed's request: N accesses the first time, none while nothing changes, one for one change."""
    first = shop.ask(source="gcp-secret-manager")
    assert (first.outcome, server.ledger.access_calls) == ("done", 20), first
    assert "S7=hunter-S7" in shop.written
    server.ledger.reset()
    assert shop.ask().outcome == "unchanged"
    assert (server.ledger.access_calls, server.ledger.all_calls) == (0, 20)
    server.put("s7", "another")
    server.ledger.reset()
    assert shop.ask().outcome == "done"
    assert server.ledger.access_calls == 1
    assert "S7=another" in shop.written


TROUBLES = {
    "denied on one": Fault(
        method="AccessSecretVersion", about="/s7/",
        refusal=Refusal(status="PERMISSION_DENIED", message="no", reason="IAM_PERMISSION_DENIED"),
    ),
    "not seen": Fault(
        method="GetSecretVersion", about="/s7/",
        refusal=Refusal(status="PERMISSION_DENIED", message="no", reason="IAM_PERMISSION_DENIED"),
    ),
    "gone": Fault(method="GetSecretVersion", about="/s7/", refusal=Refusal(status="NOT_FOUND", message="no")),
    "down": Fault(skip=25, refusal=Refusal(status="UNAVAILABLE", message="no")),
    "damaged": Fault(method="AccessSecretVersion", about="/s7/", crc=True),
    "quota": Fault(
        method="AccessSecretVersion", about="/s7/",
        refusal=Refusal(status="RESOURCE_EXHAUSTED", message="no", retry=999.0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TROUBLES)
def test_all_or_nothing_and_a_rerun_converges(shop: Shop, server: SecretManagerServer, name: str) -> None:
    assert shop.ask().outcome == "done"
    before = shop.written
    for one in NAMES:
        server.put(one.lower(), f"new-hunter-{one}")
    fault = TROUBLES[name]
    server.ledger.faults.append(fault)
    failed = shop.ask()
    assert failed.outcome in ("refused", "failed", "deferred"), failed
    assert fault.met
    assert shop.written == before
    told = json.dumps(failed.to_json())
    assert "hunter" not in told
    server.ledger.faults.clear()
    assert shop.ask().outcome == "done"
    assert "new-hunter-S7" in shop.written


def test_a_version_destroyed_between_plan_and_apply_writes_nothing(
    shop: Shop, server: SecretManagerServer
) -> None:
    gone = f"projects/{PROJECT}/secrets/s7/versions/1"
    server.ledger.faults.append(
        Fault(method="AccessSecretVersion", about="/s7/", do=lambda: server.store.turn(gone, "DESTROYED", ""))
    )
    failed = shop.ask()
    assert failed.outcome == "failed"
    assert failed.error is not None
    assert "Version 1 of s7 in shop-4711 is destroyed" in failed.error["message"]
    assert shop.written == ""


def test_the_doctor_tells_who_may_read_what(
    shop: Shop, google: GoogleStandIn, server: SecretManagerServer
) -> None:
    from dreamnet_actions.entrances.doctor.examine import surroundings
    from dreamnet_actions.entrances.doctor.secrets import secrets

    def told() -> dict[str, tuple[str, str]]:
        at = surroundings(shop.root, None, google.environment(), None)
        return {one.what: (one.status, one.detail + one.fix) for one in secrets(at)}

    assert told() == {"secrets of shop": ("ok", f"20 can be read by {ME.removeprefix('serviceAccount:')}")}
    google.world.policies.clear()
    for name in NAMES[1:]:
        for role in ("viewer", "secretAccessor"):
            server.grant(ME, role, secret=name.lower())
    server.grant(ME, "viewer", secret="s0")
    found = told()
    assert found["secrets of shop"][1].startswith("19 can be read")
    status, words = found["secrets of shop: s0"]
    assert status == "failed"
    assert "gcloud secrets add-iam-policy-binding s0" in words
    assert "secretAccessor" in words
    assert server.ledger.access_calls == 0
    at = surroundings(shop.root, None, google.environment(), None, offline=True)
    assert [one.status for one in secrets(at)] == ["unknown"]
