"""What a test does with the cluster: the objects in it, images for it, and its parts' deaths."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tests.cluster import processes
from tests.cluster.builds import MODULES, built, programs
from tests.cluster.errors import BedError
from tests.cluster.images import push
from tests.cluster.places import SOURCES, cache

SCRIPT = SOURCES.parents[1] / "scripts" / "cluster"
PREFIX = "dreamnet-test-"
"""Each namespace that a test makes begins so."""

T = TypeVar("T")


def script(*words: str, seconds: float = 300) -> str:
    """Run ``scripts/cluster`` and answer what it prints.

    Raises:
        BedError: It failed; with what it said.
    """
    done = subprocess.run(
        ["bash", str(SCRIPT), *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        raise BedError(
            f"scripts/cluster {' '.join(words)} ended with {done.returncode}: {done.stderr.strip()}"
        )
    return done.stdout


class Cluster:
    """A running cluster: the bed of this run, or the one that ``KUBECONFIG`` names.

    Attributes:
        kubeconfig: As in the variable ``KUBECONFIG``.
        registry: Host and port of a registry that its nodes pull from over http; empty if none is known.
        name: The bed's name, or empty for a cluster of somebody else's, whose parts we cannot end.
    """

    def __init__(self, kubeconfig: str, registry: str, name: str = "") -> None:
        self.kubeconfig = kubeconfig
        self.registry = registry
        self.name = name
        self._images: dict[tuple[str, ...], str] = {}
        self._kubectl = str(programs()["kubectl"]) if name else shutil.which("kubectl")

    @property
    def program(self) -> str:
        """The path of kubectl.

        Raises:
            BedError: There is none.
        """
        if self._kubectl is None:
            raise BedError("KUBECONFIG is given, and there is no kubectl on PATH to use it with")
        return self._kubectl

    def kubectl(self, *words: str, namespace: str = "", given: object = None, seconds: float = 60) -> str:
        """Run kubectl and answer what it prints; ``given`` is its input, as JSON unless it is text.

        Raises:
            BedError: It ended with another status than 0; with what it said.
        """
        command = [self.program, *(["--namespace", namespace] if namespace else []), *words]
        done = subprocess.run(
            command,
            input=given if isinstance(given, str) else json.dumps(given),
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
            env={**os.environ, "KUBECONFIG": self.kubeconfig},
        )
        if done.returncode:
            raise BedError(f"kubectl {' '.join(words)} ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def apply(self, *objects: Mapping[str, Any], namespace: str) -> None:
        """Apply objects on the server, as a person does with ``kubectl apply --server-side``."""
        self.kubectl(
            "apply",
            "--server-side",
            "-f-",
            namespace=namespace,
            given={"apiVersion": "v1", "kind": "List", "items": objects},
        )

    def install(self, *paths: str | Path) -> None:
        """Apply CRDs, each a file or a folder of them, and wait until the server takes objects of their kinds.

        ``kubectl wait`` is no help: it takes a CRD for broken that has no conditions yet.
        """
        # Some are too big for what kubectl would remember of them.
        given = [word for path in paths for word in ("-f", str(path))]
        names = self.kubectl("apply", "--server-side", "--force-conflicts", "-oname", *given).split()

        def established() -> bool:
            found = json.loads(self.kubectl("get", *names, "-ojson"))
            return all(
                ("Established", "True") in [(one["type"], one["status"]) for one in conditions]
                for thing in found.get("items", [found])
                if thing["kind"] == "CustomResourceDefinition"
                for conditions in [thing.get("status", {}).get("conditions") or []]
            )

        self.wait(f"{len(names)} CRDs to be established", established, 60)

    def get(self, kind: str, name: str = "", *, namespace: str = "", labels: str = "") -> Any:
        """Answer an object, or with ``labels`` or without a name the list of them."""
        words = [
            "get",
            kind,
            *([name] if name else []),
            *([f"--selector={labels}"] if labels else []),
            "-ojson",
        ]
        found = json.loads(self.kubectl(*words, namespace=namespace))
        return found if name else found["items"]

    def image(self, tag: str, **behaviour: str) -> str:
        """Push the sample service with this behaviour baked in, once, and answer it by its digest.

        Args:
            tag: Its tag, and the version that its page tells.
            behaviour: Variables as ``tests/cluster/samples`` names them: ``CRASH_AFTER="3s"``.
        """
        pairs = tuple(f"{name}={value}" for name, value in sorted(behaviour.items()))
        if (tag, *pairs) not in self._images:
            self._images[tag, *pairs] = self._pushed(tag, pairs, behaviour)
        return self._images[tag, *pairs]

    def _pushed(self, tag: str, pairs: tuple[str, ...], behaviour: Mapping[str, str]) -> str:
        if self.name:
            return script("image", "--name", self.name, tag, *pairs).strip()
        if not self.registry:
            raise BedError(
                "KUBECONFIG is given: name a registry that its nodes pull from over http in CLUSTER_REGISTRY"
            )
        folder = built(next(module for module in MODULES if module.name == "samples"))
        environment = {"VERSION": tag, **behaviour}
        return push(self.registry, cache() / "buildah", folder / "sample", f"sample:{tag}", environment)

    def kill(self, part: str) -> None:
        """End one part of the bed (``kube-apiserver``, ``kubelet``, …) by SIGKILL."""
        script("kill", "--name", self._own(), part)

    def start(self, part: str) -> None:
        """Start a part again that was killed, and wait until it serves."""
        script("start", "--name", self._own(), part)

    def _own(self) -> str:
        if not self.name:
            raise BedError("this cluster is not ours: no part of it is ended")
        return self.name

    @contextmanager
    def namespace(self) -> Iterator[str]:
        """Make a namespace that pods can run in; delete it afterwards."""
        name = f"{PREFIX}{os.urandom(4).hex()}"
        self.kubectl("create", "namespace", name)
        try:
            self.wait(
                f"the account that pods of {name} run as",
                lambda: self.get("serviceaccounts", namespace=name),
                60,
            )
            yield name
        finally:
            self.kubectl("delete", "namespace", name, "--wait=false")

    def address(self, service: str, namespace: str) -> str:
        """Answer a Service's address once it leads to a pod; kube-proxy hears of a ready pod a moment after it is."""
        found = str(self.get("service", service, namespace=namespace)["spec"]["clusterIP"])

        def answers() -> bool:
            with socket.create_connection((found, 80), timeout=5):
                return True

        self.wait(f"the Service {service} to lead to a pod", answers, 30, namespace=namespace)
        return found

    def wait(self, what: str, condition: Callable[[], T], seconds: float, *, namespace: str = "") -> T:
        """Wait until ``condition`` answers something true, and answer it; at the limit tell what is there.

        Raises:
            BedError: At the limit.
        """
        state = (lambda: self.state(namespace)) if namespace else None
        return processes.wait_for(what, condition, seconds, every=0.1, state=state)

    def state(self, namespace: str) -> str:
        """Answer what is in a namespace, for a person."""
        return self.kubectl("get", "all,events", "-owide", namespace=namespace)


def workload(image: str, *, name: str = "web", replicas: int = 1, **environment: str) -> list[dict[str, Any]]:
    """Answer a Deployment of the sample service and its Service, ready by its probe."""
    labels = {"app": name}
    container = {
        "name": "sample",
        "image": image,
        "env": [{"name": key, "value": value} for key, value in environment.items()],
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1},
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 5},
            },
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    return [deployment, service]
