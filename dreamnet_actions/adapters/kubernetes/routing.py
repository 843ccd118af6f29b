"""Traffic by the weights of an HTTPRoute: reads it, writes its weights, and gives it back as it was.

The rules of a route are one field to the API server (their list is atomic): who applies one weight owns all of them,
and deletes them by letting go. So weights are written by JSON patches that change the backends of single rules and
nothing else, on exactly the state that was read (its ``resourceVersion``), as the manager ``dreamnet``. The first of
them notes on the route itself how it was; in the end the rules go back, and then who managed them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dreamnet_actions.adapters.kubernetes.api import MANAGER, Object
from dreamnet_actions.adapters.kubernetes.httproutes import (
    HELD,
    Held,
    backends,
    handed_back,
    held,
    managers,
    restored,
    share_of,
    split,
    taken,
    trouble,
)
from dreamnet_actions.adapters.kubernetes.troubles import Missing
from dreamnet_actions.errors import Conflict, DreamNetError, PermissionMissing, PlatformFailed

if TYPE_CHECKING:
    from dreamnet_actions.adapters.kubernetes.namespace import Namespace

VERSION = "gateway.networking.k8s.io/v1"
TAKES = 10.0
"""Seconds that the Gateways' controllers get for saying that they have seen a change."""
SET_BACK = 2
"""How often weights that somebody else has set back are written again by one process."""
_TRIES = 20
_PATCH = "application/json-patch+json"
_RECONCILERS = {
    "argocd": "Argo CD sets it back: write 'ignoreDifferences' with 'managedFieldsManagers: [dreamnet]' for the "
    "HTTPRoute into its Application, and the sync option RespectIgnoreDifferences=true.",
    "kustomize-controller": "Flux sets it back: annotate the HTTPRoute with 'kustomize.toolkit.fluxcd.io/ssa: "
    "IfNotPresent'.",
    "helm-controller": "Flux sets it back: take 'driftDetection' out of its HelmRelease, or let that ignore "
    "/spec/rules of the HTTPRoute.",
}  # fmt: skip
"""Words for those who write their objects again and again, by a part of their managers' names."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """By which route a canary gets its share: the HTTPRoute, the Services that its rules lead to and whose canaries it
    leads to meanwhile, and the labels by which the canary's pods are no pods of those Services."""

    route: str
    services: tuple[str, ...]
    labels: Mapping[str, str]


class Routes:
    """The HTTPRoutes of one namespace. Nothing is asked before it is needed."""

    def __init__(self, space: Namespace) -> None:
        self._space = space
        self._lock = threading.Lock()
        self._paths = ""
        self._set_back: dict[str, int] = {}

    # ── Reading ─────────────────────────────────────────────────────────────────────────────────────────

    def get(self, name: str) -> Object | None:
        """Answer a route as it is now, or None. Raises PlatformFailed where the cluster has no such kind."""
        try:
            return self._space.api.request("GET", self._path(name))
        except Missing:
            return None

    def held_by(self, name: str, service: str) -> bool:
        """Say whether a route's weights are ours now, for a service."""
        try:
            note = held(self.get(name))
        except (PlatformFailed, PermissionMissing):  # who may not look at routes has not made a canary by one
            return False
        return note is not None and note.service == service

    def stays(self, wanted: Object, service: str) -> bool:
        """Say whether an object of a release's manifests is a route whose weights are its canary's now: it went out
        with the canary, and is not to be changed until that ends."""
        ours = wanted["kind"] == "HTTPRoute" and wanted["apiVersion"] == VERSION
        return ours and self.held_by(wanted["metadata"]["name"], service)

    def real_share(self, way: Way) -> float | None:
        """Answer the share that the weights of now give to the canaries; None where they cannot be seen."""
        try:
            route = self._seen(way.route, lambda one: one is not None, 0.0)
        except DreamNetError:  # it may be that we may not look
            return None
        rules = route["spec"].get("rules") or [] if route else []
        return share_of(rules, way.services, self._space.name) if route else 0.0

    def adrift(self, way: Way) -> bool:
        """Say whether a route has other weights than we wrote last, as far as that can be seen."""
        try:
            route = self._seen(way.route, lambda one: one is not None, 0.0)
        except DreamNetError:
            return False
        return not self._as_noted(route or {}, held(route))

    def usable(self, name: str, service: str, candidates: Collection[str], *, adopt: bool) -> tuple[str, ...]:
        """Answer which of the Services ``candidates`` a route's rules lead to. Raises PlatformFailed where it is not
        there, leads to none of them, leads nowhere, or is managed by others and not to be taken over (``adopt``)."""
        route = self._seen(name, taken, TAKES) if self.get(name) else None
        if route is None:
            raise PlatformFailed(
                f"There is no HTTPRoute {name!r} in the namespace {self._space.name}.",
                hint="Apply it, or write the name of the one that leads to the service as its 'http-route'.",
            )
        rules = route["spec"].get("rules") or []
        leads = backends(rules, self._space.name)
        found = tuple(one for one in leads if one in candidates)
        if not found:
            where = ", ".join(leads) or "no Service"
            what = " or ".join(sorted(candidates)) or "any Service (the pods have none)"
            raise PlatformFailed(
                f"No rule of the HTTPRoute {name!r} leads to {what}; they lead to {where}.",
                hint="Name the Service before the workload in its backendRefs.",
            )
        note = held(route)
        if note is not None and note.service != service:
            raise PlatformFailed(
                f"The HTTPRoute {name!r} is held by a canary of the service {note.service!r}."
            )
        others = [one["manager"] for one in managers(route) if one["manager"] != MANAGER]
        if others and not adopt and note is None:
            who = ", ".join(dict.fromkeys(others))
            raise PlatformFailed(
                f"Others manage the weights of the HTTPRoute {name!r}: {who} (spec.rules).",
                hint=_with_advice("To have them set for the time of a canary: adopt: [weights].", others[0]),
            )
        if not taken(route):
            raise PlatformFailed(
                f"No Gateway has taken up the HTTPRoute {name!r} as it is, within {TAKES:.0f} s.",
                hint=f"See its parentRefs, and what it says: kubectl describe httproute {name}",
            )
        self._leads_on(route)
        return found

    # ── Writing ─────────────────────────────────────────────────────────────────────────────────────────

    def put(self, way: Way, service: str, share: float) -> None:
        """Give the canaries this share, and wait until the Gateways' controllers have seen it; where it is so already,
        nothing is written. Raises PlatformFailed where somebody else sets it back again and again, or a Gateway refuses
        it."""
        for _ in range(_TRIES):
            route = self._there(way.route)
            rules, note = route["spec"].get("rules") or [], held(route)
            if note is not None:
                self._was_set_back(route, note)
            fresh = note or Held(service=service, backends=way.services, managers=tuple(managers(route)))
            after, noted = split(rules, self._space.name, replace(fresh, share=share))
            if after == rules and noted == note:
                return
            try:
                written = self._write(route, after, noted)
            except Conflict:
                continue
            self._set_in_force(written)
            return
        raise Conflict(f"HTTPRoute {way.route}")

    def release(self, name: str, service: str) -> None:
        """Give a route back as it was, its managers too; where it is not ours nothing changes. A run that is cut off
        in the middle goes on from there."""
        for _ in range(_TRIES):
            route = self.get(name)
            note = held(route)
            if route is None or note is None or note.service != service:
                return
            rules = route["spec"].get("rules") or []
            after = restored(rules, self._space.name, note)
            try:
                if after != rules:
                    route = self._write(route, after, replace(note, share=0.0))
                    self._seen(name, taken, TAKES)  # pods go only after nothing leads to them
                    route = self.get(name) or route
                    if route["spec"].get("rules") != after:
                        continue
                self._hand_back(route, note)
            except Conflict:
                continue
            self._set_back.pop(name, None)
            return
        raise Conflict(f"HTTPRoute {name}")

    # ── Parts ───────────────────────────────────────────────────────────────────────────────────────────

    def _there(self, name: str) -> Object:
        route = self.get(name)
        if route is None:
            raise PlatformFailed(f"The HTTPRoute {name!r} is gone; the canary can have no share without it.")
        return route

    def _was_set_back(self, route: Object, note: Held) -> None:
        """Count what others have changed of the weights since we wrote them; too often is told as what it is."""
        if self._as_noted(route, note):
            return
        name = route["metadata"]["name"]
        times = self._set_back[name] = self._set_back.get(name, 0) + 1
        if times > SET_BACK:
            who = next((one["manager"] for one in managers(route) if one["manager"] != MANAGER), "somebody")
            raise PlatformFailed(
                f"{who} has set the weights of the HTTPRoute {name!r} back {times} times.",
                hint=_with_advice("Two cannot both say how traffic is shared.", who),
            )

    def _as_noted(self, route: Object, note: Held | None) -> bool:
        rules = route.get("spec", {}).get("rules") or []
        return note is not None and (not note.share or split(rules, self._space.name, note)[0] == rules)

    def _set_in_force(self, written: Object) -> None:
        name = written["metadata"]["name"]
        now = self._seen(name, taken, TAKES)
        if now is not None and taken(now):
            self._leads_on(now)

    def _leads_on(self, route: Object) -> None:
        if why := trouble(route):
            raise PlatformFailed(
                f"The HTTPRoute {route['metadata']['name']!r} leads nowhere: {why}.",
                hint="Mend that, and deploy again.",
            )

    def _write(self, route: Object, rules: list[Any], note: Held) -> Object:
        former = route["spec"].get("rules") or []
        notes = {**(route["metadata"].get("annotations") or {}), HELD: note.text()}
        changes: list[dict[str, Any]] = [{"op": "add", "path": "/metadata/annotations", "value": notes}]
        for index, (one, before) in enumerate(zip(rules, former, strict=True)):
            if one != before:
                where = f"/spec/rules/{index}/backendRefs"
                changes.append({"op": "replace", "path": where, "value": one["backendRefs"]})
        return self._patched(route, changes)

    def _hand_back(self, route: Object, note: Held) -> None:
        """Let those manage the rules who did before, and take our note away."""
        entries = handed_back(route, MANAGER, note)
        where = f"/metadata/annotations/{HELD.replace('/', '~1')}"
        changes: list[dict[str, Any]] = [
            {"op": "remove", "path": where},
            {"op": "replace", "path": "/metadata/managedFields", "value": entries},
        ]
        self._patched(route, changes)

    def _patched(self, route: Object, changes: Sequence[Mapping[str, Any]]) -> Object:
        """Change a route, unless it is another by now (409): that is what naming the version in a patch does."""
        meta = route["metadata"]
        only = {"op": "replace", "path": "/metadata/resourceVersion", "value": meta["resourceVersion"]}
        query = {"fieldManager": MANAGER}
        path = self._path(meta["name"])
        written = self._space.api.request("PATCH", path, query=query, body=[only, *changes], form=_PATCH)
        self._space.informers.beside(VERSION, "HTTPRoute", self._path("")).put(written)
        return written

    def _seen(self, name: str, holds: Callable[[Object | None], bool], seconds: float) -> Object | None:
        """Answer a route as it was seen last, once that ``holds`` or the time is over."""
        informers = self._space.informers
        informer = informers.beside(VERSION, "HTTPRoute", self._path(""))
        informers.settle(informer, lambda objects: holds(objects.get(name)), seconds)
        return informer.objects.get(name)

    def _path(self, name: str) -> str:
        """Answer a route's path. Raises PlatformFailed where the cluster has no HTTPRoutes."""
        with self._lock:
            if not self._paths:
                try:
                    self._paths = self._space.api.path(VERSION, "HTTPRoute")
                except Missing as error:
                    raise PlatformFailed(
                        "The cluster has no Gateway API (gateway.networking.k8s.io/v1).",
                        hint="Install its CRDs (standard channel) and a Gateway, or take 'http-route' out.",
                    ) from error
        return f"{self._paths}/{name}" if name else self._paths


def _with_advice(hint: str, manager: str) -> str:
    found = next((text for part, text in _RECONCILERS.items() if part in manager), "")
    return f"{hint} {found}".strip()
