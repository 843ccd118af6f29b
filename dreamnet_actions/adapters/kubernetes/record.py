"""What DreamNet keeps in the cluster about a service: which run it wants, and what ran before.

All of it is in the workload's own annotation ``dreamnet.dev/record``, so that one server-side apply changes the
workload and the record together: nothing can be cut between the two. What a release consists of stands in
ControllerRevisions (apps/v1, Kubernetes' own kind for former states), named by their content and never changed; a
ReplicaSet that the cluster has collected is no loss.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dreamnet_actions.adapters.kubernetes.api import Api, Object
from dreamnet_actions.domain.release import Release
from dreamnet_actions.errors import StateDamaged

RECORD = "dreamnet.dev/record"
"""The annotation of a workload that holds its record."""
VERSION = "dreamnet.dev/version"
"""The annotation of a pod that says which version it runs."""
RUN = "dreamnet.dev/run"
"""The annotation of a pod that names the run (release and restart) that it is of."""
SERVICE = "dreamnet.dev/service"
"""The label of all that belongs to a service."""
TRACK = "dreamnet.dev/track"
"""The label of what belongs to a canary."""
OURS = {"app.kubernetes.io/managed-by": "dreamnet"}
KEPT = 20
"""How many former runs are kept."""
TOKENS = 20
"""How many tokens of restarts and undos are remembered."""


@dataclass(frozen=True)
class Run:
    """A revision (by its hash), and the token of the restart that it runs after."""

    revision: str
    restart: str | None = None

    @property
    def mark(self) -> str:
        """What marks the pods of this run."""
        return hashlib.sha256(f"{self.revision}\n{self.restart or ''}".encode()).hexdigest()[:16]

    def to_json(self) -> list[str | None]:
        """Answer plain data."""
        return [self.revision, self.restart]


@dataclass(frozen=True, kw_only=True)
class Record:
    """What is wanted of one service. ``undone`` has the revision that each undo went back to, by token."""

    stable: Run
    former: tuple[Run, ...] = ()
    restarted: tuple[str, ...] = ()
    undone: Mapping[str, str] = field(default_factory=dict)
    share: float = 0.0
    """The canary's share of the traffic."""
    promoted: bool = False
    """Of a canary: it has become stable, and serves only until that is ready."""

    def pushed(self, run: Run) -> Record:
        """Another run takes over; the one before is the newest former one."""
        return replace(self, stable=run, former=(self.stable, *self.former)[:KEPT])

    def restarted_by(self, token: str) -> Record:
        """The same revision starts afresh."""
        run = replace(self.stable, restart=token)
        return replace(self, stable=run, restarted=(*self.restarted, token)[-TOKENS:])

    def back(self, token: str) -> Record:
        """The newest former run takes over again, just as it was."""
        undone = {**self.undone, token: self.former[0].revision}
        kept = dict(list(undone.items())[-TOKENS:])
        return replace(self, stable=self.former[0], former=self.former[1:], undone=kept)

    def revisions(self) -> set[str]:
        """Answer every revision that this record speaks of."""
        return {self.stable.revision, *(one.revision for one in self.former), *self.undone.values()}

    def text(self) -> str:
        """Write the annotation's value."""
        data = {
            "stable": self.stable.to_json(),
            "former": [one.to_json() for one in self.former],
            "restarted": list(self.restarted),
            "undone": dict(self.undone),
            "share": self.share,
            "promoted": self.promoted,
        }
        return json.dumps(data, separators=(",", ":"))


def record_of(workload: Mapping[str, Any] | None) -> Record | None:
    """Read a workload's record; None where it has none. Raises StateDamaged for one that is no record of ours."""
    notes = ((workload or {}).get("metadata") or {}).get("annotations") or {}
    if (text := notes.get(RECORD)) is None:
        return None
    try:
        data = json.loads(text)
        return Record(
            stable=Run(*data["stable"]),
            former=tuple(Run(*one) for one in data["former"]),
            restarted=tuple(data["restarted"]),
            undone=dict(data["undone"]),
            share=float(data["share"]),
            promoted=bool(data["promoted"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        name = (workload or {})["metadata"]["name"]
        raise StateDamaged(f"the annotation {RECORD} of {name}", str(error)) from error


@dataclass(frozen=True, kw_only=True)
class Revision:
    """One release as the cluster has to have it: ``objects`` in the order of applying, the workload last."""

    release: Release
    objects: Sequence[Object]
    whole: bool = True
    """False where only the workload's image is ours to say."""

    @property
    def hash(self) -> str:
        """The name of its content."""
        text = json.dumps([self.release.to_json(), list(self.objects), self.whole], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def workload(self) -> Object:
        """The workload's manifest."""
        return self.objects[-1]


class Revisions:
    """The ControllerRevisions of one platform."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: dict[tuple[str, str], Revision] = {}
        self._before: dict[str, str] = {}

    def called(self, service: str, before: str) -> None:
        """Note that a service had another name when releases of it were written down."""
        self._before[service] = before

    def keep(self, service: str, revision: Revision) -> str:
        """Write a revision down, once; answer its hash."""
        name = _name(service, revision.hash)
        data = {
            "release": revision.release.to_json(),
            "objects": list(revision.objects),
            "whole": revision.whole,
        }
        self._api.create({
            "apiVersion": "apps/v1",
            "kind": "ControllerRevision",
            "metadata": {"name": name, "labels": {**OURS, SERVICE: service}},
            "revision": 1,
            "data": data,
        })  # fmt: skip
        self._known[service, revision.hash] = revision
        return revision.hash

    def get(self, service: str, digest: str) -> Revision:
        """Read a revision. Raises StateDamaged where it is gone."""
        if (known := self._known.get((service, digest))) is not None:
            return known
        name = _name(service, digest)
        found = self._api.get("apps/v1", "ControllerRevision", name)
        if found is None and (before := self._before.get(service)) is not None:
            found = self._api.get("apps/v1", "ControllerRevision", _name(before, digest))
        if found is None:
            raise StateDamaged(f"the ControllerRevision {name}", "it is gone")
        data = found["data"]
        made = Revision(
            release=Release.from_json(data["release"]), objects=data["objects"], whole=data["whole"]
        )
        self._known[service, digest] = made
        return made

    def drop(self, service: str, digest: str) -> None:
        """Delete a revision that nothing speaks of any more."""
        self._api.delete("apps/v1", "ControllerRevision", _name(service, digest))
        self._known.pop((service, digest), None)


def _name(service: str, digest: str) -> str:
    return f"dreamnet-{service}-{digest}"
