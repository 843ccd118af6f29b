"""Which services' pods read a Secret or ConfigMap, and which ones workloads name at all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dreamnet_actions.adapters.kubernetes.copies import COPY_OF
from dreamnet_actions.adapters.kubernetes.references import config_of, pods_in
from dreamnet_actions.adapters.kubernetes.sets import SET_OF
from dreamnet_actions.errors import DreamNetError, PermissionMissing

if TYPE_CHECKING:
    from dreamnet_actions.adapters.kubernetes.api import Api, Object
    from dreamnet_actions.adapters.kubernetes.namespace import Namespace
    from dreamnet_actions.adapters.kubernetes.platform import KubernetesPlatform

_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job")


def readers(platform: KubernetesPlatform, kind: str, name: str) -> tuple[str, ...]:
    """Answer the platform's configured services whose pods read the object: itself, a copy or a set of it. Of a service
    that is not there yet the manifests tell; where they cannot be read, its first deploy says so."""
    space = platform.space
    live = space.services(space.informers.read())
    known: dict[str, bool] = {}
    return tuple(
        service
        for service in space.configured
        if any(
            _is_it(space.api, kind, name, one, known)
            for one in _named([live[service]] if service in live else _to_be(platform, service), kind)
        )
    )


def live_names(space: Namespace, kind: str) -> set[str]:
    """Answer the names of this kind that the namespace's workloads name now."""
    objects = space.informers.read()
    workloads = [one for each in _WORKLOADS for one in objects.get(each, {}).values()]
    return set(_named(workloads, kind))


def _named(objects: Iterable[Mapping[str, Any]], kind: str) -> Iterator[str]:
    for thing in objects:
        for pod in pods_in(thing):
            yield from (one.name for one in config_of(pod) if one.kind == kind)


def _to_be(platform: KubernetesPlatform, service: str) -> Sequence[Object]:
    try:
        return platform.manifests(service)
    except DreamNetError:
        return []


def _is_it(api: Api, kind: str, name: str, named: str, known: dict[str, bool]) -> bool:
    """Say whether what a pod names is the object, or has its values by what its annotations say."""
    if named == name:
        return True
    if not re.fullmatch(rf"{re.escape(name[:240])}-[0-9a-f]{{10,12}}", named):
        return False
    if named not in known:
        known[named] = _says_so(api, kind, name, named)
    return known[named]


def _says_so(api: Api, kind: str, name: str, named: str) -> bool:
    try:
        found = api.get("v1", kind, named)
    except PermissionMissing:  # it is called like one
        return True
    notes = ((found or {}).get("metadata") or {}).get("annotations") or {}
    return name in (notes.get(COPY_OF), notes.get(SET_OF))
