"""A repository on the stand-in for GitHub whose service is on the real cluster, and people who use that service.

It is the example for Kubernetes with an image that each push builds; its workflows are the example's, word for word but
for the commit that they name, run by the real act. The kubeconfig is a secret of the repository's.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from dreamnet_actions.adapters.kubernetes.roles import roles
from dreamnet_actions.testing.github.actions.runs import Run
from tests.actions.bed import SHOP, Bed, bed
from tests.cluster.builds import MODULES, built
from tests.cluster.client import Cluster
from tests.kubernetes.test_story import EXAMPLE, ROOT

CONTAINERFILE = """\
FROM scratch
COPY --chmod=0755 sample /sample
ENV VERSION={version}{behaviour}
EXPOSE 8080
USER 65534:65534
ENTRYPOINT ["/sample"]
"""
DRAIN = {"DRAIN": "3s"}
"""So long it goes on answering once it is told to end: a Service hears of that a moment later."""


@dataclass
class Users:
    """People who ask the service all the time, one request after another, each on a connection of its own; every
    request and what became of it is counted, by the phase that the story is in. Ends with the block."""

    url: str
    at_once: int = 1
    pause: float = 0.05
    patience: float = 10.0
    """Seconds after which an answer counts as none."""
    phase: str = ""
    seen: dict[str, list[float]] = field(default_factory=dict)
    """By phase: seconds that each answer took."""
    failed: dict[str, list[str]] = field(default_factory=dict)
    """By phase: how requests failed."""

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(self.at_once)]

    def __enter__(self) -> Users:
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for one in self._threads:
            one.join(self.patience + 5)

    def _ask(self) -> None:
        while not self._over.wait(self.pause):
            phase, began = self.phase, time.monotonic()
            try:
                with urllib.request.urlopen(self.url, timeout=self.patience) as answer:
                    answer.read()
            except OSError as error:
                self.failed.setdefault(phase, []).append(str(error))
            else:
                self.seen.setdefault(phase, []).append(time.monotonic() - began)

    def errors(self, phase: str) -> int:
        """Answer how many requests of a phase failed."""
        return len(self.failed.get(phase, ()))

    def median(self, phase: str) -> float:
        """Answer within how many seconds half of a phase's answers came; infinite where none did."""
        return statistics.median(self.seen.get(phase) or [float("inf")])

    def told(self, phase: str) -> str:
        """Write what users saw in a phase."""
        took = self.seen.get(phase, [])
        asked = len(took) + self.errors(phase)
        slow = f", half of the answers within {self.median(phase) * 1000:.0f} ms" if took else ""
        return f"{self.errors(phase)} of {asked} requests failed{slow}"


@dataclass(kw_only=True)
class Values:
    """Values that EnvKeeper keeps in the Secret ``secret``: from ``source`` (as the configuration has it), to which
    ``environment`` leads a step. ``copy`` as a service's."""

    source: dict[str, Any]
    environment: dict[str, str] = field(default_factory=dict)
    secret: str = "shop"
    copy: tuple[str, ...] = ()


@dataclass
class Hosted:
    """The repository with its service. ``address`` is the Service's."""

    story: Bed
    cluster: Cluster
    namespace: str
    address: str

    @property
    def url(self) -> str:
        """Where the service is."""
        return f"http://{self.address}/"

    def release(self, version: str, **behaviour: str) -> str:
        """Push a version of the service that behaves so; answers its commit. What follows is waited for."""
        sha = self.story.github.commit(
            SHOP, {"app/Containerfile": containerfile(version, **behaviour)}, f"shop {version}"
        )
        self.story.settle()
        return sha

    def page(self) -> str:
        """Answer what the service says."""
        with urllib.request.urlopen(self.url, timeout=10) as answer:
            return str(answer.read().decode())

    def live(self) -> dict[str, Any]:
        """Answer the Deployment as the cluster has it."""
        found: dict[str, Any] = self.cluster.get("deployment", "web", namespace=self.namespace)
        return found

    def replicas(self) -> int:
        """Answer how many pods are wanted."""
        return int(self.live()["spec"]["replicas"])

    def pods(self) -> dict[str, str]:
        """Answer the pods that are there and not ending: name → address."""
        return pods(self.cluster, self.namespace)

    def spoil(self) -> None:
        """Have every pod answer errors from now on, while it goes on being ready."""
        for address in self.pods().values():
            call = urllib.request.Request(f"http://{address}:8080/set?error-rate=1", method="POST")
            urllib.request.urlopen(call, timeout=10).close()

    def tick(self) -> list[Run]:
        """Let the schedule come, and wait for all that follows; answers the runs."""
        before = len(self.story.runs())
        self.story.tick()
        self.story.settle()
        return self.story.runs()[before:]

    def ask(self, **request: Any) -> Run:
        """Send a request by ``repository_dispatch``, and wait for its end; answers RelayBot's run."""
        before = len(self.story.runs())
        self.story.dispatch("dreamnet.request.v1", {"dreamnet": request})
        self.story.settle()
        return self.story.runs()[before]


def pods(cluster: Cluster, namespace: str) -> dict[str, str]:
    """Answer the pods of a namespace that are there and not ending: name → address, empty while it has none."""
    return {
        one["metadata"]["name"]: one["status"].get("podIP", "")
        for one in cluster.get("pods", namespace=namespace)
        if not one["metadata"].get("deletionTimestamp")
    }


def containerfile(version: str, **behaviour: str) -> str:
    """Write what the image is built from: the sample service, which behaves so."""
    given = "".join(f" {name}={value}" for name, value in {**DRAIN, **behaviour}.items())
    return CONTAINERFILE.format(version=version, behaviour=given)


def by_the_page(cluster: Cluster, namespace: str, folder: Path) -> str:
    """Do what docs/kubernetes.md says for a repository; answers what would be its secret."""
    page = (ROOT / "docs/kubernetes.md").read_text("utf-8")
    found = re.search(r"```sh\n(kubectl create serviceaccount dreamnet\n.*?)```", page, re.S)
    assert found is not None
    commands = (
        found[1].replace("default:", f"{namespace}:").replace("gh secret set KUBECONFIG", "cat > secret")
    )
    shutil.copy(EXAMPLE / "rbac.yaml", folder)
    mine = folder / "mine"  # of a person who works in this namespace
    mine.write_text(cluster.kubectl("config", "view", "--raw", "--flatten", "--minify"), "utf-8")
    environ = {
        **os.environ,
        "KUBECONFIG": str(mine),
        "PATH": f"{Path(cluster.program).parent}:{os.environ['PATH']}",
    }
    here = f"kubectl config set-context --current --namespace {namespace}\n"
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", here + commands],
        cwd=folder,
        env=environ,
        check=True,
        capture_output=True,
        timeout=120,
    )
    return (folder / "secret").read_text("utf-8")


@contextmanager
def hosted(
    cluster: Cluster,
    namespace: str,
    folder: Path,
    *,
    replicas: int = 2,
    checks: dict[str, Any] | None = None,
    metrics: str = "",
    values: Values | None = None,
) -> Iterator[Hosted]:
    """Have the repository, of whose service ``replicas`` run at first; ``checks`` are those beside its pods' and its
    page's, ``metrics`` is where Prometheus answers, ``values`` what EnvKeeper keeps in a Secret that it reads."""
    secret = by_the_page(cluster, namespace, folder)
    manifests = list(yaml.safe_load_all((EXAMPLE / "deploy/web.yaml").read_text("utf-8")))
    deployment, service = (
        next(x for x in manifests if x["kind"] == kind) for kind in ("Deployment", "Service")
    )
    deployment["spec"]["strategy"] = {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    container["resources"] = {"requests": {"cpu": "10m"}, "limits": {"cpu": "100m"}}
    container["readinessProbe"]["timeoutSeconds"] = 10  # what has much to do is slow, and well
    # The Service is there before, so that its address can stand in the configuration.
    cluster.apply(service, namespace=namespace)
    address = cluster.get("service", "web", namespace=namespace)["spec"]["clusterIP"]
    config = yaml.safe_load((EXAMPLE / "dreamnet.yml").read_text("utf-8"))
    platform = config["platforms"]["production"]["kubernetes"]
    platform |= {"namespace": namespace, "plain-http": [cluster.registry]}
    if metrics:
        config["metrics"] = {"prometheus": {"url": metrics}}
    web = config["services"]["web"]
    del web["image"]
    image = {"push": f"{cluster.registry}/{namespace}/web", "build": "app", "plain-http": True}
    web["release"] = {"git": ".", "ready-within": "60s", "image": image}
    web["replicas"] = replicas
    web["checks"] |= {"home": {"http": f"http://{address}/"}, **(checks or {})}
    environment: dict[str, str] = {}
    if values is not None:
        cluster.kubectl("apply", "-f-", namespace=namespace, given=roles(["sync"]))
        bind = ("create", "rolebinding", "dreamnet-sync", "--role=dreamnet-sync")
        cluster.kubectl(*bind, f"--serviceaccount={namespace}:dreamnet", namespace=namespace)
        container["envFrom"].append({"secretRef": {"name": values.secret}})
        config["env"] = {"shop": {"from": values.source, "to": [{"kubernetes-secret": values.secret}]}}
        web["copy"] = list(values.copy)
        environment = values.environment
    workflows = {
        str(one.relative_to(EXAMPLE)): one.read_text("utf-8").replace("@v1", "@main")
        for one in (EXAMPLE / ".github/workflows").iterdir()
    }
    samples = built(next(one for one in MODULES if one.name == "samples"))
    with bed(folder / "bed", environment=environment) as story:
        story.repository(
            {
                **workflows,
                "dreamnet.yml": yaml.safe_dump(config, sort_keys=False),
                "deploy/web.yaml": yaml.safe_dump_all(manifests),
                "app/Containerfile": containerfile("none"),
                "app/sample": (samples / "sample").read_bytes(),
            }
        )
        story.secret("KUBECONFIG", secret)
        yield Hosted(story, cluster, namespace, address)
