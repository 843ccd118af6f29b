"""How services stand: their releases, replicas and canaries as the watched objects tell them, and what they wrote."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dreamnet_actions.adapters.kubernetes import batch, canaries
from dreamnet_actions.adapters.kubernetes.api import Object
from dreamnet_actions.adapters.kubernetes.record import record_of
from dreamnet_actions.adapters.kubernetes.workloads import Objects, address_of, pods_of, track
from dreamnet_actions.domain.release import Release, ServiceState

if TYPE_CHECKING:
    from dreamnet_actions.adapters.kubernetes.events import Events
    from dreamnet_actions.adapters.kubernetes.namespace import Namespace


def state(
    space: Namespace, events: Events, service: str, workload: Object, objects: Objects, now: float
) -> ServiceState:
    """Answer how a service stands at ``now`` (seconds since 1970): its release, its replicas, its canary."""
    record = record_of(workload)
    if record is None:
        release, former = space.before_us(service, workload).release, tuple[Release, ...]()
    else:
        release = space.revisions.get(service, record.stable.revision).release
        former = tuple(space.revisions.get(service, one.revision).release for one in record.former)
    beside, canary = canaries.of(service, objects), None
    its = record_of(beside)
    if beside is not None and its is not None and not its.promoted:
        other = space.revisions.get(service, its.stable.revision).release
        canary = track("canary", beside, other, its.share, objects, now, events)
        canary = replace(
            canary,
            real_weight=canaries.real_share(space, beside, workload, objects),
            adrift=canaries.adrift(space, beside, its),
        )
    weight = 1.0 - canary.weight if canary else 1.0
    return ServiceState(
        service=service,
        address=address_of(workload, objects),
        stable=batch.track(workload, release, objects, now, events)
        if workload["kind"] in batch.KINDS
        else track("stable", workload, release, weight, objects, now, events),
        canary=canary,
        former=former,
    )


def logs(space: Namespace, service: str, lines: int) -> list[str]:
    """Answer the last lines that a service's pods wrote, at most ``lines`` of all of them together."""
    objects = space.informers.read()
    api, told = space.api, list[str]()
    for pod in _pods(space.workload(service, objects), objects):
        path = api.path("v1", "Pod", pod["metadata"]["name"], "log")
        query = {"tailLines": str(max(1, lines)), "container": pod["spec"]["containers"][0]["name"]}
        told += api.text(path, query).splitlines()
    return told[-lines:] if lines > 0 else []


def _pods(workload: Object, objects: Objects) -> list[Object]:
    """Answer the pods of a workload whose logs people ask for."""
    if workload["kind"] not in batch.KINDS:
        return pods_of(workload, objects)
    job = batch.last_run(workload, objects)
    return batch.pods_of_job(job, objects) if job else []
