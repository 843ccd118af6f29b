"""``scripts/prove deploy-faults``: what a cluster does in the middle of a release, and what DreamNet makes of it.

    scripts/prove deploy-faults [NAME…] [--rounds N]

A service of two pods runs its first release on a real cluster; the second goes out, and in its middle the fault comes.
A client asks the service all the time. Held for each: the verdict is right, or the run ends deferred or with an error
of ours; nothing is ever taken back, for the release is a good one; once the fault is over the same request is asked
again and the release is deployed; exactly one version serves, with one former release on record. Exits with 1 if not.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster.client import Cluster, script
from tests.kubernetes.proxy import Proxy
from tests.kubernetes.trial import SLOW, Client, Trial, beside

Meets = Callable[[Trial, Proxy], AbstractContextManager[Any]]
GOOD = frozenset({"done"})


@dataclass(frozen=True, kw_only=True)
class Fault:
    """``meets`` brings it about for the block; ``ends`` are the outcomes that are right; ``says`` is in the summary of
    a run that did not end ``done``; ``again``: the same request is right once the fault is over. ``own``: it ends parts
    of the cluster, which nobody else may use meanwhile."""

    meets: Meets
    ends: frozenset[str] = GOOD
    says: str = ""
    again: bool = True
    own: bool = False
    token: bool = False
    prepared: Mapping[str, Any] = field(default_factory=dict)


@contextmanager
def after_apply(proxy: Proxy, do: Callable[[], object]) -> Iterator[None]:
    """Do something once the second release has been applied."""

    def run() -> None:
        if proxy.applied.wait(60):
            do()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(120)


def _watching(proxy: Proxy, fate: str, times: int) -> None:
    """Let each running stream end, and the next ``times`` watches meet this."""
    left = [times]

    def rule(method: str, path: str) -> str | None:
        if "watch=1" in path and left[0] > 0:
            left[0] -= 1
            return fate
        return None

    proxy.rule = rule
    proxy.cut_streams()


def streams(fate: str, times: int = 6) -> Meets:
    """Streams are cut in the middle of an event, and what is begun anew meets ``fate`` first."""
    return lambda trial, proxy: after_apply(proxy, lambda: _watching(proxy, fate, times))


def cut(trial: Trial, proxy: Proxy) -> AbstractContextManager[None]:
    """Streams are cut in the middle of an event, three times."""

    def again() -> None:
        for _ in range(3):
            proxy.cut_streams()
            time.sleep(0.4)

    return after_apply(proxy, again)


def away(seconds: float) -> Meets:
    """The API server takes connections and answers nothing, for so long."""

    def run(proxy: Proxy) -> None:
        proxy.rule = lambda method, path: "drop"
        proxy.cut_streams()
        time.sleep(seconds)
        proxy.rule = lambda method, path: None

    return lambda trial, proxy: after_apply(proxy, lambda: run(proxy))


def lost_answers(trial: Trial, proxy: Proxy) -> AbstractContextManager[Any]:
    """The workload's apply takes effect, and its answer is lost."""
    left = [1]

    def rule(method: str, path: str) -> str | None:
        if method == "PATCH" and "/deployments/web?" in path and "dryRun" not in path and left[0]:
            left[0] -= 1
            return "lost"
        return None

    proxy.rule = rule
    return ExitStack()


def storm(trial: Trial, proxy: Proxy) -> AbstractContextManager[None]:
    """Somebody changes the workload all the time, faster than it can be read and written."""
    connection = proxy.connect()
    path = f"/apis/apps/v1/namespaces/{trial.namespace}/deployments/web"
    headers = {"Authorization": f"Bearer {trial.token}", "Content-Type": "application/merge-patch+json"}
    count = [0]

    def touch() -> None:
        count[0] += 1
        body = json.dumps({"metadata": {"annotations": {"somebody": str(count[0])}}})
        connection.request("PATCH", path, body, headers)
        connection.getresponse().read()

    return beside(touch)


def expired(trial: Trial, proxy: Proxy) -> AbstractContextManager[None]:
    """The token is taken no longer."""

    def refuse() -> None:
        proxy.rule = lambda method, path: "401"
        proxy.cut_streams()

    return after_apply(proxy, refuse)


@contextmanager
def evictions(trial: Trial, proxy: Proxy) -> Iterator[None]:
    """Somebody evicts pods again and again, as far as a PodDisruptionBudget lets them."""
    budget = {
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    }  # fmt: skip
    trial.cluster.apply(budget, namespace=trial.namespace)

    def evict() -> None:
        for pod in trial.cluster.get("pods", namespace=trial.namespace, labels="app=web"):
            name = pod["metadata"]["name"]
            eviction = {
                "apiVersion": "policy/v1",
                "kind": "Eviction",
                "metadata": {"name": name, "namespace": trial.namespace},
            }
            path = f"/api/v1/namespaces/{trial.namespace}/pods/{name}/eviction"
            trial.cluster.kubectl("create", "--raw", path, "-f-", given=eviction)
            return

    def some() -> None:
        for _ in range(3):
            try:
                evict()
            except Exception as error:  # noqa: BLE001  # the budget says no: that is what it is for
                trial.notes.append(str(error))
            time.sleep(0.5)

    with after_apply(proxy, some):
        yield


@contextmanager
def autoscaler(trial: Trial, proxy: Proxy) -> Iterator[None]:
    """A HorizontalPodAutoscaler wants three pods, and somebody else two, all the time."""
    scaler = {
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 3, "maxReplicas": 5,
            "metrics": [{"type": "Resource", "resource": {
                "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}],
        },
    }  # fmt: skip

    def fight() -> None:
        trial.cluster.apply(scaler, namespace=trial.namespace)
        for _ in range(3):
            trial.cluster.kubectl("scale", "deployment/web", "--replicas=2", namespace=trial.namespace)
            time.sleep(0.5)

    with after_apply(proxy, fight):
        yield


@contextmanager
def paused(trial: Trial, proxy: Proxy) -> Iterator[None]:
    """Somebody pauses the Deployment."""
    kubectl, where = trial.cluster.kubectl, trial.namespace
    kubectl("rollout", "pause", "deployment/web", namespace=where)
    yield
    kubectl("rollout", "resume", "deployment/web", namespace=where)


@contextmanager
def deleted_namespace(trial: Trial, proxy: Proxy) -> Iterator[None]:
    """The namespace is deleted."""
    words = ("delete", "namespace", trial.namespace, "--wait=false")
    with after_apply(proxy, lambda: trial.cluster.kubectl(*words)):
        yield
    there = ("get", "namespace", trial.namespace, "--ignore-not-found", "-oname")
    trial.cluster.wait("the namespace to be gone", lambda: not trial.cluster.kubectl(*there).strip(), 60)
    trial.cluster.kubectl("create", "namespace", trial.namespace)  # whose block gives it back


@contextmanager
def selector(trial: Trial, proxy: Proxy) -> Iterator[None]:
    """The manifests say another selector, which cannot be changed, and a Service that goes with it."""
    trial.label = "other"
    trial.write(trial.second)
    before = trial.cluster.get("service", "web", namespace=trial.namespace)["spec"]["selector"]
    yield
    after = trial.cluster.get("service", "web", namespace=trial.namespace)["spec"]["selector"]
    if before != after:
        trial.notes.append(f"the Service leads to {after} now, where nothing is")
    trial.label = "web"
    trial.write(trial.second)


@contextmanager
def killed_server(trial: Trial, proxy: Proxy) -> Iterator[None]:
    """The API server is killed, and started again."""

    def run() -> None:
        trial.cluster.kill("kube-apiserver")
        trial.cluster.start("kube-apiserver")

    with after_apply(proxy, run):
        yield


@contextmanager
def node(trial: Trial, proxy: Proxy) -> Iterator[None]:
    """The only node's kubelet is killed before the new pods are taken up."""
    trial.cluster.kill("kubelet")
    yield
    trial.cluster.start("kubelet")


FAULTS: dict[str, Fault] = {
    "watch cut mid-JSON": Fault(meets=cut),
    "410 on watches": Fault(meets=streams("410")),
    "410 in a stream": Fault(meets=streams("gone")),
    "504 on watches": Fault(meets=streams("504")),
    "no answer for 3 s": Fault(meets=away(3.0), ends=frozenset({"done", "deferred"}), says="cannot be reached"),
    "answer lost": Fault(meets=lost_answers, ends=frozenset({"deferred"}), says="cannot be reached"),
    "409 storm": Fault(meets=storm),
    "token expired": Fault(
        meets=expired, ends=frozenset({"refused", "deferred"}), token=True
    ),
    "evictions and a PDB": Fault(meets=evictions),
    "an HPA that fights": Fault(meets=autoscaler),
    "paused": Fault(
        meets=paused, ends=frozenset({"deferred"}), says="is paused", prepared={"ready-within": "5s"}
    ),
    "immutable selector": Fault(meets=selector, ends=frozenset({"failed"}), says="immutable"),
    "namespace deleted": Fault(
        meets=deleted_namespace, ends=frozenset({"failed", "deferred", "refused"}), again=False
    ),
    "API server killed": Fault(meets=killed_server, ends=frozenset({"done", "deferred"}), own=True),
    "node gone": Fault(
        meets=node, ends=frozenset({"deferred"}), says="the node", own=True, prepared={"ready-within": "5s"}
    ),
}  # fmt: skip


@dataclass(kw_only=True)
class Met:
    """How it ended: the run's outcome and words, the client's requests and errors, and what did not hold."""

    outcome: str
    summary: str
    requests: int = 0
    errors: int = 0
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
            if result.outcome not in fault.ends:
                broken.append(f"it ended {result.outcome} ({result.verdict}): {result.summary}")
            if result.outcome != "done" and fault.says not in result.summary:
                broken.append(f"it does not say {fault.says!r}: {result.summary}")
            if "rolled" in str(result.verdict) or any(
                "roll" in str(one["verdict"]) for one in trial.facts("release-ended")
            ):
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
        broken += [note for note in trial.notes if "leads to" in note]
    finally:
        client.close()
    met.broken, met.requests, met.errors = broken, client.requests, len(client.errors)
    met.seconds = time.monotonic() - began
    return met


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
            print(
                f"{name:<20} {met.outcome:<9} {met.seconds:5.1f} s, the client failed {met.errors} of {met.requests}",
                *(f"\n    {one}" for one in met.broken), sep="", flush=True,
            )  # fmt: skip
    print(f"{len(names)} faults: {'everything held' if not broken else f'{broken} did not hold'}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
