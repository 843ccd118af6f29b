"""``scripts/prove roles``: each permission of each Role is taken away in turn, and its action fails or says so.

Every case has a namespace of its own on a cluster of the proof's own. An action that ends well without a permission is
one whose Role gives too much; so is the proof's failure.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dreamnet_actions.adapters.kubernetes.needs import ACTIONS, Permission, needed
from tests.cluster.client import Cluster, script
from tests.kubernetes.acts import Acts, acts_on

BEFORE = {
    "status": ["first"],
    "deploy": [],
    "rollback": ["first", "second", "left"],
    "restart": ["first"],
    "scale": ["first"],
    "canary": ["first"],
}
"""What is done with whole Roles before."""
STEPS = {"deploy": ["first", "second"]}
"""What an action's account does, where that is not the act of the action's name."""


def main() -> int:
    """Take away what is chosen; answers 1 where something was not missed."""
    chosen = argparse.ArgumentParser(prog="scripts/prove roles")
    chosen.add_argument("--actions", nargs="*", choices=ACTIONS, default=ACTIONS, help="only these")
    chosen.add_argument("--beside", type=int, default=3, help="cases at the same time (default: %(default)s)")
    options = chosen.parse_args()
    cases = [(action, one) for action in options.actions for one in sorted(needed([action]))]
    name = f"proof-{os.getpid()}"
    try:
        script("up", "--name", name, "--owner", str(os.getpid()))
        cluster = _cluster(name)
        for tag in ("one", "two", "three"):
            cluster.image(tag)
        began = time.monotonic()
        with ThreadPoolExecutor(options.beside) as pool:
            missed = list(pool.map(lambda case: _case(cluster, *case), cases))
    finally:
        script("down", "--name", name)
    for action in options.actions:
        mine = [was for (of, _), was in zip(cases, missed, strict=True) if of == action]
        print(f"{action}: {sum(mine)} of {len(mine)} permissions are missed when they are taken away")
    print(f"{sum(missed)} of {len(cases)} in {time.monotonic() - began:.0f} s")
    return 0 if all(missed) else 1


def _case(cluster: Cluster, action: str, permission: Permission) -> bool:
    """Do an action without one of its permissions; answers whether it failed, or said what it could not do."""
    only = {"statefulsets": "db", "daemonsets": "agent"}.get(permission.resource.partition("/")[0], "web")
    if (permission.resource, permission.verb) == ("pods", "delete"):
        only = "db"  # only a StatefulSet's pods are deleted
    with (
        cluster.namespace() as namespace,
        tempfile.TemporaryDirectory() as folder,
        acts_on(cluster, namespace, Path(folder), (only,)) as acts,
    ):
        for step in BEFORE[action]:
            getattr(acts, step)()
        acts.results.clear()
        acts.allow(action, needed([action]) - {permission})
        failed = _fails(acts, action)
    if not failed:
        print(f"NOT MISSED {action}: {permission.verb} {permission.resource}", flush=True)
    return failed


def _fails(acts: Acts, action: str) -> bool:
    try:
        for step in STEPS.get(action, [action]):
            getattr(acts, step)()
        # What a release leaves behind is tidied up at its end, and that this failed is told and breaks nothing.
        return any("does not allow" in str(one.to_json()) for one in acts.results)
    except AssertionError as error:
        # Another failure than a refusal says nothing about the Role.
        if "refused.permission" not in str(error):
            print(f"{action} failed otherwise: {str(error)[:1000]}", flush=True)
            return False
        return True


def _cluster(name: str) -> Cluster:
    import json

    facts = json.loads(script("status", "--name", name, "--json"))
    return Cluster(facts["kubeconfig"], facts["registry"], name)


if __name__ == "__main__":
    raise SystemExit(main())
