"""What releases leave behind, and who may delete it.

Deleted is only what a release of this service put there (it is in one of its revisions), what still has the label of
this service, and what no revision of another service in the namespace holds or reads. PersistentVolumeClaims stay, for
they are data, and so do Jobs, which go by themselves. Immutable ConfigMaps and copies of Secrets stay as long as a
release that reads them can come back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dreamnet_actions.adapters.kubernetes.copies import is_copy
from dreamnet_actions.adapters.kubernetes.record import OURS, SERVICE, Record
from dreamnet_actions.adapters.kubernetes.references import read_by

if TYPE_CHECKING:
    from dreamnet_actions.adapters.kubernetes.api import Object
    from dreamnet_actions.adapters.kubernetes.namespace import Namespace

_KEPT = frozenset({"PersistentVolumeClaim", "Job"})
_MANAGED = ",".join(f"{key}={value}" for key, value in OURS.items())


@dataclass(frozen=True, kw_only=True)
class Left:
    """One object that nothing needs any more."""

    version: str
    kind: str
    name: str
    uid: str


class Pruning:
    """Finds and deletes what is left in one namespace."""

    def __init__(self, space: Namespace) -> None:
        self._space = space

    def left_by(self, service: str, record: Record, now: Sequence[Object]) -> list[Left]:
        """Answer what the kept releases of a service put there and ``now``, the objects that count, does not hold."""
        wanted = {_key(one) for one in now}
        revisions = [self._space.revisions.get(service, one) for one in sorted(record.revisions())]
        gone = {
            _key(one): one
            for revision in revisions
            if revision.whole
            for one in revision.objects[:-1]
            if _key(one) not in wanted and one["kind"] not in _KEPT and not _is_hashed(one)
        }
        if not gone:
            return []
        used = {key for one in self._kept() if _service(one) != service for key in _keys(one)}
        return [found for key, one in gone.items() if key not in used and (found := self._ours(service, one))]

    def forget(self, service: str, kept: set[str], *, prune: bool) -> None:
        """Delete the revisions of a service that are not ``kept``, and with ``prune`` the ConfigMaps and copies that
        only these read."""
        everything = self._kept()
        forgotten = [one for one in everything if _service(one) == service and _digest(one) not in kept]
        names = {one["metadata"]["name"] for one in forgotten}
        stay = [one for one in everything if one["metadata"]["name"] not in names]
        needed = {key for one in stay for key in read_by(one["data"]["objects"])}
        for one in forgotten:
            for kind, name in sorted(read_by(one["data"]["objects"]) - needed) if prune else ():
                live = self._space.api.get("v1", kind, name)
                hashed = live is not None and (is_copy(live) or (kind == "ConfigMap" and _is_hashed(live)))
                if live is not None and hashed and (left := self._ours(service, live)):
                    self.delete(left)
            self._space.revisions.drop(service, _digest(one))

    def delete(self, left: Left) -> None:
        """Delete it, unless another of that name has come meanwhile."""
        self._space.api.delete(left.version, left.kind, left.name, uid=left.uid)

    def _kept(self) -> list[Object]:
        """Answer the revisions of all services in the namespace."""
        found = self._space.api.list("apps/v1", "ControllerRevision", labels=_MANAGED)
        return [one for one in found.get("items", []) if SERVICE in (one["metadata"].get("labels") or {})]

    def _ours(self, service: str, one: Mapping[str, Any]) -> Left | None:
        version, kind, name = one.get("apiVersion", "v1"), one.get("kind"), one["metadata"]["name"]
        live = self._space.api.get(version, str(kind), name)
        labels = ((live or {}).get("metadata") or {}).get("labels") or {}
        if live is None or labels.get(SERVICE) != service or not OURS.items() <= labels.items():
            return None
        return Left(version=version, kind=str(kind), name=name, uid=live["metadata"]["uid"])


def _is_hashed(one: Mapping[str, Any]) -> bool:
    return one["kind"] == "ConfigMap" and bool(one.get("immutable"))


def _key(one: Mapping[str, Any]) -> tuple[str, str, str]:
    return one["apiVersion"].rpartition("/")[0], one["kind"], one["metadata"]["name"]


def _keys(revision: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Answer all that a revision holds or reads."""
    objects = revision["data"]["objects"]
    yield from map(_key, objects)
    for kind, name in read_by(objects):
        yield "", kind, name


def _service(revision: Mapping[str, Any]) -> str:
    return str(revision["metadata"]["labels"][SERVICE])


def _digest(revision: Mapping[str, Any]) -> str:
    return str(revision["metadata"]["name"]).rpartition("-")[2]
