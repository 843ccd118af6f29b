"""``scripts/prove kills``: SIGKILL at every step of a heal at GitHub, and the end is the same.

    scripts/prove kills [--way rerun|schedule|expired] [--most N] [--seed N] [--workers N]

A service that really runs dies. The schedule finds it and files the dream, RelayBot carries the message, DeployKeeper
restarts the service, and its result brings DreamKeeper's proof, which closes the dream: five jobs, each a process of
its own, with git over HTTP and REST on the stand-in. Its steps are numbered once: each request as it arrives and as it
took effect, and in between what a job does to its machine. For each number a fresh repository and a fresh service, and
the job that is there is killed.

``rerun``: the killed job is run again, as a person does. ``schedule``: nobody does; only the schedule comes again, each
time 700 s later, until nothing is left to do. ``expired``: the job lives, but from the request on its token is not
accepted (401), and then the schedule comes again. Without ``--way`` all three.

Held for each: one issue, closed, each line of its story once; each message done, once; one restart of the service; the
same facts in the journal as without a kill; nothing that ``dreamnet journal verify`` finds. Where nobody runs the job
again that restarted the service, its own message and fact may be missing. Exits with 1 where not.
"""

from __future__ import annotations

import argparse
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, get_args

from dreamnet_actions.adapters.github import story
from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.bootstrap import Options, assemble
from dreamnet_actions.domain.secret import SecretValue
from tests.proofs._chain import PERMISSIONS, Chain, Step, Way
from tests.proofs._deathly import DeathlyStandIn, Moving, standing

WAYS: tuple[Way, ...] = get_args(Way)
APART = 700.0
"""Seconds between two ticks of the schedule: what was not announced is due again by then."""
MOST_TICKS = 8
"""Ticks after which nothing may be left: the longest lease of a run that nobody starts again ends within six."""
ROUTINE = frozenset({"check-ended", "request-ended", "tick", "message-routed"})
"""Facts that tell of a run, and not of what came of it: who runs twice tells twice."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How one trial ended: ``ticks`` of the schedule were needed after the kill."""

    step: Step
    way: Way
    ticks: int
    broken: Sequence[str]


class Place:
    """A stand-in of its own, on which one trial after the other is made."""

    def __init__(self, github: DeathlyStandIn, clock: Moving, folder: Path) -> None:
        self._github, self._clock, self._folder = github, clock, folder
        self._made = 0

    def undisturbed(self) -> tuple[list[Step], dict[str, Any]]:
        """Answer every step of the chain, numbered, and what is left at its end."""
        chain = self._chain()
        try:
            chain.begin()
            chain.tick()
            steps = list(_numbered(chain))
            if _open(left := self._left(chain)):
                raise RuntimeError(f"the chain did not end by itself: {left}, {chain.ended}")
            return steps, left
        finally:
            chain.close()

    def meet(self, step: Step, way: Way, right: dict[str, Any]) -> Ended:
        """Kill the job at a step, let what follows follow, and hold what is left against what is right."""
        chain = self._chain()
        broken: list[str] = []
        ticks = 0
        try:
            chain.begin()
            chain.tick(step, way)
            if not chain.met:
                broken.append("the step was not come to")
            while _open(left := self._left(chain)) and ticks < MOST_TICKS:
                ticks += 1
                self._clock.passed += APART
                chain.tick()
        except TimeoutError as error:
            return Ended(step=step, way=way, ticks=ticks, broken=[str(error)])
        finally:
            chain.close()
        wanted = right if way == "rerun" else _without_a_word(right, left)
        broken += [
            f"{what} is {left[what]}, and it should be {wanted[what]}"
            for what in wanted
            if left[what] != wanted[what]
        ]
        if broken:
            broken.append(f"it ran {chain.ended}")
        return Ended(step=step, way=way, ticks=ticks, broken=broken)

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    def _chain(self) -> Chain:
        self._made += 1
        return Chain(self._github, self._clock, self._folder / str(self._made), f"octo/kill-{self._made}")

    def _left(self, chain: Chain) -> dict[str, Any]:
        """Answer what people and programs find."""
        person = GitHubRepository(
            chain.name,
            SecretValue(self._github.person("octocat", "admin")),
            clock=self._clock,
            api_url=self._github.api_url,
            server_url=self._github.server_url,
        )
        listed = person.call("GET", "/issues", parameters={"state": "all"})
        lines: list[str] = []
        for one in listed:
            for comment in person.call("GET", f"/issues/{one['number']}/comments"):
                told = story.read(str(comment["body"]))
                lines += [_timeless(text) for _, text in told.lines] if told else []
        environ = {
            "GITHUB_REPOSITORY": chain.name,
            "GITHUB_API_URL": self._github.api_url,
            "GITHUB_SERVER_URL": self._github.server_url,
            "GITHUB_TOKEN": self._github.workflow_token(chain.name, PERMISSIONS["relaybot"], job="look"),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        }
        system = assemble(
            Options(root=chain.folder, environ=environ, home="github", state=chain.folder / "look")
        )
        try:
            facts = Counter(one.kind for one in system.journal.read() if one.kind not in ROUTINE)
            keeping = system.memory.keeping
            assert keeping is not None
            return {
                "issues": [
                    (one["state"], one["state_reason"], sorted(label["name"] for label in one["labels"]))
                    for one in listed
                ],
                "story": lines,
                "messages": [(one.message.name, one.state) for one in system.bus.list()],
                "starts": (chain.folder / "starts").read_text("utf-8").count("\n"),
                "facts": dict(sorted(facts.items())),
                "flaws": [str(one) for one in keeping.verify().flaws],
                "fsck": _fsck(self._github.git_dir(chain.name)),
            }
        finally:
            system.close()


def _open(left: dict[str, Any]) -> bool:
    """Say whether something is still to be done."""
    under_way = any(state in ("waiting", "leased") for _, state in left["messages"])
    return under_way or not left["issues"] or any(state == "open" for state, _, _ in left["issues"])


def _without_a_word(right: dict[str, Any], left: dict[str, Any]) -> dict[str, Any]:
    """Answer what is right where the job that restarted the service was never run again, and the schedule saw that it
    is well: then nobody tells of the restart, neither by a fact nor by its message."""
    (first, _), told = right["messages"], left["facts"].get("restarted", 0)
    if left["messages"] != [first] or told not in (1, 2):
        return right
    return right | {"messages": [first], "facts": right["facts"] | {"message-sent": 1, "restarted": told}}


def _numbered(chain: Chain) -> Iterable[Step]:
    for number, (agent, requests, own) in enumerate(chain.traces, 1):
        for nth, what in enumerate(requests, 1):
            yield Step(number, "before", nth, f"{agent}: {what}")
            yield Step(number, "after", nth, f"{agent}: {what}")
        for nth, what in enumerate(own, 1):
            yield Step(number, "between", nth, f"{agent}: {what}")


def _timeless(text: str) -> str:
    """Leave out how long it took, and whether the remedy's proof saw it first or the schedule."""
    return re.sub(r"(: resolved after) .*", r"\1 a while", text)


def _fsck(repository: Path) -> str:
    command = ["git", "-C", str(repository), "fsck", "--strict", "--no-dangling"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout


def prove(
    pairs: Callable[[Sequence[Step]], Sequence[tuple[Step, Way]]],
    *,
    workers: int = 2,
    tell: Callable[[str], None] = lambda _: None,
) -> tuple[list[Step], list[Ended]]:
    """Number the steps, try the chosen ones (each with a way); answer all steps, and how each trial ended."""
    local = threading.local()
    with tempfile.TemporaryDirectory(prefix="dreamnet-kills-") as name, ExitStack() as stack:
        guard = threading.Lock()

        def place() -> Place:
            with guard:
                folder = Path(tempfile.mkdtemp(dir=name))
                github, clock = stack.enter_context(standing(folder / "github"))
            return Place(github, clock, folder)

        steps, right = place().undisturbed()
        tell(f"{len(steps)} steps: {dict(Counter(one.when for one in steps))}")
        tell(f"undisturbed: {right}")

        def begin() -> None:
            local.place = place()

        def meet(pair: tuple[Step, Way]) -> Ended:
            ended: Ended = local.place.meet(*pair, right)
            for sentence in ended.broken:
                tell(f"{ended.way}, {ended.step}: {sentence}")
            return ended

        with ThreadPoolExecutor(workers, initializer=begin) as pool:
            ended = []
            for one in pool.map(meet, pairs(steps)):
                ended.append(one)
                if len(ended) % 20 == 0:
                    tell(f"{len(ended)} kills, {sum(bool(one.broken) for one in ended)} did not hold")
    return steps, ended


def every(steps: Sequence[Step]) -> list[tuple[Step, Way]]:
    """Answer what there is to try: a token expires at requests only."""
    return [(step, way) for way in WAYS for step in steps if way != "expired" or step.when == "before"]


def figures(ended: Sequence[Ended]) -> Iterable[str]:
    """Write the figures, a line each."""
    for way in WAYS:
        mine = [one for one in ended if one.way == way]
        if not mine:
            continue
        for when in ("before", "after", "between"):
            these = [one for one in mine if one.step.when == when]
            if not these:
                continue
            held = sum(not one.broken for one in these)
            ticks = Counter(one.ticks for one in these)
            told = ", ".join(f"{count} after {number}" for number, count in sorted(ticks.items()))
            yield f"{way:<9} {when:<8} {held:>4} of {len(these):>4} held; ticks of the schedule: {told}"


def main() -> int:
    """Try every step, print the figures, answer the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--way", choices=WAYS, default=None, help="only this way")
    parser.add_argument("--most", type=int, default=None, help="only so many kills, by chance")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    ways = WAYS if given.way is None else (given.way,)

    def chosen(steps: Sequence[Step]) -> Sequence[tuple[Step, Way]]:
        pairs = [pair for pair in every(steps) if pair[1] in ways]
        if given.most is None:
            return pairs
        return random.Random(given.seed).sample(pairs, min(given.most, len(pairs)))

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended then, too
    began = time.monotonic()
    _, ended = prove(chosen, workers=given.workers, tell=partial(print, flush=True))
    print(*figures(ended), sep="\n")
    broken = sum(bool(one.broken) for one in ended)
    print(
        f"{len(ended)} kills, {time.monotonic() - began:.0f} s: "
        f"{'the same end each time' if not broken else f'{broken} did not hold'}"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
