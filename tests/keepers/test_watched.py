"""The watcher is watched: what DreamNet finds out about its own schedules."""

from __future__ import annotations

from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.message import Message
from dreamnet_actions.domain.schedule import Schedule, Tick
from dreamnet_actions.testing.memory.system import MemorySystem
from tests.keepers.homes import home

HEALTH = {"agent": "dreamkeeper", "input": {"check": "dreamnet-health", "target": "self"}}
WORKFLOW = ".github/workflows/dream.yml"
HOUR = 3600.0


def tick(system: MemorySystem, number: int, *, late: float, cron: str = "0 * * * *") -> None:
    """Let a schedule's run come ``late`` seconds after the next full hour."""
    planned = (system.clock.now() // HOUR + 1) * HOUR
    system.clock.advance(planned + late - system.clock.now())
    of = Schedule(WORKFLOW, cron)
    stored, _ = system.journal.state(of.key)
    of = Schedule.from_json(stored) if stored else of
    system.journal.set_state(of.key, of.after(Tick(planned, system.clock.now(), number)).to_json())


def looked_at(system: MemorySystem) -> Dream | None:
    system.submit(HEALTH)
    return system.dreams.find("self/ticks")


def test_the_usual_minutes_are_no_fault() -> None:
    system = home()
    for number in range(30):
        tick(system, number, late=60.0 * (number % 20))
        assert looked_at(system) is None


def test_late_ticks_are_one_dream_with_figures_and_what_to_do_until_a_day_was_punctual() -> None:
    system = home()
    for number in range(6):
        tick(system, number, late=50 * 60.0)
        looked_at(system)
    dream = looked_at(system)
    assert dream is not None
    assert (dream.number, dream.state, dream.flaps) == (1, "open", 0)
    said = dream.evidence[0].detail
    assert "dream.yml (0 * * * *): half of its ticks came within 50m, 95% within 50m" in said
    assert "dreamnet watch" in said
    for number in range(6, 32):
        tick(system, number, late=5.0)
        looked_at(system)
    ended = system.dreams.find("self/ticks")
    assert ended is not None
    assert (ended.number, ended.state, ended.flaps) == (1, "resolved", 0)
    assert len([one for one in system.dreams.search() if one.key == "self/ticks"]) == 1


def test_missed_ticks_are_counted() -> None:
    system = home()
    for number in range(4):
        system.clock.advance(3 * HOUR)  # three hours of no tick at all, and no run in between
        tick(system, number, late=60.0)
    dream = looked_at(system)
    assert dream is not None
    assert "9 of 13 did not come" in dream.evidence[0].detail


def test_a_schedule_that_fell_silent_is_seen_by_any_other_run() -> None:
    system = home()
    tick(system, 1, late=60.0)
    assert looked_at(system) is None
    system.clock.advance(5 * HOUR)
    dream = looked_at(system)
    assert dream is not None
    assert "the last one 5h ago" in dream.evidence[0].detail


def test_a_message_that_a_schedule_fell_silent_has_it_looked_at() -> None:
    system = home()
    tick(system, 1, late=60.0)
    system.clock.advance(5 * HOUR)
    told = Message(
        id="silence-1",
        sender="relaybot",
        name="schedule-fell-silent",
        to="dreamkeeper",
        time="2026-11-26T00:00:00Z",
    )
    system.bus.publish(told)
    system.pipe.drain()
    assert [(one.key, one.state) for one in system.dreams.search()] == [("self/ticks", "open")]


def test_what_counts_as_late_is_configured() -> None:
    from dataclasses import replace

    system = home()
    system.config = replace(
        system.config, watch=replace(system.config.watch, late_after=7200.0, missed_over=1.0)
    )
    system.again()
    for number in range(4):
        tick(system, number, late=50 * 60.0)
    assert looked_at(system) is None
