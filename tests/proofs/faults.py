"""``scripts/prove faults``: each call of a run made to fail in each way; the run ends as it may, and a rerun completes.

    scripts/prove faults [--most N] [--seed N] [--workers N]

The run finds a service down: it files the dream, asks for its remedy by a message, writes its memory to the branch and
announces the message. Each of its requests to GitHub, REST and git alike, meets each fault once, in a repository of its
own. Held for each: what passes by itself ends the run ``done`` or ``deferred``; no error is a bug; no wait is above
the cap; and after runs on the schedule there is one issue, each line of its story once, one message, announced, as if
nothing had happened. Exits with 1 where not.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

from benchmarks.github import Services
from dreamnet_actions.adapters.github import story
from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.adapters.github.memory import GitHubMemory
from dreamnet_actions.adapters.github.retry import Patience
from dreamnet_actions.bootstrap import Options, assemble
from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.entrances.action.run import _finished
from dreamnet_actions.testing.github.limits import Quota
from dreamnet_actions.testing.github.standin import StandIn
from dreamnet_actions.testing.memory.clock import VirtualClock

PERMISSIONS = {"contents": "write", "issues": "write"}
DISPATCHES = "/repos/{owner}/{repo}/dispatches"
LIMIT = 1.0
"""Seconds of real time that the run waits for an answer here, where a fault is that none comes."""
KINDS: dict[str, dict[str, Any]] = {
    "502": {"kind": "502"},
    "502 after": {"kind": "502-after"},
    "no answer": {"kind": "hang-real", "seconds": 2.0 * LIMIT},
    "reset": {"kind": "reset"},
    "reset after": {"kind": "reset-after"},
    "403 secondary, told": {"kind": "secondary", "retry_after": 30},
    "403 secondary, told to wait long": {"kind": "secondary", "retry_after": 900},
    "403 secondary": {"kind": "secondary"},
    "429": {"kind": "429"},
    "primary limit": {"kind": "primary", "reset": 3000.0},
    "truncated": {"kind": "truncated"},
    "HTML": {"kind": "html"},
    "401": {"kind": "401"},
    "403": {"kind": "403"},
    "404": {"kind": "404"},
    "410": {"kind": "410"},
    "422": {"kind": "422"},
    "301": {"kind": "301"},
    "307": {"kind": "307"},
}
LISTED: dict[str, str] = {
    "502 after commit": "502 after",
    "hang": "no answer",
    "reset": "reset",
    "403 secondary with header": "403 secondary, told",
    "403 secondary without header": "403 secondary",
    "429 without header": "429",
    "primary limit 50 minutes away": "primary limit",
    "401 mid-run": "401",
    "404": "404",
    "410": "410",
    "422 race": "422",
    "301": "301",
    "307": "307",
    "truncated JSON": "truncated",
    "HTML 200": "HTML",
}
"""The kinds that were promised to be tried, by the names of the issue, with ours."""
PASSING = frozenset(list(KINDS)[:12])
"""Faults that pass by themselves: nobody has to mend anything."""
RERUNS = 2
APART = 700.0
"""Seconds between runs on the schedule: a lease that a run could not give back is over by then, and what was not
announced is due again."""


class Watched(VirtualClock):
    """A run's clock: it shares the time of another, and counts its own waits."""

    def __init__(self, shared: VirtualClock) -> None:
        self._shared = shared
        self.waits: list[float] = []

    def now(self) -> float:
        return self._shared.now()

    def monotonic(self) -> float:
        return self._shared.monotonic()

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self._shared.sleep(seconds)


@dataclass
class Trial:
    """One repository with a service that fails. ``broken`` are the sentences about what did not hold."""

    name: str
    github: StandIn
    clock: VirtualClock
    folder: Path
    services: Services
    runs: int = 0
    waits: list[float] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def begin(self) -> None:
        """Make the repository, and let a run see that all is well."""
        self.folder.mkdir()
        self.github.create_repository(self.name, files={"README.md": "# shop\n"})
        check = {"http": f"http://127.0.0.1:{self.services.port}/0"}
        service = {
            "platform": "local", "command": ["sleep", "1"], "port": 20_000, "checks": {"home": check},
            "heal": {"recover-within": "10h"},
        }  # fmt: skip
        config = {"version": 1, "platforms": {"local": {"process": {}}}, "services": {"web": service}}
        (self.folder / "dreamnet.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        self.services.down(range(0))
        self.run()
        self.services.down(range(1))

    def run(self) -> AgentResult:
        """Check once, as a workflow's run on the schedule does."""
        self.runs += 1
        token = self.github.workflow_token(self.name, PERMISSIONS, job=self.job)
        environ = {
            "GITHUB_EVENT_NAME": "schedule",
            "GITHUB_REPOSITORY": self.name,
            "GITHUB_API_URL": self.github.api_url,
            "GITHUB_SERVER_URL": self.github.server_url,
            "GITHUB_RUN_ID": str(self.runs),
            "GITHUB_TOKEN": token,
            "RUNNER_TEMP": str(self.folder / str(self.runs)),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        }
        clock = Watched(self.clock)
        with mock.patch("dreamnet_actions.adapters.system.clock.SystemClock", return_value=clock):
            system = assemble(Options(root=self.folder, environ=environ, home="github"))
        try:
            request = {"agent": "dreamkeeper", "input": {"action": "check", "service": "web"}}
            return _finished(system, system.pipe.submit(request, id=f"run-{self.runs}"))
        finally:
            system.close()
            self.waits += clock.waits

    @property
    def job(self) -> str:
        """The name of the job that ran last."""
        return f"{self.name}#{self.runs}"

    def state(self) -> dict[str, Any]:
        """Answer what is left: issues, story, messages, and whether they were announced."""
        person = GitHubRepository(
            self.name,
            SecretValue(self.github.person("octocat", "admin")),
            clock=self.clock,
            api_url=self.github.api_url,
            server_url=self.github.server_url,
            write_spacing=0.0,
        )
        listed = person.call("GET", "/issues", parameters={"state": "all"})
        lines: list[str] = []
        for one in listed:
            told = person.call("GET", f"/issues/{one['number']}/comments")
            stories = [story.read(str(comment["body"])) for comment in told]
            lines += [text for found in stories if found for _, text in found.lines]
        announced = [
            one
            for one in self.github.calls.all()
            if one.template == DISPATCHES
            and one.job.startswith(f"{self.name}#")
            and one.status in (0, 204, 502)
        ]
        self.runs += 1
        environ = {
            "GITHUB_REPOSITORY": self.name,
            "GITHUB_API_URL": self.github.api_url,
            "GITHUB_SERVER_URL": self.github.server_url,
            "GITHUB_TOKEN": self.github.workflow_token(self.name, PERMISSIONS, job=self.job),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        }
        system = assemble(
            Options(root=self.folder, environ=environ, home="github", state=self.folder / "look")
        )
        try:
            messages = [one.message.name for one in system.bus.list()]
            facts = Counter(one.kind for one in system.journal.read() if one.kind != "check-ended")
        finally:
            system.close()
        return {
            "issues": [(one["state"], sorted(label["name"] for label in one["labels"])) for one in listed],
            "story": lines,
            "messages": messages,
            "announced": bool(announced),
            "facts": {kind: count for kind, count in facts.items() if kind != "request-ended"},
        }

    def meet(self, kind: str, nth: int) -> None:
        """Let the ``nth`` request of the next run meet a fault, and hold what comes of it."""
        fault = dict(KINDS[kind])
        if "reset" in fault:
            fault["reset"] += self.clock.now()
        job = f"{self.name}#{self.runs + 1}"
        rule = self.github.faults.add(fault.pop("kind"), job=job, nth=nth, **fault)
        with short_limits() if kind == "no answer" else nullcontext():
            result = self.run()
        self.github.faults.clear()
        if not rule.acted:
            self.broken.append("the fault was not met")
        self._end(result, "the run", passing=kind in PASSING)
        for _ in range(RERUNS):
            self.clock.advance(APART)
            result = self.run()
        self._end(result, "the rerun", passing=True)
        if result.outcome != "done" and result.outcome != "unchanged":
            self.broken.append(f"the rerun ended {result.outcome}: {result.summary}")

    def _end(self, result: AgentResult, which: str, *, passing: bool) -> None:
        if result.exit_status == 70:
            self.broken.append(f"{which} ended with a bug: {result.summary}")
        if passing and result.outcome not in ("done", "unchanged", "deferred"):
            self.broken.append(f"{which} ended {result.outcome}: {result.summary}")
        longest = max(self.waits, default=0.0)
        if longest > Patience().cap:
            self.broken.append(f"{which} waited for {longest:g} s at once")


@contextmanager
def short_limits() -> Iterator[None]:
    """Let calls of the home wait ``LIMIT`` seconds for an answer, and git a little more, while the block lasts."""
    rest: Any = GitHubRepository.__init__
    memory: Any = GitHubMemory.at
    with (
        mock.patch.dict(rest.__kwdefaults__, timeout=LIMIT),
        mock.patch.dict(memory.__func__.__kwdefaults__, timeout=1.5 * LIMIT),
    ):
        yield


class Walk:
    """The stand-in, the service's server, and a trial for each pair of a request and a fault."""

    def __init__(self, github: StandIn, clock: VirtualClock, folder: Path, services: Services) -> None:
        self._github, self._clock, self._folder, self._services = github, clock, folder, services
        self._made = 0
        plain = self.trial()
        plain.begin()
        plain.run()
        self.asked = [
            f"{one.method} {one.template if one.template != 'git' else one.path.rpartition('.git/')[2]}"
            for one in github.calls.all()
            if one.job == plain.job
        ]
        for _ in range(RERUNS):
            clock.advance(APART)
            plain.run()
        self.right = plain.state()

    def trial(self) -> Trial:
        """Answer one in a repository of its own."""
        self._made += 1
        return Trial(
            f"octo/walk-{self._made}",
            self._github,
            self._clock,
            self._folder / f"walk-{self._made}",
            self._services,
        )

    def pairs(self) -> list[tuple[int, str]]:
        """Answer all of them: the number of a request from 1, and a fault."""
        return [(nth, kind) for nth in range(1, len(self.asked) + 1) for kind in KINDS]

    def meet(self, nth: int, kind: str) -> list[str]:
        """Try one pair; answer what did not hold."""
        one = self.trial()
        one.begin()
        one.meet(kind, nth)
        left = one.state()
        one.broken += [
            f"{what}: {left[what]}, and it should be {self.right[what]}"
            for what in self.right
            if left[what] != self.right[what]
        ]
        return [f"{kind} at {nth} ({self.asked[nth - 1]}): {sentence}" for sentence in one.broken]


@contextmanager
def walk() -> Iterator[Walk]:
    """Set a walk up, and take it away."""
    clock = VirtualClock()
    services = Services()
    try:
        with tempfile.TemporaryDirectory(prefix="dreamnet-faults-") as folder:
            quota = Quota(workflow=10**9, personal=10**9)
            with StandIn(clock=clock, root=Path(folder) / "github", quota=quota) as github:
                yield Walk(github, clock, Path(folder), services)
    finally:
        services.close()


def try_all(one: Walk, pairs: Sequence[tuple[int, str]], *, aloud: bool = False) -> list[str]:
    """Try these pairs; answer what did not hold."""
    broken: list[str] = []
    for number, (nth, kind) in enumerate(pairs, 1):
        found = one.meet(nth, kind)
        broken += found
        if aloud and found:
            print(*found, sep="\n", flush=True)
        if aloud and number % 25 == 0:
            print(f"{number} of a share of {len(pairs)}, {len(broken)} things did not hold", flush=True)
    return broken


def share(pairs: Sequence[tuple[int, str]]) -> list[str]:
    """Try these pairs aloud, in a walk of their own: in one process, for what a walk patches is the process's."""
    with walk() as one:
        return try_all(one, pairs, aloud=True)


def covered(pairs: Sequence[tuple[int, str]]) -> str:
    """Say which of the promised kinds were tried, and at how many requests each at least."""
    tried = Counter(kind for _, kind in pairs)
    missing = [name for name, kind in LISTED.items() if not tried[kind]]
    least = min(tried[kind] for kind in LISTED.values())
    told = f"each of the {len(LISTED)} kinds that were promised was tried, at {least} requests or more"
    return told if not missing else f"not tried of the {len(LISTED)} kinds that were promised: {missing}"


def main() -> int:
    """Try every pair, print the figures, answer the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--most", type=int, default=None, help="only so many pairs, by chance")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    began = time.monotonic()
    with walk() as one:
        pairs = one.pairs()
        if given.most is not None:
            pairs = random.Random(given.seed).sample(pairs, min(given.most, len(pairs)))
        print(
            f"{len(one.asked)} requests, {len(KINDS)} faults, {len(pairs)} pairs (seed {given.seed})",
            flush=True,
        )
        print(*(f"  {number} {asked}" for number, asked in enumerate(one.asked, 1)), sep="\n", flush=True)
    shares = [pairs[number :: given.workers] for number in range(given.workers)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(given.workers, mp_context=context) as pool:
        broken = [sentence for found in pool.map(share, shares) for sentence in found]
    print(covered(pairs))
    print(
        f"{len(pairs)} pairs, {time.monotonic() - began:.0f} s: "
        f"{'everything held' if not broken else f'{len(broken)} things did not hold'}"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
