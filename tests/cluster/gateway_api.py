"""The Gateway API's CRDs on the cluster, and a stand-in for a Gateway's controller.

The CRDs are the real ones, out of the module that ``gateway/go.mod`` names, checked by its ``go.sum``. The controller
here does what each has to by the specification: it says in a route's status that it has seen it, and whether it takes
it. No traffic goes through it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dreamnet_actions.adapters.kubernetes.access import configuration
from dreamnet_actions.adapters.kubernetes.api import APPLY, MERGE, Api, Object
from dreamnet_actions.adapters.kubernetes.options import KubernetesPlatformOptions
from dreamnet_actions.errors import DreamNetError
from tests.cluster.builds import sources
from tests.cluster.client import Cluster
from tests.cluster.places import SOURCES

GROUP = "gateway.networking.k8s.io"
KINDS = ("gatewayclasses", "gateways", "httproutes", "referencegrants")
CONTROLLER = "dreamnet.dev/stand-in"
_INSTALLED: set[str] = set()
"""The clusters that have the CRDs, as far as this process knows."""


def crds() -> Path:
    """Answer the folder of the CRDs, of the standard channel. Raises BedError where the module cannot be had."""
    return sources("sigs.k8s.io/gateway-api", SOURCES / "gateway") / "config" / "crd" / "standard"


def install(cluster: Cluster) -> None:
    """Apply the CRDs, once, and wait until the server takes objects of their kinds."""
    if cluster.kubeconfig in _INSTALLED:
        return
    cluster.install(*(crds() / f"{GROUP}_{kind}.yaml" for kind in KINDS))
    _INSTALLED.add(cluster.kubeconfig)


class Controller:
    """A Gateway's controller for the routes of one namespace; looks at them all the time, as an administrator.

    Attributes:
        says: Type and reason of a condition that it says is False, for each route that it looks at; none: it takes all.
        weights: The weights that each route's first rule had, one after another, by the route's name.
        then: Called with each route that it sees; what it does to the route is for a test to say.
    """

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        options = KubernetesPlatformOptions(kubeconfig=cluster.kubeconfig)
        self._api = Api(configuration(options, {}, Path()), namespace)
        self.says: tuple[str, str] | None = None
        self.weights: dict[str, list[dict[str, int]]] = {}
        self.then: Callable[[Object], None] = lambda route: None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it, and wait for its end."""
        self._stop.set()
        self._thread.join(30)
        self._api.close()

    def get(self, name: str) -> Object:
        """Answer a route as it is now."""
        found = self._api.get(f"{GROUP}/v1", "HTTPRoute", name)
        assert found is not None, f"there is no HTTPRoute {name}"
        return found

    def apply(self, thing: Object, *, manager: str) -> None:
        """Apply a route as another does who takes what it wants."""
        path = self._api.path(f"{GROUP}/v1", "HTTPRoute", thing["metadata"]["name"])
        query = {"fieldManager": manager, "force": "true"}
        self._api.request("PATCH", path, query=query, body=thing, form=APPLY)

    def _run(self) -> None:
        while not self._stop.wait(0.05):
            try:
                for route in self._api.list(f"{GROUP}/v1", "HTTPRoute").get("items", []):
                    self._look(route)
            except DreamNetError:  # written by another meanwhile, or the namespace goes: look again
                continue

    def _look(self, route: Object) -> None:
        name = route["metadata"]["name"]
        now = {one["name"]: one["weight"] for one in route["spec"]["rules"][0].get("backendRefs", [])}
        seen = self.weights.setdefault(name, [])
        if not seen or seen[-1] != now:
            seen.append(now)
        self.then(route)
        wanted = [self._condition(route, kind) for kind in ("Accepted", "ResolvedRefs")]
        said = (route.get("status") or {}).get("parents") or [{}]
        if [(one["status"], one["observedGeneration"]) for one in said[0].get("conditions", [])] != [
            (one["status"], one["observedGeneration"]) for one in wanted
        ]:
            parent = {
                "parentRef": route["spec"]["parentRefs"][0],
                "controllerName": CONTROLLER,
                "conditions": wanted,
            }
            path = self._api.path(f"{GROUP}/v1", "HTTPRoute", name, "status")
            self._api.patch(path, {"status": {"parents": [parent]}}, form=MERGE)

    def _condition(self, route: Object, kind: str) -> dict[str, Any]:
        bad = self.says is not None and self.says[0] == kind
        return {
            "type": kind,
            "status": "False" if bad else "True",
            "reason": self.says[1] if bad and self.says else kind,
            "message": "a test says so" if bad else "",
            "observedGeneration": route["metadata"]["generation"],
            "lastTransitionTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }


@contextmanager
def controlled(cluster: Cluster, namespace: str) -> Iterator[Controller]:
    """A controller for the routes of a namespace, on a cluster that has the CRDs."""
    install(cluster)
    made = Controller(cluster, namespace)
    try:
        yield made
    finally:
        made.close()


def route(name: str = "web", *, service: str = "web", **spec: Any) -> dict[str, Any]:
    """Answer an HTTPRoute that leads everything to a Service."""
    rules = [{"backendRefs": [{"name": service, "port": 80}]}]
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name},
        "spec": {"parentRefs": [{"name": "public"}], "rules": rules, **spec},
    }
