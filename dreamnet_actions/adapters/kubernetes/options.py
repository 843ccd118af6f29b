"""What the configuration says to the Kubernetes platform. Models only; no client is imported from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from dreamnet_actions.domain.spec.forms import DirectoryInside, HostPort, Label
from dreamnet_actions.domain.spec.values import STRICT, Len
from dreamnet_actions.domain.spec.workloads import Workload


@dataclass(frozen=True, kw_only=True)
class KubernetesPlatformOptions:
    """A platform of kind ``kubernetes``: services are workloads of a cluster, in one namespace of it."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    namespace: Label = "default"
    """The namespace that all services of this platform are in."""
    kubeconfig: Annotated[str, Len(1, 4096)] | None = None
    """The path of a kubeconfig file; left out, the text in ``$DREAMNET_KUBECONFIG``, else ``$KUBECONFIG``, else a pod's
    own service account, else ``~/.kube/config``."""
    context: Annotated[str, Len(1, 253)] | None = None
    """The context of the kubeconfig; left out, its current one."""
    plain_http: Annotated[tuple[HostPort, ...], Len(0, 20)] = ()
    """Registries (``host:port``) that speak no TLS, where images are looked up; this machine's own need no word."""
    cluster: str | None = None
    """The cluster's name that requests may ask for; it only has to match."""


@dataclass(frozen=True, kw_only=True)
class KubernetesWorkload:
    """The keys of a service that runs on Kubernetes."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    needed_keys: ClassVar[tuple[str, ...]] = ("workload",)

    workload: Workload | None = None
    """The workload that is the service, as ``deployment/NAME``, ``statefulset/NAME``, ``daemonset/NAME``, ``job/NAME``
    or ``cronjob/NAME``."""
    manifests: DirectoryInside | None = None
    """A file or folder of manifests, or of a kustomization, as a path from the configuration's root: all of it is
    applied together, the workload last. Left out, the workload has to be there already, and only its image is
    changed."""
    image: Annotated[str, Len(1, 1024)] | None = None
    """The image that the workload runs, by digest (``NAME@sha256:…``) or by a tag, whose digest is looked up; left
    out, the one that ``release`` builds, else what the manifests say."""
    container: Label | None = None
    """The container that gets the image; left out, the one with the workload's name, else the only one."""
    http_route: Label | None = None
    """The HTTPRoute (Gateway API) that leads to the service: its weights are a canary's share. Left out, a canary gets
    its share by its number of pods."""
    adopt: tuple[Literal["image", "weights"], ...] = ()
    """Fields that are taken over from whoever manages them now (Helm, kubectl); others' fields are left alone.
    `weights`: those of the `http-route`, for as long as a canary is there."""
    copy: tuple[Literal["secrets", "configmaps"], ...] = ()
    """What its pods read and the manifests do not hold: a release gets copies under a name with the hash of their
    content, which nobody can change, and a rollback brings them back."""
    prune: bool = True
    """Whether what left the manifests is deleted once a release without it has proved itself. PersistentVolumeClaims
    never are."""
