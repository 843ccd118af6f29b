"""How punctual a schedule of GitHub's is: which starts were planned, which came, how late. Pure.

A run that changes nothing is not written down, so not every tick is known. What is known of the others follows from
the number that GitHub gives each run of a workflow (it counts up by one): between two ticks that were written down
there were as many runs as their numbers are apart. Runs by other events count there, too, so that what is said to be
missed is the least that was.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dreamnet_actions.domain.cron import Cron, parse_cron

STATE = "self/schedule/"
"""How the keys of shared state begin that hold a Schedule; the workflow's path and the cron line follow."""
HOUR = 3600.0
"""The first tick within an hour of the clock is written down whatever else there is to write. What else is done once an
hour (looking at the host, at the journal) is due with it, so that all of them together make one commit."""
WINDOW = 86400.0
"""Seconds that punctuality is judged over; of a schedule that is rarer, the last ``LEAST`` ticks."""
LEAST = 3
KEPT = 60
"""Ticks that are kept of each schedule."""
_DAY = 86400
_FURTHEST = 4 * 366 + 1
"""Days that are looked back through for a planned time: 29 February comes every four years (but for 2100)."""


@dataclass(frozen=True)
class Tick:
    """One tick that was written down: times in seconds since 1970; ``number`` is the run's, 0 where unknown."""

    planned: float
    real: float
    number: int = 0

    @property
    def late(self) -> float:
        """Seconds between the planned time and the real one."""
        return self.real - self.planned


@dataclass(frozen=True)
class Schedule:
    """One cron line of one workflow with the newest ticks of it that were written down, oldest first."""

    workflow: str
    cron: str
    ticks: tuple[Tick, ...] = ()

    @property
    def key(self) -> str:
        """Its key in the shared state."""
        return f"{STATE}{self.workflow}/{self.cron}"

    def after(self, tick: Tick) -> Schedule:
        """Answer it with one more tick."""
        return Schedule(self.workflow, self.cron, (*self.ticks, tick)[-KEPT:])

    def to_json(self) -> dict[str, Any]:
        """Answer plain data for the shared state; ``at`` is when the newest tick came."""
        ticks = [[one.planned, one.real, one.number] for one in self.ticks]
        return {"workflow": self.workflow, "cron": self.cron, "at": self.ticks[-1].real, "ticks": ticks}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Schedule:
        """Read it back."""
        ticks = tuple(Tick(float(one[0]), float(one[1]), int(one[2])) for one in data["ticks"])
        return cls(str(data["workflow"]), str(data["cron"]), ticks)


@dataclass(frozen=True, kw_only=True)
class Punctuality:
    """How a schedule does: of its ``planned`` starts ``missed`` did not come (at the least); those that were written
    down came ``p50`` and ``p95`` seconds late; ``silent`` are the seconds since the last, where one is overdue."""

    planned: int
    missed: int
    p50: float
    p95: float
    silent: float | None = None


def punctuality(of: Schedule, now: float, *, grace: float) -> Punctuality:
    """Judge a schedule that has at least one tick. ``grace``: seconds that one which did not come yet is given.

    Raises ValueError for a line that is no cron line.
    """
    cron = parse_cron(of.cron)
    recent = sum(one.real >= now - WINDOW for one in of.ticks)
    ticks = of.ticks[-max(LEAST, recent) :]
    planned, missed = len(ticks), 0
    for before, after in itertools.pairwise(ticks):
        between = count(cron, before.planned, after.planned) - 1
        unwritten = max(0, after.number - before.number - 1)
        planned += max(0, between)
        missed += max(0, between - unwritten)
    last = ticks[-1]
    # Up to the end of its hour others may have come that nobody wrote down.
    overdue = count(cron, max(last.planned, next_hour(last.real) - 1.0), now - grace)
    late = sorted(one.late for one in ticks)
    return Punctuality(
        planned=planned + overdue,
        missed=missed + overdue,
        p50=_percentile(late, 0.5),
        p95=_percentile(late, 0.95),
        silent=now - last.real if overdue else None,
    )


def next_hour(at: float) -> float:
    """Answer when the next hour of the clock begins, both in seconds since 1970."""
    return (math.floor(at / HOUR) + 1) * HOUR


def newest(cron: Cron, at: float) -> float | None:
    """Answer the newest planned time that is not after ``at``; None where there is none in four years."""
    today = math.floor(at / _DAY)
    for day in range(today, today - _FURTHEST, -1):
        if _starts_on(cron, day):
            for minute in reversed(cron.starts):
                if (planned := day * _DAY + minute * 60.0) <= at:
                    return planned
    return None


def soonest(cron: Cron, after: float) -> float | None:
    """Answer the first planned time after ``after``; None where there is none in four years."""
    today = math.floor(after / _DAY)
    for day in range(today, today + _FURTHEST):
        found = next(_between(cron, max(after, day * _DAY - 1.0), (day + 1) * _DAY - 1.0), None)
        if found is not None:
            return found
    return None


def count(cron: Cron, after: float, until: float) -> int:
    """Count the planned times within ``(after, until]``."""
    return sum(1 for _ in _between(cron, after, until))


def _between(cron: Cron, after: float, until: float) -> Iterator[float]:
    for day in range(math.floor(after / _DAY), math.floor(until / _DAY) + 1):
        if _starts_on(cron, day):
            yield from (
                planned for minute in cron.starts if after < (planned := day * _DAY + minute * 60.0) <= until
            )


def _starts_on(cron: Cron, day: int) -> bool:
    """Say whether it starts on a day, counted from 1970-01-01: where both fields of days are restricted, either is
    enough (crontab(5))."""
    from datetime import date, timedelta

    when = date(1970, 1, 1) + timedelta(days=day)
    if when.month not in cron.months:
        return False
    of_month, of_week = when.day in cron.days, when.isoweekday() % 7 in cron.weekdays
    if len(cron.days) < 31 and len(cron.weekdays) < 7:
        return of_month or of_week
    return of_month and of_week


def _percentile(ordered: Sequence[float], share: float) -> float:
    """Answer the value that ``share`` of the others do not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
