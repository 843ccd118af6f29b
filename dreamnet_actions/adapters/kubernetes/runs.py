"""Writing a service that is a Job: each release, and each restart, is one more Job, for a Job cannot be changed.

The record is on the newest of them, so a release and its run come by one write. Going back makes no run: the release
before has run already, and its Job stands; what has not ended of the other is suspended. Runs before are deleted, but
for the last few.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from dreamnet_actions.adapters.kubernetes.api import Object
from dreamnet_actions.adapters.kubernetes.batch import (
    BATCH,
    JOB,
    NUMBER,
    STOPPED,
    ended,
    failed,
    holders,
    manual,
    number,
    runs_of,
    stable_of,
)
from dreamnet_actions.adapters.kubernetes.record import OURS, RECORD, Record, Run, record_of
from dreamnet_actions.errors import Conflict, PlatformFailed

if TYPE_CHECKING:
    from dreamnet_actions.adapters.kubernetes.namespace import Namespace

KEPT = 3
"""How many runs are kept beside the newest and the one that the service stands for."""
_MANAGED = ",".join(f"{key}={value}" for key, value in OURS.items())
_TRIES = 20


def name_of(name: str, mark: str, turn: int) -> str:
    """Answer the name of one run: the Job's own, the run's mark, and how many there were."""
    return f"{name[:40].rstrip('-.')}-{mark[:8]}-{turn}"


def live(space: Namespace, name: str) -> Object | None:
    """Ask the server for the newest run of the service's Job ``name``: the one with the record."""
    return holders(_jobs(space)).get(name)


def write(
    space: Namespace, service: str, name: str, want: Callable[[Object | None, Record | None], Record]
) -> Record:
    """Read the record, let ``want`` say what is wanted, and begin a run where that is another one. Answers the record
    as it is then. Raises Conflict."""
    for _ in range(_TRIES):
        jobs = _jobs(space)
        holder = holders(jobs).get(name)
        before = record_of(holder)
        after = want(holder, before)
        if holder is not None and before is not None and _goes_on(before, after):
            if after != before and not _noted(space, holder, after):
                continue
        else:
            if holder is not None:
                _stop_others(space, name, jobs, None)  # never two at once: they would write the same things
            if not _begun(space, service, name, after, number(holder) + 1 if holder else 1):
                continue
        jobs = _jobs(space)
        stands = stable_of(holders(jobs)[name], jobs)
        _stop_others(space, name, jobs, stands)
        _go_on(space, stands)
        _forget(space, name, jobs, stands)
        return after
    raise Conflict(f"Job {name}")


def anew(space: Namespace, name: str, record: Record) -> Record:
    """Answer the record by which a release that failed is run once more; the same where it has not failed."""
    jobs = _jobs(space)
    holder = holders(jobs).get(name)
    stands = stable_of(holder, jobs) if holder else None
    if holder is None or stands is None or not failed(stands):
        return record
    return replace(record, stable=Run(record.stable.revision, f"again-{number(holder)}"))


def to_be(space: Namespace, workload: Object, mark: str) -> Object:
    """Answer a Job's manifest under the name that its next run would have."""
    name = workload["metadata"]["name"]
    holder = live(space, name)
    meta = {**workload["metadata"], "name": name_of(name, mark, number(holder) + 1 if holder else 1)}
    return {**workload, "metadata": meta}


def once(space: Namespace, cronjob: Object, token: str) -> None:
    """Run a CronJob once, now, as ``kubectl create job --from`` does; the same ``token`` again runs nothing more."""
    template, meta = cronjob["spec"]["jobTemplate"], cronjob["metadata"]
    made: Object = json.loads(
        json.dumps({"metadata": template.get("metadata") or {}, "spec": template["spec"]})
    )
    head = made["metadata"]
    head.pop("creationTimestamp", None)
    head["name"] = manual(meta["name"], token)
    head["annotations"] = {**(head.get("annotations") or {}), "cronjob.kubernetes.io/instantiate": "manual"}
    owner = {
        "apiVersion": BATCH,
        "kind": "CronJob",
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
    }
    head["ownerReferences"] = [owner]
    job = space.api.create({"apiVersion": BATCH, "kind": "Job", **made})
    if job is not None:
        space.informers["Job"].put(job)


def delete(space: Namespace, name: str) -> None:
    """Delete all runs of the service's Job ``name``."""
    for one in runs_of(name, _jobs(space)):
        _delete(space, one)


def no_scale(kind: str, name: str) -> PlatformFailed:
    """Answer why a Job is not scaled."""
    return PlatformFailed(
        f"The {kind} {name!r} runs to its end; it has no replicas to scale.",
        hint="How many of its pods run side by side is 'parallelism' in its manifest.",
    )


def _jobs(space: Namespace) -> list[Object]:
    said = {"apiVersion": BATCH, "kind": "Job"}  # the objects of a list do not say of which kind they are
    return [{**said, **one} for one in space.api.list(BATCH, "Job", labels=_MANAGED).get("items", [])]


def _goes_on(before: Record, after: Record) -> bool:
    """Say whether no run is to begin: what runs stays, or it is gone back to a release that has run."""
    return after.stable == before.stable or after.undone != before.undone


def _noted(space: Namespace, holder: Object, record: Record) -> bool:
    """Write the record onto the newest run; False where somebody was first."""
    meta = holder["metadata"]
    change = {
        "metadata": {"resourceVersion": meta["resourceVersion"], "annotations": {RECORD: record.text()}}
    }
    try:
        space.informers["Job"].put(space.api.patch(space.api.path(BATCH, "Job", meta["name"]), change))
    except Conflict:
        return False
    return True


def _begun(space: Namespace, service: str, name: str, record: Record, turn: int) -> bool:
    """Make the Job of a run, with the record; False where one of that number is there."""
    wanted = space.noted(service, record)
    wanted["metadata"]["name"] = name_of(name, record.stable.mark, turn)
    wanted["metadata"]["annotations"] |= {JOB: name, NUMBER: str(turn)}
    made = space.api.create(wanted)
    if made is not None:
        space.informers["Job"].put(made)
    return made is not None


def _stop_others(space: Namespace, name: str, jobs: list[Object], stands: Object | None) -> None:
    """Suspend each run that has not ended and is not the one that the service stands for; its pods are ended."""
    for one in runs_of(name, jobs):
        is_it = stands is not None and one["metadata"]["uid"] == stands["metadata"]["uid"]
        if not is_it and not ended(one) and not one["spec"].get("suspend"):
            _suspend(space, one, suspended=True)


def _go_on(space: Namespace, stands: Object | None) -> None:
    """Let a run go on that DreamNet has suspended, now that the service stands for it again."""
    if stands is not None and not ended(stands) and STOPPED in (stands["metadata"].get("annotations") or {}):
        _suspend(space, stands, suspended=False)


def _suspend(space: Namespace, job: Object, *, suspended: bool) -> None:
    note = "true" if suspended else None
    change = {"metadata": {"annotations": {STOPPED: note}}, "spec": {"suspend": suspended}}
    path = space.api.path(BATCH, "Job", job["metadata"]["name"])
    space.informers["Job"].put(space.api.patch(path, change))


def _forget(space: Namespace, name: str, jobs: list[Object], stands: Object | None) -> None:
    """Delete the runs that nobody looks at any more."""
    *former, _ = runs_of(name, jobs)
    others = [one for one in former if stands is None or one["metadata"]["uid"] != stands["metadata"]["uid"]]
    for one in others[:-KEPT]:
        _delete(space, one)


def _delete(space: Namespace, job: Object) -> None:
    meta = job["metadata"]
    space.api.delete(BATCH, "Job", meta["name"], uid=meta["uid"])
    space.informers["Job"].drop(meta["name"])
