"""``scripts/prove roles``: each Role holds all that its action uses, and nothing that it could do without.

    scripts/prove roles [--actions NAME…] [--resources NAME…] [--beside N]

First each action is done by an account that has its Role and nothing else, so that each of its needs comes up: what it
used has to be the Role, exactly. Then each permission (a verb on a resource) of each Role is taken away in turn: the
action has to fail with the words of the cluster, which name the verb and the resource, or to say so in its result (what
a release leaves behind is tidied up at its end, and breaks nothing). Every case has a namespace of its own on a cluster
of the proof's own. Exits with 1 where a Role gives too much or too little.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dreamnet_actions.adapters.kubernetes.needs import ACTIONS, Permission, needed
from tests.cluster.client import Cluster
from tests.kubernetes.acts import Acts, acts_on
from tests.proofs.deploy_faults import bed

BEFORE = {
    "status": ["first"],
    "deploy": [],
    "rollback": ["first", "second", "left"],
    "restart": ["first"],
    "scale": ["first"],
    "canary": ["first"],
}
"""What is done with whole Roles before."""
STEPS = {"deploy": ["first", "second", "bad"]}
"""What an action's account does, where that is not the act of the action's name."""
TYPES = {"statefulsets": "db", "daemonsets": "agent"}
"""The service by which a resource comes up; ``web`` for all others."""


def main() -> int:
    """Compare what is used, take away what is chosen; answers 1 where something was not as it has to be."""
    chosen = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    chosen.add_argument("--actions", nargs="*", choices=ACTIONS, default=ACTIONS, help="only these")
    chosen.add_argument("--resources", nargs="*", default=[], help="only permissions on these")
    chosen.add_argument("--beside", type=int, default=3, help="cases at the same time (default: %(default)s)")
    options = chosen.parse_args()
    cases = [(action, one) for action in options.actions for one in sorted(needed([action]))]
    cases = [one for one in cases if not options.resources or one[1].resource in options.resources]
    began = time.monotonic()
    with bed() as cluster:
        for tag in ("one", "two", "three"):
            cluster.image(tag)
        wrong = [one for one in differences(cluster) if one.partition(":")[0] in options.actions]
        print(*wrong, sep="\n", end="\n" if wrong else "")
        print(f"all done with Roles alone, {time.monotonic() - began:.0f} s", flush=True)
        with ThreadPoolExecutor(options.beside) as pool:
            found = list(pool.map(lambda case: without(cluster, *case), cases))
    for action in options.actions:
        mine = [not was for (of, _), was in zip(cases, found, strict=True) if of == action]
        print(f"{action}: {sum(mine)} of {len(mine)} permissions are missed when they are taken away")
    missed = sum(not one for one in found)
    print(f"{missed} of {len(cases)} in {time.monotonic() - began:.0f} s")
    return 0 if missed == len(cases) and not wrong else 1


def differences(cluster: Cluster) -> Iterator[str]:
    """Do every action with its Role; say where what it used is not what its Role holds."""
    with (
        cluster.namespace() as namespace,
        tempfile.TemporaryDirectory() as folder,
        acts_on(cluster, namespace, Path(folder)) as acts,
    ):
        acts.play()
        for action in ACTIONS:
            used, held = acts.used(action), needed([action])
            yield from (f"{action}: {one} is held and not used" for one in sorted(held - used))
            yield from (f"{action}: {one} is used and not held" for one in sorted(used - held))


def without(cluster: Cluster, action: str, permission: Permission) -> str:
    """Do an action without one of its permissions; answer what is wrong with how that ended, or nothing."""
    looks = permission.verb in ("list", "watch")  # at all kinds, whatever the service is
    only = "web" if looks else TYPES.get(permission.resource.partition("/")[0], "web")
    if (permission.resource, permission.verb) == ("pods", "delete"):
        only = "db"  # only a StatefulSet's pods are deleted
    with (
        cluster.namespace() as namespace,
        tempfile.TemporaryDirectory() as folder,
        acts_on(cluster, namespace, Path(folder), (only,)) as acts,
    ):
        acts.leases_stay = (permission.resource, permission.verb) == ("leases", "patch")
        for step in BEFORE[action]:
            getattr(acts, step)()
        acts.results.clear()
        acts.allow(action, needed([action]) - {permission})
        wrong = missing(acts, action, permission)
    if wrong:
        print(f"NOT MISSED {action}: {permission.verb} {permission.resource}: {wrong}", flush=True)
    return wrong


def missing(acts: Acts, action: str, permission: Permission) -> str:
    """Do an action whose account lacks a permission; answer what is wrong with what it says of that, or nothing."""
    failed = ""
    try:
        for step in STEPS.get(action, [action]):
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
