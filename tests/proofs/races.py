"""``scripts/prove races``: many runs file the same problem at once, and one issue stays.

    scripts/prove races [--races 1000] [--seed N]

Each race has 2 to 16 writers with adapters of their own, lists that lag by up to 30 s, and creates that fail: a 502 or
a cut connection after the issue was made, or before, an answer that takes half a minute, or none within the time limit.
Who was told that it failed comes again some seconds later, as the next run would. Shows that 60 s after the start (of
virtual time) exactly one issue of the key is open, and every writer takes that one for it. Exits with 1 where not.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.adapters.github.dreams import GitHubDreamStore
from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.errors import DreamNetError, TemporaryError
from dreamnet_actions.testing.github.limits import Quota
from dreamnet_actions.testing.github.standin import StandIn
from dreamnet_actions.testing.memory.clock import VirtualClock

KEY = "production/web"
SETTLED = 60.0
"""Seconds of virtual time after which one issue must be left."""
KINDS = ("502-after", "502-after", "reset-after", "reset-after", "hang-after", "502", "reset", "hang-real")
TIMEOUT = 0.4
"""Seconds that a writer waits for an answer where some take longer (``hang-real``)."""


@dataclass
class Race:
    """One race. ``broken`` are the sentences about what did not hold."""

    seed: int
    github: StandIn
    clock: VirtualClock
    figures: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Let them race, and hold what is left against what was promised."""
        dice = random.Random(self.seed)
        self.name = f"octo/race-{self.seed}"
        self.github.create_repository(self.name)
        person = self._reach(self.github.person("octocat", "admin"))
        for number in range(dice.randrange(4)):
            person.call("POST", "/issues", body={"title": f"somebody else's {number}"})
        writers = dice.randrange(2, 17)
        kinds = self._faults(dice, writers)
        timeout = TIMEOUT if "hang-real" in kinds else 30.0
        stores = [self._writer(number, dice.choice((0.0, 10.0)), timeout) for number in range(writers)]
        began = self.clock.now()
        answers: dict[int, Dream] = {}
        left = set(range(writers))
        for _ in range(4):
            self._together(stores, left, answers, dice.choice((0.0, 0.0, 0.005, 0.05)))
            left = set(range(writers)) - set(answers)
            if not left:
                break
            self.clock.advance(dice.uniform(2.0, 10.0))
        self.clock.advance(max(0.0, began + SETTLED - self.clock.now()))
        self.github.faults.clear()
        self._check(person, stores, answers, left)
        self.figures["writers"] += writers

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    def _faults(self, dice: random.Random, writers: int) -> set[str]:
        path = f"/repos/{self.name}/issues"
        lag = dice.choice((0.0, dice.uniform(0.0, 5.0), dice.uniform(0.0, 30.0), 30.0))
        if lag:
            self.github.faults.stale(lag, path)
        kinds = set()
        for _ in range(dice.randrange(writers + 1)):
            kind = dice.choice(KINDS)
            seconds = 2.5 * TIMEOUT if kind == "hang-real" else 30.0
            self.github.faults.add(
                kind, method="POST", path=path, nth=dice.randrange(1, writers + 3), seconds=seconds
            )
            kinds.add(kind)
        return kinds

    def _reach(self, token: str, **options: Any) -> GitHubRepository:
        return GitHubRepository(
            self.name,
            SecretValue(token),
            clock=self.clock,
            api_url=self.github.api_url,
            server_url=self.github.server_url,
            write_spacing=0.0,
            **options,
        )

    def _writer(self, number: int, fresh_for: float, timeout: float) -> GitHubDreamStore:
        permissions = {"issues": "write", "metadata": "read"}
        token = self.github.workflow_token(self.name, permissions, job=f"{self.name} {number}")
        return GitHubDreamStore(self._reach(token, timeout=timeout), fresh_for=fresh_for)

    def _together(
        self, stores: list[GitHubDreamStore], who: set[int], answers: dict[int, Dream], apart: float
    ) -> None:
        """Let these writers file at once, each a moment (of real time) after the one before."""
        gate = threading.Barrier(len(who))

        def file(number: int) -> None:
            gate.wait()
            time.sleep(apart * number)
            try:
                answers[number] = stores[number].open(Dream(key=KEY, because=f"writer {number}"))
            except TemporaryError:
                self.figures["told to come again"] += 1
            except DreamNetError as error:
                self.broken.append(f"writer {number} ended with {error!r}")

        threads = [threading.Thread(target=file, args=(number,)) for number in sorted(who)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()

    def _check(
        self,
        person: GitHubRepository,
        stores: list[GitHubDreamStore],
        answers: dict[int, Dream],
        left: set[int],
    ) -> None:
        listed = person.call("GET", "/issues", parameters={"state": "all", "per_page": 100})
        ours = [one for one in listed if any(label["name"] == "dream" for label in one["labels"])]
        still = [one["number"] for one in ours if one["state"] == "open"]
        if len(still) != 1:
            self.broken.append(f"{len(still)} issues are open: {still}")
        if left:
            self.broken.append(f"{len(left)} writers never got an answer")
        strange = {one.number for one in answers.values()} - set(still)
        if strange:
            self.broken.append(f"writers were told {strange}, and {still} is open")
        for store in stores:
            found = store.find(KEY)
            if found is None or [found.number] != still:
                self.broken.append(f"a writer finds {found and found.number} later, and {still} is open")
        self.figures["issues made"] += len(ours)
        self.figures["closed as duplicates"] += len(ours) - len(still)


def races(count: int, seed: int, *, aloud: bool = False) -> tuple[list[str], Counter[str]]:
    """Run that many races, one after the other; answer what did not hold, and the figures."""
    broken: list[str] = []
    figures: Counter[str] = Counter()
    clock = VirtualClock()
    with tempfile.TemporaryDirectory(prefix="dreamnet-races-") as folder:
        quota = Quota(workflow=10**9, personal=10**9)
        with StandIn(clock=clock, root=Path(folder), quota=quota) as github:
            for number in range(count):
                one = Race(seed + number, github, clock)
                one.run()
                figures += one.figures
                broken += [f"race {one.seed}: {sentence}" for sentence in one.broken]
                if aloud and one.broken:
                    print(f"race {one.seed}: {one.broken}", flush=True)
                if aloud and (number + 1) % 50 == 0:
                    print(f"{number + 1} races, {len(broken)} things did not hold", flush=True)
            broken += github.violations
    return broken, figures


def main() -> int:
    """Run the races, print the figures, answer the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--races", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=None)
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(10**6)
    print(f"seed {seed}, {given.races} races", flush=True)
    began = time.monotonic()
    broken, figures = races(given.races, seed, aloud=True)
    print(
        f"{given.races} races, {time.monotonic() - began:.0f} s; {dict(figures)}: "
        f"{'one issue stayed in each' if not broken else f'{len(broken)} things did not hold'}"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
