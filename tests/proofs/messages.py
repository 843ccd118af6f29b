"""``scripts/prove messages``: messages on the branch ``dreamnet``, carried by workers that are killed.

None is lost, none is in effect twice. Worker processes share one bare git repository: some are runs of workflows
(``write-behind``, started by an announcement), some live on and take what waits (``eager``). A dispatcher between them
loses announcements, doubles them, hands them over in another order, and lets pending runs be replaced. Workers get
SIGKILL while they work, with or without the git that they had started; what they did is run again, or not. Only between
jobs time moves on, so that leases end.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from dreamnet_actions.adapters.github.memory import GitHubMemory
from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.adapters.system.ids import UuidIds
from tests.proofs._carrier import LEASE

ROOT = Path(__file__).resolve().parents[2]
WORKERS = 3
IN_FLIGHT = 120
"""How many messages may be on their way at once."""
LOST, DOUBLED, REPLACED = 0.05, 0.05, 0.03
RERUN = 0.5
"""How likely a killed run is run again; else only time frees what it held."""
SWEEPS = 0.04
"""How likely a job takes what waits, instead of what was announced."""

Job = dict[str, Any]


@dataclass(eq=False)
class Hand:
    """One worker process, its job, and when it is to be killed (monotonic seconds)."""

    process: subprocess.Popen[bytes]
    job: Job | None = None
    kill_at: float | None = None


@dataclass
class Trial:
    """One run of the proof."""

    folder: Path
    messages: int
    kills: int
    dice: random.Random
    hands: list[Hand] = field(default_factory=list)
    figures: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    passed: float = 0.0
    tell: Callable[[str], None] = lambda _: None

    def __post_init__(self) -> None:
        self._runs = 0
        self._sent = 0
        self._read = 0
        self._pool: list[dict[str, Any]] = []
        self._again: list[Job] = []
        self._thresholds = sorted(self.dice.uniform(0.0, 0.9) * self.messages for _ in range(self.kills))
        self._left: int | None = None
        (self.folder / "copies").mkdir()
        for name in ("effects", "announced"):
            (self.folder / name).touch()
        _git(self.folder, "init", "--quiet", "--bare", "-b", "main", "remote.git")

    # ── the story ────────────────────────────────────────────────────────────────────────────────────────

    def play(self, *, deadline: float) -> None:
        """Work until every message is done; ``deadline`` (monotonic seconds) ends what does not end."""
        told = 0
        with self._working():
            while self._left != 0 or self._sent < self.messages or self._busy():
                if time.monotonic() > deadline:
                    self.broken.append(f"it did not end: {self._left} messages are left")
                    return
                self._collect_announcements()
                if (done := self._done()) >= told + self.messages / 10:
                    told = done
                    self.tell(f"{done} in effect, {self.figures['kills']} kills")
                for hand in self.hands:
                    if hand.job is None and (job := self._next()) is not None:
                        self._give(hand, job)
                self._wait()

    def check(self) -> None:
        """Hold what is left against what was promised."""
        effects = Counter(line.split(" ")[0] for line in (self.folder / "effects").read_text().splitlines())
        wanted = {f"m-{number}" for number in range(self.messages)}
        lost, twice = wanted - effects.keys(), [one for one, count in effects.items() if count > 1]
        self._hold(not lost, f"{len(lost)} messages had no effect: {sorted(lost)[:5]}")
        self._hold(not twice, f"{len(twice)} messages had their effect twice: {sorted(twice)[:5]}")
        self._hold(effects.keys() <= wanted, "something had an effect that nobody sent")
        with self._memory() as memory:
            states = Counter(one.state for one in memory.bus.list(limit=1_000_000))
            self._hold(set(states) <= {"done"}, f"not all are done: {dict(states)}")
            self._hold(memory.bus.last() == self.messages, f"{memory.bus.last()} rows were made")
        _git(self.folder / "remote.git", "fsck", "--strict")
        self.figures["commits"] = int(_git(self.folder / "remote.git", "rev-list", "--count", "dreamnet"))
        self.figures["hours that passed"] = int(self.passed // 3600)

    # ── jobs ─────────────────────────────────────────────────────────────────────────────────────────────

    def _next(self) -> Job | None:
        """Answer what is to be done next; None while others have to end first."""
        if self._again:
            return self._again.pop(self.dice.randrange(len(self._again)))
        flying = self._sent - self._done()
        if self._sent < self.messages and flying < IN_FLIGHT and (self.dice.random() < 0.3 or not self._pool):
            count = min(self.messages - self._sent, self.dice.randint(1, 20))
            numbers = list(range(self._sent, self._sent + count))
            self._sent += count
            return self._job("publish", self.dice.choice(["write-behind", "eager"]), messages=numbers)
        if self._pool:
            if self.dice.random() < SWEEPS:
                mode = self.dice.choice(["write-behind", "eager"])
                return self._job("sweep", mode, limit=self.dice.randint(1, 6))
            event = self._pool.pop(self.dice.randrange(min(len(self._pool), 50)))
            return self._job("take", "write-behind", event=event)
        if self._busy():
            return None
        # Nothing is announced and nobody works: time goes on until leases end, then the schedule looks.
        self.passed += LEASE + 1.0
        return self._job("schedule", "write-behind")

    def _job(self, kind: str, mode: str, **more: Any) -> Job:
        self._runs += 1
        self.figures[f"{kind} runs"] += 1
        return {"kind": kind, "mode": mode, "run": self._runs, "attempt": 1, "passed": self.passed, **more}

    def _collect_announcements(self) -> None:
        """Be the dispatcher: lose, double, hold back."""
        with (self.folder / "announced").open("rb") as file:
            file.seek(self._read)
            whole, _, _ = file.read().rpartition(b"\n")
        if not whole:
            return
        self._read += len(whole) + 1
        for line in whole.split(b"\n"):
            event = json.loads(line)
            self.figures["announcements"] += 1
            # The first is lost and the second doubled, so that no trial is too short for either.
            chance = {1: 0.0, 2: 1.0}.get(self.figures["announcements"], self.dice.random())
            if chance < LOST:
                self.figures["announcements lost"] += 1
            elif chance < LOST + REPLACED and self._pool:
                self._pool[-1] = event  # a later run takes the place of the one that was pending
                self.figures["runs replaced while pending"] += 1
            else:
                doubled = chance > 1.0 - DOUBLED
                self.figures["announcements doubled"] += doubled
                self._pool += [event] * (1 + doubled)

    def _done(self) -> int:
        return (self.folder / "effects").read_bytes().count(b"\n")

    # ── workers ──────────────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _working(self) -> Iterator[None]:
        self.hands = [Hand(self._start()) for _ in range(WORKERS)]
        try:
            yield
        finally:
            for hand in self.hands:
                _end(hand.process, everything=True)

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.proofs._carrier", str(self.folder)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
            start_new_session=True,
        )

    def _busy(self) -> bool:
        return any(hand.job is not None for hand in self.hands)

    def _give(self, hand: Hand, job: Job) -> None:
        hand.job = job
        stdin = hand.process.stdin
        assert stdin is not None
        stdin.write((json.dumps(job) + "\n").encode())
        stdin.flush()
        if self._thresholds and self._done() >= self._thresholds[0]:
            self._thresholds.pop(0)
            # One whose job ended before is killed at the very start of its next.
            hand.kill_at = time.monotonic() + self.dice.uniform(0.0, 0.4)

    def _wait(self) -> None:
        """Wait until a worker answers or is to be killed."""
        busy = [hand for hand in self.hands if hand.job is not None]
        now = time.monotonic()
        until = min((hand.kill_at for hand in busy if hand.kill_at is not None), default=now + 1.0)
        with selectors.DefaultSelector() as selector:
            for hand in busy:
                assert hand.process.stdout is not None
                selector.register(hand.process.stdout, selectors.EVENT_READ, hand)
            ready = [key.data for key, _ in selector.select(max(0.0, until - now))]
        for hand in ready:
            self._answered(hand)
        for hand in busy:
            if hand.job is not None and hand.kill_at is not None and time.monotonic() >= hand.kill_at:
                self._kill(hand, hand.job)

    def _answered(self, hand: Hand) -> None:
        assert hand.process.stdout is not None
        line = hand.process.stdout.readline()
        job, hand.job = hand.job, None
        assert job is not None
        if not line.endswith(b"\n"):
            self.broken.append(f"a worker ended by itself in {job}")
            hand.process.wait()
            hand.process = self._start()
            return
        answer = json.loads(line)
        if "error" in answer:
            self.figures[f"{job['kind']}: {answer['error']}"] += 1
            if job["kind"] != "take":  # whose message somebody else has
                self._again.append(job | {"attempt": job["attempt"] + 1})
        self.figures["dead letters"] += answer.get("dead", 0)
        self.figures["messages announced again"] += answer.get("redriven", 0)
        self._left = answer.get("left", self._left if job["kind"] != "publish" else None)

    def _kill(self, hand: Hand, job: Job) -> None:
        """Kill a worker, with the git that it had started or without, and put another in its place."""
        hand.job = hand.kill_at = None
        everything = self.dice.random() < 0.5
        _end(hand.process, everything=everything)
        self.figures["kills"] += 1
        if job["kind"] in ("publish", "schedule") or self.dice.random() < RERUN:
            # Who sends is run again until it ends; of the others not all are.
            self._again.append(job | {"attempt": job["attempt"] + 1})
            self.figures["runs run again"] += 1
        hand.process = self._start()

    @contextmanager
    def _memory(self) -> Iterator[GitHubMemory]:
        with GitHubMemory.at(
            str(self.folder / "remote.git"),
            environ=dict(os.environ),
            clock=SystemClock(),
            ids=UuidIds(),
            mode="write-behind",
            dispatch=None,
            holder="the proof",
        ) as memory:
            yield memory

    def _hold(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.broken.append(otherwise)


def _end(process: subprocess.Popen[bytes], *, everything: bool) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL) if everything else process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(BrokenPipeError):
                stream.close()


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return done.stdout.strip()


def prove(
    messages: int, kills: int, seed: int, *, minutes: float, tell: Callable[[str], None] = lambda _: None
) -> Trial:
    """Make one trial in a folder of its own; answers it, judged. ``tell`` is told how far it is."""
    with tempfile.TemporaryDirectory(prefix="dreamnet-messages-") as folder:
        trial = Trial(Path(folder), messages, kills, random.Random(seed), tell=tell)
        trial.play(deadline=time.monotonic() + 60.0 * minutes)
        trial.check()
        return trial


def main() -> int:
    """Send the messages, print the figures, answer the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--minutes", type=float, default=600.0, help="what does not end by then is broken")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(10**6)
    print(f"seed {seed}, {given.messages} messages, {given.kills} kills, {WORKERS} workers", flush=True)
    began = time.monotonic()
    trial = prove(given.messages, given.kills, seed, minutes=given.minutes, tell=partial(print, flush=True))
    for name, count in sorted(trial.figures.items()):
        print(f"{count:>8}  {name}")
    told = "none lost, none in effect twice" if not trial.broken else "; ".join(trial.broken)
    print(f"{given.messages} messages in {time.monotonic() - began:.0f} s: {told}")
    return 1 if trial.broken else 0


if __name__ == "__main__":
    sys.exit(main())
