"""Events (v1): what the cluster's parts say of an object, where its status does not say it.

Some faults are told by events alone: a volume's ConfigMap that is missing, a StatefulSet's pod that may not be made.
They are asked for where something has waited for a while without a word, and where a failure is told to people; and not
at all where the Role does not allow it: reasons are shorter then, and where a failed release is told of it says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dreamnet_actions.adapters.kubernetes.api import MANAGER, Object
from dreamnet_actions.adapters.kubernetes.refusals import Refusal, refusal
from dreamnet_actions.adapters.kubernetes.verdicts import creating, passes
from dreamnet_actions.domain.evidence import cleaned
from dreamnet_actions.errors import DreamNetError, PermissionMissing
from dreamnet_actions.ports.system import Clock

if TYPE_CHECKING:
    from dreamnet_actions.adapters.kubernetes.namespace import Namespace

AGAIN = 0.5
"""Seconds after which an object's events are asked for again."""
SILENT = 1.5
"""Seconds that a pod may be in the making before anybody asks why."""


class Events:
    """The events of one namespace, by the object that they are about."""

    def __init__(self, space: Namespace, clock: Clock) -> None:
        self._space, self._clock = space, clock
        self._known: dict[str, tuple[float, list[Object]]] = {}
        self.unread = ""
        """Why they may not be read, once that is known."""

    def of(self, uid: str) -> list[Object]:
        """Answer the events about the object with this uid, oldest first; none where they cannot be read."""
        now = self._clock.monotonic()
        asked, found = self._known.get(uid, (-AGAIN, []))
        if self.unread or now - asked < AGAIN:
            return found
        try:
            listed = self._space.api.list("v1", "Event", fields=f"involvedObject.uid={uid}")
            found = sorted(listed.get("items", []), key=_when)
        except PermissionMissing as error:
            self.unread = f"{error.message} {error.hint}"
        except DreamNetError:
            pass  # what is known is told
        self._known[uid] = (now, found)
        return found

    def words(self, uid: str) -> Iterator[str]:
        """Answer what the events about an object say, for people: the warnings, else all; oldest first."""
        found = self.of(uid)
        for one in [one for one in found if one.get("type") == "Warning"] or found:
            times = int(one.get("count") or (one.get("series") or {}).get("count") or 1)
            yield f"{one.get('reason', '')}: {one.get('message', '')}" + (
                f" ({times} times)" if times > 1 else ""
            )

    def refusal(self, workload: Mapping[str, Any]) -> Refusal | None:
        """Say why a controller that has no condition for it (StatefulSet, DaemonSet, Job) can make no pod."""
        since = _changed(workload)
        for one in reversed(self.of(workload["metadata"]["uid"])):
            if one.get("reason") == "FailedCreate" and _when(one) > since:
                return refusal(str(one.get("message", "")))
        return None

    def mount(self, pod: Mapping[str, Any]) -> str | None:
        """Say which volume a pod waits for in vain: a ConfigMap or Secret that is not there. None where it is not that,
        or has not waited long."""
        age = self._clock.now() - datetime.fromisoformat(pod["metadata"]["creationTimestamp"]).timestamp()
        if age < SILENT or not creating(pod):
            return None
        for one in reversed(self.of(pod["metadata"]["uid"])):
            said = str(one.get("message", ""))
            if one.get("reason") == "FailedMount" and not passes(said) and "not found" in said:
                return f"a volume cannot be mounted: {cleaned(said)}"
        return None


def _when(event: Mapping[str, Any]) -> str:
    """Answer when an event was seen last; RFC 3339 in UTC sorts as text."""
    series = event.get("series") or {}
    last = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return str(last or event["metadata"].get("creationTimestamp") or "")


def _changed(workload: Mapping[str, Any]) -> str:
    """Answer when we applied the workload last, to the second; what happened before is of another release."""
    managed = workload["metadata"].get("managedFields") or []
    return max((str(one.get("time") or "") for one in managed if one.get("manager") == MANAGER), default="")
