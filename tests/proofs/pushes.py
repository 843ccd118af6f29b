"""``scripts/prove pushes``: from a secret's new version to the value where services read it, by Pub/Sub's push.

Google's Secret Manager is the server of ours; it is changed by Google's own client over gRPC, tells the secret's topic,
and the subscription pushes with a signed token to ``dreamnet serve``, a process of its own, which syncs to a file. What
is counted are the seconds from the call of AddSecretVersion to the value in that file, the syncs that a burst is, and
what is lost where the server is killed (SIGKILL) at random moments of one.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from dreamnet_actions.testing.google.standin import GoogleStandIn
from tests.secretmanager.conftest import PROJECT, READER
from tests.secretmanager.pushed import Pushed, until

KILLS = 3
"""Kills in each burst."""


def owner(pushed: Pushed) -> Any:
    """Answer Google's own client, as whoever owns the project."""
    import grpc
    from google.cloud import secretmanager_v1
    from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
        SecretManagerServiceGrpcTransport as Transport,
    )

    email = pushed.google.account("owner")
    pushed.server.grant(f"serviceAccount:{email}", "admin")
    token, _ = pushed.google.world.issue_account(email, "https://www.googleapis.com/auth/cloud-platform")

    class Adding(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc, unused-ignore]
        def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
            more = [*(details.metadata or []), ("authorization", f"Bearer {token}")]
            return continuation(details._replace(metadata=more), request)

    channel = grpc.intercept_channel(grpc.insecure_channel(f"127.0.0.1:{pushed.server.port}"), Adding())
    return secretmanager_v1.SecretManagerServiceClient(transport=Transport(channel=channel))


def add(client: Any, secret: str, value: str) -> None:
    request = {"parent": f"projects/{PROJECT}/secrets/{secret}", "payload": {"data": value.encode()}}
    client.add_secret_version(request=request)


def single(pushed: Pushed, client: Any, count: int, name: str) -> list[float]:
    """Answer the seconds that each of ``count`` changes took, one after the other."""
    took = []
    for number in range(count):
        value = f"{name}-{number}"
        began = time.monotonic()
        add(client, "shop-currency", value)
        until(lambda value=value: pushed.written("CURRENCY") == value)  # type: ignore[misc]
        took.append(time.monotonic() - began)
    return took


def burst(pushed: Pushed, client: Any, count: int, name: str, chance: random.Random | None = None) -> float:
    """Add ``count`` versions at once; with ``chance`` the server is killed on the way. Answers the seconds until the
    newest value is there and every event was taken."""
    kills = sorted(chance.sample(range(1, count), KILLS)) if chance else []
    began = time.monotonic()
    for number in range(count):
        add(client, "shop-max-items" if number % 2 else "shop-currency", f"{name}-{number}")
        if number in kills:
            pushed.kill()
            pushed.serve()
    if chance is not None:
        time.sleep(chance.uniform(0, 0.5))
        pushed.kill()
        pushed.serve()
    newest = {"MAX_ITEMS" if number % 2 else "CURRENCY": f"{name}-{number}" for number in range(count)}
    until(lambda: all(pushed.written(key) == value for key, value in newest.items()))
    assert pushed.server.pubsub.settled(120), "an event was never acknowledged"
    return time.monotonic() - began


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/prove pushes", description="See docs/proofs.md.")
    parser.add_argument("--changes", type=int, default=50)
    parser.add_argument("--bursts", type=int, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    chosen = parser.parse_args()
    chance = random.Random(chosen.seed)
    print(f"seed {chosen.seed}")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "google").mkdir()
        google = GoogleStandIn(root / "google", time.time)
        google.key_of(READER)
        pushed = Pushed(root, google)
        try:
            pushed.subscribe(pushed.serve())
            client = owner(pushed)
            single(pushed, client, 1, "first")  # the first pays for Google's keys, tokens and imports
            pushed.server.ledger.reset()
            took = sorted(single(pushed, client, chosen.changes, "single"))
            calls = pushed.server.ledger.calls
            print(
                f"{len(took)} changes one by one: {statistics.median(took):.2f} s in the middle, "
                f"{took[0]:.2f} to {took[-1]:.2f} s; {calls['AccessSecretVersion']} accesses"
            )
            pushed.server.ledger.reset()
            whole = burst(pushed, client, 50, "burst")
            syncs = calls["GetSecretVersion"] // 2  # each looks at both names of the entry
            print(
                f"a burst of 50 changes: {whole:.1f} s, {syncs} syncs, {calls['AccessSecretVersion']} accesses"
            )
            tried = len(pushed.server.pubsub.pushes)
            for number in range(chosen.bursts):
                burst(pushed, client, 20, f"killed-{number}", chance)
            tried = len(pushed.server.pubsub.pushes) - tried
            events = 20 * chosen.bursts
            print(
                f"{chosen.bursts} bursts of 20 with {KILLS + 1} kills each: every event was taken ({events} in {tried} "
                "pushes), the newest values are there"
            )
        finally:
            pushed.kill()
            google.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
