"""What else decides about a workload's pods: autoscalers that own its number, and disruption budgets.

Asked for when something is about to be changed, not watched: a list of each kind is one request.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dreamnet_actions.adapters.kubernetes.api import Api, Object
from dreamnet_actions.domain.constraints import Budget, Constraints, Scaler
from dreamnet_actions.errors import PlatformFailed

if TYPE_CHECKING:
    from dreamnet_actions.adapters.kubernetes.namespace import Namespace

HPA = ("autoscaling/v2", "HorizontalPodAutoscaler")
PDB = ("policy/v1", "PodDisruptionBudget")
_KEDA = "scaledobject.keda.sh/name"
"""The label by which KEDA marks the HPA that it makes."""


def constraints(api: Api, workload: Object) -> Constraints:
    """Answer what else decides about a workload as it is now."""
    budgets = budgets_of(workload, api.list(*PDB).get("items", []))
    strictest = max(budgets, key=least, default=None)
    found = hpa_of(workload, api.list(*HPA).get("items", []))
    return Constraints(
        scaler=scaler(found) if found is not None else None,
        budget=Budget(name=strictest["metadata"]["name"], least=least(strictest)) if strictest else None,
        restart=never_ends(workload) or breaks(workload, budgets),
    )


# ── Autoscalers ──────────────────────────────────────────────────────────────────────────────────────────


def hpa_of(workload: Object, hpas: list[Object]) -> Object | None:
    """Answer the HPA whose target a workload is."""
    wanted = (workload["kind"], workload["metadata"]["name"])
    for one in hpas:
        target = one["spec"].get("scaleTargetRef") or {}
        group = str(target.get("apiVersion", "apps/v1")).partition("/")[0]
        if (target.get("kind"), target.get("name")) == wanted and group == "apps":
            return one
    return None


def scaler(hpa: Object) -> Scaler:
    """Answer an HPA as the scaler that it is; one that another object makes says whose bounds to change instead."""
    meta, spec = hpa["metadata"], hpa["spec"]
    low, high = int(spec.get("minReplicas", 1)), int(spec["maxReplicas"])
    owners = meta.get("ownerReferences") or []
    owner = next((one for one in owners if one.get("controller")), None)
    keda = (meta.get("labels") or {}).get(_KEDA)
    if owner is None and keda is None:
        return Scaler(kind=HPA[1], name=meta["name"], low=low, high=high)
    kind, name = (owner["kind"], owner["name"]) if owner else ("ScaledObject", str(keda))
    keys = "minReplicaCount and maxReplicaCount" if kind == "ScaledObject" else "the bounds"
    return Scaler(
        kind=kind,
        name=name,
        low=low,
        high=high,
        refused=f"Change {keys} of the {kind} {name}: it makes the HPA {meta['name']}, and undoes any change of it.",
    )


def scale(space: Namespace, workload: Object, replicas: int) -> bool:
    """Move the bounds of the HPA that owns a workload's number; False where none does.

    Raises PlatformFailed where another object makes that HPA.
    """
    api = space.api
    hpa = hpa_of(workload, api.list(*HPA).get("items", []))
    if hpa is None:
        return False
    found = scaler(hpa)
    if found.refused is not None:
        raise PlatformFailed(
            f"The {found.title} decides how many replicas {workload['metadata']['name']} has.",
            hint=found.refused,
        )
    low, high = found.moved(replicas, int(workload["spec"].get("replicas", 1)))
    if (low, high) != (found.low, found.high):
        path = api.path(*HPA, hpa["metadata"]["name"])
        api.patch(path, {"spec": {"minReplicas": low, "maxReplicas": high}})
    return True


def allowed(api: Api, workload: Object, replicas: int) -> int:
    """Answer the number nearest to ``replicas`` that the HPA of a workload allows; the same where it has none."""
    hpa = hpa_of(workload, api.list(*HPA).get("items", []))
    if hpa is None:
        return replicas
    return min(max(replicas, int(hpa["spec"].get("minReplicas", 1))), int(hpa["spec"]["maxReplicas"]))


# ── Disruption budgets ───────────────────────────────────────────────────────────────────────────────────


def budgets_of(workload: Object, budgets: list[Object]) -> list[Object]:
    """Answer the disruption budgets that a workload's pods are under."""
    labels = workload["spec"]["template"]["metadata"].get("labels") or {}
    return [one for one in budgets if selects(one["spec"].get("selector"), labels)]


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Say whether a label selector fits; an empty one fits all, none fits nothing (policy/v1)."""
    if selector is None:
        return False
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    for one in selector.get("matchExpressions") or []:
        key, operator, values = one["key"], one["operator"], one.get("values") or []
        fits = {
            "In": labels.get(key) in values,
            "NotIn": labels.get(key) not in values,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }
        if not fits.get(operator, False):
            return False
    return True


def least(budget: Object) -> int:
    """Answer how many pods a budget wants to be healthy: a number as it is written, else as its controller counted."""
    wanted = budget["spec"].get("minAvailable")
    return wanted if isinstance(wanted, int) else int((budget.get("status") or {}).get("desiredHealthy", 0))


def breaks(workload: Object, budgets: list[Object]) -> str | None:
    """Say which budget a restart would break. Controllers do not ask budgets when they replace pods (kubernetes.io,
    "Disruptions"), so whoever starts that has to."""
    healthy = int((workload.get("status") or {}).get("readyReplicas", 0))
    if workload["kind"] == "DaemonSet":
        healthy = int((workload.get("status") or {}).get("numberReady", 0))
    floor = left_by_restart(workload, healthy)
    for one in budgets:
        if floor < healthy and floor < least(one):
            name = one["metadata"]["name"]
            return (
                f"it would leave {floor} healthy pods for a while, and the disruption budget {name} wants "
                f"{least(one)}; allow it more pods (maxSurge, replicas) or change the budget"
            )
    return None


def left_by_restart(workload: Object, healthy: int) -> int:
    """Answer the fewest healthy pods that a rolling restart leaves, of those that are healthy now."""
    spec = workload["spec"]
    if workload["kind"] == "Deployment":
        strategy, replicas = spec.get("strategy") or {}, int(spec.get("replicas", 1))
        if strategy.get("type") == "Recreate":
            return 0
        rolling = strategy.get("rollingUpdate") or {}
        gone = _part(rolling.get("maxUnavailable", "25%"), replicas, up=False)
        if not gone and not _part(rolling.get("maxSurge", "25%"), replicas, up=True):
            gone = 1  # as the controller does: else it could never move
        return min(healthy, max(0, replicas - gone))
    rolling = (spec.get("updateStrategy") or {}).get("rollingUpdate") or {}
    if workload["kind"] == "DaemonSet":
        many = int((workload.get("status") or {}).get("desiredNumberScheduled", 0))
        if _part(rolling.get("maxSurge", 0), many, up=True):
            return healthy
        return max(0, healthy - _part(rolling.get("maxUnavailable", 1), many, up=True))
    return max(
        0, healthy - max(1, _part(rolling.get("maxUnavailable", 1), int(spec.get("replicas", 1)), up=False))
    )


def never_ends(workload: Object) -> str | None:
    """Say why a restart would never come to an end by itself."""
    spec, kind = workload["spec"], workload["kind"]
    if spec.get("paused"):
        return f"the {kind} is paused; resume it first (kubectl rollout resume)"
    update = spec.get("updateStrategy") or {}
    if update.get("type") == "OnDelete":
        return f"the {kind} replaces pods only when somebody deletes them (updateStrategy OnDelete)"
    partition = int((update.get("rollingUpdate") or {}).get("partition", 0))
    if kind == "StatefulSet" and partition > 0:
        return f"the {kind} keeps its pods below {partition} as they are (rollingUpdate.partition)"
    return None


def _part(value: Any, of: int, *, up: bool) -> int:
    """Answer a number, or a percentage of ``of`` rounded up or down."""
    if isinstance(value, int):
        return value
    share = int(str(value).rstrip("%")) * of / 100
    return math.ceil(share) if up else math.floor(share)
