"""A canary whose share an HTTPRoute gives: its pods get requests by a Service of their own, and by no other.

One label of the stable pods has another value on the canary's: the one by which the Service before them chooses its
pods. So the canary is ready and in nobody's way before it has a share, also where clients ask the Service itself, and
it goes on serving when nobody watches. Network policies that hold for the stable pods have to hold for it, or it is
refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dreamnet_actions.adapters.kubernetes.api import Object
from dreamnet_actions.adapters.kubernetes.httproutes import canary_of
from dreamnet_actions.adapters.kubernetes.options import KubernetesWorkload
from dreamnet_actions.adapters.kubernetes.record import OURS, SERVICE, TRACK
from dreamnet_actions.adapters.kubernetes.routing import Way
from dreamnet_actions.adapters.kubernetes.workloads import Objects
from dreamnet_actions.errors import PlatformFailed

if TYPE_CHECKING:
    from dreamnet_actions.adapters.kubernetes.namespace import Namespace

WAY = "dreamnet.dev/route"
"""The annotation of a canary's Deployment that says by which route it gets its share."""
_PORT = ("name", "protocol", "appProtocol", "port", "targetPort")
"""What the canary's Service has of each port of the Service beside it; a nodePort can be one's only."""


def way_of(canary: Mapping[str, Any] | None) -> Way | None:
    """Answer by which route a canary gets its share; None for one that gets it by its number of pods."""
    notes = ((canary or {}).get("metadata") or {}).get("annotations") or {}
    if (text := notes.get(WAY)) is None:
        return None
    data = json.loads(text)
    return Way(route=data["route"], services=tuple(data["services"]), labels=data["labels"])


def note_of(way: Way) -> dict[str, str]:
    """Answer the annotation that says so."""
    data = {"route": way.route, "services": list(way.services), "labels": dict(way.labels)}
    return {WAY: json.dumps(data, separators=(",", ":"), sort_keys=True)}


def way_for(space: Namespace, service: str, keys: KubernetesWorkload, live: Object) -> Way | None:
    """Find the way of a canary that is to be; None where the configuration names no route. Raises PlatformFailed for a
    route that cannot be used (``Routes.usable``), and where a network policy would not hold."""
    if keys.http_route is None:
        return None
    labels = live["spec"]["template"]["metadata"].get("labels") or {}
    before = [one for one in _before(labels, space.informers.read()) if not _is_ours(one)]
    names = [one["metadata"]["name"] for one in before]
    led = space.routes.usable(keys.http_route, service, names, adopt="weights" in keys.adopt)
    for name in led:
        _still_free(space, canary_of(name))
    policies = space.api.list("networking.k8s.io/v1", "NetworkPolicy").get("items") or []
    chosen = [one["spec"]["selector"] for one in before if one["metadata"]["name"] in led]
    return Way(route=keys.http_route, services=led, labels=other_labels(labels, chosen, policies, keys))


def objection(
    space: Namespace, service: str, keys: KubernetesWorkload, wanted: Iterable[Object], live: Object | None
) -> str | None:
    """Say why a canary of a service could not get its share by its route; None where it could, and where there is no
    route, or no pods beside which a canary could be. ``wanted`` are the objects of its release."""
    if keys.http_route is None or live is None:
        return None
    comes = any((one["kind"], one["metadata"]["name"]) == ("HTTPRoute", keys.http_route) for one in wanted)
    try:
        if not comes or space.routes.get(keys.http_route) is not None:
            way_for(space, service, keys, live)
    except PlatformFailed as error:
        return f"{error.message} {error.hint or ''}".strip()
    return None


def other_labels(
    labels: Mapping[str, str],
    selectors: Iterable[Mapping[str, str]],
    policies: Iterable[Mapping[str, Any]],
    keys: KubernetesWorkload,
) -> dict[str, str]:
    """Choose other values for as few labels as take the pods out of all these selectors, and out of no policy."""
    others: dict[str, str] = {}
    held = [one for one in policies if _selects(one["spec"].get("podSelector") or {}, labels)]
    for selector in selectors:
        if any(key in others for key in selector):
            continue
        fitting = list[str]()
        for key in selector:
            tried = {**labels, **others, key: _changed(selector[key])}
            if all(_selects(one["spec"].get("podSelector") or {}, tried) for one in held):
                fitting.append(key)
        if not fitting:
            names = ", ".join(sorted(one["metadata"]["name"] for one in held))
            raise PlatformFailed(
                f"The network policy {names} chooses the pods of {keys.workload} by the label of their Service "
                f"({', '.join(selector)}), and would not hold for a canary, whose pods have another value there.",
                hint="Let it choose them by another label of theirs, which the canary's pods have, too.",
            )
        others[fitting[0]] = _changed(selector[fitting[0]])
    return others


def _changed(value: str) -> str:
    return f"{value[:56]}-canary" if value else "canary"


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Say whether a label selector (``matchLabels``, ``matchExpressions``) chooses pods with these labels."""
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    for one in selector.get("matchExpressions") or ():
        there, value = one["key"] in labels, labels.get(one["key"])
        fits = {
            "In": value in (one.get("values") or ()),
            "NotIn": value not in (one.get("values") or ()),
            "Exists": there,
            "DoesNotExist": not there,
        }
        if not fits.get(one["operator"], False):
            return False
    return True


def _before(labels: Mapping[str, str], objects: Objects) -> Iterator[Object]:
    """Answer the Services that send requests to pods with these labels."""
    for one in objects["Service"].values():
        selector = one["spec"].get("selector") or {}
        if selector and all(labels.get(key) == value for key, value in selector.items()):
            yield one


def _is_ours(service: Mapping[str, Any]) -> bool:
    labels = service["metadata"].get("labels") or {}
    return labels.get(TRACK) == "canary" and OURS.items() <= labels.items()


def _still_free(space: Namespace, name: str) -> None:
    found = space.api.get("v1", "Service", name)
    if found is not None and not _is_ours(found):
        raise PlatformFailed(
            f"The Service {name!r} is somebody else's, and the canary's has to have that name.",
            hint="Give that Service another name.",
        )


# ── While it is there ────────────────────────────────────────────────────────────────────────────────────────


def serve(space: Namespace, service: str, canary: Object, way: Way) -> None:
    """See to it that the canary's Services are there, beside those of the stable pods."""
    services = space.informers.read()["Service"]
    for name in way.services:
        before = services.get(name)
        if before is None:
            raise PlatformFailed(f"The Service {name!r} is gone, to which the HTTPRoute {way.route!r} leads.")
        there = services.get(canary_of(name))
        wanted = _service(service, before, canary)
        if there is None or there["spec"].get("selector") != wanted["spec"]["selector"]:
            space.informers["Service"].put(space.api.apply(wanted))


def _service(service: str, before: Object, canary: Object) -> Object:
    spec: Object = {
        "selector": canary["spec"]["selector"]["matchLabels"],
        "ports": [{key: port[key] for key in _PORT if key in port} for port in before["spec"]["ports"]],
    }
    if before["spec"].get("clusterIP") == "None":
        spec["clusterIP"] = "None"
    labels = {**(before["metadata"].get("labels") or {}), **OURS, SERVICE: service, TRACK: "canary"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": canary_of(before["metadata"]["name"]), "labels": labels},
        "spec": spec,
    }


def pods_for(share: float, stable: int) -> int:
    """Answer how many pods carry a share of what ``stable`` pods carry."""
    return max(1, math.ceil(share * stable - 1e-9))


def end(space: Namespace, service: str, way: Way | None, route: str | None) -> None:
    """Give the route back as it was, and take the canary's Services away. ``route`` is the configured one: a canary's
    Deployment may have been deleted by hand."""
    if way is None and route is None:
        return
    name = way.route if way else str(route)
    if way is None and not space.routes.held_by(name, service):
        return
    space.routes.release(name, service)
    labels = ",".join(f"{key}={value}" for key, value in {**OURS, SERVICE: service, TRACK: "canary"}.items())
    for one in space.api.list("v1", "Service", labels=labels).get("items") or ():
        space.api.delete("v1", "Service", one["metadata"]["name"])
        space.informers["Service"].drop(one["metadata"]["name"])
