"""How long a change of flags takes to a running pod that mounts them, on a real cluster."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from tests.kubernetes.test_flags import evaluated, published, started
from tests.proofs.deploy_faults import bed


def mounted(folder: Path) -> int:
    """Change a flag and wait for it in a pod, five times; answer how often it did not come."""
    seconds = []
    with bed() as cluster, cluster.namespace() as namespace:
        shop = published(cluster, namespace, folder)
        shop.dreamnet("publish-flags")
        ((pod, address),) = started(cluster, namespace).items()
        for _ in range(5):
            before = evaluated(address)
            shop.dreamnet("toggle-flag", "new-home")
            began = time.monotonic()
            cluster.wait("the pod to have it", partial(_differs, address, before), 180, namespace=namespace)
            seconds.append(time.monotonic() - began)
        (status,) = cluster.get("pod", pod, namespace=namespace)["status"]["containerStatuses"]
    listed = ", ".join(f"{one:.0f}" for one in sorted(seconds))
    print(
        f"a change is in the pod's file after so many seconds: {listed}; restarts: {status['restartCount']}"
    )
    return int(status["restartCount"])


def _differs(address: str, before: str | None) -> bool:
    return evaluated(address) != before
