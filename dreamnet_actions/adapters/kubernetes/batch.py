"""Services that are a Job or a CronJob: how their runs stand. Pure: it decides nothing and asks nobody.

A run is a Job: of a service that is a Job each release is one (``runs.py``), of a CronJob its controller makes them.
What counts is the last run that ended, of the release of now: one that failed before says nothing about what mends it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dreamnet_actions.adapters.kubernetes.api import Object
from dreamnet_actions.adapters.kubernetes.record import RECORD, RUN, VERSION, record_of
from dreamnet_actions.adapters.kubernetes.references import template_of
from dreamnet_actions.adapters.kubernetes.verdicts import condition, containers_of, exit_words, judge
from dreamnet_actions.domain.cron import parse_cron
from dreamnet_actions.domain.evidence import cleaned
from dreamnet_actions.domain.release import Release, Replica, TrackState
from dreamnet_actions.domain.schedule import newest

if TYPE_CHECKING:
    from dreamnet_actions.adapters.kubernetes.events import Events

    Objects = Mapping[str, Mapping[str, Object]]

BATCH = "batch/v1"
KINDS = ("Job", "CronJob")
JOB = "dreamnet.dev/job"
"""The annotation of a release's Job: the name that it has in the manifests."""
NUMBER = "dreamnet.dev/number"
"""The annotation that counts the runs of a service that is a Job; the newest holds the record."""
STOPPED = "dreamnet.dev/stopped"
"""The annotation of a Job that DreamNet has suspended."""
LATE = 120.0
"""Seconds that a CronJob's run may come late before it counts as missed: controllers and clocks are not exact."""
_MACROS = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip


# ── Runs ─────────────────────────────────────────────────────────────────────────────────────────────────


def runs_of(name: str, jobs: Iterable[Object]) -> list[Object]:
    """Answer the runs of the service's Job ``name``, the oldest first."""
    found = [one for one in jobs if _notes(one).get(JOB) == name and RECORD in _notes(one)]
    return sorted(found, key=number)


def holders(jobs: Iterable[Object]) -> dict[str, Object]:
    """Answer the newest run of each Job that is a service, by the Job's name in the manifests: it holds the record."""
    found = [one for one in jobs if JOB in _notes(one) and RECORD in _notes(one)]
    return {_notes(one)[JOB]: one for one in sorted(found, key=number)}


def number(job: Mapping[str, Any]) -> int:
    """Answer which run a Job is."""
    said = _notes(job).get(NUMBER, "")
    return int(said) if said.isdigit() else 0


def mark_of(job: Mapping[str, Any]) -> str | None:
    """Answer the mark of the release and restart that a Job is a run of."""
    notes: Mapping[str, str] = (template_of(job).get("metadata") or {}).get("annotations") or {}
    return notes.get(RUN)


def stable_of(holder: Mapping[str, Any], jobs: Iterable[Object]) -> Object | None:
    """Answer the run that a service stands for; None where it is gone, which it may be once it is done."""
    record = record_of(holder)
    mine = [
        one for one in runs_of(_notes(holder)[JOB], jobs) if record and mark_of(one) == record.stable.mark
    ]
    return mine[-1] if mine else None


def ended(job: Mapping[str, Any]) -> bool:
    """Say whether a Job is done, well or not."""
    return condition(job, "Complete") == "True" or failed(job)


def failed(job: Mapping[str, Any]) -> bool:
    """Say whether a Job has failed for good. ``FailureTarget`` comes first, while its pods are ended still."""
    return condition(job, "Failed") == "True"


def why_failed(job: Mapping[str, Any]) -> str:
    """Answer the words of the condition that says it failed (``BackoffLimitExceeded``, ``DeadlineExceeded``)."""
    said = next(one for one in job["status"]["conditions"] if one.get("type") == "Failed")
    return f"{cleaned(str(said.get('message') or ''))} ({said.get('reason', 'Failed')})"


def pods_of_job(job: Mapping[str, Any], objects: Objects) -> list[Object]:
    """Answer a Job's pods, also those that have ended, the oldest first."""
    uid = job["metadata"]["uid"]
    found = [
        one
        for one in objects["Pod"].values()
        if any(owner["uid"] == uid for owner in one["metadata"].get("ownerReferences") or [])
    ]
    return sorted(found, key=lambda one: str(one["metadata"]["creationTimestamp"]))


def exit_of(pods: list[Object]) -> str:
    """Answer the exit code with which the newest of a Job's pods ended, in words; nothing where it is not known."""
    for pod in reversed(pods):
        states = list(containers_of(pod.get("status") or {}))
        how = [
            (one.get("state") or {}).get("terminated") or (one.get("lastState") or {}).get("terminated")
            for one in states
        ]
        codes = [int(one["exitCode"]) for one in how if one and one.get("exitCode")]
        if codes:
            return exit_words(codes[0])
    return ""


def last_run(workload: Mapping[str, Any], objects: Objects) -> Object | None:
    """Answer the run of a workload that people ask about: the one of its release, of a CronJob the newest."""
    if workload["kind"] == "Job":
        return stable_of(workload, objects["Job"].values())
    return max(_made_by(workload, objects), key=_began, default=None)


# ── How they stand ───────────────────────────────────────────────────────────────────────────────────────


def track(
    workload: Mapping[str, Any], release: Release, objects: Objects, now: float, events: Events | None = None
) -> TrackState:
    """Answer how a Job or a CronJob stands; ``workload`` is the Job that holds the record. ``now`` is in seconds since
    1970; ``events`` are asked for what no status tells."""
    if workload["kind"] == "CronJob":
        return _of_cronjob(workload, release, objects, now)
    return _of_job(workload, release, objects, now, events)


def _of_job(
    holder: Mapping[str, Any], release: Release, objects: Objects, now: float, events: Events | None
) -> TrackState:
    job = stable_of(holder, objects["Job"].values())
    if job is None:
        return _standing(release, "it ran, and its Job is gone", settled=True)
    name, pods = job["metadata"]["name"], pods_of_job(job, objects)
    if condition(job, "Complete") == "True":
        return _standing(release, f"the run {name} is complete", settled=True)
    why = failure_of(job, pods, events)
    if why is not None:
        return _standing(release, why, failure=why, desired=1)
    stopped = None
    if job["spec"].get("suspend"):
        stopped = f"the run {name} is suspended"
    told = stopped or f"the run {name} is not complete yet"
    return _standing(release, told, desired=1, stopped=stopped, replicas=_replicas(pods, now), waiting=told)


def failure_of(job: Mapping[str, Any], pods: list[Object], events: Events | None) -> str | None:
    """Say why a run has failed, or can never start; None where neither is known."""
    name = job["metadata"]["name"]
    if failed(job):
        code = exit_of(pods)
        return f"the run {name} failed: {why_failed(job)}{f'; {code}' if code else ''}"
    for pod in pods:
        judged = judge(pod)
        if (
            judged.fatal and not judged.restarts
        ):  # it never ran; how often a crash is tried again the Job says
            return f"the run {name} cannot start: {judged.fatal}"
    no = events.refusal(job) if events and not pods else None
    return f"the run {name} cannot start: {no.text}" if no is not None and no.final else None


def _of_cronjob(cronjob: Mapping[str, Any], release: Release, objects: Objects, now: float) -> TrackState:
    record, jobs = record_of(cronjob), _made_by(cronjob, objects)
    if record is not None:
        jobs = [one for one in jobs if mark_of(one) == record.stable.mark]
    done, open_ = [one for one in jobs if ended(one)], [one for one in jobs if not ended(one)]
    last = max(done, key=_ended_at, default=None)
    pods = [pod for one in open_ for pod in pods_of_job(one, objects)]
    words = ["no run of this release has ended yet"]
    failure = next(
        (why for one in open_ if (why := failure_of(one, pods_of_job(one, objects), None)) is not None), None
    )
    if last is not None and failed(last):
        failure = failure or failure_of(last, pods_of_job(last, objects), None)
    elif last is not None:
        words = [f"the run {last['metadata']['name']} was complete at {_ended_at(last)}"]
    failure = failure or _missed(cronjob, now)
    words = [failure] if failure else words
    if open_:
        words.append(f"{len(open_)} running")
    if cronjob["spec"].get("suspend"):
        words.append("suspended: nothing runs by its schedule")
    asked = manual(cronjob["metadata"]["name"], record.stable.restart) if record else None
    waits = any(one["metadata"]["name"] == asked for one in open_)
    return _standing(
        release,
        "; ".join(words),
        settled=failure is None and not waits,
        failure=failure,
        replicas=_replicas(pods, now),
        waiting=f"the run {asked} is not complete yet" if waits else None,
    )


def manual(name: str, token: str | None) -> str | None:
    """Answer the name of the run that a restart of a CronJob asks for; None where none did."""
    return f"{name[:40]}-{hashlib.sha256(token.encode()).hexdigest()[:10]}" if token else None


def _missed(cronjob: Mapping[str, Any], now: float) -> str | None:
    """Say which run a CronJob should have begun and did not. A schedule that is not understood here says nothing."""
    spec, status = cronjob["spec"], cronjob.get("status") or {}
    if spec.get("suspend") or (spec.get("concurrencyPolicy") == "Forbid" and status.get("active")):
        return None
    line = str(spec["schedule"]).strip()
    try:
        cron = parse_cron(_MACROS.get(line, line).replace("?", "*"))
        zone = ZoneInfo(spec.get("timeZone") or "UTC")
    except (ValueError, ZoneInfoNotFoundError):
        return None
    offset = datetime.fromtimestamp(now, zone).utcoffset()
    shift = offset.total_seconds() if offset else 0.0
    planned = newest(cron, now - LATE + shift)
    if planned is None:
        return None
    planned -= shift
    changes = [
        str(one.get("time") or "")
        for one in cronjob["metadata"].get("managedFields") or []
        if "f:spec" in (one.get("fieldsV1") or {})
    ]
    since = [cronjob["metadata"]["creationTimestamp"], status.get("lastScheduleTime"), *changes]
    if planned <= max(datetime.fromisoformat(one).timestamp() for one in since if one):
        return None
    return f"it should have run at {datetime.fromtimestamp(planned, UTC):%Y-%m-%dT%H:%M:%SZ}, and nothing did"


def _standing(
    release: Release,
    told: str,
    *,
    settled: bool = False,
    failure: str | None = None,
    desired: int = 0,
    replicas: tuple[Replica, ...] = (),
    waiting: str | None = None,
    stopped: str | None = None,
) -> TrackState:
    return TrackState(
        release=release,
        desired=desired,
        weight=1.0,
        replicas=replicas,
        traffic=None,
        settled=settled,
        failure=failure,
        hopeless=int(failure is not None),
        waiting=waiting,
        stopped=stopped,
        told=told,
    )


def _replicas(pods: list[Object], now: float) -> tuple[Replica, ...]:
    """Answer the pods that run. How often one is started again is the Job's own business (``backoffLimit``), so that
    counts as no restart here."""
    return tuple(
        Replica(
            id=one["metadata"]["name"],
            track="stable",
            version=_notes(one).get(VERSION, ""),
            state="ready" if judge(one).state == "ready" else "starting",
            age=max(0.0, now - datetime.fromisoformat(one["metadata"]["creationTimestamp"]).timestamp()),
        )
        for one in pods
        if (one.get("status") or {}).get("phase") not in ("Failed", "Succeeded")
    )


def _made_by(cronjob: Mapping[str, Any], objects: Objects) -> list[Object]:
    uid = cronjob["metadata"]["uid"]
    return [
        one
        for one in objects["Job"].values()
        if any(owner["uid"] == uid for owner in one["metadata"].get("ownerReferences") or [])
    ]


def _began(job: Mapping[str, Any]) -> tuple[str, str]:
    return str(job["metadata"]["creationTimestamp"]), str(job["metadata"]["name"])


def _ended_at(job: Mapping[str, Any]) -> str:
    """Answer when a Job was done; RFC 3339 in UTC sorts as text."""
    said = [
        str(one.get("lastTransitionTime") or "")
        for one in job["status"].get("conditions") or []
        if one.get("type") in ("Complete", "Failed") and one.get("status") == "True"
    ]
    return max(said, default="")


def _notes(thing: Mapping[str, Any]) -> Mapping[str, str]:
    return thing["metadata"].get("annotations") or {}
