"""Why a workload's controller can make no pod, or has given up: what its conditions and events mean. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dreamnet_actions.adapters.kubernetes.api import Object
from dreamnet_actions.adapters.kubernetes.record import RUN
from dreamnet_actions.adapters.kubernetes.references import template_of
from dreamnet_actions.adapters.kubernetes.verdicts import passes
from dreamnet_actions.domain.evidence import cleaned

REVISION = "deployment.kubernetes.io/revision"
"""The annotation by which a Deployment's controller counts its ReplicaSets."""
_SOON = ("error looking up service account", "object has been modified", "is being terminated")
"""Words of what a moment may mend: an account that was made just now, a namespace that goes."""
_NOT_ASKED = ("failed calling webhook", "internal error occurred", "etcdserver")
"""Words of a server that could not decide; that is no word on the pod."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why no pod is made. ``final``: waiting does not mend it. ``ours``: nobody has decided, so it is no failure."""

    text: str
    final: bool
    ours: bool = False
    deadline: bool = False
    """The rollout's own deadline is over: that is the word on all of its pods."""


def refusal(message: str) -> Refusal:
    """Judge the API server's word on a pod that could not be made: a quota, a policy and an admission webhook that said
    no are final; a webhook that did not answer is none of the pod's."""
    low, text = message.lower(), f"no pod can be made: {cleaned(message, 500)}"
    if any(one in low for one in _NOT_ASKED) or passes(low):
        return Refusal(text=text, final=False, ours=True)
    return Refusal(text=text, final=not any(one in low for one in _SOON))


def refused(workload: Mapping[str, Any], sets: Iterable[Object]) -> Refusal | None:
    """Say why a Deployment cannot go on. ``sets`` are all ReplicaSets of the namespace: the conditions of its newest
    are of this rollout, while those of the Deployment may be of the one before."""
    if workload["kind"] != "Deployment":
        return None
    newest = replica_set_of(workload, sets)
    for one in _conditions(newest):
        if one.get("type") == "ReplicaFailure" and one.get("status") == "True":
            return refusal(str(one.get("message", "")))
    for one in _conditions(workload):
        said = str(one.get("message", ""))
        if one.get("type") != "Progressing" or one.get("reason") != "ProgressDeadlineExceeded":
            continue
        named = re.search(r'^ReplicaSet "([^"]+)"', said)
        if named is None or newest is None or named[1] == newest["metadata"]["name"]:
            text = f"it made no progress within progressDeadlineSeconds: {cleaned(said)}"
            return Refusal(text=text, final=True, deadline=True)
    return None


def replica_set_of(workload: Mapping[str, Any], sets: Iterable[Object]) -> Object | None:
    """Answer the ReplicaSet of what a Deployment wants now: the one of our run, else the newest."""
    uid, wanted = workload["metadata"]["uid"], _run(workload)
    owned = [one for one in sets if _owner(one) == uid and (wanted is None or _run(one) == wanted)]
    return max(owned, key=_number, default=None)


def _number(one: Object) -> int:
    said = (one["metadata"].get("annotations") or {}).get(REVISION, "")
    return int(said) if said.isdigit() else 0


def _run(thing: Mapping[str, Any]) -> str | None:
    notes: Mapping[str, str] = (template_of(thing).get("metadata") or {}).get("annotations") or {}
    return notes.get(RUN)


def _owner(thing: Object) -> str | None:
    owners: Iterable[Mapping[str, Any]] = thing["metadata"].get("ownerReferences") or []
    return next((str(one["uid"]) for one in owners if one.get("controller")), None)


def _conditions(thing: Mapping[str, Any] | None) -> Iterable[Mapping[str, Any]]:
    return ((thing or {}).get("status") or {}).get("conditions") or []
