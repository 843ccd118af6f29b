"""What keeps a rollout from going on, and says nothing about the release. Pure.

Nothing is taken back because of it: what was before would stand still just the same.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from dreamnet_actions.adapters.kubernetes.api import Object
from dreamnet_actions.adapters.kubernetes.verdicts import away, condition

_GOES = "is being terminated"
"""The API server's words on a namespace that is being deleted (plugin/pkg/admission/namespace/lifecycle)."""
_NO_NODES = "no nodes available to schedule pods"
_TAKEN = re.compile(r"0/(\d+) nodes are available: ")
_OUT = re.compile(r"(\d+) node\(s\) (were unschedulable|had untolerated taint)")
"""The scheduler's words (pkg/scheduler/framework/types.go, plugins/nodeunschedulable, plugins/tainttoleration)."""
TAKES_UP = 4.0
"""Seconds that a node has to say that it knows of a pod: a busy one says so within a second or two."""


def stopped(
    workload: Mapping[str, Any], wanted: Iterable[Object], pods: Iterable[Object], now: float
) -> str | None:
    """Say what stands in the way of a workload; None where nothing does. ``pods`` are all that it has, ``wanted`` those
    of this run that are not beyond hope by themselves; ``now`` is in seconds since 1970."""
    name = f"{workload['kind'].lower()}/{workload['metadata']['name']}"
    if workload["metadata"].get("deletionTimestamp"):
        return f"{name} is being deleted"
    for one in (workload.get("status") or {}).get("conditions") or []:
        if one.get("type") == "ReplicaFailure" and _GOES in str(one.get("message", "")):
            return "the namespace is being deleted"
    if workload["spec"].get("paused"):
        return f"{name} is paused; to let it go on: kubectl rollout resume {name}"
    silent = {str(one["spec"].get("nodeName")) for one in pods if away(one)}
    nodes = {why for pod in wanted if (why := _of_node(pod, now) or _of_nodes(pod, silent))}
    return min(nodes, default=None)


def _of_node(pod: Object, now: float) -> str | None:
    """Say whether a pod's node is gone: it was given the pod and has never said that it knows of it, or the node's
    controller says that it hears nothing (node.kubernetes.io/unreachable, pkg/controller/nodelifecycle)."""
    status, node = pod.get("status") or {}, pod["spec"].get("nodeName")
    made = datetime.fromisoformat(pod["metadata"]["creationTimestamp"]).timestamp()
    scheduled = condition(pod, "PodScheduled") == "True" and now - made > TAKES_UP
    if node and scheduled and not status.get("startTime"):
        return f"the node {node} has not taken up a pod that was given to it"
    if status.get("reason") == "NodeLost" or condition(pod, "Ready") == "Unknown":
        return f"the node {node} is not heard of"
    return None


def _of_nodes(pod: Object, silent: Collection[str]) -> str | None:
    """Say whether no node takes a pod whatever the pod is: there is none, all are cordoned, or those that are not are
    tainted while nothing is heard of ``silent`` ones. A pod's own wishes (its size, its tolerations) are none of it."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    said = next((str(one.get("message", "")) for one in conditions if one.get("type") == "PodScheduled"), "")
    if _NO_NODES in said:
        return "the cluster has no node"
    if (found := _TAKEN.search(said)) is None:
        return None
    out = {"were unschedulable": 0, "had untolerated taint": 0}
    for number, why in _OUT.findall(said.partition("preemption:")[0]):
        out[why] += int(number)
    if out["were unschedulable"] == int(found[1]):
        return "every node is cordoned; to let one take pods: kubectl uncordon NODE"
    if silent and sum(out.values()) == int(found[1]):
        return f"the node {min(silent)} is not heard of, and no other takes a pod"
    return None
