"""One service on the real cluster whose second release meets something: who deploys it, who uses it, what is left."""

from __future__ import annotations

import base64
import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from dreamnet_actions.bootstrap import Options, assemble
from dreamnet_actions.domain.result import AgentResult
from tests.cluster.client import Cluster, workload
from tests.kubernetes.proxy import Proxy

ROLE = Path(__file__).parents[2] / "examples" / "kubernetes" / "rbac.yaml"
SLOW = {"READY_AFTER": "1500ms", "DRAIN": "3s"}
"""How the sample behaves so that a rollout has a middle, and its clients notice nothing of its end."""


class Client:
    """Asks the service all the time, on connections of their own, and counts what it gets; ``slowest`` in seconds."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._began = time.monotonic()
        self._over = threading.Event()
        self.requests = 0
        self.slowest = 0.0
        self.errors: list[str] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ask no more."""
        self._over.set()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._over.wait(0.05):
            self.requests += 1
            began = time.monotonic()
            try:
                with urllib.request.urlopen(self._url, timeout=10) as answer:
                    answer.read()
            except OSError as error:
                self.errors.append(f"after {time.monotonic() - self._began:.1f} s: {error}")
            self.slowest = max(self.slowest, time.monotonic() - began)


@dataclass
class Trial:
    """``web`` in a namespace: manifests, configuration, and an account with the Role of the example."""

    cluster: Cluster
    namespace: str
    root: Path
    replicas: int = 2
    canary: bool = False
    ready_within: str = "60s"
    label: str = "web"
    proxy: Proxy | None = None
    second: str = ""
    notes: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """What did not hold, and whatever the fault was should have."""

    def prepare(self) -> None:
        """Write manifests and configuration, make the account."""
        self.root.mkdir(exist_ok=True)
        kubectl = self.cluster.kubectl
        kubectl("apply", "-f-", namespace=self.namespace, given=ROLE.read_text("utf-8"))
        kubectl("create", "serviceaccount", "dreamnet", namespace=self.namespace)
        bind = (
            "create",
            "rolebinding",
            "dreamnet",
            "--role=dreamnet",
            f"--serviceaccount={self.namespace}:dreamnet",
        )
        kubectl(*bind, namespace=self.namespace)
        self.token = kubectl("create", "token", "dreamnet", namespace=self.namespace).strip()
        view = json.loads(kubectl("config", "view", "--raw", "--flatten", "--minify", "-ojson"))
        self._cluster = view["clusters"][0]["cluster"]
        self.write(self.cluster.image("one", **SLOW))

    def write(self, image: str, *, env: Mapping[str, str] | None = None, **release: Any) -> None:
        """Write the configuration with this image; ``env`` is what its container gets."""
        deployment, service = workload("to-be-released", name="web", replicas=1, **(env or {}))
        del deployment["spec"]["replicas"]
        for labels in (
            deployment["spec"]["selector"]["matchLabels"],
            deployment["spec"]["template"]["metadata"]["labels"],
        ):
            labels["app"] = self.label
        service["spec"]["selector"]["app"] = self.label
        deployment["spec"]["strategy"] = {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
        (self.root / "deploy").mkdir(exist_ok=True)
        things = {"apiVersion": "v1", "kind": "List", "items": [deployment, service]}
        (self.root / "deploy" / "web.json").write_text(json.dumps(things), "utf-8")
        rules = {"ready-within": self.ready_within, **release}
        checks: dict[str, Any] = {"pods": {"workload": "ready"}}
        if self.canary:  # it is judged by what it answers
            rules["strategy"] = {"canary": ["50%"], "soak": "60s"}
            checks = {"home": {"http": self.url()}}
        config = {
            "version": 1,
            "platforms": {"here": {"kubernetes": {"namespace": self.namespace}}},
            "services": {"web": {
                "platform": "here", "workload": "deployment/web", "manifests": "deploy", "image": image,
                "replicas": self.replicas, "checks": checks, "release": rules,
            }},
        }  # fmt: skip
        (self.root / "dreamnet.yml").write_text(yaml.safe_dump(config), "utf-8")

    def kubeconfig(self, url: str = "", token: str = "", name: str = "kubeconfig") -> Path:
        """Write a kubeconfig of the account, for the server itself or for a proxy before it."""
        server = {"server": url} if url else self._cluster
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "x",
            "clusters": [{"name": "x", "cluster": server}],
            "users": [{"name": "x", "user": {"token": token or self.token}}],
            "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        }  # fmt: skip
        file = self.root / name
        file.write_text(json.dumps(config), "utf-8")
        return file

    @contextmanager
    def proxied(self) -> Iterator[Proxy]:
        """Have a proxy before the API server for the block."""
        ca = base64.b64decode(self._cluster["certificate-authority-data"]).decode()
        self.proxy = Proxy(self._cluster["server"], ca)
        try:
            yield self.proxy
        finally:
            self.proxy.close()
            self.proxy = None

    def environ(self, kubeconfig: Path) -> dict[str, str]:
        """What DreamNet is started with."""
        return {"KUBECONFIG": str(kubeconfig), "PATH": "/usr/local/bin:/usr/bin:/bin", "USER": "trial"}

    def ask(
        self, action: str, *, name: str, token: str = "", state: str = "state", **given: Any
    ) -> AgentResult:
        """Let DreamNet do one request, in a home of the name ``state``."""
        kubeconfig = self.kubeconfig(self.proxy.url if self.proxy else "", token)
        system = assemble(Options(root=self.root, environ=self.environ(kubeconfig), state=self.root / state))
        try:
            raw = {"agent": "deploykeeper", "input": {"action": action, "service": "web", **given}}
            return system.pipe.submit(raw, id=name)
        finally:
            system.close()

    def facts(self, kind: str, state: str = "state") -> list[Mapping[str, Any]]:
        """Answer the data of the journal's facts of a kind."""
        system = assemble(
            Options(root=self.root, environ=self.environ(self.kubeconfig()), state=self.root / state)
        )
        try:
            return [one.data for one in system.journal.read(kinds={kind})]
        finally:
            system.close()

    def live(self) -> dict[str, Any]:
        """Answer the Deployment."""
        found: dict[str, Any] = self.cluster.get("deployment", "web", namespace=self.namespace)
        return found

    def image(self) -> str:
        """Answer the image that is wanted now."""
        return str(self.live()["spec"]["template"]["spec"]["containers"][0]["image"])

    def serving(self) -> list[str]:
        """Answer the images of the pods that are there and not ending."""
        pods = self.cluster.get("pods", namespace=self.namespace)
        return sorted(
            one["spec"]["containers"][0]["image"]
            for one in pods
            if not one["metadata"].get("deletionTimestamp")
        )

    def url(self) -> str:
        """Answer where the Service is."""
        return f"http://{self.cluster.address('web', self.namespace)}/"

    def former(self) -> int:
        """Answer how many former releases are on record."""
        record = json.loads(self.live()["metadata"]["annotations"]["dreamnet.dev/record"])
        return len(record["former"])


@contextmanager
def beside(do: Callable[[], object]) -> Iterator[None]:
    """Do something again and again while the block lasts; that it fails now and then is its own matter."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(0.01):
            try:
                do()
            except Exception:  # noqa: BLE001  # a storm asks nobody
                continue

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(30)
