"""A platform on the real cluster for one test: its manifests, its releases, its services."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dreamnet_actions.adapters.kubernetes.access import configuration
from dreamnet_actions.adapters.kubernetes.options import KubernetesPlatformOptions, KubernetesWorkload
from dreamnet_actions.adapters.kubernetes.platform import KubernetesPlatform
from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.domain.release import Release
from dreamnet_actions.domain.spec.models import Service
from tests.cluster.client import Cluster, workload


@dataclass(frozen=True, kw_only=True)
class KubernetesService(Service, KubernetesWorkload):
    """A service as the composed configuration has it."""


@dataclass(kw_only=True)
class Stage:
    """A namespace with a platform on it. ``root`` is where its manifests are, in ``deploy``."""

    cluster: Cluster
    namespace: str
    root: Path
    environ: Mapping[str, str] = field(default_factory=lambda: {"PATH": os.environ["PATH"]})

    def __post_init__(self) -> None:
        self.platforms: list[KubernetesPlatform] = []

    def platform(self, **known: Service) -> KubernetesPlatform:
        """A platform as one more process makes it."""
        options = KubernetesPlatformOptions(
            namespace=self.namespace,
            kubeconfig=self.cluster.kubeconfig,
            plain_http=(self.cluster.registry,),
        )
        made = KubernetesPlatform(
            "production",
            options,
            reach=lambda: configuration(options, {}, self.root),
            root=self.root,
            clock=SystemClock(),
            known=known,
            environ=self.environ,
        )
        self.platforms.append(made)
        return made

    def manifests(self, *objects: Mapping[str, Any], replicas: int | None = None, name: str = "web") -> None:
        """Write the manifests of ``web`` in ``deploy`` (of another in a folder of its name): the sample service, and
        what else is given."""
        deployment, service = workload("to-be-released", name=name)
        if replicas is None:
            del deployment["spec"]["replicas"]
        else:
            deployment["spec"]["replicas"] = replicas
        things = [deployment, service, *objects]
        folder = self.root / ("deploy" if name == "web" else name)
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.json").write_text(
            json.dumps({"apiVersion": "v1", "kind": "List", "items": things}), encoding="utf-8"
        )

    def spec(self, replicas: int = 1, **keys: Any) -> KubernetesService:
        """``web`` as the configuration has it."""
        given = {"workload": "deployment/web", "manifests": "deploy", "image": self.cluster.image("one")}
        return KubernetesService(platform="production", replicas=replicas, **(given | keys))

    def release(self, name: str, **behaviour: str) -> Release:
        """A release of ``web`` by its image; one whose name begins with ``broken`` ends at once."""
        if name.startswith("broken"):
            behaviour = {"CRASH_AFTER": "0s", "EXIT_CODE": "3"} | behaviour
        image = self.cluster.image("sample", **behaviour)
        return Release(service="web", version=f"dir:{name}", image=image)


@contextmanager
def staged(cluster: Cluster, namespace: str, root: Path) -> Iterator[Stage]:
    """A stage whose connections are closed in the end."""
    stage = Stage(cluster=cluster, namespace=namespace, root=root)
    stage.manifests()
    try:
        yield stage
    finally:
        for one in stage.platforms:
            one.close()
