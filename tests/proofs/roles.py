"""``scripts/prove roles``: each Role holds all that its action uses, and nothing that it could do without.

    scripts/prove roles [--actions NAME…] [--worlds NAME…] [--resources NAME…] [--beside N]

There are three worlds of services: ``services`` of the three kinds that run all the time; ``batch``, services that are
a Job or a CronJob (what ``dreamnet roles --batch`` adds to each Role); and ``route``, a service behind an HTTPRoute
(the Role ``route``, which the accounts of those actions have beside their own that have to do with routes). Two more
are of values: ``values``, a sync into a Secret and a ConfigMap by the Role ``sync``, and ``secret-manager``, one from
Secret Manager by the two roles of Google's that docs/secret-manager.md names. There the sync has to be refused, nothing
may be written, and with the whole role it has to get there.

First each action is done in each world by an account that has its Role and nothing else, so that each of its needs
comes up: what it used has to be the Role, exactly. Then each permission (a verb on a resource) of each Role is taken
away in turn: the action has to fail with the words of the cluster, which name the verb and the resource, or to say so
in its result (what a release leaves behind is tidied up at its end, and breaks nothing). Every case has a namespace of
its own on a cluster of the proof's own; those of an action that cannot even look share one, for nothing is changed in
it. Exits with 1 where a Role gives too much or too little.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dreamnet_actions.adapters.kubernetes.needs import ACTIONS, EXTRAS, Permission, needed
from tests.cluster.client import Cluster
from tests.cluster.gateway_api import install
from tests.kubernetes.acts import Acts, acts_on
from tests.kubernetes.acts_beside import batch_acts_on, needed_beside, routed_acts_on, used_beside
from tests.proofs._roles_google import without_each as google_without_each
from tests.proofs._roles_values import without_each as values_without_each
from tests.proofs.deploy_faults import bed

WORLDS = ("services", "batch", "route")
VALUES = ("values", "secret-manager")
BEFORE = {
    "status": ["first"],
    "deploy": [],
    "rollback": ["first", "second", "left"],
    "restart": ["first", "runs"],
    "scale": ["first"],
    "canary": ["first"],
}
"""What is done with whole Roles before."""
STEPS = {"deploy": ["first", "second", "bad"]}
"""What an action's account does, where that is not the act of the action's name."""
TYPES = {"statefulsets": "db", "daemonsets": "agent", "jobs": "load", "cronjobs": "nightly"}
"""The service by which a resource comes up; ``web`` for all others."""


@dataclass(frozen=True)
class Case:
    """Permissions that an action's account does without, each in turn. More than one are those to look."""

    world: str
    action: str
    permissions: tuple[Permission, ...]

    @property
    def role(self) -> str:
        """Whose permissions they are, for people."""
        return {"services": self.action, "batch": f"{self.action}, batch", "route": "route"}[self.world]

    def acts(self, cluster: Cluster, namespace: str, folder: Path) -> AbstractContextManager[Acts]:
        """Answer the acts in which they come up, with as few services as do it."""
        first = self.permissions[0]
        if self.world == "route":
            return routed_acts_on(cluster, namespace, folder)
        looks = len(self.permissions) > 1  # at all kinds, whatever the service is
        if self.world == "batch":
            return batch_acts_on(
                cluster, namespace, folder, ("web", "load") if looks else (TYPES[first.resource],)
            )
        only = "web" if looks else TYPES.get(first.resource.partition("/")[0], "web")
        if (first.resource, first.verb) == ("pods", "delete"):
            only = "db"  # only a StatefulSet's pods are deleted
        return acts_on(cluster, namespace, folder, (only,))

    def steps(self) -> tuple[list[str], list[str]]:
        """Answer what is done with whole Roles, and then what its account does without."""
        verb = self.permissions[0].verb
        if self.action == "deploy" and self.world == "batch":
            # What is there already needs to be changed, and what is not to be made.
            return ([], ["first"]) if verb in ("create", "list") else (["first", "runs"], ["second"])
        if self.action == "deploy" and self.world == "route":
            return (["first"], ["unrouted"]) if verb == "delete" else ([], ["first"])
        before = [one for one in BEFORE[self.action] if one != "runs" or self.world == "batch"]
        return before, STEPS.get(self.action, [self.action])


def cases() -> Iterator[Case]:
    """Answer all cases; those that take longest come first."""
    for one in sorted(needed(EXTRAS)):
        yield Case("route", routed_by(one), (one,))
    for action in ("rollback", "restart", "deploy", "canary", "scale", "status"):
        here, batch = needed([action]), needed([action], batch=True)
        yield from _cases("services", action, here)
        yield from _cases("batch", action, batch - here)


def _cases(world: str, action: str, permissions: frozenset[Permission]) -> Iterator[Case]:
    watched = {one.resource for one in permissions if one.verb == "watch"}
    looks = [one for one in sorted(permissions) if one.resource in watched and one.verb in ("list", "watch")]
    yield Case(world, action, tuple(looks))
    for one in sorted(permissions):
        if one not in looks:
            yield Case(world, action, (one,))


def routed_by(permission: Permission) -> str:
    """Answer the action by which a permission of the Role ``route`` comes up, beside the Role of that action."""
    if permission.resource == "services":
        return "rollback"  # a canary's own Role holds it already
    return "deploy" if permission.verb in ("create", "delete") else "canary"


def main() -> int:
    """Compare what is used, take away what is chosen; answers 1 where something was not as it had to be."""
    chosen = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    chosen.add_argument("--actions", nargs="*", choices=ACTIONS, default=ACTIONS, help="only these")
    chosen.add_argument(
        "--worlds", nargs="*", choices=(*WORLDS, *VALUES), default=(*WORLDS, *VALUES), help="only these"
    )
    chosen.add_argument("--resources", nargs="*", default=[], help="only permissions on these")
    chosen.add_argument("--beside", type=int, default=3, help="cases at the same time (default: %(default)s)")
    options = chosen.parse_args()
    tried = [one for one in cases() if one.action in options.actions and one.world in options.worlds]
    if options.resources:
        tried = [one for one in tried if any(each.resource in options.resources for each in one.permissions)]
    began, least = time.monotonic(), True
    if "secret-manager" in options.worlds:
        with tempfile.TemporaryDirectory() as folder:
            least = google_without_each(Path(folder))
        if options.worlds == ["secret-manager"]:
            return 0 if least else 1
    worlds = [one for one in options.worlds if one in WORLDS]
    with bed() as cluster:
        if "values" in options.worlds:
            with tempfile.TemporaryDirectory() as folder:
                good, all_ = values_without_each(cluster, Path(folder))
            print(
                f"sync: {good} of {all_} cases, each without a permission: refused, nothing half, then done"
            )
            least = least and good == all_
        if not worlds:
            return 0 if least else 1
        for tag in ("one", "two", "three"):
            cluster.image(tag)
        install(cluster)
        with ThreadPoolExecutor(options.beside) as pool:
            told = [
                one for found in pool.map(lambda world: differences(cluster, world), worlds) for one in found
            ]  # fmt: skip
            wrong = [one for one in told if one.partition(":")[0] in (*options.actions, *EXTRAS)]
            print(*wrong, sep="\n", end="\n" if wrong else "")
            print(f"all done with Roles alone, {time.monotonic() - began:.0f} s", flush=True)
            found = list(pool.map(lambda case: without(cluster, case), tried))
    every, missed = Counter[str](), Counter[str]()
    for case, bad in zip(tried, found, strict=True):
        every[case.role] += len(case.permissions)
        missed[case.role] += len(case.permissions) - bad
    for role in every:
        print(f"{role}: {missed[role]} of {every[role]} permissions are missed when they are taken away")
    print(f"{missed.total()} of {every.total()} in {time.monotonic() - began:.0f} s")
    return 0 if missed == every and not wrong and least else 1


def differences(cluster: Cluster, world: str) -> list[str]:
    """Do every action with its Role; say where what it used is not what its Role holds."""
    made = {"services": acts_on, "batch": batch_acts_on, "route": routed_acts_on}[world]
    with (
        cluster.namespace() as namespace,
        tempfile.TemporaryDirectory() as folder,
        made(cluster, namespace, Path(folder)) as acts,
    ):
        acts.play()
        if world == "services":
            held = {action: needed([action]) for action in ACTIONS}
            used = {action: acts.used(action) for action in ACTIONS}
        else:
            held, used = needed_beside(acts), used_beside(acts)
    of = "" if world == "services" else f" ({world})"
    return [
        f"{action}: {one} is {what}{of}"
        for action in held
        for what, those in (
            ("held and not used", held[action] - used[action]),
            ("used and not held", used[action] - held[action]),
        )
        for one in sorted(those)
    ]


def without(cluster: Cluster, case: Case) -> int:
    """Do an action without each of a case's permissions; answer how many of them were not missed as they have to."""
    before, steps = case.steps()
    bad = 0
    with (
        cluster.namespace() as namespace,
        tempfile.TemporaryDirectory() as folder,
        case.acts(cluster, namespace, Path(folder)) as acts,
    ):
        acts.leases_stay = [(one.resource, one.verb) for one in case.permissions] == [("leases", "patch")]
        for step in before:
            getattr(acts, step)()
        for permission in case.permissions:
            acts.results.clear()
            acts.allow(case.action, acts.needs(case.action) - {permission})
            gone = partial(_lacks, acts, case.action, permission)
            cluster.wait("the Role without it", gone, 60, namespace=namespace)
            if wrong := missing(acts, case.action, permission, steps):
                bad += 1
                print(f"NOT MISSED {case.role}: {permission.verb} {permission.resource}: {wrong}", flush=True)
    return bad


def _lacks(acts: Acts, action: str, permission: Permission) -> bool:
    """Say whether the authorizer goes by the Role that an account has now: it hears of changes a little later."""
    resource, _, sub = permission.resource.partition("/")
    attributes = {
        "namespace": acts.namespace, "verb": permission.verb, "group": permission.group, "resource": resource,
        "subresource": sub,
    }  # fmt: skip
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": acts.email(action), "resourceAttributes": attributes},
    }
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    answer = acts.cluster.kubectl("create", "--raw", path, "-f-", given=json.dumps(review))
    return json.loads(answer)["status"]["allowed"] is False


def missing(acts: Acts, action: str, permission: Permission, steps: list[str]) -> str:
    """Do an action whose account lacks a permission; answer what is wrong with what it says of that, or nothing."""
    failed = ""
    try:
        for step in steps:
            getattr(acts, step)()
    except AssertionError as error:
        failed = str(error)
    words = failed + json.dumps([one.to_json() for one in acts.results])
    words = words.replace("\\", "").replace('"', "")
    if "does not allow this to DreamNet" not in words:  # another failure says nothing about the Role
        return f"it failed otherwise: {failed[:1000]}" if failed else "it was done without it"
    if f"cannot {permission.verb} resource {permission.resource}" not in words:
        return f"the words name something else: {words[:1000]}"
    return "" if "dreamnet roles" in words else f"there is no advice: {words[:1000]}"


if __name__ == "__main__":
    raise SystemExit(main())
