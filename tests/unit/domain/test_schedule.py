"""Schedules: planned times as cronsim has them, and what ticks and run numbers say about those that did not come."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamnet_actions.domain.cron import parse_cron
from dreamnet_actions.domain.schedule import KEPT, Schedule, Tick, count, newest, punctuality

LINES = [
    "*/5 * * * *",
    "7,37 * * * *",
    "17 5 * * *",
    "0 0 29 2 *",
    "30 4 1 * 1",
    "5-10 */6 * jan-mar mon-fri",
    "59 23 31 12 0",
    "0 12 * * 6",
]
DAY = 86400.0
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC).timestamp()
seconds = st.integers(1_600_000_000, 2_000_000_000).map(float)


@pytest.mark.slow
@pytest.mark.parametrize("line", LINES)
@settings(max_examples=30)  # cronsim takes a while for a month of five-minute ticks
@given(after=seconds, days=st.floats(0, 40))
def test_planned_times_are_those_of_cronsim(line: str, after: float, days: float) -> None:
    until = after + days * DAY
    expected = []
    for moment in CronSim(line, datetime.fromtimestamp(after, UTC)):
        if moment.timestamp() > until:
            break
        expected.append(moment.timestamp())
    assert count(parse_cron(line), after, until) == len(expected)
    if expected:
        assert newest(parse_cron(line), until) == expected[-1]


@given(at=seconds, line=st.sampled_from(LINES))
def test_the_newest_is_itself_the_newest_at_its_own_time(at: float, line: str) -> None:
    cron = parse_cron(line)
    planned = newest(cron, at)
    assert planned is not None
    assert planned <= at
    assert newest(cron, planned) == planned
    assert count(cron, planned, at) == 0


def test_a_day_that_never_comes_has_no_newest() -> None:
    assert newest(parse_cron("0 0 31 2 *"), NOON) is None


def came(*ticks: tuple[float, float, int], cron: str = "*/10 * * * *") -> Schedule:
    """A schedule whose ticks were planned so many minutes after noon, came so many minutes late, as that run."""
    made = Schedule(".github/workflows/dream.yml", cron)
    for planned, late, number in ticks:
        at = NOON + planned * 60
        made = made.after(Tick(at, at + late * 60, number))
    return made


def test_ticks_that_nobody_wrote_down_are_told_by_the_numbers_of_runs() -> None:
    whole = punctuality(came((0, 1, 10), (60, 2, 16)), NOON + 3700, grace=1800)
    assert (whole.planned, whole.missed, whole.silent) == (7, 0, None)
    half = punctuality(came((0, 1, 10), (60, 2, 13)), NOON + 3700, grace=1800)
    assert (half.planned, half.missed) == (7, 3)
    none = punctuality(came((0, 1, 10), (60, 2, 11)), NOON + 3700, grace=1800)
    assert (none.planned, none.missed) == (7, 5)


def test_runs_by_other_events_never_make_more_of_what_was_missed() -> None:
    assert punctuality(came((0, 1, 10), (60, 2, 900)), NOON + 3700, grace=1800).missed == 0


def test_silence_counts_from_the_hour_after_the_last_that_was_written_down() -> None:
    of = came((0, 0, 1))
    assert punctuality(of, NOON + 3300 + 1800, grace=1800).silent is None
    found = punctuality(of, NOON + 2 * 3600 + 1800, grace=1800)
    assert found.silent == 2 * 3600 + 1800
    assert found.missed == 7  # 13:00 to 14:00


def test_a_rare_schedule_is_judged_by_its_last_three() -> None:
    weeks = [NOON - 2 * DAY - week * 7 * DAY for week in range(5)]
    line = f"0 12 * * {(datetime.fromtimestamp(weeks[0], UTC).isoweekday()) % 7}"
    of = Schedule(".github/workflows/w.yml", line)
    for number, (planned, late) in enumerate(zip(reversed(weeks), (761, 400, 10, 189, 20), strict=True)):
        of = of.after(Tick(planned, planned + late * 60, number + 1))
    found = punctuality(of, NOON, grace=1800)
    assert (found.planned, found.missed) == (3, 0)
    assert (found.p50, found.p95) == (20 * 60, 189 * 60)


def test_only_the_newest_are_kept_and_survive_being_stored() -> None:
    of = came(*((number * 10, 1, number) for number in range(KEPT + 5)))
    assert len(of.ticks) == KEPT
    assert of.ticks[-1].number == KEPT + 4
    assert Schedule.from_json(of.to_json()) == of
