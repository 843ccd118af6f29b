"""Jobs that stand in a service's manifests: what is to be done before a release goes out, such as a migration.

A Job's template can never be changed, so each content has a Job of its own, named by its hash (``rendering.py``). It is
waited for before the workload is touched, so a migration that fails leaves the release before as it was. Going back
runs no Job: what a migration did is for the next one to undo.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dreamnet_actions.adapters.kubernetes.api import Object
from dreamnet_actions.adapters.kubernetes.batch import exit_of, pods_of_job, why_failed
from dreamnet_actions.adapters.kubernetes.events import Events
from dreamnet_actions.adapters.kubernetes.explaining import of_pod
from dreamnet_actions.adapters.kubernetes.options import KubernetesWorkload
from dreamnet_actions.adapters.kubernetes.record import Revision
from dreamnet_actions.adapters.kubernetes.verdicts import condition, judge
from dreamnet_actions.domain.evidence import with_last_words
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
            raise ReleaseFailed(_told(space, events, job, f"The Job {name!r} failed: {why_failed(job)}"))
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
            why = f"The Job {name!r} is not complete after {within:g} s{suspended}"
            raise ReleaseFailed(
                _told(space, events, job, why),
                hint="Give it longer by 'ready-within' of the service's release.",
            )
        clock.sleep(PAUSE)


def _pods(space: Namespace, job: Mapping[str, Any]) -> list[Object]:
    return pods_of_job(job, space.informers.read())


def _told(space: Namespace, events: Events, job: Mapping[str, Any], why: str) -> str:
    """Answer why a Job failed, with how the newest of its pods ended, and what it wrote last."""
    pods = _pods(space, job)
    if not pods:
        return why
    code = exit_of(pods)
    return with_last_words(f"{why}; {code}" if code else why, of_pod(space, events, pods[-1]))
