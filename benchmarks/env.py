"""What a sync from Secret Manager costs: calls that are billed, all calls, and time, beside what others do.

    python -m benchmarks.env [--json FILE] [--secrets N] [--latency SECONDS]

A whole EnvKeeper (assembled, synced into a file, closed) against the server of ``dreamnet_actions.testing.google`` on
this machine, by Google's own client; each call takes ``latency`` more, as over a network. Cases, for N of 200 secrets:

``first-N``           nothing is there yet
``unchanged-N``       nothing changed since
``one-changed-of-N``  one secret got another version

``access_calls`` are AccessSecretVersion, which Google bills and caps at 90,000 a minute; ``calls`` are all of them:
the others read metadata, are free, and are capped at 600 a minute.

Subjects: ``dreamnet``; ``one-by-one``, measured in the same run: the official client reading each secret, one after
another, as google-github-actions/get-secretmanager-secrets does; and the rules of that action and of External Secrets
Operator as recorded rows. Neither looks at versions first, so every case is the same to them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamnet_actions.bootstrap import Options, assemble
from dreamnet_actions.testing.google.secretmanager.server import SecretManagerServer
from dreamnet_actions.testing.google.standin import GoogleStandIn

SYNC = {"agent": "envkeeper", "input": {"action": "sync", "source": "gcp-secret-manager"}}
RECORDED = {
    "get-secretmanager-secrets-recorded": "its src/main.ts awaits one access a secret in a loop (commit 3f5d027)",
    "external-secrets-recorded": "its providers/v1/gcp/secretmanager/client.go accesses once a key and refresh, hourly "
    "by default (commit 146ea7e)",
}
"""Peers whose rule is known from their source and that were not run here, with where it stands."""
AIMS = {"unchanged": 0, "one-changed-of": 1}
"""How many accesses DreamNet may make at most."""


@dataclass(frozen=True)
class Cost:
    """What one run cost."""

    access_calls: int
    calls: int
    seconds: float


class Shop:
    """A folder whose configuration wants all secrets of a project of its own."""

    def __init__(self, root: Path, google: GoogleStandIn, secrets: int) -> None:
        self.root, self.google, self.server = root, google, google.secrets
        self.names = [f"SECRET_{number}" for number in range(secrets)]
        key = google.key_of(f"reader@{google.world.project}.iam.gserviceaccount.com")
        for role in ("viewer", "secretAccessor"):
            self.server.grant(f"serviceAccount:reader@{google.world.project}.iam.gserviceaccount.com", role)
        for name in self.names:
            self.server.put(name, f"the value of {name}")
        keys = ", ".join(f"{name}: {name}" for name in self.names)
        (root / "dreamnet.yml").write_text(
            "version: 1\nenv:\n  shop:\n"
            f"    from: {{gcp-secret-manager: {{project: {google.world.project}, credentials: {key}}}}}\n"
            f"    to: [{{dotenv: shop.env}}]\n    keys: {{{keys}}}\n"
        )

    def sync(self) -> None:
        """Have EnvKeeper sync, as one request does."""
        system = assemble(Options(root=self.root, environ=self.google.environment()))
        try:
            result = system.pipe.submit(SYNC)
        finally:
            system.close()
        if result.outcome not in ("done", "unchanged"):
            raise SystemExit(f"the sync was {result.outcome}: {result.summary}")

    def one_by_one(self) -> None:
        """Read every secret by the official client, one after another."""
        import grpc
        from google.cloud import secretmanager_v1
        from google.cloud.secretmanager_v1.services.secret_manager_service import transports

        account = f"reader@{self.google.world.project}.iam.gserviceaccount.com"
        token, _ = self.google.world.issue_account(account, "https://www.googleapis.com/auth/cloud-platform")
        with grpc.insecure_channel(self.server.address.removeprefix("http://")) as channel:
            transport = transports.SecretManagerServiceGrpcTransport(channel=channel)
            client = secretmanager_v1.SecretManagerServiceClient(transport=transport)
            for name in self.names:
                client.access_secret_version(
                    name=f"projects/{self.google.world.project}/secrets/{name}/versions/latest",
                    metadata=[("authorization", f"Bearer {token}")],
                )


def cost(server: SecretManagerServer, work: Callable[[], None]) -> Cost:
    """Answer what some work cost."""
    server.ledger.reset()
    began = time.perf_counter()
    work()
    took = time.perf_counter() - began
    return Cost(server.ledger.access_calls, server.ledger.all_calls, took)


def measure(secrets: int, latency: float) -> dict[tuple[str, str], Cost]:
    """Answer the cost of each case by case and subject."""
    found: dict[tuple[str, str], Cost] = {}
    with tempfile.TemporaryDirectory(prefix="dreamnet-env-") as folder:
        (Path(folder) / "google").mkdir()
        google = GoogleStandIn(Path(folder) / "google", time.time)
        try:
            shop = Shop(Path(folder), google, secrets)
            shop.server.ledger.quotas["Read"] = 100_000  # three runs in one minute are not the case here
            shop.one_by_one()  # imports are not the case either
            shop.server.ledger.latency = latency
            for case in (f"first-{secrets}", f"unchanged-{secrets}", f"one-changed-of-{secrets}"):
                if case.startswith("one-"):
                    shop.server.put(shop.names[secrets // 2], "another value")
                found[case, "dreamnet"] = cost(shop.server, shop.sync)
            found[f"first-{secrets}", "one-by-one"] = cost(shop.server, shop.one_by_one)
        finally:
            google.close()
    return found


def rows(found: dict[tuple[str, str], Cost], secrets: int) -> list[dict[str, Any]]:
    """Answer the rows, recorded ones last."""
    told: list[dict[str, Any]] = []
    for (case, subject), one in found.items():
        told += [
            {
                "case": case,
                "subject": subject,
                "metric": "access_calls",
                "value": one.access_calls,
                "unit": "calls",
            },
            {"case": case, "subject": subject, "metric": "calls", "value": one.calls, "unit": "calls"},
            {
                "case": case,
                "subject": subject,
                "metric": "wall_seconds",
                "value": round(one.seconds, 2),
                "unit": "s",
            },
        ]
    for subject, source in RECORDED.items():
        for case in dict.fromkeys(case for case, _ in found):
            told += [
                {
                    "case": case, "subject": subject, "metric": metric, "value": secrets, "unit": "calls",
                    "source": source,
                }
                for metric in ("access_calls", "calls")
            ]  # fmt: skip
    return told


def aims(found: dict[tuple[str, str], Cost]) -> list[str]:
    """Answer how DreamNet stands to each aim."""
    told = []
    for (case, subject), one in found.items():
        for start, most in AIMS.items():
            if subject == "dreamnet" and case.startswith(start):
                word = "met" if one.access_calls <= most else "missed"
                told.append(f"{case}: {word}, {one.access_calls} accesses of at most {most}")
    return told


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the rows here")
    parser.add_argument("--secrets", type=int, default=200)
    parser.add_argument("--latency", type=float, default=0.02, help="seconds that each call takes more")
    given = parser.parse_args()
    found = measure(given.secrets, given.latency)
    print(f"{'case':<20} {'subject':<36} {'accesses':>8} {'calls':>6} {'s':>7}")
    for (case, subject), one in found.items():
        print(f"{case:<20} {subject:<36} {one.access_calls:>8} {one.calls:>6} {one.seconds:>7.2f}")
    for case in dict.fromkeys(case for case, _ in found):
        for subject in RECORDED:
            print(f"{case:<20} {subject:<36} {given.secrets:>8} {given.secrets:>6}")
    print("\n".join(aims(found)))
    if given.json:
        given.json.write_text(json.dumps({"rows": rows(found, given.secrets)}, indent=2) + "\n")


if __name__ == "__main__":
    main()
