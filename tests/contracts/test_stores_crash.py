"""Several processes on one database, and what is left when one of them is killed."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dreamnet_actions.adapters.sqlite.bus import SqliteMessageBus
from dreamnet_actions.adapters.sqlite.database import open_database
from dreamnet_actions.adapters.sqlite.dreams import SqliteDreamStore
from dreamnet_actions.adapters.sqlite.journal import SqliteJournal
from dreamnet_actions.adapters.sqlite.locks import SqliteLock
from dreamnet_actions.domain.message import Message
from dreamnet_actions.errors import Leased
from dreamnet_actions.testing.memory.clock import VirtualClock

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
WORKER = Path(__file__).with_name("stores_worker.py")
KILLS = 10

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "dreamnet.db"


@pytest.fixture
def start(path: Path) -> Iterator[Start]:
    """Start a worker on the database; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(what: str, *rest: str, out: Path | None = None) -> subprocess.Popen[str]:
        command = [sys.executable, str(WORKER), what, str(path), *rest]
        with contextlib.ExitStack() as stack:
            stdout = stack.enter_context(out.open("wb")) if out else subprocess.PIPE
            worker = subprocess.Popen(
                command, cwd=ROOT, stdout=stdout, text=True, env={"PYTHONPATH": str(ROOT)}
            )
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.kill()
        worker.wait(10)
        if worker.stdout is not None:
            worker.stdout.close()


def line(worker: subprocess.Popen[str]) -> list[object]:
    assert worker.stdout is not None
    told: list[object] = json.loads(worker.stdout.readline())
    return told


@pytest.mark.parametrize("buried", [True, False], ids=["buried", "a zombie still"])
def test_the_messages_of_a_killed_receiver_come_again_at_once(path: Path, start: Start, buried: bool) -> None:
    with open_database(path) as database:
        clock = VirtualClock(start=time.time())
        bus = SqliteMessageBus(database, clock)
        bus.publish(*(Message(id=f"m{n}", sender="s", name="n", to="relaybot", time="t") for n in range(2)))
        worker = start("receive")
        assert line(worker) == ["m0", "m1"]
        assert list(bus.receive()) == []
        assert {one.state for one in bus.list()} == {"leased"}
        worker.kill()
        if buried:
            worker.wait(10)
        else:
            _until(lambda: "Z" in Path(f"/proc/{worker.pid}/stat").read_text().split()[2])
        assert {one.state for one in bus.list()} == {"waiting"}
        assert [(one.message.id, one.attempt) for one in bus.receive()] == [("m0", 2), ("m1", 2)]


def test_a_living_receiver_keeps_them_until_its_time(path: Path, start: Start) -> None:
    with open_database(path) as database:
        clock = VirtualClock(start=time.time())
        bus = SqliteMessageBus(database, clock)
        bus.publish(Message(id="m", sender="s", name="n", to="relaybot", time="t"))
        assert line(start("receive")) == ["m"]
        clock.sleep(3590.0)
        assert list(bus.receive()) == []
        clock.sleep(60.0)
        assert len(bus.receive()) == 1


def test_the_lock_of_a_killed_holder_is_free_at_once(path: Path, start: Start) -> None:
    with open_database(path) as database:
        lock = SqliteLock(database, VirtualClock(start=time.time()))
        worker = start("hold")
        assert line(worker) == ["held"]
        with pytest.raises(Leased, match=f"process {worker.pid}"), lock.lease("p/web", 1.0):
            pass
        worker.kill()
        worker.wait(10)
        with lock.lease("p/web", 1.0):
            pass


def test_many_that_begin_at_once_make_one_database_and_one_dream(path: Path, start: Start) -> None:
    for _ in range(2):
        workers = [start("open") for _ in range(5)]
        assert [line(worker) for worker in workers] == [[1]] * 5
        assert [worker.wait(10) for worker in workers] == [0] * 5
    assert {one.name for one in path.parent.iterdir()} <= {path.name, f"{path.name}-wal", f"{path.name}-shm"}


def test_nothing_committed_is_lost_by_a_kill(path: Path, tmp_path: Path, start: Start) -> None:
    chance = random.Random(20261)
    told: list[list[object]] = []
    for kill in range(KILLS):
        # Two at a time, one of which goes on while the other is killed.
        files = [tmp_path / f"{kill}-{n}" for n in range(2)]
        workers = [start("write", str(kill * 2 + n), out=file) for n, file in enumerate(files)]
        for worker, file in zip(workers, files, strict=True):
            _until(lambda file=file: file.stat().st_size > 0)
            time.sleep(chance.uniform(0.0, 0.05))
            worker.kill()
            worker.wait(10)
        for file in files:
            told += [json.loads(one) for one in file.read_text().splitlines(keepends=True) if one[-1] == "\n"]
        _check(path, told)
    assert len(told) > KILLS * 5
    assert {what for what, *_ in told} == {"facts", "dream", "comment", "state", "sent", "handled"}


def _check(path: Path, told: list[list[object]]) -> None:
    """Everything told is there, whole; what was not told may be there, but not by half."""
    with open_database(path) as database:
        database.check()
        dreams, journal = SqliteDreamStore(database), SqliteJournal(database)
        bus = SqliteMessageBus(database, VirtualClock())
        facts = {fact.seq: fact.text for fact in journal.read(limit=100_000)}
        messages = {one.message.id: one.state for one in bus.list(limit=100_000)}
        newest = max((journal.state(f"k{n}")[1] for n in range(3)), default=0)
        comments = {
            (dream.number, text)
            for dream in dreams.search(key="p/always")
            for _, text in dreams.comments(dream.number)
        }
        states = {dream.number: dream.state for dream in dreams.search(limit=100_000)}
        for what, *rest in told:
            match what:
                case "facts":
                    assert all(facts[seq] == text for seq, text in rest[0])
                case "dream":
                    assert states[rest[0]] in (rest[1], "healing")
                case "comment":
                    assert tuple(rest) in comments
                case "state":
                    assert newest >= rest[0]
                case "sent":
                    assert all(one in messages for one in rest[0])
                case "handled":
                    assert messages[rest[0]] == "done"
        assert len(facts) % 3 == 0
        assert len(messages) % 3 == 0


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)
