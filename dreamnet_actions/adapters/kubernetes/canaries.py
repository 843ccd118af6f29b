"""The canary of a service: a Deployment of its own beside the stable one, behind the same Service.

Its pods have all labels of the stable ones, so that network policies hold for them too, and one more by which they are
selected. A readiness gate (kubernetes.io, "Pod readiness gate") keeps them out of the Service until their share is
above 0: ``shift`` runs as many canary pods as make that share of all pods, and opens the gate of each. Where the
configuration names an HTTPRoute, its weights are the share instead (``routed.py``), and there is no gate.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dreamnet_actions.adapters.kubernetes import routed
from dreamnet_actions.adapters.kubernetes.api import STRATEGIC, Object
from dreamnet_actions.adapters.kubernetes.options import KubernetesWorkload
from dreamnet_actions.adapters.kubernetes.record import (
    OURS,
    RECORD,
    RUN,
    SERVICE,
    TRACK,
    VERSION,
    Record,
    Revision,
    Run,
    record_of,
)  # fmt: skip
from dreamnet_actions.adapters.kubernetes.routing import Way
from dreamnet_actions.adapters.kubernetes.workloads import Objects, pods_of
from dreamnet_actions.errors import NotFound, PlatformFailed

if TYPE_CHECKING:
    from dreamnet_actions.adapters.kubernetes.namespace import Namespace

GATE = "dreamnet.dev/serving"
"""The condition of a canary's pod that lets it serve."""
_KIND = ("apps/v1", "Deployment")


def name_of(service: str) -> str:
    """Answer the name of a service's canary Deployment."""
    return f"{service}-canary"


def is_canary(workload: Mapping[str, Any]) -> bool:
    """Say whether a workload is a canary of ours."""
    labels = workload["metadata"].get("labels") or {}
    return labels.get(TRACK) == "canary"


def of(service: str, objects: Mapping[str, Mapping[str, Object]]) -> Object | None:
    """Answer a service's canary Deployment, if there is one."""
    found = objects["Deployment"].get(name_of(service))
    return found if found is not None and is_canary(found) else None


def begin(
    space: Namespace,
    service: str,
    keys: KubernetesWorkload,
    revision: Revision,
    digest: str,
    replicas: int,
    live: Object | None,
) -> None:
    """Apply the canary of a revision; one of the same revision keeps its share, its way and its number of pods.

    One of another goes first: nothing of it may serve under the new one's name, and apply may not take back what was
    patched on it."""
    if live is None or live["kind"] != "Deployment":
        raise PlatformFailed(
            f"The service {service!r} is no Deployment, and only Deployments can have a canary.",
            hint="Take 'canary' out of its strategy.",
        )
    there = space.api.get(*_KIND, name_of(service))
    before = record_of(there)
    same = before is not None and before.stable.revision == digest
    way = routed.way_of(there) if same else routed.way_for(space, service, keys, live)
    # Of another way the selector is another, which cannot be changed.
    if there is not None and (not same or routed.way_of(there) != way):
        end(space, service)
    # One that was promoted, where stable then did not get ready, is a canary again, with its share.
    record = replace(before, promoted=False) if same and before is not None else Record(stable=Run(digest))
    if same and before is not None and before.promoted:  # the mark was patched, which apply may not take back
        space.api.patch(_path(space, service), {"metadata": {"annotations": {RECORD: record.text()}}})
    applied = space.api.apply(_manifest(service, revision, record, live, way))
    if way is not None:
        routed.serve(space, service, applied, way)
    if not same:
        space.api.patch(_path(space, service, "scale"), {"spec": {"replicas": replicas}})
    space.informers["Deployment"].put(space.api.get(*_KIND, name_of(service)) or applied)


def shift(space: Namespace, stable: Object, service: str, share: float) -> None:
    """Run as many canary pods as make ``share`` of all, and let them serve; 0 takes the traffic from all."""
    canary = of(service, space.informers.read())
    record = record_of(canary)
    if canary is None or record is None or record.promoted:
        raise NotFound("canary", service)
    count = max(1, int(stable["spec"].get("replicas", 1)))
    way = routed.way_of(canary)
    wanted = max(1, min(count, round(share * count / (1 - share)) if share < 1 else count))
    wanted = wanted if way is None else routed.pods_for(share, count)
    noted = {"metadata": {"annotations": {RECORD: replace(record, share=share).text()}}}
    changed = space.api.patch(_path(space, service), noted)
    space.api.patch(_path(space, service, "scale"), {"spec": {"replicas": wanted}})
    space.informers["Deployment"].put(space.api.get(*_KIND, name_of(service)) or changed)
    if way is None:
        open_gates(space, canary, serving=share > 0)
    elif share > 0:
        routed.serve(space, service, canary, way)
        ready = sum(_serves(one) for one in pods_of(canary, space.informers.read()))
        # While more pods start, those that are there get as much as they are to carry in the end.
        space.routes.put(way, service, share * min(1.0, ready / wanted))
    else:
        space.routes.release(way.route, service)


def open_gates(space: Namespace, canary: Object, *, serving: bool) -> None:
    """Let the canary's pods of now serve, or no longer."""
    status = "True" if serving else "False"
    for pod in pods_of(canary, space.informers.read()):
        conditions = (pod.get("status") or {}).get("conditions") or []
        if any(one.get("type") == GATE and one.get("status") == status for one in conditions):
            continue
        path = space.api.path("v1", "Pod", pod["metadata"]["name"], "status")
        change = {"status": {"conditions": [{"type": GATE, "status": status}]}}
        space.informers["Pod"].put(space.api.patch(path, change, form=STRATEGIC))


def real_share(space: Namespace, canary: Object, stable: Object, objects: Objects) -> float | None:
    """Answer the share of new connections that the canary gets: by the weights of its route, else by how many of the
    pods that serve behind the Service are its. None where that cannot be seen."""
    if (way := routed.way_of(canary)) is not None:
        return space.routes.real_share(way)
    serving = sum(_serves(one) for one in pods_of(canary, objects))
    beside = sum(_serves(one) for one in pods_of(stable, objects))
    return serving / (serving + beside) if serving else 0.0


def adrift(space: Namespace, canary: Object, record: Record) -> bool:
    """Say whether a route's weights are others than those that the canary was given; that cannot be of pods."""
    way = routed.way_of(canary)
    return way is not None and record.share > 0 and space.routes.adrift(way)


def _serves(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def promote(space: Namespace, service: str) -> None:
    """Make the canary's revision the stable one; without a canary that is done already."""
    objects = space.informers.read()
    space.workload(service, objects)  # NotFound before anything is written
    canary = of(service, objects)
    beside = record_of(canary)
    if canary is None or beside is None:
        return
    keys, digest = space.keys(service), beside.stable.revision
    space.apply_others(service, digest, keys)

    def want(_: Object | None, record: Record | None) -> Record:
        if record is None:
            return Record(stable=Run(digest))
        return record if record.stable.revision == digest else record.pushed(Run(digest))

    space.write(service, keys, want)
    _mark_promoted(space, canary, beside)


def _mark_promoted(space: Namespace, canary: Object, record: Record) -> None:
    """Note that the canary has become stable: it serves on until that is ready, and is spoken of no more."""
    noted = {"metadata": {"annotations": {RECORD: replace(record, promoted=True).text()}}}
    space.informers["Deployment"].put(
        space.api.patch(_path(space, canary["metadata"]["labels"][SERVICE]), noted)
    )


def end_promoted(space: Namespace, service: str) -> None:
    """End a canary that was promoted by a run that was cut off, and what is left of one that somebody deleted."""
    canary = of(service, space.informers.read())
    record = record_of(canary)
    if canary is None or (record is not None and record.promoted):
        end(space, service)


def end(space: Namespace, service: str) -> None:
    """End the canary, if there is one; its pods go last, when nothing leads to them any more."""
    canary = of(service, space.informers.read())
    routed.end(space, service, routed.way_of(canary), space.route_of(service))
    if canary is None:
        return
    space.api.delete(*_KIND, name_of(service))
    space.informers["Deployment"].drop(name_of(service))


def _path(space: Namespace, service: str, sub: str = "") -> str:
    return space.api.path(*_KIND, name_of(service), sub)


def _manifest(service: str, revision: Revision, record: Record, live: Object, way: Way | None) -> Object:
    """Make the canary's Deployment out of the revision; where that says only the image, out of what runs."""
    base = revision.workload if revision.whole else live
    template: Object = json.loads(json.dumps(base["spec"]["template"]))
    if not revision.whole:
        given = revision.workload["spec"]["template"]["spec"]["containers"][0]
        for container in template["spec"]["containers"]:
            if container["name"] == given["name"]:
                container["image"] = given["image"]
    meta = template.setdefault("metadata", {})
    meta.pop("creationTimestamp", None)
    others = way.labels if way else {}
    meta["labels"] = {**(meta.get("labels") or {}), **others, TRACK: "canary"}
    notes = {RUN: record.stable.mark, VERSION: revision.release.version}
    meta["annotations"] = {**(meta.get("annotations") or {}), **notes}
    if way is None:
        gates = template["spec"].get("readinessGates") or []
        template["spec"]["readinessGates"] = [*gates, {"conditionType": GATE}]
    chosen = base["spec"]["selector"]["matchLabels"]
    chosen = {**chosen, **{key: value for key, value in others.items() if key in chosen}}
    selector = {"matchLabels": {**chosen, TRACK: "canary"}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name_of(service),
            "labels": {**OURS, SERVICE: service, TRACK: "canary"},
            "annotations": {RECORD: record.text(), **(routed.note_of(way) if way else {})},
        },
        "spec": {"selector": selector, "template": template},
    }
