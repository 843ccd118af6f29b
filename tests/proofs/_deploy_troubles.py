"""What happens to a cluster in the middle of a release, for the proof ``deploy-faults``."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from tests.cluster.errors import BedError
from tests.kubernetes.proxy import Proxy
from tests.kubernetes.trial import Trial, beside


@contextmanager
def after_apply(proxy: Proxy, do: Callable[[], object]) -> Iterator[None]:
    """Do something once the second release has been applied; what goes wrong there is raised in the end."""
    wrong: list[Exception] = []

    def run() -> None:
        try:
            if proxy.applied.wait(60):
                do()
        except Exception as error:  # noqa: BLE001  # raised below
            wrong.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(180)
    if wrong:
        raise wrong[0]


def storm(trial: Trial, proxy: Proxy) -> AbstractContextManager[None]:
    """Somebody changes the workload all the time, faster than it can be read and written, until the release is
    applied: from then on only the cluster's own controllers would find no time to write."""
    connection = proxy.connect()
    path = f"/apis/apps/v1/namespaces/{trial.namespace}/deployments/web"
    headers = {"Authorization": f"Bearer {trial.token}", "Content-Type": "application/merge-patch+json"}
    count = [0]

    def touch() -> None:
        if proxy.applied.is_set():
            return
        count[0] += 1
        body = json.dumps({"metadata": {"annotations": {"somebody": str(count[0])}}})
        connection.request("PATCH", path, body, headers)
        connection.getresponse().read()

    return beside(touch)


def evictions(trial: Trial) -> None:
    """Somebody evicts pods again and again, as far as a PodDisruptionBudget lets them, until it has said no once."""
    budget = {
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    }  # fmt: skip
    cluster, where = trial.cluster, trial.namespace
    cluster.apply(budget, namespace=where)
    until = time.monotonic() + 20
    while time.monotonic() < until and not evicted(trial):
        for pod in cluster.get("pods", namespace=where, labels="app=web"):
            name = pod["metadata"]["name"]
            meta = {"name": name, "namespace": where}
            eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": meta}
            try:
                path = f"/api/v1/namespaces/{where}/pods/{name}/eviction"
                cluster.kubectl("create", "--raw", path, "-f-", given=eviction)
                trial.notes.append(f"{name} was evicted")
            except BedError as error:  # the budget says no: that is what it is for
                trial.notes.append(str(error))


def evicted(trial: Trial, proxy: Proxy | None = None) -> bool:
    """Say whether a pod was evicted, and the budget saved another."""
    saved = any("disruption budget" in one for one in trial.notes)
    return saved and any("was evicted" in one for one in trial.notes)


@contextmanager
def autoscaler(trial: Trial, proxy: Proxy) -> Iterator[None]:
    """A HorizontalPodAutoscaler wants three pods at the least, and somebody else two, again and again."""
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    scaler = {
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 3, "maxReplicas": 5, "metrics": [{"type": "Resource", "resource": cpu}],
        },
    }  # fmt: skip
    trial.cluster.apply(scaler, namespace=trial.namespace)
    trial.cluster.wait("the autoscaler to have its three", lambda: _replicas(trial) == 3, 60)

    def fight() -> None:
        for _ in range(3):
            trial.cluster.kubectl("scale", "deployment/web", "--replicas=2", namespace=trial.namespace)
            time.sleep(0.5)

    with after_apply(proxy, fight):
        yield


def scaled(trial: Trial, proxy: Proxy) -> bool:
    """Say whether the autoscaler has its bounds and, in the end, its number."""
    bounds = trial.cluster.get("hpa", "web", namespace=trial.namespace)["spec"]
    trial.cluster.wait("the autoscaler to win", lambda: _replicas(trial) == 3, 60)
    return (bounds["minReplicas"], bounds["maxReplicas"]) == (3, 5)


def always(trial: Trial, proxy: Proxy) -> bool:
    """Say that a fault came that nobody can miss."""
    return True


def _replicas(trial: Trial) -> int:
    return int(trial.live()["spec"]["replicas"])


@contextmanager
def paused(trial: Trial, proxy: Proxy) -> Iterator[None]:
    """Somebody pauses the Deployment."""
    kubectl, where = trial.cluster.kubectl, trial.namespace
    kubectl("rollout", "pause", "deployment/web", namespace=where)
    yield
    kubectl("rollout", "resume", "deployment/web", namespace=where)


@contextmanager
def selector(trial: Trial, proxy: Proxy) -> Iterator[None]:
    """The manifests say another selector, which cannot be changed, and a Service that goes with it."""
    trial.label = "other"
    trial.write(trial.second)
    before = trial.cluster.get("service", "web", namespace=trial.namespace)["spec"]["selector"]
    yield
    after = trial.cluster.get("service", "web", namespace=trial.namespace)["spec"]["selector"]
    if before != after:
        trial.broken.append(f"the Service leads to {after} now, where nothing is")
    trial.label = "web"
    trial.write(trial.second)


# ── The namespace ─────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def deleted(trial: Trial, proxy: Proxy) -> Iterator[None]:
    """The namespace is deleted, with the account that DreamNet has in it."""
    words = ("delete", "namespace", trial.namespace, "--wait=false")
    with after_apply(proxy, lambda: trial.cluster.kubectl(*words)):
        yield
    _anew(trial)


@contextmanager
def terminating(trial: Trial, proxy: Proxy) -> Iterator[None]:
    """The namespace is being deleted, which takes its time, and DreamNet's account is from elsewhere."""
    cluster, where = trial.cluster, trial.namespace
    with cluster.namespace() as elsewhere:
        cluster.kubectl("create", "serviceaccount", "dreamnet", namespace=elsewhere)
        trial.token = cluster.kubectl("create", "token", "dreamnet", namespace=elsewhere).strip()
        group = "rbac.authorization.k8s.io"
        subject = {"kind": "ServiceAccount", "name": "dreamnet", "namespace": elsewhere}
        stays = {"path": "/metadata/finalizers", "op": "add", "value": ["dreamnet.dev/a-test"]}
        bind = {"path": "/subjects", "op": "replace", "value": [subject]}
        for thing, change in (("role", [stays]), ("rolebinding", [stays, bind])):
            _patched(trial, f"{thing}.{group}/dreamnet", change)
        cluster.kubectl("delete", "namespace", where, "--wait=false")
        try:
            yield
        finally:
            for thing in ("role", "rolebinding"):
                goes = {"path": "/metadata/finalizers", "op": "remove"}
                _patched(trial, f"{thing}.{group}/dreamnet", [goes])
    _anew(trial)


def _patched(trial: Trial, thing: str, change: list[dict[str, Any]]) -> None:
    words = ("patch", thing, "--type=json", "-p", json.dumps(change))
    trial.cluster.kubectl(*words, namespace=trial.namespace)


def _anew(trial: Trial) -> None:
    """Wait until the namespace is gone, and make it anew for whoever made it and will delete it."""
    there = ("get", "namespace", trial.namespace, "--ignore-not-found", "-oname")
    trial.cluster.wait("the namespace to be gone", lambda: not trial.cluster.kubectl(*there).strip(), 60)
    trial.cluster.kubectl("create", "namespace", trial.namespace)


# ── Parts of the cluster ──────────────────────────────────────────────────────────────────────────────────


def restarted(trial: Trial, part: str) -> None:
    """A part is killed, and started again."""
    trial.cluster.kill(part)
    trial.cluster.start(part)


@contextmanager
def gone(trial: Trial, proxy: Proxy) -> Iterator[None]:
    """The only node's kubelet is killed before the new pods are taken up."""
    trial.cluster.kill("kubelet")
    yield
    trial.cluster.start("kubelet")


@contextmanager
def unheard(trial: Trial, proxy: Proxy) -> Iterator[None]:
    """The only node's kubelet was killed so long ago that the cluster has noticed."""
    with gone(trial, proxy):
        trial.cluster.wait("the node to be called unreachable", lambda: _ready(trial) == "Unknown", 120)
        yield
    trial.cluster.wait("the node to be back", lambda: _ready(trial) == "True", 60)


@contextmanager
def cordoned(trial: Trial, proxy: Proxy) -> Iterator[None]:
    """The only node takes no new pods."""
    trial.cluster.kubectl("cordon", "node")
    yield
    trial.cluster.kubectl("uncordon", "node")


def _ready(trial: Trial) -> str:
    (node,) = trial.cluster.get("nodes")
    conditions: list[dict[str, Any]] = node["status"]["conditions"]
    return str(next(one["status"] for one in conditions if one["type"] == "Ready"))
