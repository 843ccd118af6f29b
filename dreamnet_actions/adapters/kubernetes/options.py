"""What the configuration says to the Kubernetes platform. Models only; no client is imported from here."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from dreamnet_actions.domain.keynames import KUBERNETES, KeyNames
from dreamnet_actions.domain.spec.forms import DirectoryInside, HostPort, Label, matching
from dreamnet_actions.domain.spec.values import STRICT, Len, NameIn, Written, shown
from dreamnet_actions.domain.spec.workloads import Workload

if TYPE_CHECKING:
    from dreamnet_actions.domain.spec.models import Config, Service

_OBJECT = r"[a-z0-9]([a-z0-9.-]{0,238}[a-z0-9])?"


def _object(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(_OBJECT, value):
        return value
    raise ValueError(
        f"{shown(value)} is no object's name; use a-z, 0-9, '-' and '.', at most 240, a letter or digit at both ends"
    )


ObjectName = Annotated[str, Written(_object, f"^{_OBJECT}$", "shop-settings")]
"""The name of a Secret or ConfigMap; behind it goes the name of a set (12 characters)."""


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


def keys_of(spec: Service) -> KubernetesWorkload:
    """Answer the Kubernetes platform's keys of a service: the composed model has all platforms' side by side."""
    names = [one.name for one in fields(KubernetesWorkload)]
    return KubernetesWorkload(**{name: getattr(spec, name) for name in names if hasattr(spec, name)})


def keeps(config: Config, platform: str) -> tuple[str, ...]:
    """Answer which of EnvKeeper's Roles (``needs.py``) the configuration needs in the namespace of this platform."""
    sinks = [one.options for entry in config.env.values() for one in entry.to]
    published = [one.options for one in config.flags.publish] if config.flags else []
    found = []
    for role, places, kinds in (
        ("sync", sinks, (KubernetesSecretOptions, KubernetesConfigMapOptions)),
        ("flags", published, (FlagConfigMapOptions,)),
    ):
        if any(one.platform in (None, platform) for one in places if isinstance(one, kinds)):
            found.append(role)
    return tuple(found)


Creation = Literal["owner", "orphan", "merge", "create-or-merge"]


@dataclass(frozen=True, kw_only=True)
class KubernetesSecretOptions:
    """A sink of kind ``kubernetes-secret``: a Secret that services on Kubernetes read."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    key_names: ClassVar[KeyNames] = KUBERNETES

    kubernetes_secret: ObjectName
    """The Secret's name."""
    platform: Annotated[str, NameIn("platforms")] | None = None
    """The platform that it is on, in its namespace; left out, the only one that is a cluster."""
    type: Annotated[str, Len(1, 253)] = "Opaque"
    """The Secret's type, such as `kubernetes.io/dockerconfigjson`."""
    creation: Creation = "owner"
    """`owner`: DreamNet makes it, and one that somebody else made is refused. `orphan`: so, too, and it is never
    deleted. `merge`: it has to be there, and gets our names beside its own. `create-or-merge`: made where there is
    none, else so."""

    @property
    def object(self) -> str:
        """The object's name."""
        return self.kubernetes_secret


@dataclass(frozen=True, kw_only=True)
class KubernetesConfigMapOptions:
    """A sink of kind ``kubernetes-configmap``: a ConfigMap that services on Kubernetes read."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    key_names: ClassVar[KeyNames] = KUBERNETES

    kubernetes_configmap: ObjectName
    """The ConfigMap's name."""
    platform: Annotated[str, NameIn("platforms")] | None = None
    """The platform that it is on, in its namespace; left out, the only one that is a cluster."""
    creation: Creation = "owner"
    """As for `kubernetes-secret`."""

    @property
    def object(self) -> str:
        """The object's name."""
        return self.kubernetes_configmap


_KEY = KUBERNETES.form.pattern
_key = matching(_KEY, f"is no key of a ConfigMap: {KUBERNETES.rule}")


@dataclass(frozen=True, kw_only=True)
class FlagConfigMapOptions:
    """A place to publish flags to of kind `kubernetes-configmap`: a ConfigMap that a flagd or the services' pods mount.
    It is changed in place, so that a change needs no restart."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    kubernetes_configmap: ObjectName
    """The ConfigMap's name."""
    platform: Annotated[str, NameIn("platforms")] | None = None
    """The platform that it is on, in its namespace; left out, the only one that is a cluster."""
    key: Annotated[str, Written(_key, f"^{_KEY}$", "flags.json")] = "flags.json"
    """Its key, which is the file's name where it is mounted. flagd takes the format from its ending."""
    adopt: bool = False
    """Whether this key of a ConfigMap that somebody else made is taken over; its other keys stay theirs. Otherwise such
    a ConfigMap is refused."""
