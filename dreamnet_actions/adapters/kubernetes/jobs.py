"""Jobs that stand in a service's manifests: what is to be done before a release goes out, such as a migration.

A Job's template can never be changed, so each content has a Job of its own, named by its hash (``rendering.py``). It is
waited for before the workload is touched, so a migration that fails leaves the release before as it was. Going back
runs no Job: what a migration did is for the next one to undo.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dreamnet_actions.adapters.kubernetes.events import Events
from dreamnet_actions.adapters.kubernetes.explaining import of_pod
from dreamnet_actions.adapters.kubernetes.options import KubernetesWorkload
from dreamnet_actions.adapters.kubernetes.record import Revision
from dreamnet_actions.adapters.kubernetes.verdicts import condition, containers_of, exit_words, judge
from dreamnet_actions.domain.evidence import cleaned
from dreamnet_actions.errors import ReleaseFailed
from dreamnet_actions.ports.system import Clock

if TYPE_CHECKING:
    from dreamnet_actions.adapters.kubernetes.namespace import Namespace

PAUSE = 0.25
"""Seconds between two looks at a Job that runs."""


def run_first(
    space: Namespace,
    events: Events,
    clock: Clock,
    revision: Revision,
    keys: KubernetesWorkload,
    within: float,
) -> None:
    """Run the Jobs of a revision one after another, in the order of their names; one that has run before is complete
    already. Raises ReleaseFailed where one fails, can never start, or takes longer than ``within`` seconds."""
    for job in revision.objects[:-1]:
        if job["kind"] == "Job":
            space.applied(job, keys)
            _finish(space, events, clock, str(job["metadata"]["name"]), within)


def _finish(space: Namespace, events: Events, clock: Clock, name: str, within: float) -> None:
    began = clock.monotonic()
    while True:
        job = space.api.get("batch/v1", "Job", name)
        if job is None:
            raise ReleaseFailed(f"The Job {name!r} was deleted while it ran.")
        if condition(job, "Complete") == "True":
            return
        if condition(job, "Failed") == "True":
            raise ReleaseFailed(f"The Job {name!r} failed: {_why(job)}{_last_words(space, events, job)}")
        for pod in _pods(space, job):
            judged = judge(pod)
            if (
                judged.fatal and not judged.restarts
            ):  # it never ran; how often a crash is tried again the Job says
                raise ReleaseFailed(f"The Job {name!r} cannot run: {judged.fatal}")
        no = events.refusal(job) if not _pods(space, job) else None
        if no is not None and no.final:
            raise ReleaseFailed(f"The Job {name!r} cannot run: {no.text}")
        if clock.monotonic() - began >= within:
            suspended = ", for it is suspended" if (job["spec"] or {}).get("suspend") else ""
            raise ReleaseFailed(
                f"The Job {name!r} is not complete after {within:g} s{suspended}{_last_words(space, events, job)}",
                hint="Give it longer by 'ready-within' of the service's release.",
            )
        clock.sleep(PAUSE)


def _why(job: Mapping[str, Any]) -> str:
    """Answer the words of the condition that says it failed (``BackoffLimitExceeded``, ``DeadlineExceeded``)."""
    said = next(one for one in job["status"]["conditions"] if one.get("type") == "Failed")
    return f"{cleaned(str(said.get('message') or ''))} ({said.get('reason', 'Failed')})"


def _pods(space: Namespace, job: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Answer a Job's pods, also those that have ended, the oldest first."""
    uid = job["metadata"]["uid"]
    found = [
        one
        for one in space.informers.read()["Pod"].values()
        if any(owner["uid"] == uid for owner in one["metadata"].get("ownerReferences") or [])
    ]
    return sorted(found, key=lambda one: str(one["metadata"]["creationTimestamp"]))


def _last_words(space: Namespace, events: Events, job: Mapping[str, Any]) -> str:
    """Answer how the newest of its pods ended, and the last line that it wrote."""
    pods = _pods(space, job)
    if not pods:
        return ""
    states = list(containers_of(pods[-1].get("status") or {}))
    ended = [
        (one.get("state") or {}).get("terminated") or (one.get("lastState") or {}).get("terminated")
        for one in states
    ]
    codes = [int(one["exitCode"]) for one in ended if one and one.get("exitCode")]
    last = of_pod(space, events, pods[-1]).last
    return (f"; {exit_words(codes[0])}" if codes else "") + (f"; its last line: {last}" if last else "")
