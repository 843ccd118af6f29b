"""``scripts/prove deploy-kills``: SIGKILL of the deployer at every step of a release; one version serves in the end.

    scripts/prove deploy-kills [--story NAME] [--most N] [--seed N]

A service of two pods on a real cluster. In each story (``deploy``, ``bad``: a release that has to be taken back,
``canary``, ``rollback``) every request of the deployer to the API server is numbered once. Then the deployer is a
process that is killed right before or right after the request of a number; and the same request is asked again
(``same``), or a newer release is (``newer``). Held for each: the verdict is right; in the end exactly one version
serves, in two pods, without a canary; and on the way there were never fewer than two ready pods, which an observer
watches. A client asks the service all the time; what failed is told. Exits with 1 where something did not hold.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dreamnet_actions.adapters.kubernetes.access import configuration
from dreamnet_actions.adapters.kubernetes.api import Api
from dreamnet_actions.adapters.kubernetes.informer import Informers
from dreamnet_actions.adapters.kubernetes.options import KubernetesPlatformOptions
from dreamnet_actions.adapters.kubernetes.verdicts import condition
from dreamnet_actions.errors import DreamNetError
from tests.cluster.client import Cluster
from tests.kubernetes.trial import Client, Trial
from tests.proofs.deploy_faults import bed

STORIES = ("deploy", "bad", "canary", "rollback")
FLOOR = 2
"""Ready pods, at the least."""
QUICK = {"READY_AFTER": "200ms", "DRAIN": "1s"}
"""How the sample behaves: ready soon, and gone so that its clients notice nothing."""


@dataclass(frozen=True, kw_only=True)
class Death:
    """Where a deployer is killed, and what comes after."""

    story: str
    when: str
    nth: int
    then: str
    what: str = ""

    def __str__(self) -> str:
        return f"{self.story}, {self.when} {self.nth} ({self.what}), then {self.then}"


class Observer:
    """Counts the pods of ``web`` that are ready and not ending, at each change that it hears of."""

    def __init__(self, cluster: Cluster, namespace: str, root: Path) -> None:
        options = KubernetesPlatformOptions(namespace=namespace, kubeconfig=cluster.kubeconfig)
        self._api = Api(configuration(options, {}, root), namespace)
        self._informers = Informers(lambda: self._api)
        self._over = threading.Event()
        self.least = FLOOR
        self.looks = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join(30)
        self._informers.close()
        self._api.close()

    def _run(self) -> None:
        while not self._over.wait(0.02):
            try:
                pods = self._informers.read()["Pod"].values()
            except DreamNetError:
                continue
            ready = [
                one for one in pods
                if condition(one, "Ready") == "True" and not one["metadata"].get("deletionTimestamp")
            ]  # fmt: skip
            self.least, self.looks = min(self.least, len(ready)), self.looks + 1


@dataclass
class Stand:
    """The service that one story after the other is played on. ``mark`` tells its releases apart."""

    trial: Trial
    folder: Path
    mark: int = 0
    images: dict[str, str] = field(default_factory=dict)

    def begin(self) -> None:
        """Bring the first release out."""
        make = self.trial.cluster.image
        self.images = {
            "good": make("good", **QUICK),
            "bad": make("bad", CRASH_AFTER="0s", EXIT_CODE="3"),
        }
        self.trial.prepare()
        self.out()

    def out(self) -> int:
        """Bring a good release out; answer its mark."""
        mark = self.write("good")
        result = self.trial.ask("deploy", name=f"out-{mark}")
        if result.verdict != "deployed":
            raise RuntimeError(result.summary)
        return mark

    def write(self, image: str, *, canary: bool = False) -> int:
        """Write the configuration of another release; answer its mark."""
        self.mark += 1
        self.trial.canary = canary
        self.trial.write(self.images[image], env={"MARK": str(self.mark)})
        return self.mark

    def victim(self, story: str, name: str, death: Death | None) -> list[str]:
        """Let a process do the story's request, and be killed; answer its steps.

        It may be done before the step at which it was to die: how often a canary is looked at is never the same.
        """
        trace = self.folder / name
        action = "rollback" if story == "rollback" else "deploy"
        command = [sys.executable, "-m", "tests.proofs._deploy_victim", str(self.trial.root)]
        command += [str(self.trial.kubeconfig()), action, name, str(trace)]
        done = subprocess.run(
            [*command, *([death.when, str(death.nth)] if death else [])],
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        steps = trace.read_text("utf-8").splitlines()
        early = done.returncode == 0 and (death is None or len(steps) < death.nth)
        if not early and (death is None or done.returncode != -signal.SIGKILL):
            raise RuntimeError(f"the deployer ended with {done.returncode}: {done.stdout}{done.stderr}")
        return steps

    def play(self, story: str, death: Death | None) -> tuple[list[str], list[str]]:
        """Play a story up to its end; answer the steps of the deployer, and what did not hold."""
        before = self.mark_of()
        if story == "rollback":
            self.out()  # so that there is something to go back from
        mark = self.mark if story == "rollback" else self.write(
            "bad" if story == "bad" else "good", canary=story == "canary"
        )  # fmt: skip
        observer = Observer(self.trial.cluster, self.trial.namespace, self.trial.root)
        name, broken = f"{story}-{mark}", list[str]()
        try:
            steps = self.victim(story, name, death)
            if death is None or death.then == "same":
                result = self.trial.ask("rollback" if story == "rollback" else "deploy", name=name)
                right = {"bad": "rolled-back", "rollback": "healthy"}.get(story, "deployed")
                wanted = before if story in ("bad", "rollback") else mark
                if result.verdict != right and result.outcome != "unchanged":
                    broken.append(
                        f"asked again it ended {result.outcome} ({result.verdict}): {result.summary}"
                    )
            else:
                wanted = self.write("good")
                result = self.trial.ask("deploy", name=f"newer-{wanted}")
                if result.verdict != "deployed":
                    broken.append(
                        f"the newer one ended {result.outcome} ({result.verdict}): {result.summary}"
                    )
            self._settle()
        finally:
            observer.close()
        if self.marks() != [str(wanted)] * FLOOR:
            broken.append(f"in the end there run {self.marks()}, and it should be {wanted}")
        there = self.trial.cluster.get("deployments", namespace=self.trial.namespace)
        if (names := [one["metadata"]["name"] for one in there]) != ["web"]:
            broken.append(f"in the end there are {names}")
        if not observer.looks:
            broken.append("nobody looked on the way")
        if observer.least < FLOOR:
            broken.append(f"on the way only {observer.least} pods were ready")
        return steps, broken

    def _settle(self) -> None:
        """Wait until no pod is ending: what is counted is counted at rest."""
        until = time.monotonic() + 60
        while len(self.trial.cluster.get("pods", namespace=self.trial.namespace)) > FLOOR:
            if time.monotonic() > until:
                return
            time.sleep(0.2)

    def mark_of(self) -> int:
        """Answer the mark of the release that is wanted now."""
        return int(_mark(self.trial.live()["spec"]["template"]))

    def marks(self) -> list[str]:
        """Answer the marks of the pods that are there."""
        pods = self.trial.cluster.get("pods", namespace=self.trial.namespace)
        return sorted(_mark(one) for one in pods if not one["metadata"].get("deletionTimestamp"))


def _mark(thing: dict) -> str:  # type: ignore[type-arg]
    env = thing["spec"]["containers"][0].get("env") or []
    return next((str(one["value"]) for one in env if one["name"] == "MARK"), "?")


@contextmanager
def standing(cluster: Cluster) -> Iterator[tuple[Stand, Client]]:
    """Have a service and its client for the block."""
    with cluster.namespace() as namespace, tempfile.TemporaryDirectory(prefix="dreamnet-kills-") as name:
        folder = Path(name)
        trial = Trial(cluster=cluster, namespace=namespace, root=folder / "shop", replicas=FLOOR)
        stand = Stand(trial, folder)
        stand.begin()
        client = Client(trial.url())
        try:
            yield stand, client
        finally:
            client.close()


def every(story: str, steps: Sequence[str]) -> list[Death]:
    """Answer all deaths of a story."""
    return [
        Death(story=story, when=when, nth=nth, then=then, what=what)
        for nth, what in enumerate(steps, 1)
        for when in ("before", "after")
        for then in ("same", "newer")
    ]


def main() -> int:
    """Try every death, print the figures, answer the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--story", choices=STORIES, action="append", help="only this story")
    parser.add_argument("--most", type=int, default=None, help="only so many deaths of each, by chance")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--from", dest="first", type=int, default=1, help="begin with this death of each")
    given = parser.parse_args()
    began, failed, kills = time.monotonic(), 0, 0
    with bed() as cluster, standing(cluster) as (stand, client):
        for story in given.story or STORIES:
            steps, broken = stand.play(story, None)
            print(f"{story}: {len(steps)} steps: {dict(Counter(one.split()[0] for one in steps))}", *broken)
            deaths = every(story, steps)[given.first - 1 :]
            if given.most is not None:
                deaths = random.Random(given.seed).sample(deaths, min(given.most, len(deaths)))
            requests, errors, bad, late = client.requests, len(client.errors), 0, 0
            for nth, death in enumerate(deaths, 1):
                steps, broken = stand.play(story, death)
                late += len(steps) < death.nth
                if nth % 20 == 0:
                    print(f"{story}: {nth} of {len(deaths)}", flush=True)
                bad += bool(broken)
                print(
                    *(f"{death}: {one}" for one in broken), sep="\n", end="\n" if broken else "", flush=True
                )
            failed, kills = failed + bad, kills + len(deaths)
            print(
                f"{story}: {len(deaths) - bad} of {len(deaths)} kills held ({late} came too late); the client failed "
                f"{len(client.errors) - errors} of {client.requests - requests}", flush=True,
            )  # fmt: skip
    print(f"{kills} kills, {time.monotonic() - began:.0f} s: {failed} did not hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
