"""``scripts/prove env``: values into a real cluster, and back, and every failure at every step of a write.

    scripts/prove env [--steps | --deaths | --story]

*The story*, under act: a repository on the stand-in for GitHub has a service of two pods that reads a Secret, and
somebody asks the service all the time. The mission's request syncs it: a good value, one that makes every page fail,
one that lets no pod start; with pods that read the Secret itself, and with copies (``copy: [secrets]``). A row a step:
its runs, the seconds until all of them had ended, what users saw meanwhile.

*The steps*: every request that a write, a restore and a removal make, each broken in every way: the connection ends
before it or after it took effect, 409, 403, 503, and SIGKILL right before and after. Held for each: the object is
wholly the former set or wholly the new one, the former set comes back byte for byte, and the same write once more ends
as if nothing had been; no set is left that the record does not know. Exits with 1 if not.

*The deaths*: the API server itself is killed, or told to end, at each request of a sync that writes, and started again.
Held for each: Secret and ConfigMap are each wholly as before or wholly new, the sync is put off or done, never half of
it, and a rerun ends it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.actions.bed import told
from tests.cluster.client import Cluster, script
from tests.kubernetes.hosted import Users, hosted
from tests.kubernetes.synced import Synced, secret_manager
from tests.proofs._env_deaths import died_at_every_write
from tests.proofs._env_steps import KINDS, broken_at_every_step
from tests.proofs.scenarios import Proof


def main() -> int:
    """Run both parts and print their tables."""
    parser = argparse.ArgumentParser(prog="scripts/prove env")
    parser.add_argument("--steps", action="store_true", help="only the failures at every step")
    parser.add_argument("--deaths", action="store_true", help="only the deaths of the API server")
    parser.add_argument("--story", action="store_true", help="only the story under act")
    asked = parser.parse_args()
    name = f"env-{os.getpid()}"
    held: list[bool] = []
    try:
        script("up", "--name", name, "--owner", str(os.getpid()))
        facts = json.loads(script("status", "--name", name, "--json"))
        cluster = Cluster(facts["kubeconfig"], facts["registry"], name)
        with tempfile.TemporaryDirectory(prefix="dreamnet-env-") as folder:
            every = not (asked.steps or asked.deaths or asked.story)
            if every or asked.steps:
                held.append(_steps(cluster, Path(folder)))
            if every or asked.deaths:
                held.append(_deaths(cluster, Path(folder)))
            if every or asked.story:
                held += [_story(cluster, Path(folder), copies) for copies in ((), ("secrets",))]
    finally:
        script("down", "--name", name)
    return 0 if all(held) else 1


def _steps(cluster: Cluster, folder: Path) -> bool:
    held = True
    for kind in KINDS:
        counts: Counter[str] = Counter()
        with cluster.namespace() as namespace:
            for met in broken_at_every_step(cluster, namespace, folder / kind, kind):
                counts[f"{met.doing}, {met.fault}"] += 1
                if met.broken:
                    held = False
                    print(f"NOT HELD {met}", flush=True)
        for what, count in sorted(counts.items()):
            print(f"{kind:<10} {what:<32} {count:>3} points")
        print(f"{kind:<10} {sum(counts.values())} points, {'held' if held else 'NOT HELD'}", flush=True)
    return held


def _deaths(cluster: Cluster, folder: Path) -> bool:
    counts: dict[str, Counter[str]] = {}
    held = True
    with cluster.namespace() as namespace:
        for died in died_at_every_write(cluster, namespace, folder / "deaths"):
            outcome = f"{died.outcome}, {'new' if died.took_effect else 'as before'}"
            counts.setdefault(died.death, Counter())[outcome] += 1
            if died.broken:
                held = False
                print(f"NOT HELD {died}", flush=True)
    for death, outcomes in counts.items():
        told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
        print(f"server {death:<17} {outcomes.total():>3} writes: {told}")
    print(
        f"{sum(one.total() for one in counts.values())} deaths, {'held' if held else 'NOT HELD'}", flush=True
    )
    return held


def _story(cluster: Cluster, folder: Path, copies: tuple[str, ...]) -> bool:
    place = folder / f"story-{len(copies)}"
    place.mkdir()
    with (
        secret_manager(place) as vault,
        cluster.namespace() as namespace,
        hosted(cluster, namespace, place, values=vault.values(copy=copies)) as shop,
    ):
        vault.put(API_KEY="first-key-4711")
        synced = Synced(shop, vault)
        print(f"pods read {'copies' if copies else 'the Secret itself'}")
        print(f"first sync: {synced.sync().conclusion}")
        shop.release("one")
        with Users(shop.url) as users:
            proof = Proof(shop, users)

            def is_(value: str, dreams: int) -> bool:
                issues = shop.story.issues()
                closed = all(one["state_reason"] == "completed" for one in issues)
                serves = synced.served("API_KEY") == {value} and synced.held() == {"API_KEY": value}
                return serves and closed and len(issues) == dreams

            def change(**values: str | None) -> None:
                vault.put(**values)
                synced.sync()

            proof.step("nothing changed", synced.sync, good=lambda: is_("first-key-4711", 0))
            proof.step("a good value", lambda: change(API_KEY="second-key-4711"),
                       good=lambda: is_("second-key-4711", 0))  # fmt: skip
            proof.step("every page fails with it", lambda: change(API_KEY="third-key-4711", ERROR_RATE="1"),
                       good=lambda: is_("second-key-4711", 1), errors=True)  # fmt: skip
            proof.step("the same values again", synced.sync, good=lambda: is_("second-key-4711", 1))
            proof.step("no pod starts with it",
                       lambda: change(API_KEY="fourth-key-4711", ERROR_RATE=None, CRASH_AFTER="0s"),
                       good=lambda: is_("second-key-4711", 2) or is_("second-key-4711", 1))  # fmt: skip
            proof.step("mended at the source", lambda: change(API_KEY="fifth-key-4711", CRASH_AFTER=None),
                       good=lambda: synced.served("API_KEY") == {"fifth-key-4711"})  # fmt: skip
        shown = "\n".join([*map(told, shop.story.runs()), str(shop.story.issues())])
        seen = [one for one in ("first", "second", "third", "fourth", "fifth") if f"{one}-key-4711" in shown]
        print(f"values seen in logs and issues: {len(seen)}")
        print(f"violations of GitHub's description: {len(shop.story.github.violations)}")
        return proof.held and not seen and not shop.story.github.violations


if __name__ == "__main__":
    sys.exit(main())
