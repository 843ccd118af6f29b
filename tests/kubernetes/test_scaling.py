"""Restart and scale beside those who have a say in it: HPAs, KEDA, disruption budgets, quotas; on the real cluster."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.client import Cluster
from tests.kubernetes.stage import Stage, staged
from tests.kubernetes.test_story import Shop, made_shop

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(cluster: Cluster, namespace: str, tmp_path: Path) -> Shop:
    return made_shop(cluster, namespace, tmp_path)


def budget(least: int, name: str = "floor") -> dict[str, Any]:
    spec = {"minAvailable": least, "selector": {"matchLabels": {"app": "web"}}}
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name},
        "spec": spec,
    }


def hpa(low: int, high: int) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}
    metric = {"type": "Resource", "resource": cpu}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": target, "minReplicas": low, "maxReplicas": high, "metrics": [metric]},
    }


def bounds(shop: Shop) -> tuple[int, int]:
    spec = shop.cluster.get("hpa", "web", namespace=shop.namespace)["spec"]
    return spec["minReplicas"], spec["maxReplicas"]


@contextmanager
def watched(shop: Shop, seen: list[int]) -> Iterator[None]:
    """Note how many replicas the Deployment calls available, again and again."""
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            seen.append(int((shop.live().get("status") or {}).get("availableReplicas", 0)))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_budget_holds_through_a_restart_or_it_is_not_begun(shop: Shop) -> None:
    shop.dreamnet("deploy")
    shop.cluster.apply(budget(2), namespace=shop.namespace)
    seen: list[int] = []
    with watched(shop, seen):
        assert shop.dreamnet("restart", "web")["outcome"] == "done"
    assert min(seen) >= 2
    tight = {"spec": {"strategy": {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}}}
    shop.cluster.kubectl("patch", "deployment", "web", f"-p={json.dumps(tight)}", namespace=shop.namespace)
    before = shop.live()["metadata"]["generation"]
    refused = shop.dreamnet("restart", "web", status=4)
    assert (
        "would leave 1 healthy pods for a while, and the disruption budget floor wants 2"
        in refused["summary"]
    )
    assert shop.live()["metadata"]["generation"] == before
    # What a pod cannot start without is gone meanwhile: the old ones serve on, and it is said.
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "extra"}, "stringData": {"a": "b"}}
    shop.cluster.apply(secret, namespace=shop.namespace)
    extra = {"name": "EXTRA", "valueFrom": {"secretKeyRef": {"name": "extra", "key": "a"}}}
    reads = {"containers": [{"name": "web", "env": [extra]}]}
    patch = json.dumps({"spec": {"template": {"spec": reads}}})
    shop.cluster.kubectl("patch", "deployment", "web", f"-p={patch}", namespace=shop.namespace)
    shop.cluster.kubectl("rollout", "status", "deployment/web", "--timeout=50s", namespace=shop.namespace)
    shop.cluster.kubectl("delete", "pdb/floor", "secret/extra", namespace=shop.namespace)
    failed = shop.dreamnet("restart", "web", status=5)
    assert "not found (CreateContainerConfigError)" in failed["summary"]
    assert "replicas that still serve: 1" in failed["summary"]
    assert shop.get("/").startswith("sample one")


def test_an_hpa_keeps_its_number_and_its_bounds_are_moved(shop: Shop) -> None:
    shop.dreamnet("deploy")
    shop.cluster.apply(hpa(1, 2), namespace=shop.namespace)
    moved = shop.dreamnet("scale", "web", "3")
    assert "bounds of the HorizontalPodAutoscaler web are 3–3 (were 1–2)" in moved["summary"]
    assert (bounds(shop), shop.live()["spec"]["replicas"]) == ((3, 3), 3)
    shop.image(shop.cluster.image("two"))
    assert shop.dreamnet("deploy")["verdict"] == "deployed"
    assert (bounds(shop), shop.live()["spec"]["replicas"]) == ((3, 3), 3)
    shop.cluster.kubectl("label", "hpa", "web", "scaledobject.keda.sh/name=web", namespace=shop.namespace)
    refused = shop.dreamnet("scale", "web", "2", status=5)
    assert "The ScaledObject web decides" in refused["summary"]
    assert "minReplicaCount" in refused["error"]["hint"]
    assert bounds(shop) == (3, 3)


def test_what_a_quota_does_not_let_in_is_said_and_not_left_hanging(shop: Shop) -> None:
    shop.dreamnet("deploy")
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few"},
        "spec": {"hard": {"pods": "3"}},
    }
    shop.cluster.apply(quota, namespace=shop.namespace)
    failed = shop.dreamnet("scale", "web", "5", status=5)
    assert "exceeded quota: few" in failed["summary"]
    assert "3 serve (had 2)" in failed["summary"]
    assert shop.live()["spec"]["replicas"] == 3
    assert shop.dreamnet("scale", "web", "0")["outcome"] == "done"
    assert shop.dreamnet("check")["verdict"] == "healthy"
    # Pods that are ending count until they are gone.
    shop.cluster.wait(
        "the pods to be gone", lambda: not shop.cluster.get("pods", namespace=shop.namespace), 60
    )
    assert shop.dreamnet("scale", "web", "1")["outcome"] == "done"
    assert shop.live()["status"]["readyReplicas"] == 1


def test_a_statefulset_restarts_where_its_budget_lets_it(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    with staged(cluster, namespace, tmp_path) as stage:
        file = tmp_path / "deploy" / "web.json"
        things = json.loads(file.read_text("utf-8"))
        things["items"][0]["kind"] = "StatefulSet"
        file.write_text(json.dumps(things), "utf-8")
        spec = stage.spec(replicas=2, workload="statefulset/web")
        platform = stage.platform(web=spec)
        platform.apply("web", spec, stage.release("one"))
        before = settled(stage, platform)
        assert platform.constraints("web").restart is None
        cluster.apply(budget(2), namespace=namespace)
        said = platform.constraints("web")
        assert said.budget is not None
        assert (said.budget.name, said.budget.least) == ("floor", 2)
        assert said.restart is not None
        assert "would leave 1 healthy pods" in said.restart
        cluster.apply(budget(1), namespace=namespace)
        assert platform.constraints("web").restart is None
        platform.restart("web", token="again")
        uids = settled(stage, platform)
        assert not before & uids
        on_delete = '{"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": null}}}'
        cluster.kubectl("patch", "statefulset", "web", f"-p={on_delete}", namespace=namespace)
        assert "OnDelete" in str(platform.constraints("web").restart)


def settled(stage: Stage, platform: Any) -> set[str]:
    """Wait until both pods are ready; answer their uids."""

    def ready() -> bool:
        return bool(platform.observe().services["web"].stable.settled)

    stage.cluster.wait("the StatefulSet to settle", ready, 60, namespace=stage.namespace)
    return {one["metadata"]["uid"] for one in stage.cluster.get("pods", namespace=stage.namespace)}
