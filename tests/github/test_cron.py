"""Schedules on virtual time: on time, late, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamnet_actions.testing.github.actions.act import ActOptions
from dreamnet_actions.testing.github.actions.cron import Lateness, Schedules, fires
from dreamnet_actions.testing.github.actions.engine import Engine
from dreamnet_actions.testing.memory.clock import VirtualClock
from tests.github.toyhost import ToyHost

REPOSITORY = "octo/demo"
WORKFLOW = """
on:
  schedule:
    - cron: '*/10 * * * *'
    - {cron: '0 9 * * *', timezone: Europe/Berlin}
jobs: {a: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}
"""


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def clock_of(text: float) -> str:
    return datetime.fromtimestamp(text, UTC).strftime("%H:%M")


class NoRuns(Engine):
    """Decides what starts, and starts nothing: here only the clock is looked at."""

    def _enter(self, run) -> None:  # type: ignore[no-untyped-def]
        self._end(run, "success")


@pytest.fixture
def host(tmp_path: Path) -> ToyHost:
    made = ToyHost(tmp_path)
    made.clock = VirtualClock(at("2026-03-28T23:55:00"))
    made.commit(REPOSITORY, {".github/workflows/tick.yml": WORKFLOW})
    return made


@pytest.fixture
def engine(host: ToyHost, tmp_path: Path) -> Iterator[Engine]:
    made = NoRuns(host, tmp_path / "engine", options=ActOptions())
    yield made
    made.close()


def test_lines_fire_in_their_time_zone_across_the_change_of_clocks() -> None:
    berlin = list(fires("0 9 * * *", "Europe/Berlin", at("2026-03-28T00:00:00"), at("2026-03-30T00:00:00")))
    assert [clock_of(one) for one in berlin] == ["08:00", "07:00"]
    with pytest.raises(ValueError, match="Mars/Olympus"):
        list(fires("0 9 * * *", "Mars/Olympus", 0, 1))


def test_each_tick_comes_once(host: ToyHost, engine: Engine) -> None:
    schedules = Schedules(engine)
    schedules.watch(REPOSITORY)
    assert schedules.tick() == []
    host.clock.sleep(1800)
    runs = schedules.tick()
    assert [one.event.action for one in runs] == ["*/10 * * * *"] * 3
    assert schedules.tick() == []
    assert runs[0].event.payload["schedule"] == "*/10 * * * *"
    assert runs[0].ref == "refs/heads/main"
    assert runs[0].title == ".github/workflows/tick.yml"


def test_two_lines_of_one_workflow_are_two_runs(host: ToyHost, engine: Engine) -> None:
    schedules = Schedules(engine)
    schedules.watch(REPOSITORY)
    host.clock.sleep(at("2026-03-29T07:00:30") - host.clock.now())
    lines = [one.event.action for one in schedules.tick()]
    assert lines.count("0 9 * * *") == 1
    assert lines.count("*/10 * * * *") == 43


def test_a_disabled_workflow_and_one_without_a_default_branch_do_not_tick(
    host: ToyHost, engine: Engine
) -> None:
    schedules = Schedules(engine)
    schedules.watch(REPOSITORY)
    engine.workflows(REPOSITORY)
    engine.registry.switch(REPOSITORY, "tick.yml", on=False, now=host.clock.now())
    host.clock.sleep(3600)
    assert schedules.tick() == []


def test_late_ticks_wait_and_come_in_order(host: ToyHost, engine: Engine) -> None:
    schedules = Schedules(engine, lateness=Lateness(least=900, most=900))
    schedules.watch(REPOSITORY)
    host.clock.sleep(600)  # 00:05; the tick of 00:00 comes at 00:15
    assert schedules.tick() == []
    assert [clock_of(one.comes) for one in schedules.missed()] == ["00:15"]
    host.clock.sleep(600)
    assert len(schedules.tick()) == 1


def test_dropped_ticks_never_come(host: ToyHost, engine: Engine) -> None:
    schedules = Schedules(engine, lateness=Lateness(dropped=1))
    schedules.watch(REPOSITORY)
    host.clock.sleep(86400)
    assert schedules.tick() == []
    assert schedules.missed() == []


@given(st.integers(0, 2**32), st.floats(0, 1), st.integers(0, 3600), st.integers(0, 36000))
def test_lateness_is_the_same_for_the_same_seed_and_within_bounds(
    seed: int, dropped: float, least: int, more: int
) -> None:
    model = Lateness(seed=seed, dropped=dropped, least=least, most=least + more)
    for tick in ("a", "b", "c"):
        late = model.of(tick)
        assert late == model.of(tick)
        assert late is None or least <= late <= least + more


def test_the_share_of_dropped_ticks_is_about_what_was_asked() -> None:
    model = Lateness(seed=7, dropped=0.3)
    dropped = sum(model.of(str(tick)) is None for tick in range(2000))
    assert 500 < dropped < 700


def test_every_replaces_the_lines_own_times(host: ToyHost, engine: Engine) -> None:
    schedules = Schedules(engine, every=15)
    schedules.watch(REPOSITORY)
    host.clock.sleep(60)
    assert len(schedules.tick()) == 2 * 4


def test_every_waits_until_nothing_runs(
    host: ToyHost, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NoRuns, "_enter", lambda _self, _run: None)  # they take their time
    schedules, own = Schedules(engine, every=60), Schedules(engine)
    schedules.watch(REPOSITORY)
    own.watch(REPOSITORY)
    host.clock.sleep(60)
    runs = schedules.tick()
    assert len(runs) == 2  # one a line
    for run in runs:
        host.clock.sleep(60)
        assert schedules.tick() == []
        engine._end(run, "success")
    host.clock.sleep(60)
    assert len(schedules.tick()) == 2
    host.clock.sleep(1800)
    assert len(own.tick()) == 3  # by its own times a schedule waits for nobody, as on GitHub
