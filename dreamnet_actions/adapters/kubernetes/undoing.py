"""Back to a former release, and out of the cluster altogether."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from dreamnet_actions.adapters.kubernetes import canaries, runs, stuck
from dreamnet_actions.adapters.kubernetes.api import Object
from dreamnet_actions.adapters.kubernetes.record import RECORD, Record, record_of
from dreamnet_actions.adapters.kubernetes.rendering import kind_and_name
from dreamnet_actions.domain.release import Release
from dreamnet_actions.errors import NotFound
from dreamnet_actions.ports.system import Clock

if TYPE_CHECKING:
    from dreamnet_actions.adapters.kubernetes.namespace import Namespace
    from dreamnet_actions.adapters.kubernetes.pruning import Pruning


def undo(space: Namespace, service: str, clock: Clock, *, token: str, skip: Collection[str]) -> Release:
    """Put the former release back that is not of a version in ``skip``, once for each ``token``, and answer it. Raises
    NotFound where there is none."""
    keys = space.keys(service)

    def chosen(record: Record | None) -> Record:
        """Answer the record with nothing before the run that is gone back to."""
        if record is not None and token in record.undone:
            return record
        former = record.former if record else ()
        for place, run in enumerate(former):
            if record and space.revisions.get(service, run.revision).release.version not in skip:
                return replace(record, former=former[place:])
        raise NotFound("former release of", service)

    record = chosen(record_of(space.workload(service)))
    if token not in record.undone:
        runs_anew = kind_and_name(keys)[0] != "Job"
        space.apply_others(service, record.former[0].revision, keys, ask=runs_anew)

    def want(_: Object | None, record: Record | None) -> Record:
        found = chosen(record)
        return found if token in found.undone else found.back(token)

    after = space.write(service, keys, want)
    stuck.free(space, keys, after, clock)
    return space.revisions.get(service, after.undone[token]).release


def remove(space: Namespace, pruning: Pruning, service: str) -> None:
    """Delete what DreamNet applied of a service. Of one that was there before it, only its own notes go."""
    workload = space.services(space.informers.read()).get(service)
    canaries.end(space, service)
    record = record_of(workload)
    if workload is None or record is None:
        return
    current = space.revisions.get(service, record.stable.revision)
    informer = space.informers[workload["kind"]]
    if current.whole:
        *others, own = current.objects
        if own["kind"] == "Job":  # its runs have names of their own
            runs.delete(space, own["metadata"]["name"])
        for one in reversed(others if own["kind"] == "Job" else current.objects):
            space.api.delete(one["apiVersion"], one["kind"], one["metadata"]["name"])
        informer.drop(workload["metadata"]["name"])
    else:  # it was there before us: only our own notes go
        path = space.api.path(workload["apiVersion"], workload["kind"], workload["metadata"]["name"])
        informer.put(space.api.patch(path, {"metadata": {"annotations": {RECORD: None}}}))
    pruning.forget(service, set(), prune=True)
