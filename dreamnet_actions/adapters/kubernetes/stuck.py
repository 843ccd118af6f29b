"""Pods of a StatefulSet that hold its next release up.

A StatefulSet's controller waits for a pod that never becomes ready, also when the release that the pod is of was taken
back; somebody has to delete it (kubernetes.io, "StatefulSets", "Forced rollback"). Here that is DreamNet: only pods
that are not ready, and only of a run that is not wanted any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dreamnet_actions.adapters.kubernetes.record import RUN, Record
from dreamnet_actions.adapters.kubernetes.rendering import kind_and_name
from dreamnet_actions.adapters.kubernetes.verdicts import condition
from dreamnet_actions.adapters.kubernetes.workloads import pods_of

if TYPE_CHECKING:
    from dreamnet_actions.adapters.kubernetes.namespace import Namespace
    from dreamnet_actions.adapters.kubernetes.options import KubernetesWorkload
    from dreamnet_actions.ports.system import Clock

SEEN_WITHIN = 5.0
"""Seconds that the controller is given to see what is wanted: a pod that goes before would come back as it was."""
_LOOK = 0.05


def free(space: Namespace, keys: KubernetesWorkload, record: Record, clock: Clock) -> None:
    """Delete the pods of a StatefulSet that are neither ready nor of the run that is wanted; of others nothing."""
    if kind_and_name(keys)[0] != "StatefulSet":
        return
    until = clock.monotonic() + SEEN_WITHIN
    while (live := space.live(keys)) is not None:
        seen = int((live.get("status") or {}).get("observedGeneration", 0))
        if seen >= int(live["metadata"]["generation"]) or clock.monotonic() >= until:
            break
        clock.sleep(_LOOK)
    if live is None:
        return
    for pod in pods_of(live, space.informers.read()):
        notes = pod["metadata"].get("annotations") or {}
        if notes.get(RUN) != record.stable.mark and condition(pod, "Ready") != "True":
            space.api.delete("v1", "Pod", pod["metadata"]["name"], uid=pod["metadata"]["uid"])
