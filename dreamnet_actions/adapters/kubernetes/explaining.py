"""What people are told of a workload that is not well: its worst pod, the events about it, its last lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dreamnet_actions.adapters.kubernetes import batch
from dreamnet_actions.adapters.kubernetes.events import Events
from dreamnet_actions.adapters.kubernetes.refusals import replica_set_of
from dreamnet_actions.adapters.kubernetes.verdicts import condition, containers_of, judge
from dreamnet_actions.adapters.kubernetes.workloads import Objects, pods_of, wanted_of
from dreamnet_actions.domain.evidence import LINES, Evidence, evidence
from dreamnet_actions.errors import DreamNetError, PermissionMissing

if TYPE_CHECKING:
    from dreamnet_actions.adapters.kubernetes.namespace import Namespace

_ORDER = ("back-off", "exited", "unready", "starting", "ready")
WITHIN = 1.0
"""Seconds that reading a log may take: what went wrong is taken back first, and told of second."""
_BYTES = 65536
"""Bytes of a log that are read at most."""


def explain(
    space: Namespace, events: Events, workload: Mapping[str, Any], objects: Objects
) -> Evidence | None:
    """Answer what there is to tell of a workload; None where all of its pods are ready and always were. Where it has no
    pod, that is what those say who should have made one."""
    if workload["kind"] in batch.KINDS:
        return _of_run(space, events, batch.last_run(workload, objects), objects)
    wanted = wanted_of(workload, pods_of(workload, objects))
    judged = [(judge(one), one) for one in wanted]
    ill = [(one, pod) for one, pod in judged if one.state != "ready" or one.restarts]
    if ill:
        worst = min(ill, key=lambda one: (_ORDER.index(one[0].state), -one[0].restarts))[1]
        return of_pod(space, events, worst)
    maker = replica_set_of(workload, objects["ReplicaSet"].values()) or workload
    notes = list(events.words(maker["metadata"]["uid"])) if not wanted else []
    return evidence(maker["metadata"]["name"], notes) if notes else None


def _of_run(
    space: Namespace, events: Events, job: Mapping[str, Any] | None, objects: Objects
) -> Evidence | None:
    """Answer what there is to tell of a run that is not complete."""
    if job is None or condition(job, "Complete") == "True":
        return None
    if pods := batch.pods_of_job(job, objects):
        return of_pod(space, events, pods[-1])
    notes = list(events.words(job["metadata"]["uid"]))
    return evidence(job["metadata"]["name"], notes) if notes else None


def of_pod(space: Namespace, events: Events, pod: Mapping[str, Any]) -> Evidence:
    """Answer the events about a pod and the last lines of the container in it that is worst."""
    name = str(pod["metadata"]["name"])
    words = list(events.words(pod["metadata"]["uid"]))
    lines, unread = _lines(space, name, _worst(pod))
    return evidence(name, words, lines, [one for one in (events.unread, unread) if one])


def _worst(pod: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Answer the state of the container that is to blame: one that ended with an error, else one that is not ready."""
    states = list(containers_of(pod.get("status") or {}))
    blamed = [
        one for one in states if (_ended(one, "state") or _ended(one, "lastState") or {}).get("exitCode")
    ]
    return next(iter([*blamed, *(one for one in states if not one.get("ready"))]), None)


def _lines(space: Namespace, pod: str, container: Mapping[str, Any] | None) -> tuple[list[str], str]:
    """Read the last lines: of the run before where a container has been started again since, else of this one. With why
    they may not be read, if so."""
    if container is None or not (container.get("containerID") or _ended(container, "lastState")):
        return [], ""  # it never ran
    again = _ended(container, "lastState") is not None and _ended(container, "state") is None
    path = space.api.path("v1", "Pod", pod, "log")
    for previous in ("true", "false") if again else ("false",):
        query = {
            "container": str(container["name"]),
            "tailLines": str(LINES),
            "limitBytes": str(_BYTES),
            "previous": previous,
        }
        try:
            if lines := space.api.text(path, query, seconds=WITHIN).splitlines():
                return lines, ""
        except PermissionMissing as error:
            return [], f"{error.message} {error.hint}"
        except DreamNetError:
            continue  # it is gone: then there are no lines
    return [], ""


def _ended(container: Mapping[str, Any], when: str) -> Mapping[str, Any] | None:
    return (container.get(when) or {}).get("terminated")
