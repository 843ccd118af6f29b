"""What the state of a pod means: well, on its way, or beyond hope, and why in plain words. Pure.

Fatal at once is what waiting does not mend; what clears up by itself is not. The lists are those that krane
(``lib/krane/kubernetes_resource/pod.rb``) and k8sgpt (``pkg/analyzer/pod.go``) came to, by the reasons that the kubelet
gives (``pkg/kubelet/images/types.go``, ``pkg/kubelet/container/sync_result.go`` of kubernetes/kubernetes).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dreamnet_actions.domain.release import ReplicaState

FATAL = frozenset({
    "CreateContainerConfigError", "CreateContainerError", "CrashLoopBackOff", "ErrImageNeverPull", "InvalidImageName",
    "RunContainerError", "PreCreateHookError", "PreStartHookError", "PostStartHookError", "ImageInspectError",
})  # fmt: skip
"""Reasons of a waiting container that waiting does not mend."""
_PULL = frozenset({"ErrImagePull", "ImagePullBackOff"})
_NO_IMAGE = (
    "not found",
    "manifest unknown",
    "repository does not exist",
    "name unknown",
    "failed to resolve reference",
)
"""What a registry says of an image that is not there; anything else of a pull (network, a limit) may pass."""
_CACHE = "failed to sync"
"""The kubelet's word on a ConfigMap or Secret that it has not heard of yet."""
_NOT_STARTED = 128
"""The exit code of a container whose runtime gave up before the program began."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One pod: its ``state``, whether and why it is beyond hope (``fatal``), and what to say of it while it is not
    ready (``why``)."""

    state: ReplicaState
    fatal: str | None = None
    why: str | None = None
    restarts: int = 0
    exit_status: int | None = None


def judge(pod: Mapping[str, Any], ready: str = "Ready") -> Judged:
    """Judge one pod by its status alone. ``ready`` is the condition that makes it ready: ``ContainersReady`` leaves its
    readiness gates out."""
    status = pod.get("status") or {}
    containers = list(_containers(status))
    restarts = sum(int(one.get("restartCount", 0)) for one in containers)
    ended = next((code for one in containers if (code := _exit(one)) is not None), None)
    told = Judged(state="starting", restarts=restarts, exit_status=ended)
    if status.get("phase") in ("Failed", "Succeeded"):
        return _with(told, state="exited", why=_of_phase(status))
    fatal = next((why for one in containers if (why := _fatal(one))), None)
    waiting = any(_reason(one) == "CrashLoopBackOff" or _reason(one) in _PULL for one in containers)
    if fatal:
        return _with(told, state="back-off" if waiting else "exited", fatal=fatal, why=fatal)
    if condition(pod, ready) == "True":
        return _with(told, state="ready")
    why = next((one for one in (*map(_waits, containers), _unscheduled(status)) if one), None)
    if waiting:
        return _with(told, state="back-off", why=why)
    running = containers and all("running" in (one.get("state") or {}) for one in containers)
    was_ready = any(one.get("started") for one in containers) and restarts > 0
    if running and was_ready:
        return _with(told, state="unready", why=why or "does not pass its readiness probe")
    return _with(
        told, state="starting", why=why or ("does not pass its readiness probe" if running else None)
    )


def condition(thing: Mapping[str, Any], kind: str) -> str | None:
    """Answer the status of one condition: ``True``, ``False``, ``Unknown``; None where it is not said."""
    conditions = (thing.get("status") or {}).get("conditions") or []
    return next((one.get("status") for one in conditions if one.get("type") == kind), None)


def _containers(status: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from status.get("initContainerStatuses") or []
    yield from status.get("containerStatuses") or []


def _reason(container: Mapping[str, Any]) -> str:
    return str(((container.get("state") or {}).get("waiting") or {}).get("reason", ""))


def _exit(container: Mapping[str, Any]) -> int | None:
    """Answer how a container ended last, if it ended with an error."""
    for name in ("state", "lastState"):
        ended = (container.get(name) or {}).get("terminated")
        if ended and ended.get("exitCode"):
            return int(ended["exitCode"])
    return None


def _fatal(container: Mapping[str, Any]) -> str | None:
    name = container.get("name", "")
    waiting = (container.get("state") or {}).get("waiting") or {}
    reason, message = str(waiting.get("reason", "")), " ".join(str(waiting.get("message", "")).split())[:300]
    if reason in _PULL:
        gone = any(one in message.lower() for one in _NO_IMAGE)
        return f"the image {container.get('image', '')} was not found ({reason})" if gone else None
    if reason not in FATAL or (reason == "CreateContainerConfigError" and _CACHE in message):
        return None
    code = _exit(container)
    if reason == "CrashLoopBackOff":
        if code == _NOT_STARTED:
            return None
        ended = f" with exit code {code}" if code is not None else ""
        last = (container.get("lastState") or {}).get("terminated") or {}
        killed = " (out of memory)" if last.get("reason") == "OOMKilled" else ""
        return f"container {name} ended{ended}{killed} again and again ({reason})"
    return f"container {name} cannot be started: {message or reason} ({reason})"


def _waits(container: Mapping[str, Any]) -> str | None:
    waiting = (container.get("state") or {}).get("waiting") or {}
    if not waiting or waiting.get("reason") in ("ContainerCreating", "PodInitializing", None):
        return None
    return f"container {container.get('name', '')} waits: {waiting['reason']}"


def _unscheduled(status: Mapping[str, Any]) -> str | None:
    for one in status.get("conditions") or []:
        if one.get("type") == "PodScheduled" and one.get("status") == "False":
            return f"no node takes it: {' '.join(str(one.get('message', '')).split())[:300]}"
    return None


def _of_phase(status: Mapping[str, Any]) -> str:
    reason = status.get("reason")
    return f"ended: {reason}" if reason else f"ended ({status.get('phase')})"


def _with(judged: Judged, *, state: ReplicaState, fatal: str | None = None, why: str | None = None) -> Judged:
    return Judged(state=state, fatal=fatal, why=why, restarts=judged.restarts, exit_status=judged.exit_status)
