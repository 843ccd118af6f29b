"""``scripts/prove deploy-faults``: what a cluster does in the middle of a release, and what DreamNet makes of it.

    scripts/prove deploy-faults [NAME…] [--rounds N]

A service of two pods runs its first release on a real cluster; the second goes out, and in its middle the fault comes.
A client asks the service all the time. Held for each: the fault was really met; the run ends as it should, and where
that is not ``done``, its words name what stands in the way and what a person does about it; nothing is said of the
service's health, and nothing is ever taken back, for the release is a good one; once the fault is over the same request
is asked again and the release is deployed; exactly one version serves, with one former release on record, and the Lease
is free. Exits with 1 if not.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dreamnet_actions.domain.result import AgentResult
from tests.cluster.client import Cluster, script
from tests.kubernetes.trial import SLOW, Client, Trial
from tests.proofs._deploy_faults import FAULTS, Fault


@dataclass(kw_only=True)
class Met:
    """How it ended: the run's outcome and words, the client's requests and its errors' words, and what did not hold."""

    outcome: str
    summary: str
    requests: int = 0
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0
    broken: list[str] = field(default_factory=list)


def meet(name: str, cluster: Cluster, namespace: str, folder: Path) -> Met:
    """Let a release meet a fault; answer how that ended."""
    fault, trial = FAULTS[name], Trial(cluster=cluster, namespace=namespace, root=folder)
    trial.prepare()
    first = trial.ask("deploy", name="first")
    if first.verdict != "deployed":
        raise RuntimeError(f"the first release did not go out: {first.summary}")
    trial.second = cluster.image("two", **SLOW)
    one, broken, client = trial.image(), list[str](), Client(trial.url())
    began = time.monotonic()
    try:
        with trial.proxied() as proxy:
            trial.write(trial.second, **fault.prepared)
            with fault.meets(trial, proxy):
                result = trial.ask("deploy", name="second")
            met = Met(outcome=result.outcome, summary=result.summary)
            if not fault.came(trial, proxy):
                broken.append(f"the fault was not met: {trial.notes}")
            broken += _said(fault, result)
            if any("roll" in str(one["verdict"]) for one in trial.facts("release-ended")):
                broken.append(f"a good release was taken back: {result.summary}")
            if fault.again:
                proxy.rule = lambda method, path: None
                trial.write(trial.second)
                if fault.token:
                    trial.token = cluster.kubectl("create", "token", "dreamnet", namespace=namespace).strip()
                after = trial.ask("deploy", name="second")
                if after.outcome not in ("done", "unchanged"):
                    broken.append(f"asked again it ended {after.outcome} ({after.verdict}): {after.summary}")
                broken += _left(trial, one)
        broken += trial.broken
    finally:
        client.close()
    met.broken, met.requests, met.errors = broken, client.requests, client.errors
    met.seconds = time.monotonic() - began
    return met


def _said(fault: Fault, result: AgentResult) -> Iterator[str]:
    """Say what is wrong with how a run ended and what it says of that."""
    told = f"it ended {result.outcome} ({result.verdict}): {result.summary}"
    if result.outcome not in fault.ends:
        yield told
    if result.verdict not in (None, "deployed", "deployed-unverified") or result.dreams:
        yield f"the service is blamed: {told}"
    if result.outcome == "done":
        return
    if not any(one in result.summary for one in fault.says):
        yield f"it does not say any of {fault.says}: {told}"
    hint = str((result.error or {}).get("hint") or "")
    if not hint or fault.advises not in hint:
        yield f"it does not advise {fault.advises!r}: {result.error}"


def _left(trial: Trial, one: str) -> Iterator[str]:
    """Say what is not as it has to be in the end."""
    if trial.image() != trial.second or trial.second == one:
        yield f"wanted in the end: {trial.image()}"
    if set(trial.serving()) != {trial.second}:
        yield f"there run in the end: {trial.serving()}"
    if trial.former() != 1:
        yield f"{trial.former()} former releases are on record, and there was one"
    there = [
        found["metadata"]["name"] for found in trial.cluster.get("deployments", namespace=trial.namespace)
    ]
    if there != ["web"]:
        yield f"there are {there}"
    holder = trial.cluster.get("lease", "dreamnet-deployment-web", namespace=trial.namespace)["spec"]
    if holder.get("holderIdentity"):
        yield f"the Lease is still held: {holder}"


@contextmanager
def bed() -> Iterator[Cluster]:
    """Have a cluster of its own for the block."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that it is taken down then, too
    name = f"proof-{os.getpid()}"
    try:
        script("up", "--name", name, "--owner", str(os.getpid()))
        facts = json.loads(script("status", "--name", name, "--json"))
        yield Cluster(facts["kubeconfig"], facts["registry"], name)
    finally:
        script("down", "--name", name)


def main() -> int:
    """Meet every fault, print a line each, answer the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(FAULTS)}")
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    names = [*(given.names or FAULTS)] * given.rounds
    broken = 0
    with bed() as cluster:
        for name in names:
            with cluster.namespace() as namespace, tempfile.TemporaryDirectory(prefix="dreamnet-") as folder:
                met = meet(name, cluster, namespace, Path(folder) / "shop")
            broken += bool(met.broken)
            failed = f"the client failed {len(met.errors)} of {met.requests}"
            print(
                f"{name:<20} {met.outcome:<9} {met.seconds:5.1f} s, {failed}",
                *(f"\n    {one}" for one in [*met.broken, *met.errors[:1]]), sep="", flush=True,
            )  # fmt: skip
    print(f"{len(names)} faults: {'everything held' if not broken else f'{broken} did not hold'}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
