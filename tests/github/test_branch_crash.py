"""Many writers of one branch at once, and writers that are killed."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from dreamnet_actions.adapters.github.memory import GitHubMemory
from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.adapters.system.ids import UuidIds
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.errors import Conflict, Leased
from dreamnet_actions.testing.contracts.message_bus import message
from dreamnet_actions.testing.contracts.together import together
from tests.github.homes import Make, git, memories

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
WORKER = Path(__file__).with_name("branch_worker.py")
WRITERS, TURNS = 4, 6
KILLS = 6


@pytest.fixture
def real(remote: Path) -> Iterator[Make]:
    with memories(remote, SystemClock(), ids=UuidIds()) as make:
        yield make


@pytest.mark.parametrize("mode", ["write-behind", "eager"])
def test_of_many_writers_none_loses_and_none_doubles_anything(real: Make, mode: str) -> None:
    def write(number: int, run: GitHubMemory) -> None:
        chance = random.Random(f"{mode}-{number}")
        for turn in range(TURNS):
            run.journal.append(
                *(Fact(kind="restarted", at=1.0, text=f"{number}-{turn}-{n}") for n in range(2))
            )
            run.bus.publish(message(f"{number}-{turn}"), message(f"all-{turn}"))
            run.journal.set_state(f"of/{number}", turn)
            run.journal.set_state("of/all", turn)
            if chance.random() < 0.7:
                run.journal.flush()
        run.journal.finish()

    together([partial(write, number, real(mode)) for number in range(WRITERS)], seconds=100.0)
    after = real()
    facts = after.journal.read()
    wanted = {f"{n}-{turn}-{part}" for n in range(WRITERS) for turn in range(TURNS) for part in range(2)}
    assert Counter(fact.text for fact in facts) == Counter(wanted)
    assert [fact.seq for fact in facts] == list(range(1, len(wanted) + 1))
    for number in range(WRITERS):
        mine = [fact.text for fact in facts if fact.text.startswith(f"{number}-")]
        assert mine == sorted(mine, key=lambda text: [int(part) for part in text.split("-")])
        assert after.journal.state(f"of/{number}") == (TURNS - 1, TURNS)
    assert after.journal.state("of/all") == (TURNS - 1, TURNS * WRITERS)
    sent = {f"{n}-{turn}" for n in (*range(WRITERS), "all") for turn in range(TURNS)}
    assert Counter(one.message.id for one in after.bus.list(limit=1000)) == Counter(f"m{one}" for one in sent)


def test_the_threads_of_one_run_share_its_unit(real: Make) -> None:
    run = real()

    def write(number: int) -> None:
        for turn in range(20):
            run.journal.append(Fact(kind="restarted", at=1.0, text=f"{number}-{turn}"))
            run.journal.set_state(f"of/{number}", turn)
            if turn % 7 == number:
                run.journal.flush()

    together([partial(write, number) for number in range(3)], seconds=100.0)
    run.journal.finish()
    assert [fact.seq for fact in real().journal.read()] == list(range(1, 61))
    assert real().journal.states("of/") == {f"of/{number}": 19 for number in range(3)}


def test_a_counter_under_compare_and_set_counts_every_turn_once(real: Make) -> None:
    def count(run: GitHubMemory) -> None:
        left = TURNS
        while left:
            value, version = run.journal.state("counter")
            run.journal.set_state("counter", (value or 0) + 1, version=version)
            try:
                run.journal.flush()
            except Conflict:
                continue
            left -= 1

    together([partial(count, real()) for _ in range(3)], seconds=100.0)
    assert real().journal.state("counter") == (3 * TURNS, 3 * TURNS)


def test_of_many_that_claim_the_same_one_acts(real: Make) -> None:
    acted: list[int] = []

    def claim(number: int, run: GitHubMemory) -> None:
        for turn in range(TURNS):
            with contextlib.suppress(Leased), run.lock.lease(f"request/{turn}", 60.0):
                if run.journal.state(f"request/{turn}")[0] is None:
                    run.journal.set_state(f"request/{turn}", {"by": number})
                    run.journal.barrier()
                    acted.append(turn)
            run.journal.finish()

    together([partial(claim, number, real()) for number in range(3)], seconds=100.0)
    assert sorted(acted) == list(range(TURNS))


# ── killed ───────────────────────────────────────────────────────────────────────────────────────────────

Start = Callable[..., "tuple[subprocess.Popen[bytes], Path]"]


@pytest.fixture
def start(remote: Path, tmp_path: Path) -> Iterator[Start]:
    """Start a worker of a seed; all are killed at the end."""
    started: list[subprocess.Popen[bytes]] = []

    def start(seed: int, path: str = "/usr/bin:/bin") -> tuple[subprocess.Popen[bytes], Path]:
        out = tmp_path / f"told-{len(started)}"
        copies = tmp_path / "copies"
        copies.mkdir(exist_ok=True)
        with out.open("wb") as stdout:
            worker = subprocess.Popen(
                [sys.executable, str(WORKER), str(remote), str(seed), str(copies)],
                cwd=ROOT,
                stdout=stdout,
                env={"PYTHONPATH": str(ROOT), "PATH": path},
            )
        started.append(worker)
        return worker, out

    yield start
    for worker in started:
        worker.kill()
        worker.wait(10)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("step", "turn"), [("fetch", 1), ("fast-import", 1), ("push", 1), ("push", 2)])
def test_a_run_that_is_killed_at_a_step_of_its_flush_can_be_run_again(
    real: Make, start: Start, tmp_path: Path, step: str, turn: int, when: str
) -> None:
    real_git = shutil.which("git")
    end = {"before": 'kill -9 "$PPID"', "after": f'{real_git} "$@"; kill -9 "$PPID"'}[when]
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\n"
        f'case " $* " in *" {step} "*)\n'
        f"  echo x >> {tmp_path}/turns\n"
        f"  if [ $(wc -l < {tmp_path}/turns) -eq {turn} ]; then {end}; exit 1; fi;;\n"
        f'esac\nexec {real_git} "$@"\n'
    )
    program.chmod(0o755)
    worker, out = start(0, path=f"{program.parent}:/usr/bin:/bin")
    assert worker.wait(30) == -9
    assert _names(out) == set()
    _check(real(), {"0-0"} if (turn, when) == (2, "after") else set())
    worker, out = start(0)
    _until(lambda: bool(_names(out)))
    worker.kill()
    worker.wait(10)
    _check(real(), _names(out))


def test_nothing_flushed_is_lost_by_a_kill_and_a_rerun_doubles_nothing(
    remote: Path, real: Make, start: Start
) -> None:
    chance = random.Random(20264)
    told: set[str] = set()
    for _ in range(KILLS):
        # Two at a time, the same seeds again each round: what was cut off is run again.
        pairs = [start(seed) for seed in range(2)]
        for worker, out in pairs:
            _until(lambda out=out, known=frozenset(told): bool(_names(out) - known))
            time.sleep(chance.uniform(0.0, 0.4))
            worker.kill()
            worker.wait(10)
        for _, out in pairs:
            told |= _names(out)
        _check(real(), told)
    assert len(told) >= 2 * KILLS
    git(remote, "fsck", "--strict")


def _names(out: Path) -> set[str]:
    whole = [line for line in out.read_bytes().splitlines(keepends=True) if line[-1:] == b"\n"]
    return {json.loads(line)[0] for line in whole}


def _check(after: GitHubMemory, told: set[str]) -> None:
    """Everything told is there, whole and once; what was not told may be there, but not by half."""
    texts = Counter(fact.text for fact in after.journal.read(limit=100_000))
    ended = {
        key.removeprefix("request/")
        for key, value in after.journal.states("request/").items()
        if value.get("result")
    }
    assert told <= ended
    assert texts == Counter(f"{name}-{n}" for name in ended for n in range(3))
    messages = after.bus.list(limit=100_000)
    assert Counter(one.message.id for one in messages) == Counter(ended)
    assert all(len(one.message.data["x"]) == 9000 for one in messages)


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)
