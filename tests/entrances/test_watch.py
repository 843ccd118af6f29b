"""The long-lived loop and its couriers: on schedule, and gone when told."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.bootstrap import System
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.entrances import watch
from dreamnet_actions.entrances.delivery import Couriers

pytestmark = pytest.mark.slow

EVENT = {"agent": "relaybot", "input": {"action": "publish", "event": "lunch"}}


def until(true: Any, within: float = 60.0) -> None:
    end = time.monotonic() + within
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)


def rounds(system: System) -> list[Any]:
    """The ticks of rounds; the one that says that the loop was ended on purpose comes last, and once."""
    ticks = [fact.data for fact in system.journal.read(kinds={"tick"})]
    assert [bool(one.get("last")) for one in ticks] == [False] * (len(ticks) - 1) + [True]
    return ticks[:-1]


def test_rounds_come_on_a_fixed_schedule(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(system), "revive", lambda _: None)
    monkeypatch.setattr(watch, "CHECK", {"agent": "deploykeeper", "input": {"action": "status"}})
    watch.run(system, tell=lambda _: None, seconds=2.5)
    ticks = rounds(system)
    assert [one["number"] for one in ticks] == [0, 1, 2]
    assert all(one["late"] >= 0 for one in ticks)
    gaps = [after["planned"] - before["planned"] for before, after in itertools.pairwise(ticks)]
    assert gaps == pytest.approx([1.0, 1.0])


def test_a_round_that_takes_too_long_costs_only_the_rounds_it_overran(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = iter([1.4, 0.0, 0.0, 0.0])
    monkeypatch.setattr(type(system), "revive", lambda _: time.sleep(next(slow)))
    monkeypatch.setattr(watch, "CHECK", {"agent": "deploykeeper", "input": {"action": "status"}})
    watch.run(system, tell=lambda _: None, seconds=2.5)
    ticks = rounds(system)
    assert [one["number"] for one in ticks] == [0, 2]


def test_a_round_that_fails_is_logged_and_the_next_one_comes(
    system: System, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(type(system), "revive", lambda _: 1 / 0)
    watch.run(system, tell=lambda _: None, seconds=1.5)
    assert len(rounds(system)) == 2
    assert "ZeroDivisionError" in caplog.text


def test_news_is_told_once_whoever_wrote_it(system: System) -> None:
    system.pipe.submit(EVENT)
    told: list[str] = []
    news = watch.News(system, told.append)
    news.tell()
    assert told == []
    system.pipe.submit(EVENT)
    news.tell()
    news.tell()
    assert [line[9:].strip() for line in told] == ["user → everybody: lunch"]


def test_couriers_deliver_at_once_when_woken_and_go_on_after_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dreamnet_actions.entrances.delivery.IDLE", 5.0)
    monkeypatch.setattr("dreamnet_actions.entrances.delivery.AFTER_ERROR", 0.01)
    waiting, handed, broken = [1, 2, 3], [], [True]

    def drain(limit: int) -> int:
        assert limit == 1
        if broken:
            broken.pop()
            raise OSError("the disk is away")
        if not waiting:
            return 0
        handed.append(waiting.pop(0))
        return 1

    couriers = Couriers(drain, workers=1)
    couriers.start()
    until(lambda: handed == [1, 2, 3])
    waiting.append(4)
    couriers.wake()
    until(lambda: handed[-1] == 4, within=2.0)
    assert couriers.stop(2.0)


def test_a_courier_that_hangs_does_not_hold_up_the_end() -> None:
    hold = threading.Event()
    couriers = Couriers(lambda _: int(hold.wait(60)), workers=1)
    couriers.start()
    assert not couriers.stop(0.2)  # it hangs still
    hold.set()


def dreamnet(home: Path, *words: str, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "dreamnet_actions", "--root", str(home), *words]
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ, **options
    )


@pytest.mark.slow
def test_watch_heals_and_ends_when_told(home: Path, system: System) -> None:
    with dreamnet(home, "watch") as process:
        until(lambda: any(one.kind == "dream-resolved" for one in system.journal.read()))
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "health-check-failed-needs-restart" in out
    assert "resolved after" in out


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_serve_tells_its_address_first_and_ends_in_order(home: Path, end: signal.Signals) -> None:
    import httpx2

    with dreamnet(home, "serve", "--port", "0") as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        answered = httpx2.post(f"{address}/api/agent", json=EVENT)
        assert answered.json()["outcome"] == "done"
        process.send_signal(end)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.slow
def test_serve_delivers_what_webhooks_and_requests_bring(home: Path, system: System) -> None:
    import httpx2

    relay = {
        "from": "user",
        "to": "deploykeeper",
        "message": "health-check-failed-needs-restart",
        "service": "web",
    }
    with dreamnet(home, "serve", "--port", "0") as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        httpx2.post(f"{address}/api/agent", json={"agent": "relaybot", "input": relay})
        until(lambda: [one.state for one in system.bus.list()][:1] == ["done"])
        process.terminate()
        process.communicate(timeout=60)
    assert json.loads(json.dumps([one.kind for one in system.journal.read(kinds={"restarted"})])) == [
        "restarted"
    ]


def test_a_port_that_is_taken_is_named(home: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with dreamnet(home, "serve", "--port", port) as process:
            _, err = process.communicate(timeout=60)
    assert process.returncode == 5
    assert f"127.0.0.1:{port} cannot be listened on" in err


def test_values_are_kept_in_step_as_often_as_the_configuration_says(tmp_path: Path) -> None:
    (tmp_path / "app.env").write_text("LEVEL=info\n")
    (tmp_path / "dreamnet.yml").write_text(
        "version: 1\nwatch: {every: 200ms, sync-every: 1s}\n"
        "env: {app: {from: {dotenv: app.env}, to: [{dotenv: out.env}]}}\n"
    )
    command = [sys.executable, "-m", "dreamnet_actions", "--root", str(tmp_path), "watch", "--for", "15s"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            until(lambda: "info" in _text(tmp_path / "out.env"))
            (tmp_path / "app.env").write_text("LEVEL=debug\n")
            until(lambda: "debug" in _text(tmp_path / "out.env"))
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0


def _text(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def test_what_nobody_can_ask_for_any_more_is_dropped(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "CHECK", {"agent": "deploykeeper", "input": {"action": "status"}})
    now = system.clock.now()
    for days, name in ((8, "old"), (6, "young")):
        at = now - days * 86400
        system.journal.append(Fact(kind="tick", at=at, text=name), Fact(kind="webhook", at=at, text=name))
        system.journal.set_state(f"request/{name}", {"digest": "", "at": at})
    watch.run(system, tell=lambda _: None, seconds=1.0)
    assert set(system.journal.states("request/")) == {"request/young"}
    assert not [one for one in system.journal.read(kinds={"tick"}) if one.text in ("old", "young")]
    assert [one.text for one in system.journal.read(kinds={"webhook"})] == ["old", "young"]


def test_a_signal_that_comes_while_the_loop_begins_to_wait_is_no_deadlock() -> None:
    """It interrupts ``Event.wait`` where that holds the lock which ``Event.set`` takes."""
    script = """
import os, signal, threading
from dreamnet_actions.entrances.watch import until_stopped
stop = threading.Event()
with until_stopped(stop):
    with stop._cond:
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(9): pass
    print(stop.wait(20))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
