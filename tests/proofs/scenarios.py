"""``scripts/prove scenarios``: the mission's scenarios on a real cluster, by push, schedule and dispatch under act.

A repository on the stand-in for GitHub has a service on a real cluster, and somebody asks that service all the time.
A push builds an image and deploys it; a bad one is taken back; every pod is made to fail, and the next schedule heals
it; a dispatch restarts it, and a button goes back to the release before. Then twelve users come at once: a schedule
measures the load and scales up until it is stable, and down again once they are gone. A row a step: what started it,
its runs, the seconds until all of them had ended, and what users saw meanwhile. Exits with 1 where a step did not go as
it should, or users saw errors that nobody made.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.actions.bed import told
from tests.cluster.client import Cluster, script
from tests.kubernetes.hosted import Hosted, Users, hosted
from tests.kubernetes.loaded import BEHAVIOUR, CROWD, PATIENCE, asked, load, measured, until_stable

SETTLED = 30
"""Requests that users make after a step, so that its end is seen too."""
MOST_ERRORS = 3
"""Of 300 requests of the crowd so many may fail once there are enough pods for all of them: 1 %."""


@dataclass
class Proof:
    """The steps of one repository's story, as they are told; ``held`` is whether each went as it should."""

    shop: Hosted
    users: Users
    held: bool = True
    former: list[str] = field(default_factory=list)

    def step(
        self, what: str, do: Callable[[], object], *, good: Callable[[], bool], errors: bool = False
    ) -> None:
        """Do one thing, wait for all that follows, and print its row. ``errors``: that users see some is its point."""
        known, began = len(self.shop.story.runs()), time.monotonic()
        self.users.phase = what
        do()
        took = time.monotonic() - began
        runs = self.shop.story.runs()[known:]
        self.shop.cluster.wait("users to ask", lambda: asked(self.users, what, SETTLED), 120)
        right = good() and (errors or not self.users.errors(what))
        self.held = self.held and right
        ended = ", ".join(f"{one.event.name} {one.conclusion}" for one in runs) or "no run"
        print(f"{what:<44}{took:>6.1f} s  {'held' if right else 'NOT HELD'}  {self.users.told(what)}")
        print(f"    {ended}", flush=True)
        if not right:
            print("\n".join(map(told, runs)), self.users.failed.get(what), file=sys.stderr)


def main() -> int:
    """Run both stories and print their tables."""
    name = f"scenarios-{os.getpid()}"
    try:
        script("up", "--name", name, "--owner", str(os.getpid()))
        facts = json.loads(script("status", "--name", name, "--json"))
        cluster = Cluster(facts["kubeconfig"], facts["registry"], name)
        with tempfile.TemporaryDirectory(prefix="dreamnet-scenarios-") as folder:
            held = [part(cluster, Path(folder)) for part in (_released_and_healed, _scaled)]
    finally:
        script("down", "--name", name)
    return 0 if all(held) else 1


def _released_and_healed(cluster: Cluster, folder: Path) -> bool:
    (folder / "one").mkdir()
    with cluster.namespace() as namespace, hosted(cluster, namespace, folder / "one") as shop:
        story = shop.story
        shop.release("one")
        print(f"first push: {story.runs()[0].conclusion}; the page says {shop.page().split()[:2]}")
        with Users(shop.url) as users:
            proof = Proof(shop, users)

            def serves(version: str) -> bool:
                return shop.page().startswith(f"sample {version} ")

            def dream_closed() -> bool:
                (issue,) = story.issues()
                return (issue["state"], issue["state_reason"]) == ("closed", "completed") and serves("two")

            proof.step("a push", lambda: shop.release("two"), good=lambda: serves("two"))
            proof.step("a push that crashes", lambda: shop.release("three", CRASH_AFTER="0s", EXIT_CODE="3"),
                       good=lambda: serves("two"))  # fmt: skip
            proof.step("a push that is never ready", lambda: shop.release("four", NEVER_READY="true"),
                       good=lambda: serves("two"))  # fmt: skip
            proof.step("a schedule, every pod answers 500", lambda: (shop.spoil(), shop.tick()),
                       good=dream_closed, errors=True)  # fmt: skip
            proof.step("a schedule, all is well", shop.tick, good=lambda: serves("two"))
            request = {"agent": "deploykeeper", "input": {"action": "restart", "service": "web"}}
            before = set(shop.pods())
            proof.step("a dispatch: restart", lambda: shop.ask(**request),
                       good=lambda: not before & set(shop.pods()))  # fmt: skip
            press = lambda: story.press("dreamnet-deploy.yml", action="rollback", service="web")  # noqa: E731
            proof.step("a button: rollback", press, good=lambda: serves("one"))
        print(f"violations of GitHub's description: {len(story.github.violations)}")
        return proof.held and not story.github.violations


def _scaled(cluster: Cluster, folder: Path) -> bool:
    (folder / "two").mkdir()
    with cluster.namespace() as namespace, measured(cluster, namespace, folder / "two") as (shop, server):
        shop.release("one", **BEHAVIOUR)
        print(f"scaling: {shop.replicas()} pod, up to {CROWD} users at once")
        with Users(shop.url) as users:
            proof = Proof(shop, users)
            numbers: list[int] = []
            with Users(shop.url, at_once=CROWD, pause=0.0, patience=PATIENCE) as crowd:

                def saw(phase: str) -> float:
                    """Answer the seconds within which half of 300 requests were answered."""
                    crowd.phase = phase
                    cluster.wait("the crowd to ask", lambda: asked(crowd, phase, 300), 180)
                    print(f"    the crowd, {phase}: {crowd.told(phase)}", flush=True)
                    return crowd.median(phase)

                before = saw("1 pod")
                cluster.wait("the load to be measured", lambda: load(server) > 3.3, 60)
                print(f"    the load is {load(server):.1f}, 3 a replica is the target")
                crowd.phase = "while it scales"
                proof.step("schedules, under load", lambda: numbers.extend(until_stable(shop)),
                           good=lambda: shop.replicas() > 1, errors=True)  # fmt: skip
                print(f"    replicas: {numbers}; the crowd meanwhile: {crowd.told('while it scales')}")
                enough = f"{shop.replicas()} pods"
                faster = saw(enough) < before
                proof.held = proof.held and faster and crowd.errors(enough) <= MOST_ERRORS
            cluster.wait("the load to be over", lambda: 0 <= load(server) < 1.5, 60)
            numbers.clear()
            proof.step("schedules, the crowd is gone", lambda: numbers.extend(until_stable(shop)),
                       good=lambda: shop.replicas() == 1)  # fmt: skip
            print(f"    replicas: {numbers}")
        print(f"violations of GitHub's description: {len(shop.story.github.violations)}")
        return proof.held and not shop.story.github.violations


if __name__ == "__main__":
    sys.exit(main())
