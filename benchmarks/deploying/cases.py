"""What happens in each case, and what every subject gets: the same workload, the same fault."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster.client import Cluster, workload

NAME = "web"
"""Name of the workload and of its Service, for every subject."""
REPLICAS = 4
CUT = 120.0
"""Seconds from apply after which nobody is waited for."""
ERROR_RATE = 0.2
CRASH_AFTER = 20
"""Seconds after its start at which a pod of ``ready-then-crash`` ends: a rollout of four is over by then."""
DRAIN = {"DRAIN": "3s"}
"""Each pod goes on answering that long after it was told to end, as a service should: else every rollout costs requests
whatever rolls it out, since kube-proxy hears of a pod's end a moment later."""

Pod = Mapping[str, Any]


def _statuses(pod: Pod) -> list[Mapping[str, Any]]:
    return list((pod.get("status") or {}).get("containerStatuses") or ())


def _waits(*reasons: str) -> Callable[[Pod], bool]:
    """Tell whether a container of the pod waits for one of these reasons."""

    def seen(pod: Pod) -> bool:
        waiting = [(one.get("state") or {}).get("waiting") or {} for one in _statuses(pod)]
        return any(one.get("reason") in reasons for one in waiting)

    return seen


def _crashed(pod: Pod) -> bool:
    states = [state for one in _statuses(pod) for state in (one.get("state"), one.get("lastState")) if state]
    return any(one.get("terminated") for one in states)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One release and what is wrong with it.

    Attributes:
        name: As in the rows.
        image: How the new image behaves; None for one that is in no registry.
        environment: More of the container's ``env``.
        fatal: True where it cannot pass by itself, so that whoever looks may say so at once.
        canary: True where whoever can, releases by canary.
        evidence: Tells from a pod of the new release whether the API shows the fault; None where no single pod does.
    """

    name: str
    image: Mapping[str, str] | None = field(default_factory=dict)
    environment: tuple[Mapping[str, Any], ...] = ()
    fatal: bool = False
    canary: bool = False
    evidence: Callable[[Pod], bool] | None = None

    @property
    def good(self) -> bool:
        """True where nothing is wrong."""
        return self.name == "good"


_MISSING_KEY = {
    "name": "NEEDED",
    "valueFrom": {"configMapKeyRef": {"name": "not-there", "key": "needed"}},
}
CASES: Mapping[str, Case] = {
    one.name: one
    for one in (
        Case(name="good"),
        Case(
            name="missing-image",
            image=None,
            fatal=True,
            evidence=_waits("ErrImagePull", "ImagePullBackOff", "InvalidImageName"),
        ),
        Case(
            name="crash-loop",
            image={"CRASH_AFTER": "0s", "EXIT_CODE": "3", "MESSAGE": "no database"},
            fatal=True,
            evidence=_waits("CrashLoopBackOff"),
        ),
        Case(
            name="config-error",
            environment=(_MISSING_KEY,),
            fatal=True,
            evidence=_waits("CreateContainerConfigError"),
        ),
        Case(name="never-ready", image={"NEVER_READY": "true"}),
        Case(
            name="ready-then-crash",
            image={"CRASH_AFTER": f"{CRASH_AFTER}s", "EXIT_CODE": "3"},
            evidence=_crashed,
        ),
        Case(name="canary-errors-20", image={"ERROR_RATE": str(ERROR_RATE)}, canary=True),
    )
}


@dataclass(frozen=True, kw_only=True)
class Place:
    """One subject's part of a case: its namespace, a folder for its files, both images.

    ``prometheus`` is the address of a Prometheus that reads every pod's metrics, empty where none runs.
    """

    case: Case
    cluster: Cluster
    namespace: str
    folder: Path
    former: str
    new: str
    prometheus: str = ""

    def objects(self, image: str, **spec: Any) -> list[dict[str, Any]]:
        """Answer the Deployment with this image, and its Service; ``spec`` is set in the Deployment's spec."""
        deployment, service = copy.deepcopy(workload(image, name=NAME, replicas=REPLICAS))
        deployment["spec"].update(spec)
        if image == self.new:
            container = deployment["spec"]["template"]["spec"]["containers"][0]
            container["env"] += copy.deepcopy(list(self.case.environment))
        return [deployment, service]


def images(cluster: Cluster, case: Case) -> tuple[str, str]:
    """Answer the former image and the new one, by digest."""
    former = cluster.image("former", **DRAIN)
    if case.image is None:
        return former, f"{cluster.registry}/nothing@sha256:{'0' * 64}"
    return former, cluster.image("new", **DRAIN, **case.image)
