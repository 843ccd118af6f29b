"""The canary of a service: a Deployment of its own beside the stable one, behind the same Service.

Its pods have all labels of the stable ones, so that network policies hold for them too, and one more by which they are
selected. A readiness gate (kubernetes.io, "Pod readiness gate") keeps them out of the Service until their share is
above 0: ``shift`` runs as many canary pods as make that share of all pods, and opens the gate of each.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dreamnet_actions.adapters.kubernetes.api import STRATEGIC, Object
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
    space: Namespace, service: str, revision: Revision, digest: str, replicas: int, live: Object | None
) -> None:
    """Apply the canary of a revision; one of the same revision keeps its share and number of pods, and one of another
    goes first: nothing of it may serve under the new one's name, and apply may not take back what was patched on it."""
    if live is None or live["kind"] != "Deployment":
        raise PlatformFailed(
            f"The service {service!r} is no Deployment, and only Deployments can have a canary.",
            hint="Take 'canary' out of its strategy.",
        )
    before = record_of(space.api.get(*_KIND, name_of(service)))
    same = before is not None and before.stable.revision == digest
    if before is not None and not same:
        end(space, service)
    # One that was promoted, where stable then did not get ready, is a canary again, with its share.
    record = replace(before, promoted=False) if same and before is not None else Record(stable=Run(digest))
    if same and before is not None and before.promoted:  # the mark was patched, which apply may not take back
        space.api.patch(_path(space, service), {"metadata": {"annotations": {RECORD: record.text()}}})
    applied = space.api.apply(_manifest(service, revision, record, live))
    if not same:
        space.api.patch(_path(space, service, "scale"), {"spec": {"replicas": replicas}})
    space.informers["Deployment"].put(space.api.get(*_KIND, name_of(service)) or applied)


def shift(space: Namespace, stable: Object, service: str, share: float) -> None:
    """Run as many canary pods as make ``share`` of all, and let them serve; 0 closes the gate of all."""
    canary = of(service, space.informers.read())
    record = record_of(canary)
    if canary is None or record is None or record.promoted:
        raise NotFound("canary", service)
    count = max(1, int(stable["spec"].get("replicas", 1)))
    wanted = max(1, min(count, round(share * count / (1 - share)) if share < 1 else count))
    noted = {"metadata": {"annotations": {RECORD: replace(record, share=share).text()}}}
    changed = space.api.patch(_path(space, service), noted)
    space.api.patch(_path(space, service, "scale"), {"spec": {"replicas": wanted}})
    space.informers["Deployment"].put(space.api.get(*_KIND, name_of(service)) or changed)
    open_gates(space, canary, serving=share > 0)


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


def real_share(canary: Object, stable: Object, objects: Objects) -> float:
    """Answer the canary's share of the pods that serve behind the Service: what share of new connections it gets."""
    serving = sum(_serves(one) for one in pods_of(canary, objects))
    beside = sum(_serves(one) for one in pods_of(stable, objects))
    return serving / (serving + beside) if serving else 0.0


def _serves(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def mark_promoted(space: Namespace, canary: Object, record: Record) -> None:
    """Note that the canary has become stable: it serves on until that is ready, and is spoken of no more."""
    noted = {"metadata": {"annotations": {RECORD: replace(record, promoted=True).text()}}}
    space.informers["Deployment"].put(
        space.api.patch(_path(space, canary["metadata"]["labels"][SERVICE]), noted)
    )


def end_promoted(space: Namespace, service: str) -> None:
    """End a canary that was promoted by a run that was cut off."""
    record = record_of(of(service, space.informers.read()))
    if record is not None and record.promoted:
        end(space, service)


def end(space: Namespace, service: str) -> None:
    """End the canary, if there is one."""
    if of(service, space.informers.read()) is None:
        return
    space.api.delete(*_KIND, name_of(service))
    space.informers["Deployment"].drop(name_of(service))


def _path(space: Namespace, service: str, sub: str = "") -> str:
    return space.api.path(*_KIND, name_of(service), sub)


def _manifest(service: str, revision: Revision, record: Record, live: Object) -> Object:
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
    meta["labels"] = {**(meta.get("labels") or {}), TRACK: "canary"}
    notes = {RUN: record.stable.mark, VERSION: revision.release.version}
    meta["annotations"] = {**(meta.get("annotations") or {}), **notes}
    template["spec"]["readinessGates"] = [
        *(template["spec"].get("readinessGates") or []),
        {"conditionType": GATE},
    ]
    selector = {"matchLabels": {**base["spec"]["selector"]["matchLabels"], TRACK: "canary"}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name_of(service),
            "labels": {**OURS, SERVICE: service, TRACK: "canary"},
            "annotations": {RECORD: record.text()},
        },
        "spec": {"selector": selector, "template": template},
    }
