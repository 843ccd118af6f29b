"""``scripts/prove crash``: demo runs in which DreamNet is killed by SIGKILL at random moments and started again.

    scripts/prove crash [--kills 50] [--seed N]

Shows that it converges: every story reaches its proofs, one dream a fault, no orphan process, no message lost or in
effect twice. Exits with 1 where one of these does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dreamnet_actions.adapters.sqlite.bus import SqliteMessageBus
from dreamnet_actions.adapters.sqlite.database import open_database
from dreamnet_actions.adapters.sqlite.journal import SqliteJournal
from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.ports.stores import MessageState

STORY_LIMIT = 600.0
"""Seconds that one story may take, with all its kills."""


@dataclass
class Trial:
    """One story with its kills. ``broken`` are the sentences about what did not hold."""

    root: Path
    dice: random.Random
    kills: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    starts: int = 0
    figures: Counter[str] = field(default_factory=Counter)

    def play(self, kills: int) -> int:
        """Play the story to its end, killing at most ``kills`` times on the way; answers how many were made."""
        made, began = 0, time.monotonic()
        while time.monotonic() - began < STORY_LIMIT:
            process = self._start()
            if made < kills and self._killed(process):
                made += 1
                continue
            status = process.wait(timeout=STORY_LIMIT)
            if status == 0:
                return made
            self.broken.append(f"the demo ended with {status}: {(self.root / 'out.log').read_text()[-1500:]}")
            return made
        self.broken.append(f"the story took more than {STORY_LIMIT:g} s")
        return made

    def _start(self) -> subprocess.Popen[bytes]:
        self.starts += 1
        command = [
            sys.executable,
            "-m",
            "dreamnet_actions",
            "demo",
            "--plain",
            "--directory",
            str(self.root / "demo"),
        ]
        command += ["--json", str(self.root / "record.json")]
        with (self.root / "out.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, cwd=self.root)

    def _killed(self, process: subprocess.Popen[bytes]) -> bool:
        """Kill something after a while; False when the story ended before."""
        try:
            process.wait(timeout=self.dice.uniform(0.3, 12.0))
            return False
        except subprocess.TimeoutExpired:
            pass
        victim = self.dice.choices(["dreamnet", "supervisor", "gateway", "all"], [70, 10, 10, 10])[0]
        self.kills[victim] += 1
        for name, pattern in (("supervisor", "process.supervisor"), ("gateway", "dreamnet_actions\0--root")):
            if victim in (name, "all"):
                for pid in _pids(self.root, pattern):
                    os.kill(pid, signal.SIGKILL)
        if victim in ("dreamnet", "all"):
            process.send_signal(signal.SIGKILL)
            process.wait()
            return True
        time.sleep(self.dice.uniform(0.0, 3.0))
        process.send_signal(signal.SIGKILL)  # so that each kill is followed by a start
        process.wait()
        return True

    def check(self) -> None:
        """Hold what is left against what was promised."""
        record = json.loads((self.root / "record.json").read_text())
        for scenario in record["scenarios"]:
            self._hold(scenario["outcome"] == "done", f"scenario {scenario['name']} is {scenario['outcome']}")
        state = self.root / "demo" / ".dreamnet"
        with open_database(state / "dreamnet.db") as database:
            facts = SqliteJournal(database).read(limit=100_000)
            messages = SqliteMessageBus(database, SystemClock()).list(limit=100_000)
        self._dreams(facts)
        self._messages(facts, messages, json.loads((state / "platform-local" / "state.json").read_text()))
        deadline = time.monotonic() + 10
        while (left := _pids(self.root, "")) and time.monotonic() < deadline:
            time.sleep(0.1)
        self._hold(not left, f"processes are left: {[(pid, _command(pid)) for pid in left]}")

    def _dreams(self, facts: Sequence[Fact]) -> None:
        """One dream a fault: each story of a dream was opened once and resolved, and no remedy was asked for twice."""
        opened = Counter(one.dream for one in facts if one.kind == "dream-opened")
        resolved = Counter(one.dream for one in facts if one.kind == "dream-resolved")
        for dream, count in opened.items():
            self._hold(count == 1, f"{dream} was opened {count} times")
            self._hold(resolved[dream] >= 1, f"{dream} was opened and never resolved")
        self.figures["dreams"] = len(opened)

    def _messages(
        self, facts: Sequence[Fact], messages: Sequence[MessageState], platform: dict[str, Any]
    ) -> None:
        """None lost: each was handed over. None in effect twice: no more restarts than requests for one."""
        left = [
            (one.message.name, one.state, one.error)
            for one in messages
            if one.message.to and one.state != "done"
        ]
        self._hold(not left, f"messages are left: {left}")
        asked: dict[str, set[str]] = {}
        for one in facts:
            if one.kind == "request-ended" and one.data.get("action") == "restart":
                asked.setdefault(one.service.rpartition("/")[2], set()).add(str(one.data["request"]))
        for name, made in _restarts(platform).items():
            requests = len(asked.get(name, ()))
            self._hold(made <= requests, f"{name} was restarted {made} times for {requests} requests")
        self.figures["messages"] = len(messages)
        self.figures["restarts"] = sum(map(len, asked.values()))

    def _hold(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.broken.append(otherwise)


def _restarts(platform: dict[str, Any]) -> dict[str, int]:
    """Answer how often each service was restarted, as the platform itself counts: over its releases, kept or former."""
    found = {}
    for name, service in platform["services"].items():
        runs = [service["stable"], *service.get("former", [])]
        found[name] = sum(int(run["restarts"]) for run in runs if run)
    return found


def _pids(root: Path, pattern: str) -> list[int]:
    """Answer the processes of one workspace whose command line holds ``pattern``; this one is not among them."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        command = _command(int(entry.name))
        try:
            cwd = str((entry / "cwd").readlink())
        except OSError:
            continue
        if (str(root) in command or cwd.startswith(str(root))) and pattern in command:
            found.append(int(entry.name))
    return found


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def main() -> int:
    """Make the kills, print the figures, answer the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", type=Path, default=None, help="copy the workspace of a broken story here")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(10**6)
    dice = random.Random(seed)
    print(f"seed {seed}, {given.kills} kills", flush=True)
    made, stories, began, broken = 0, 0, time.monotonic(), []
    total: Counter[str] = Counter()
    figures: Counter[str] = Counter()
    while made < given.kills:
        stories += 1
        with tempfile.TemporaryDirectory(prefix="dreamnet-crash-") as folder:
            trial = Trial(Path(folder).resolve(), dice)
            made += trial.play(min(given.kills - made, dice.randrange(6, 14)))
            trial.check() if not trial.broken else None
            total += trial.kills
            figures += trial.figures
            broken += [f"story {stories}: {one}" for one in trial.broken]
            print(
                f"story {stories}: {sum(trial.kills.values())} kills, {trial.starts} starts, "
                f"{'held' if not trial.broken else trial.broken}",
                flush=True,
            )
            if trial.broken and given.keep is not None:
                kept = shutil.copytree(
                    folder,
                    given.keep / f"seed-{seed}-story-{stories}",
                    symlinks=True,
                    ignore=shutil.ignore_patterns("*.sock"),
                )
                print(f"  kept in {kept}", flush=True)
            if trial.broken:
                for pid in _pids(trial.root, ""):
                    os.kill(pid, signal.SIGKILL)
    seconds = time.monotonic() - began
    print(
        f"{made} kills {dict(total)} in {stories} stories, {seconds:.0f} s; {dict(figures)}: "
        f"{'everything held' if not broken else f'{len(broken)} things did not hold'}"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
