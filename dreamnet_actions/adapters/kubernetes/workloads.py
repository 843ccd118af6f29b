"""From the cluster's objects to the port's view of a service. Pure: it decides nothing and asks nobody.

A track is settled only when the controllers have seen what is wanted (``observedGeneration``), say that all of it runs,
and the pods that this process has heard of agree: a cache that lags behind can delay a verdict, never make one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dreamnet_actions.adapters.kubernetes.api import Object
from dreamnet_actions.adapters.kubernetes.record import RUN, VERSION
from dreamnet_actions.adapters.kubernetes.references import template_of
from dreamnet_actions.adapters.kubernetes.refusals import Refusal, refused
from dreamnet_actions.adapters.kubernetes.stops import stopped
from dreamnet_actions.adapters.kubernetes.verdicts import Judged, judge
from dreamnet_actions.domain.release import Release, Replica, Track, TrackState

if TYPE_CHECKING:
    from dreamnet_actions.adapters.kubernetes.events import Events

Objects = Mapping[str, Mapping[str, Object]]
"""All objects of a moment, by kind and name."""


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """What a workload's controller says: how many it wants, and whether all of them are the newest and available."""

    desired: int
    complete: bool
    refusal: Refusal | None = None


def rollout(workload: Mapping[str, Any], objects: Objects) -> Rollout:
    """Read a workload's status, as ``kubectl rollout status`` does (kubectl/pkg/polymorphichelpers). While the status
    is of a former wish (``observedGeneration``), it says nothing."""
    spec, status = workload["spec"], workload.get("status") or {}
    seen = int(status.get("observedGeneration", 0)) >= int(workload["metadata"].get("generation", 0))
    if workload["kind"] == "DaemonSet":
        desired = int(status.get("desiredNumberScheduled", 0))
        counts = [int(status.get(one, 0)) for one in ("updatedNumberScheduled", "numberAvailable")]
    else:
        desired = int(spec.get("replicas", 1))
        counts = [
            int(status.get(one, 0))
            for one in ("updatedReplicas", "replicas", "readyReplicas", "availableReplicas")
        ]
        if workload["kind"] == "StatefulSet" and desired:
            seen = seen and status.get("currentRevision") == status.get("updateRevision")
    return Rollout(
        desired=desired,
        complete=seen and all(one == desired for one in counts),
        refusal=refused(workload, objects["ReplicaSet"].values()) if seen else None,
    )


def pods_of(workload: Mapping[str, Any], objects: Objects) -> list[Object]:
    """Answer the pods of a workload that run or are to run, oldest first: like its controller we leave out those that
    are being ended, and those that have ended for good (evicted, or taken from them by another), which it replaces."""
    owners = {workload["metadata"]["uid"]}
    if workload["kind"] == "Deployment":
        owners = {one["metadata"]["uid"] for one in objects["ReplicaSet"].values() if _owner(one) in owners}
    found = [
        one
        for one in objects["Pod"].values()
        if _owner(one) in owners
        and not one["metadata"].get("deletionTimestamp")
        and (one.get("status") or {}).get("phase") not in ("Failed", "Succeeded")
    ]
    return sorted(found, key=lambda one: (one["metadata"]["creationTimestamp"], one["metadata"]["name"]))


def track(
    name: Track,
    workload: Mapping[str, Any],
    release: Release,
    weight: float,
    objects: Objects,
    now: float,
    events: Events | None = None,
) -> TrackState:
    """Answer how one track of a service stands. ``now`` is in seconds since 1970; ``events`` are asked for what no
    status tells."""
    pods = pods_of(workload, objects)
    wanted = wanted_of(workload, pods)
    ready = "ContainersReady" if name == "canary" else "Ready"  # a canary's gate is ours to open
    judged = {one["metadata"]["name"]: _judged(one, ready, events) for one in pods}
    said = rollout(workload, objects)
    complete = said.complete
    if name == "canary":  # its pods have a readiness gate, so its controller never calls them ready
        complete = len(wanted) == said.desired
    all_ready = all(judged[one["metadata"]["name"]].state == "ready" for one in wanted)
    settled = complete and all_ready and len(wanted) == len(pods) == said.desired
    verdicts = [judged[one["metadata"]["name"]] for one in wanted]
    fatal = [one.fatal for one in verdicts if one.fatal]
    no = said.refusal
    if no is None and events and workload["kind"] != "Deployment" and len(wanted) < said.desired:
        no = events.refusal(workload)
    lost = said.desired if no and no.deadline else said.desired - len(wanted) if no and no.final else 0
    why = next((one.why for one in verdicts if one.state != "ready" and one.why), None)
    return TrackState(
        release=release,
        desired=said.desired,
        weight=weight,
        replicas=tuple(_replica(one, judged[one["metadata"]["name"]], name, objects, now) for one in pods),
        traffic=None,
        settled=settled,
        failure=fatal[0] if fatal else no.text if no and not no.ours else None,
        hopeless=min(said.desired, max(len(fatal) + lost, int(bool(fatal)))),
        updated=sum(one.state == "ready" for one in verdicts),
        waiting=why or (no.text if no else None),
        stopped=stopped(workload, [] if fatal else wanted, pods, now),
    )


def wanted_of(workload: Mapping[str, Any], pods: Iterable[Object]) -> list[Object]:
    """Answer those of a workload's pods that are of its run of now."""
    template = workload["spec"]["template"]["metadata"].get("annotations") or {}
    return [one for one in pods if _notes(one).get(RUN) == template.get(RUN)]


def _judged(pod: Object, ready: str, events: Events | None) -> Judged:
    judged = judge(pod, ready)
    if judged.state != "starting" or judged.fatal or events is None:
        return judged
    why = events.mount(pod)
    return replace(judged, state="back-off", fatal=why, why=why) if why else judged


def _replica(pod: Object, judged: Judged, name: Track, objects: Objects, now: float) -> Replica:
    meta, address = pod["metadata"], (pod.get("status") or {}).get("podIP")
    port = port_of(pod, objects)
    return Replica(
        id=meta["name"],
        track=name,
        version=_notes(pod).get(VERSION, ""),
        state=judged.state,
        address=f"[{address}]:{port}"
        if address and ":" in address
        else f"{address}:{port}"
        if address and port
        else None,
        restarts=judged.restarts,
        exit_status=judged.exit_status,
        waits=judged.why if judged.state != "ready" else None,
        age=max(0.0, now - datetime.fromisoformat(meta["creationTimestamp"]).timestamp()),
    )


def service_of(labels: Mapping[str, str], objects: Objects) -> Object | None:
    """Answer the Service that sends traffic to pods with these labels."""
    for one in sorted(objects["Service"].values(), key=lambda one: str(one["metadata"]["name"])):
        selector = one["spec"].get("selector") or {}
        if selector and all(labels.get(key) == value for key, value in selector.items()):
            return one
    return None


def address_of(workload: Mapping[str, Any], objects: Objects) -> str | None:
    """Answer ``host:port`` of the Service before a workload, if there is one with an address of its own."""
    labels = (template_of(workload).get("metadata") or {}).get("labels") or {}
    found = service_of(labels, objects)
    if (
        found is None
        or found["spec"].get("clusterIP") in (None, "", "None")
        or not found["spec"].get("ports")
    ):
        return None
    host = str(found["spec"]["clusterIP"])
    return f"{f'[{host}]' if ':' in host else host}:{found['spec']['ports'][0]['port']}"


def port_of(pod: Object, objects: Objects) -> int | None:
    """Answer the port that a pod's Service sends traffic to, else the first that its containers name."""
    named: dict[str, int] = {}
    first: int | None = None
    for container in pod["spec"].get("containers") or []:
        for one in container.get("ports") or []:
            first = first or int(one["containerPort"])
            named[one.get("name", "")] = int(one["containerPort"])
    found = service_of(pod["metadata"].get("labels") or {}, objects)
    if found is None or not found["spec"].get("ports"):
        return first
    target = found["spec"]["ports"][0].get("targetPort", found["spec"]["ports"][0]["port"])
    return target if isinstance(target, int) else named.get(str(target), first)


def _notes(pod: Mapping[str, Any]) -> dict[str, str]:
    return pod["metadata"].get("annotations") or {}


def _owner(thing: Mapping[str, Any]) -> str | None:
    owners: Iterable[Mapping[str, Any]] = thing["metadata"].get("ownerReferences") or []
    return next((str(one["uid"]) for one in owners if one.get("controller")), None)
