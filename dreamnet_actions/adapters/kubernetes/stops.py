"""What keeps a rollout from going on, and says nothing about the release. Pure.

Nothing is taken back because of it: what was before would stand still just the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from dreamnet_actions.adapters.kubernetes.api import Object
from dreamnet_actions.adapters.kubernetes.verdicts import condition

_GOES = "is being terminated"
"""The API server's words on a namespace that is being deleted (plugin/pkg/admission/namespace/lifecycle)."""


TAKES_UP = 15.0
"""Seconds that a node has to say that it knows of a pod: a busy one says so within a second or two."""


def stopped(workload: Mapping[str, Any], wanted: Iterable[Object], now: float) -> str | None:
    """Say what stands in the way of a workload whose pods of this run are ``wanted``; None where nothing does. ``now``
    is in seconds since 1970."""
    name = f"{workload['kind'].lower()}/{workload['metadata']['name']}"
    if workload["metadata"].get("deletionTimestamp"):
        return f"{name} is being deleted"
    for one in (workload.get("status") or {}).get("conditions") or []:
        if one.get("type") == "ReplicaFailure" and _GOES in str(one.get("message", "")):
            return "the namespace is being deleted"
    if workload["spec"].get("paused"):
        return f"{name} is paused; to let it go on: kubectl rollout resume {name}"
    nodes = {why for pod in wanted if (why := _of_node(pod, now))}
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
