"""Simulated releases by canary, on the code that judges real ones; and the rules of others, on such requests."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from dreamnet_actions.domain.canary import Evidence, Kind, Tally, enough
from dreamnet_actions.keepers.deploykeeper.looking import MOST, PACE

CHUNK = 250
"""Releases that one process simulates at a time."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How releases go: the shares, how long each is watched, the margin, and the clients' requests a second.

    Our own probes are sent in any case, as many as the product makes.
    """

    name: str
    shares: tuple[float, ...] = (0.05, 0.25, 0.5)
    soak: float = 30.0
    margin: float = 0.05
    clients: float = 0.0
    whole: bool = False
    """Whether each step is watched to the end of its time, whatever speaks for the canary: the most looks there are."""

    def requests(self, share: float, look: int) -> dict[Kind, tuple[int, int]]:
        """How many requests of each kind both tracks answer between two looks."""
        each = max(1, min(math.ceil(enough(self.margin) * PACE / self.soak), MOST))
        found: dict[Kind, tuple[int, int]] = {"probes": (each, each)}
        if self.clients:
            asked = self.clients * PACE
            found["clients"] = _whole(asked * share, look), _whole(asked * (1 - share), look)
        return found


def _whole(each: float, look: int) -> int:
    """The n-th look's part of a steady stream."""
    return int(each * (look + 1)) - int(each * look)


@dataclass(kw_only=True)
class Ends:
    """How many releases ended how, and of those that were taken back: after how many requests to the canary, and after
    how many seconds."""

    ends: Counter[str] = field(default_factory=Counter)
    requests: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(self, other: Ends) -> Ends:
        """Put others to these."""
        self.ends.update(other.ends)
        self.requests += other.requests
        self.seconds += other.seconds
        return self

    def share(self, end: str) -> float:
        """The share of all releases that ended so."""
        return self.ends[end] / max(1, self.ends.total())


def failed(dice: random.Random, requests: int, rate: float) -> int:
    """Answer how many of so many requests fail: exact, by the gaps between failures."""
    if rate >= 1:
        return requests
    count, at = 0, -1
    if rate <= 0:
        return 0
    while True:
        at += 1 + int(math.log(1 - dice.random()) / math.log(1 - rate))
        if at >= requests:
            return count
        count += 1


def release(setting: Setting, canary: float, stable: float, dice: random.Random) -> tuple[str, int, float]:
    """Play one release; answers its end, the requests to its canary and the seconds until then."""
    evidence = Evidence.fresh(len(setting.shares), setting.margin)
    asked, lasted = 0, 0.0
    for share in setting.shares:
        for look in range(int(setting.soak / PACE)):
            lasted += PACE
            for kind, (n, m) in setting.requests(share, look).items():
                asked += n
                one = Tally(requests=n, errors=failed(dice, n, canary))
                evidence = evidence.seen(kind, one, Tally(requests=m, errors=failed(dice, m, stable)))
            judgement = evidence.judged((look + 1) * PACE / setting.soak)
            if judgement == "bad":
                return "taken back", asked, lasted
            if judgement == "good" and not setting.whole:
                break
        if evidence.at_last != "good" and not setting.whole:
            return "left to a person", asked, lasted
        evidence = evidence.next_step()
    return "passed", asked, lasted


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A rule with fixed thresholds: every ``every`` seconds the canary's share of passing requests since the last check
    has to be at least ``least``; ``most`` checks may fail before it is taken back. ``held``: a failed check also keeps
    the canary at its share."""

    name: str
    every: float
    least: float
    most: int
    shares: tuple[float, ...]
    checks: int
    held: bool
    clients: float


def fixed(rule: Threshold, canary: float, stable: float, dice: random.Random) -> tuple[str, int, float]:
    """Play one release by such a rule."""
    del stable  # it is not looked at
    asked, lasted, bad = 0, 0.0, 0
    for share in rule.shares:
        passed = 0
        while passed < rule.checks:
            n = round(rule.clients * rule.every * share)
            asked, lasted = asked + n, lasted + rule.every
            wrong = failed(dice, n, canary) / n > 1 - rule.least + 1e-12
            bad += wrong
            if bad > rule.most:
                return "taken back", asked, lasted
            passed += 0 if wrong and rule.held else 1
    return "passed", asked, lasted


Play = Callable[[random.Random], tuple[str, int, float]]


def _chunk(play: Play, count: int, seed: str) -> Ends:
    dice, found = random.Random(seed), Ends()
    for _ in range(count):
        end, requests, seconds = play(dice)
        found.ends[end] += 1
        if end == "taken back":
            found.requests.append(requests)
            found.seconds.append(seconds)
    return found


def many(play: Play, count: int, seed: str, pool: ProcessPoolExecutor) -> Ends:
    """Play so many releases in several processes; the same seed plays the same ones."""
    sizes = [min(CHUNK, count - begun) for begun in range(0, count, CHUNK)]
    parts: Iterable[Ends] = pool.map(
        partial(_chunk, play), sizes, [f"{seed}/{number}" for number in range(len(sizes))]
    )
    found = Ends()
    for part in parts:
        found.add(part)
    return found
