"""Every request of a write into a Secret or ConfigMap, broken in every way (``scripts/prove env``)."""

from __future__ import annotations

import base64
import json
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dreamnet_actions.adapters.kubernetes import sets
from dreamnet_actions.adapters.kubernetes.access import configuration
from dreamnet_actions.adapters.kubernetes.options import KubernetesPlatformOptions
from dreamnet_actions.adapters.kubernetes.platform import KubernetesPlatform
from dreamnet_actions.adapters.kubernetes.secrets import (
    KubernetesConfigMapSink,
    KubernetesSecretSink,
    KubernetesSink,
)
from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.errors import DreamNetError
from dreamnet_actions.testing.contracts.secrets import versioned
from tests.cluster.client import Cluster
from tests.kubernetes.proxy import Proxy

KINDS = {"secret": KubernetesSecretSink, "configmap": KubernetesConfigMapSink}
FAULTS = ("drop", "lost", "409", "403", "503", "killed before", "killed after")
"""What becomes of one request: see ``Proxy``; and SIGKILL of the process that makes it, before and after it."""
FORMER, NEW, EMPTY = {"A": "1", "B": "2"}, {"A": "3", "C": "4"}, dict[str, str]()


@dataclass(kw_only=True)
class Met:
    """One fault at one request of one thing that was done, and what did not hold then."""

    doing: str
    fault: str
    request: str
    broken: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Bench:
    """Sinks on one namespace, directly and through a proxy that breaks what it is told to."""

    cluster: Cluster
    namespace: str
    folder: Path
    kind: str
    proxy: Proxy

    def sink(self, name: str, *, directly: bool = False) -> KubernetesSink:
        """A sink as one more process makes it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        kubeconfig = self.cluster.kubeconfig if directly else str(self.kubeconfig())
        options = KubernetesPlatformOptions(namespace=self.namespace, kubeconfig=kubeconfig)
        platform = KubernetesPlatform(
            "production",
            options,
            reach=lambda: configuration(options, {}, self.folder),
            root=self.folder,
            clock=SystemClock(),
            known={},
        )
        return KINDS[self.kind](name, platform, SystemClock())

    def kubeconfig(self) -> Path:
        """A kubeconfig that leads through the proxy, of an account that may do all in the namespace."""
        self.folder.mkdir(parents=True, exist_ok=True)
        token = self.folder / "token"
        if not token.exists():
            self.cluster.kubectl("create", "serviceaccount", "x", namespace=self.namespace)
            bind = (
                "create",
                "rolebinding",
                "x",
                "--clusterrole=admin",
                f"--serviceaccount={self.namespace}:x",
            )
            self.cluster.kubectl(*bind, namespace=self.namespace)
            token.write_text(self.cluster.kubectl("create", "token", "x", namespace=self.namespace).strip())
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "x",
            "clusters": [{"name": "x", "cluster": {"server": self.proxy.url}}],
            "users": [{"name": "x", "user": {"token": token.read_text()}}],
            "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        }  # fmt: skip
        file = self.folder / "kubeconfig"
        file.write_text(json.dumps(config), "utf-8")
        return file


def before_the_server(cluster: Cluster) -> Proxy:
    """A proxy before the API server."""
    told = cluster.kubectl("config", "view", "--raw", "--flatten", "--minify", "-ojson")
    server = json.loads(told)["clusters"][0]["cluster"]
    return Proxy(server["server"], base64.b64decode(server["certificate-authority-data"]).decode())


DOING: dict[str, tuple[Callable[[KubernetesSink, str], Any], list[dict[str, str]]]] = {
    "first write": (lambda sink, _: sink.write(versioned(NEW, "2")), [EMPTY, NEW]),
    "write": (lambda sink, _: sink.write(versioned(NEW, "2")), [FORMER, NEW]),
    "restore": (lambda sink, first: sink.restore(first), [NEW, FORMER]),
    "remove": (lambda sink, _: sink.remove(), [FORMER, EMPTY]),
    "write after a removal": (lambda sink, _: sink.write(versioned(NEW, "2")), [EMPTY, NEW]),
}
"""What is done, and what is held before and after it."""


def prepared(bench: Bench, doing: str, name: str) -> str:
    """Bring an object to where something can be done to it; answers the revision of ``FORMER``."""
    sink = bench.sink(name, directly=True)
    if doing == "first write":
        return ""
    first = sink.write(versioned(FORMER, "1"))
    if doing == "restore":
        sink.write(versioned(NEW, "2"))
    if doing == "write after a removal":
        sink.remove()
    return first


def broken_at_every_step(
    cluster: Cluster,
    namespace: str,
    folder: Path,
    kind: str,
    *,
    doings: Iterable[str] = DOING,
    faults: Iterable[str] = FAULTS,
) -> Iterator[Met]:
    """Break each request of each thing in each way; answers what came of it."""
    bench = Bench(
        cluster=cluster, namespace=namespace, folder=folder, kind=kind, proxy=before_the_server(cluster)
    )
    try:
        for doing in doings:
            name = f"{doing.replace(' ', '-')}-whole"
            first = prepared(bench, doing, name)
            bench.proxy.asked.clear()
            DOING[doing][0](bench.sink(name), first)
            requests = list(bench.proxy.asked)
            for at in range(len(requests)):
                for fault in faults:
                    yield _one(bench, doing, fault, at)
    finally:
        bench.proxy.close()


def _one(bench: Bench, doing: str, fault: str, at: int) -> Met:
    name = f"{doing.replace(' ', '-')}-{at}-{fault.replace(' ', '-')}"
    first = prepared(bench, doing, name)
    do, (was, becomes) = DOING[doing]
    bench.proxy.asked.clear()
    bench.proxy.answered.clear()
    told: list[str] = []
    if fault.startswith("killed"):
        _killed(bench, lambda: do(bench.sink(name), first), fault, at)
    else:
        bench.proxy.rule = lambda *_: fault if len(bench.proxy.asked) == at + 1 else None
        try:
            do(bench.sink(name), first)
        except DreamNetError as error:
            told.append(error.message)
        finally:
            bench.proxy.rule = lambda *_: None
    asked = bench.proxy.asked[at] if len(bench.proxy.asked) > at else "was never made"
    met = Met(doing=doing, fault=fault, request=asked)
    sink = bench.sink(name, directly=True)
    now = _texts(sink)
    if now not in (was, becomes):
        met.broken.append(f"it holds {sorted(now)}")
    if sink.state().drifted:
        met.broken.append("what we wrote counts as drift")
    if told and not any(told):
        met.broken.append("it failed without a word")
    if first and now != FORMER:  # what was there before it comes back
        other = bench.sink(name, directly=True)
        other.restore(first)
        if _texts(other) != FORMER:
            met.broken.append("the former set did not come back")
    elif doing != "remove":
        do(sink, first)
        if _texts(sink) != becomes:
            met.broken.append(f"once more it holds {sorted(_texts(sink))}")
    if doing == "remove":
        sink.remove()
        if _texts(sink):
            met.broken.append("once more it is not removed")
    met.broken += _strangers(bench, name)
    return met


def _killed(bench: Bench, do: Callable[[], object], fault: str, at: int) -> None:
    """Let a process of its own do it, which dies right before the request is passed on, or right after it was."""
    child = os.fork()
    if child == 0:
        try:
            do()
        finally:
            os._exit(0)

    def rule(*_: str) -> str | None:
        if len(bench.proxy.asked) != at + 1:
            return None
        if fault == "killed before":
            os.kill(child, signal.SIGKILL)
            return "drop"
        return "lost"

    bench.proxy.rule = rule
    try:
        if fault == "killed after":
            bench.cluster.wait("the request to take effect", lambda: len(bench.proxy.answered) > at, 30)
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    finally:
        bench.proxy.rule = lambda *_: None


def _texts(sink: KubernetesSink) -> dict[str, str]:
    return {name: one.reveal() for name, one in sink.read_back().items()}


def _strangers(bench: Bench, name: str) -> Iterator[str]:
    """Say which sets there are that no record knows."""
    found = bench.cluster.get(bench.kind, namespace=bench.namespace)
    ours = [one for one in found if (one["metadata"].get("annotations") or {}).get(sets.SET_OF) == name]
    heads = [one for one in found if one["metadata"]["name"] in (name, f"{name}-removed")]
    known = {
        sets.set_name(name, revision)
        for one in heads
        if (held := sets.held_in({"kind": "", **one}, "", name))
        for revision in held.kept
    }
    for one in ours:
        if one["metadata"]["name"] not in known:
            yield f"{one['metadata']['name']} is left"
