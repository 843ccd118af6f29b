"""One deployer a service by a Lease, on the real cluster: whoever holds it, dies with it, or loses it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dreamnet_actions.adapters.kubernetes import holds
from dreamnet_actions.adapters.kubernetes.platform import KubernetesPlatform
from dreamnet_actions.errors import Leased
from tests.cluster.client import Cluster
from tests.kubernetes.stage import Stage, staged

pytestmark = pytest.mark.slow
LEASE = "dreamnet-deployment-web"
HOLDER = """
import sys, time
from pathlib import Path
from tests.cluster.client import Cluster
from tests.kubernetes.stage import KubernetesService, Stage
stage = Stage(cluster=Cluster(sys.argv[1], ""), namespace=sys.argv[2], root=Path(sys.argv[3]))
with stage.platform(web=KubernetesService(platform="production", workload="deployment/web")).hold("web"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def stage(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[Stage]:
    with staged(cluster, namespace, tmp_path) as made:
        yield made


def in_the_end(platform: KubernetesPlatform, seconds: float) -> float:
    """Hold ``web`` as soon as it can be had; answer how long that took."""
    began = time.monotonic()
    while True:
        try:
            with platform.hold("web"):
                return time.monotonic() - began
        except Leased:
            assert time.monotonic() - began < seconds
            time.sleep(0.1)


def change(stage: Stage, **lease: object) -> None:
    """Change the Lease behind the holder's back."""
    words = ("patch", "lease", LEASE, "--type=merge", "-p", json.dumps(lease))
    stage.cluster.kubectl(*words, namespace=stage.namespace)


def test_a_lease_is_free_at_once_when_its_process_died_here(stage: Stage) -> None:
    root = Path(__file__).parents[2]
    words = [stage.cluster.kubeconfig, stage.namespace, str(stage.root)]
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, *words], stdout=subprocess.PIPE, cwd=root)
    platform = stage.platform(web=stage.spec())
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Leased, match=r"DreamNet since .*; free at"), platform.hold("web"):
            pytest.fail("it was held twice")
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait(30)
    with platform.hold("web"):
        spec = stage.cluster.get("lease", LEASE, namespace=stage.namespace)["spec"]
    assert (spec["holderIdentity"], spec["leaseTransitions"]) == ("DreamNet", 1)
    spec = stage.cluster.get("lease", LEASE, namespace=stage.namespace)["spec"]
    assert "holderIdentity" not in spec


def test_a_lease_of_elsewhere_is_free_once_nobody_renews_it(stage: Stage) -> None:
    platform = stage.platform(web=stage.spec())
    with platform.hold("web"):
        pass
    gone = {"holderIdentity": "octo/shop run 7", "renewTime": "2126-01-01T00:00:00.000000Z"}
    notes = {holds.OWNER: "another-boot/pid:[1]|12|34|1"}
    change(stage, spec={**gone, "leaseDurationSeconds": 2}, metadata={"annotations": notes})
    with pytest.raises(Leased, match="octo/shop run 7"), platform.hold("web"):
        pytest.fail("it is somebody else's")
    assert in_the_end(platform, 60) >= 1.5, "clocks that differ free nothing too early"


def test_who_lost_its_lease_writes_nothing_any_more(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holds, "RENEW", 0.1)
    platform = stage.platform(web=stage.spec())
    platform.apply("web", stage.spec(), stage.release("one"))
    with platform.hold("web"):
        change(stage, metadata={"annotations": {"somebody": "was here"}})
        platform.scale("web", 2)  # still its own, whoever else wrote on it
        change(stage, spec={"holderIdentity": "octo"}, metadata={"annotations": {holds.OWNER: "x|1|1|1"}})
        with pytest.raises(Leased, match="octo since"):  # noqa: PT012  # the renewal notices, a moment later
            for _ in range(1000):
                platform.scale("web", 2)
    assert stage.cluster.get("lease", LEASE, namespace=stage.namespace)["spec"]["holderIdentity"] == "octo"
