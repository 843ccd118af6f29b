"""Proof: how many requests meet a pod that has ended already, by how long a pod waits before it ends.

    scripts/prove drain [--restarts N]

A service on a cluster of its own is restarted by DreamNet again and again while a client asks it all the time, on
connections of their own. Kubernetes takes a pod out of its Service and tells it to end in the same moment
(https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination), and kube-proxy writes its rules at
most once a second (``minSyncPeriod``: pkg/proxy/apis/config/v1alpha1/defaults.go of kubernetes/kubernetes). Ends 1
where a request failed although the pods waited as long as docs/kubernetes.md says.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.cluster.client import Cluster
from tests.kubernetes.trial import Client, Trial
from tests.proofs.deploy_faults import bed

WAITS = (0, 1, 3)
"""Seconds for which a pod waits before it is told to end."""
ENOUGH = 3


def restarted(cluster: Cluster, namespace: str, root: Path, *, wait: int, restarts: int) -> Client:
    """Restart a service whose pods wait so many seconds; answers its client, which is done."""
    trial = Trial(cluster=cluster, namespace=namespace, root=root)
    trial.prepare()
    trial.write(cluster.image("one"))
    _waiting(root / "deploy" / "web.json", wait)
    _asked(trial, "deploy", "first")
    client = Client(trial.url())
    try:
        for number in range(restarts):
            _asked(trial, "restart", f"restart-{number}")
    finally:
        client.close()
    return client


def _waiting(manifests: Path, seconds: int) -> None:
    """Let the pods wait before they end."""
    things = json.loads(manifests.read_text("utf-8"))
    (container,) = things["items"][0]["spec"]["template"]["spec"]["containers"]
    if seconds:
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": seconds}}}
    manifests.write_text(json.dumps(things), "utf-8")


def _asked(trial: Trial, action: str, name: str) -> None:
    result = trial.ask(action, name=name)
    if result.outcome != "done":
        raise RuntimeError(f"{action} ended {result.outcome}: {result.summary}")


def main() -> int:
    """Restart it with each wait, print a line each, answer the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--restarts", type=int, default=30)
    given = parser.parse_args()
    lost = 0
    with bed() as cluster:
        for wait in WAITS:
            with cluster.namespace() as namespace, tempfile.TemporaryDirectory(prefix="dreamnet-") as folder:
                client = restarted(
                    cluster, namespace, Path(folder) / "shop", wait=wait, restarts=given.restarts
                )
            failed = len(client.errors)
            lost += failed if wait >= ENOUGH else 0
            print(
                f"pods wait {wait} s: {failed} of {client.requests} requests failed in {given.restarts} restarts, "
                f"the slowest took {client.slowest:.1f} s",
                *client.errors[:1],
                sep="\n    ",
                flush=True,
            )
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
