"""What only some configurations need of a cluster, beside the Roles of all actions: services that are Jobs or CronJobs,
and canaries by the weights of an HTTPRoute. Done as in ``acts.py``, by accounts that have these Roles and no others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from dreamnet_actions.adapters.kubernetes.needs import ACTIONS, EXTRAS, Permission, needed
from dreamnet_actions.bootstrap import Options, assemble
from tests.cluster.client import Cluster
from tests.cluster.gateway_api import controlled, route
from tests.kubernetes.acts import BATCH, Acts, google_in

SLOW = {"CRASH_AFTER": "20s", "EXIT_CODE": "0"}
"""How a run behaves that is still going on when another takes its place."""
ROUTED = ("deploy", "canary", "rollback")
"""The actions that have to do with routes; an account of one of them has the Role ``route``, too."""


class BatchActs(Acts):
    """A Job and a CronJob, or one of them, or one beside another service."""

    def play(self) -> None:
        """Have every action done so that each of its needs of Jobs and CronJobs comes up."""
        self.first()
        self.status()
        self.runs()
        self.second()
        self.rollback()
        self.runs()
        self.restart()
        for action in (
            "scale",
            "canary",
        ):  # neither is for a Job: they look at what is beside what they change
            self.configure(action, "two")
            self.expect(None, "status")

    def second(self) -> None:
        """By the account of ``deploy``: another release, in whose place a run may be going on."""
        self.configure("deploy", "two")
        self.expect("deployed", "deploy")

    def runs(self) -> None:
        """By the account of ``deploy``: so many runs of a Job that the next is one too many, the last of which goes on,
        as runs leave them that are cut off. A release of a CronJob runs nothing."""
        if "load" not in self.only:
            return
        for tag in ("run-1", "run-2", "run-3"):
            self.configure("deploy", tag, **SLOW)
            self.begin("load")

    def left(self) -> None:
        """By the account of ``canary``: a canary is left, where there is a service that can have one."""
        if "web" in self.only:
            super().left()


class RoutedActs(Acts):
    """``web`` behind an HTTPRoute, which stands in its manifests."""

    routed = True
    """Whether the route is in the manifests and the configuration now."""

    def needs(self, action: str) -> frozenset[Permission]:
        """As of all, and for those who have to do with routes what they need for that."""
        return super().needs(action) | (needed(EXTRAS) if action in ROUTED else frozenset())

    def play(self) -> None:
        """Have all done that has to do with routes, so that each need comes up."""
        self.first()
        self.second()
        self.canary()
        self.left()
        self.rollback()
        self.unrouted()

    def manifests(self, name: str, *, more: str = "") -> None:
        """As of all, with the route."""
        super().manifests(name, more=more)
        if self.routed:
            file = self.root / "deploy" / name / "all.json"
            told = json.loads(file.read_text("utf-8"))
            told["items"].append(route())
            file.write_text(json.dumps(told), "utf-8")

    def configure(self, action: str, tag: str, *, canary: bool = False, **behaviour: str) -> None:
        """As of all, with the route."""
        super().configure(action, tag, canary=canary, **behaviour)
        if self.routed:
            file = self.root / "dreamnet.yml"
            config: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))
            config["services"]["web"]["http-route"] = "web"
            file.write_text(yaml.safe_dump(config), "utf-8")

    def left(self) -> None:
        """By the account of ``canary``: a canary is left that has half of the requests, as by a run that was cut
        off."""
        self.configure("canary", "four", canary=True)
        self.begin("web", canary=True)
        self.cluster.wait("a canary", self._shifted, 60, namespace=self.namespace)

    def _shifted(self) -> bool:
        """Give the canary its share; say whether it has all of it, which it gets once its pods are ready."""
        system = assemble(Options(root=self.root, environ=self.google.environment()))
        platform = system.platforms["production"]
        try:
            platform.shift("web", 0.5)
        finally:
            platform.close()  # type: ignore[attr-defined]
            system.close()
        rules = self.cluster.get("httproute", "web", namespace=self.namespace)["spec"]["rules"]
        return len({one.get("weight") for one in rules[0]["backendRefs"]}) == 1 < len(rules[0]["backendRefs"])

    def unrouted(self) -> None:
        """By the account of ``deploy``: a release that holds no route any more."""
        self.routed = False
        self.manifests("web", more="unrouted")
        self.configure("deploy", "one")
        self.expect("deployed", "deploy")


@contextmanager
def batch_acts_on(
    cluster: Cluster, namespace: str, folder: Path, only: tuple[str, ...] = tuple(BATCH)
) -> Iterator[BatchActs]:
    """The acts of Jobs and CronJobs in a namespace."""
    with google_in(folder) as (google, root):
        yield BatchActs(cluster=cluster, namespace=namespace, root=root, google=google, only=only)


@contextmanager
def routed_acts_on(cluster: Cluster, namespace: str, folder: Path) -> Iterator[RoutedActs]:
    """The acts of routes in a namespace, with a Gateway's controller for it."""
    with controlled(cluster, namespace), google_in(folder) as (google, root):
        yield RoutedActs(cluster=cluster, namespace=namespace, root=root, google=google, only=("web",))


def needed_beside(acts: Acts) -> dict[str, frozenset[Permission]]:
    """Answer by action what these acts have to use beside what the action needs everywhere; of routes it is one Role
    for all of them, so it is theirs together, under the name ``route``."""
    if isinstance(acts, RoutedActs):
        return {"route": needed(EXTRAS)}
    return {action: needed([action], batch=True) - needed([action]) for action in ACTIONS}


def used_beside(acts: Acts) -> dict[str, frozenset[Permission]]:
    """Answer what was used of that, and of what nobody was to use; in the same form."""
    beside = {action: acts.used(action) - needed([action]) for action in ACTIONS}
    return {"route": frozenset().union(*beside.values())} if isinstance(acts, RoutedActs) else beside
