"""Kinds of object: where the API has them, and in which order they are applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dreamnet_actions.errors import PlatformFailed

_PLURALS = {
    "v1": {
        "ConfigMap": "configmaps", "Endpoints": "endpoints", "Event": "events", "LimitRange": "limitranges",
        "PersistentVolumeClaim": "persistentvolumeclaims", "Pod": "pods", "ResourceQuota": "resourcequotas",
        "Secret": "secrets", "Service": "services", "ServiceAccount": "serviceaccounts",
    },
    "apps/v1": {
        "ControllerRevision": "controllerrevisions", "DaemonSet": "daemonsets", "Deployment": "deployments",
        "ReplicaSet": "replicasets", "StatefulSet": "statefulsets",
    },
    "autoscaling/v2": {"HorizontalPodAutoscaler": "horizontalpodautoscalers"},
    "batch/v1": {"CronJob": "cronjobs", "Job": "jobs"},
    "coordination.k8s.io/v1": {"Lease": "leases"},
    "discovery.k8s.io/v1": {"EndpointSlice": "endpointslices"},
    "events.k8s.io/v1": {"Event": "events"},
    "networking.k8s.io/v1": {"Ingress": "ingresses", "NetworkPolicy": "networkpolicies"},
    "policy/v1": {"PodDisruptionBudget": "poddisruptionbudgets"},
    "rbac.authorization.k8s.io/v1": {"Role": "roles", "RoleBinding": "rolebindings"},
}  # fmt: skip
_FIRST = (
    "ResourceQuota", "LimitRange", "NetworkPolicy", "ServiceAccount", "Role", "RoleBinding", "ConfigMap", "Secret",
    "PersistentVolumeClaim", "Service",
)  # fmt: skip
_LAST = (
    "Job", "CronJob", "DaemonSet", "StatefulSet", "Deployment", "PodDisruptionBudget", "HorizontalPodAutoscaler",
    "HTTPRoute", "Ingress",
)  # fmt: skip


def path_of(
    version: str, kind: str, namespace: str, discover: Callable[[str], Sequence[Mapping[str, Any]]]
) -> str:
    """Answer the path of a kind in a namespace. Kinds that are not built in are asked for by ``discover`` (a group's
    APIResources). Raises PlatformFailed for one that the server does not have, or that is not in namespaces."""
    plural = _PLURALS.get(version, {}).get(kind)
    if plural is None:
        found = [one for one in discover(version) if one.get("kind") == kind and "/" not in one["name"]]
        if not found:
            raise PlatformFailed(
                f"The cluster has no kind {kind!r} in {version!r}.", hint="Install its CRD first."
            )
        if not found[0].get("namespaced"):
            raise PlatformFailed(
                f"{kind} ({version}) is not in a namespace; DreamNet changes only what is in the platform's namespace.",
                hint="Apply it by hand, and take it out of the service's manifests.",
            )
        plural = str(found[0]["name"])
    root = f"/api/{version}" if "/" not in version else f"/apis/{version}"
    return f"{root}/namespaces/{namespace}/{plural}"


def order(wanted: Mapping[str, Any]) -> tuple[int, str]:
    """Answer where an object stands in the order of applying: what others need comes first, workloads late."""
    kind = wanted["kind"]
    if kind in _FIRST:
        return _FIRST.index(kind), wanted["metadata"]["name"]
    if kind in _LAST:
        return 200 + _LAST.index(kind), wanted["metadata"]["name"]
    return 100, wanted["metadata"]["name"]
