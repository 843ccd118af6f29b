"""What the state of a pod means: well, on its way, or beyond hope, and why in plain words. Pure.

Fatal at once is what waiting does not mend; what clears up by itself is not. The lists are those that krane
(``lib/krane/kubernetes_resource/pod.rb``) and k8sgpt (``pkg/analyzer/pod.go``) came to, by the reasons that the kubelet
gives (``pkg/kubelet/images/types.go``, ``pkg/kubelet/container/sync_result.go`` of kubernetes/kubernetes); the words of
registries and of containerd are those that were seen on a real cluster (``tests/unit/kubernetes/recorded.json``).
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from dreamnet_actions.domain.evidence import cleaned
from dreamnet_actions.domain.release import ReplicaState

FATAL = frozenset({
    "CreateContainerConfigError", "CreateContainerError", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError",
    "PostStartHookError", "PreCreateHookError", "PreStartHookError", "RunContainerError", "SignatureValidationFailed",
})  # fmt: skip
"""Reasons of a waiting container that waiting does not mend."""
PULLS = frozenset({"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable"})
CRASH_LOOP = "CrashLoopBackOff"
_NO_IMAGE = (
    "not found", "manifest unknown", "name unknown", "repository does not exist", "no match for platform",
    "no matching manifest",
)  # fmt: skip
"""What a registry says of an image that is not there (or is for other machines)."""
_DENIED = ("pull access denied", "401 unauthorized", "403 forbidden", "authentication required", "denied:")
"""What it says of one that may not be had."""
_PASSES = (
    "failed to sync", "not registered", "context deadline exceeded", "context canceled", "timed out", "timeout",
    "too many requests", "failed to reserve container name", "connection refused", "connection reset", "no such host",
    "unexpected eof", "i/o timeout", "temporary failure", "qps exceeded", "failed to do request",
)  # fmt: skip
"""Words of what may pass by itself: the kubelet's caches, a registry or runtime that did not answer in time."""
_NOT_STARTED = 128
"""The exit code of a container whose runtime gave up before the program began."""
_NO_PROGRAM = (
    "no such file or directory", "not a directory", "permission denied", "executable file not found",
    "exec format error",
)  # fmt: skip
_CREATING = ("ContainerCreating", "PodInitializing", None)
_FORGOTTEN = 600.0
"""Seconds of running well after which the kubelet forgives a crash (``MaxContainerBackOff`` twice)."""


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
    containers = list(containers_of(status))
    restarts = sum(int(one.get("restartCount", 0)) for one in containers)
    ended = next((code for one in containers if (code := _exit(one)) is not None), None)
    told = Judged(state="starting", restarts=restarts, exit_status=ended)
    if status.get("phase") in ("Failed", "Succeeded"):
        return replace(told, state="exited", why=_of_phase(status))
    always = (pod.get("spec") or {}).get("restartPolicy", "Always") == "Always"
    stays = [one.get("name") for one in _mains(status)] if always else []
    looping = [one for one in containers if _crashes(one, stays=one.get("name") in stays)]
    fatal = next((why for one in containers if (why := _fatal(one, looping=one in looping))), None)
    waiting = bool(looping) or any(_reason(one) in PULLS for one in containers)
    if fatal:
        return replace(told, state="back-off" if waiting else "exited", fatal=fatal, why=fatal)
    if condition(pod, ready) == "True":
        return replace(told, state="ready")
    why = next((one for one in (*map(_waits, containers), _unscheduled(status)) if one), None)
    if waiting:
        return replace(told, state="back-off", why=why)
    if why is None and away(pod, ready):
        return replace(told, why="its node does not answer")
    running = bool(containers) and all("running" in (one.get("state") or {}) for one in _mains(status))
    why = why or ("does not pass its readiness probe" if running else None)
    fell = running and _was_ready(ready, status)
    return replace(told, state="unready" if fell else "starting", why=why)


def condition(thing: Mapping[str, Any], kind: str) -> str | None:
    """Answer the status of one condition: ``True``, ``False``, ``Unknown``; None where it is not said."""
    conditions = (thing.get("status") or {}).get("conditions") or []
    return next((one.get("status") for one in conditions if one.get("type") == kind), None)


def away(pod: Mapping[str, Any], ready: str = "Ready") -> bool:
    """Say whether a pod is called not ready by others than its kubelet, which said that all is well before it fell
    silent (the node lifecycle controller takes ``Ready`` from the pods of a node that does not answer)."""
    if (pod.get("spec") or {}).get("readinessGates") or condition(pod, ready) in (None, "True"):
        return False
    return bool(_mains(pod.get("status") or {})) and condition(pod, "ContainersReady") == "True"


def containers_of(status: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Answer the states of all of a pod's containers, in the order in which they start."""
    yield from status.get("initContainerStatuses") or []
    yield from _mains(status)


def creating(pod: Mapping[str, Any]) -> bool:
    """Say whether a pod has a node and still waits for its containers to be made: what stands in the way then (a
    volume, an address) is told by events only."""
    status = pod.get("status") or {}
    states = [one.get("state") or {} for one in _mains(status)]
    placed = condition(pod, "PodScheduled") == "True"
    return placed and any((one.get("waiting") or {}).get("reason") == "ContainerCreating" for one in states)


def passes(message: str) -> bool:
    """Say whether what a message tells of may pass by itself."""
    low = message.lower()
    return any(one in low for one in _PASSES)


def exit_words(code: int) -> str:
    """Write an exit code as people say it: ``exit code 137 (SIGKILL)``."""
    try:
        return f"exit code {code} ({signal.Signals(code - 128).name})" if code > 128 else f"exit code {code}"
    except ValueError:
        return f"exit code {code}"


def _mains(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return status.get("containerStatuses") or []


def _reason(container: Mapping[str, Any]) -> str:
    return str(((container.get("state") or {}).get("waiting") or {}).get("reason", ""))


def _ended(container: Mapping[str, Any]) -> Mapping[str, Any]:
    """Answer how a container ended last; nothing where it never did."""
    for name in ("state", "lastState"):
        if ended := (container.get(name) or {}).get("terminated"):
            return dict(ended)
    return {}


def _exit(container: Mapping[str, Any]) -> int | None:
    """Answer the exit code with which a container ended last, if it ended with an error."""
    return int(_ended(container).get("exitCode") or 0) or None


def _fatal(container: Mapping[str, Any], *, looping: bool) -> str | None:
    name = container.get("name", "")
    waiting = (container.get("state") or {}).get("waiting") or {}
    reason, message = str(waiting.get("reason", "")), cleaned(str(waiting.get("message", "")))
    if reason in PULLS:
        return _no_image(container, reason, str(waiting.get("message", "")))
    if reason in FATAL and not (passes(message) and not _no_program(message)):
        return f"container {name} cannot be started: {message or reason} ({reason})"
    return _crash(container) if looping else None


def _no_image(container: Mapping[str, Any], reason: str, message: str) -> str | None:
    low, image = message.lower(), container.get("image", "")
    if reason == "RegistryUnavailable" or passes(low):
        return None
    if any(one in low for one in _DENIED):
        return f"the image {image} may not be pulled, or is not there: {cleaned(message)} ({reason})"
    if any(one in low for one in _NO_IMAGE):
        return f"the image {image} was not found ({reason})"
    return None


def _no_program(message: str) -> bool:
    return any(one in message.lower() for one in _NO_PROGRAM)


def _crashes(container: Mapping[str, Any], *, stays: bool) -> bool:
    """Say whether a container ends again and again: by the kubelet's word, or because it has just ended for the second
    time in a row, each time soon. The kubelet's back-off follows then, but its status says so only later. ``stays``:
    its program is to run on, so that also a good end is none."""
    if _reason(container) == CRASH_LOOP:
        return True
    now, before = ((container.get(one) or {}).get("terminated") for one in ("state", "lastState"))
    if not now or not before or not (now.get("exitCode") or stays):
        return False
    return int(container.get("restartCount", 0)) > 0 and max(_lasted(now), _lasted(before)) < _FORGOTTEN


def _lasted(ended: Mapping[str, Any]) -> float:
    """Answer how many seconds a container ran; one that never started says 1970."""
    try:
        began, end = (datetime.fromisoformat(ended[one]) for one in ("startedAt", "finishedAt"))
    except (KeyError, TypeError, ValueError):
        return 0.0
    return (end - began).total_seconds() if began.year > 1970 else 0.0


def _crash(container: Mapping[str, Any]) -> str | None:
    name, ended = container.get("name", ""), _ended(container)
    code, said = int(ended.get("exitCode") or 0), cleaned(str(ended.get("message") or ""))
    if code == _NOT_STARTED and ended.get("reason") in ("StartError", "ContainerCannotRun"):
        if not _no_program(said):
            return None  # the runtime's own trouble: it tries again
        return f"container {name} cannot be started: {said}"
    reason = f" ({_reason(container)})" if _reason(container) else ""
    memory = " (out of memory)" if ended.get("reason") == "OOMKilled" else ""
    return f"container {name} ended with {exit_words(code)}{memory} again and again{reason}" + (
        f": {said}" if said else ""
    )


def _waits(container: Mapping[str, Any]) -> str | None:
    waiting = (container.get("state") or {}).get("waiting") or {}
    name, reason = container.get("name", ""), waiting.get("reason")
    if not waiting or reason in _CREATING:
        ended = _ended(container)
        code = int(ended.get("exitCode") or 0)
        return (
            f"container {name} ended with {exit_words(code)}" if code and not container.get("ready") else None
        )
    message = cleaned(str(waiting.get("message", "")))
    return f"container {name} waits: {reason}" + (f" ({message})" if message else "")


def _unscheduled(status: Mapping[str, Any]) -> str | None:
    for one in status.get("conditions") or []:
        if one.get("type") == "PodScheduled" and one.get("status") == "False":
            return f"no node takes it: {cleaned(str(one.get('message', '')))}"
    return None


def _was_ready(ready: str, status: Mapping[str, Any]) -> bool:
    """Say whether a pod that is not ready was so since its containers started: only then has the condition changed
    after that."""
    conditions = status.get("conditions") or []
    changed = next(
        (str(one.get("lastTransitionTime") or "") for one in conditions if one.get("type") == ready), ""
    )
    started = [str(one["state"]["running"].get("startedAt") or "") for one in _mains(status)]
    return bool(changed) and changed > max(started, default="")


def _of_phase(status: Mapping[str, Any]) -> str:
    reason, said = status.get("reason"), cleaned(str(status.get("message") or ""))
    told = f"ended: {reason}" if reason else f"ended ({status.get('phase')})"
    return f"{told}: {said}" if said else told
