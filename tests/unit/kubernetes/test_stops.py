"""What keeps a rollout from going on and is no word on its release, and what is one."""

from __future__ import annotations

from typing import Any

import pytest

from dreamnet_actions.adapters.kubernetes.stops import TAKES_UP, stopped

MADE = 1_800_000_000.0
WORKLOAD: dict[str, Any] = {"kind": "Deployment", "metadata": {"name": "web"}, "spec": {}}
ALL_AWAY = "0/2 nodes are available: 1 node(s) were unschedulable, 1 node(s) had untolerated taint(s). "
NO_HELP = "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."


def pod(*, node: str = "", said: str = "", **conditions: str) -> dict[str, Any]:
    """A pod that was made at ``MADE``; ``said`` is why no node takes it, ``conditions`` what else is told of it."""
    told = [{"type": kind, "status": status} for kind, status in conditions.items()]
    told.append({"type": "PodScheduled", "status": "False" if said else "True", "message": said})
    return {
        "metadata": {"name": "web-1", "creationTimestamp": "2027-01-15T08:00:00Z"},
        "spec": {"nodeName": node} if node else {},
        "status": {"conditions": told, "containerStatuses": [{"name": "app"}] if conditions else []},
    }


SILENT = pod(node="far", Ready="False", ContainersReady="True")


@pytest.mark.parametrize(
    ("said", "beside", "why"),
    [
        ("no nodes available to schedule pods", [], "no node"),
        ("0/3 nodes are available: 3 node(s) were unschedulable. " + NO_HELP, [], "kubectl uncordon"),
        (ALL_AWAY + NO_HELP, [SILENT], "the node far is not heard of"),
        (ALL_AWAY + NO_HELP, [], None),
        ("0/2 nodes are available: 2 node(s) had untolerated taint(s). " + NO_HELP, [], None),
        ("0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable. " + NO_HELP, [], None),
        ("0/2 nodes are available: 2 Insufficient cpu. " + NO_HELP, [SILENT], None),
        ("", [SILENT], None),
    ],
)
def test_a_pod_that_no_node_takes_whatever_it_is_says_nothing(
    said: str, beside: list[dict[str, Any]], why: str | None
) -> None:
    waits = pod(said=said) if said else pod(node="near", Ready="False")
    waits["status"]["startTime"] = "2027-01-15T08:00:00Z"
    found = stopped(WORKLOAD, [waits], [waits, *beside], MADE + 60)
    assert why in found if why and found else found is why


def test_a_node_that_does_not_take_up_a_pod_is_named_after_a_while() -> None:
    waits = pod(node="near")
    assert stopped(WORKLOAD, [waits], [waits], MADE + TAKES_UP - 0.1) is None
    assert "the node near" in str(stopped(WORKLOAD, [waits], [waits], MADE + TAKES_UP + 0.1))
    assert stopped(WORKLOAD, [], [waits], MADE + 60) is None, "a pod beyond hope by itself is one"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"spec": {"paused": True}}, "kubectl rollout resume deployment/web"),
        ({"metadata": {"name": "web", "deletionTimestamp": "2027-01-15T08:00:00Z"}}, "is being deleted"),
        (
            {"status": {"conditions": [{"type": "ReplicaFailure", "message": "… x is being terminated"}]}},
            "namespace",
        ),
    ],
)
def test_what_stands_still_by_itself(change: dict[str, Any], why: str) -> None:
    assert why in str(stopped({**WORKLOAD, **change}, [], [], MADE))
