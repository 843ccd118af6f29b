"""Cron lines as GitHub reads them: five fields, UTC. What a schedule means in runs a month and in minutes between runs.

The form is that of POSIX with names, ranges, lists and steps; ``@daily`` and its kin are not taken
(https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#schedule).
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from dreamnet_actions.domain.units import parse_duration

SHORTEST = 5
"""Minutes: the shortest interval that GitHub's schedule keeps (same page)."""
DAYS = 30
"""The days that a month is counted as."""
_DAY = 24 * 60
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEK = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 6, _WEEK),
)


@dataclass(frozen=True)
class Cron:
    """A cron line that was understood: the values that each field allows."""

    line: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    @property
    def starts(self) -> tuple[int, ...]:
        """The minutes of a day, counted from midnight, at which it starts."""
        return tuple(sorted(hour * 60 + minute for hour in self.hours for minute in self.minutes))

    @property
    def per_month(self) -> float:
        """How many runs it makes in a month of 30 days, on average over the year.

        A day counts when its day of the month or its day of the week is named, as cron has it.
        """
        by_day, by_week = len(self.days) / 31, len(self.weekdays) / 7
        restricted = by_day < 1 and by_week < 1  # then either is enough
        share = 1 - (1 - by_day) * (1 - by_week) if restricted else min(by_day, by_week)
        return len(self.starts) * DAYS * share * len(self.months) / 12

    @property
    def gap(self) -> int:
        """The fewest minutes between two starts."""
        starts = self.starts
        gaps = [after - before for before, after in itertools.pairwise(starts)]
        # The night counts too: 23:59 and 0:00 are a minute apart, if both are on days in a row.
        return min([*gaps, starts[0] + _DAY - starts[-1]])


def parse_cron(line: str) -> Cron:
    """Read a cron line; raises ValueError that names the field and says what it may be."""
    fields = line.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(
            f"{line!r} is no cron line; write five fields (minute hour day month weekday), as '7,37 * * * *'"
        )
    return Cron(
        " ".join(fields),
        *(_values(text, *rule) for text, rule in zip(fields, _FIELDS, strict=True)),
    )


def parse_schedule(text: str) -> Cron:
    """Read a cron line, or a duration such as ``30m`` or ``6h`` that divides an hour or a day evenly.

    A duration becomes a line that does not start on the hour, where GitHub's queues are longest. Raises ValueError.
    """
    if not re.fullmatch(r"[0-9.]+[a-z]+", text.strip()):
        return parse_cron(text)
    minutes = parse_duration(text.strip()) / 60
    if minutes < SHORTEST:
        raise ValueError(
            f"{text!r} is too short; GitHub starts nothing more often than every {SHORTEST} minutes"
        )
    if minutes != int(minutes):
        raise ValueError(f"{text!r} is no whole number of minutes; a schedule knows no seconds")
    whole = int(minutes)
    if whole < 60 and 60 % whole == 0:
        first = min(7, whole - 1)
        return parse_cron(f"{','.join(str(one) for one in range(first, 60, whole))} * * * *")
    if whole % 60 == 0 and whole <= _DAY and 24 % (whole // 60) == 0:
        hours = whole // 60
        return parse_cron(f"7 {'*' if hours == 1 else ','.join(map(str, range(0, 24, hours)))} * * *")
    raise ValueError(f"{text!r} divides neither an hour nor a day evenly; write a cron line instead")


def _values(text: str, name: str, low: int, high: int, names: tuple[str, ...]) -> frozenset[int]:
    """Answer the values that one field allows."""
    found: set[int] = set()
    for part in text.split(","):
        span, stepped, step = part.partition("/")
        begin, ranged, end = span.partition("-")
        if span == "*":
            first, last = low, high
        else:
            first = _number(begin, text, name, low, high, names)
            last = _number(end, text, name, low, high, names) if ranged else (high if stepped else first)
        if stepped and not (step.isascii() and step.isdigit() and int(step) > 0):
            raise ValueError(f"the {name} {text!r} has the step {step!r}; write a whole number from 1 up")
        if first > last:
            raise ValueError(f"the {name} {text!r} has a range that ends before it begins")
        found |= set(range(first, last + 1, int(step) if stepped else 1))
    return frozenset(found)


def _number(word: str, text: str, name: str, low: int, high: int, names: tuple[str, ...]) -> int:
    if word.lower() in names:
        return names.index(word.lower()) + low
    if not (word.isascii() and word.isdigit() and len(word) <= 2 and low <= int(word) <= high):
        raise ValueError(
            f"the {name} {text!r} is not understood; it takes {low} to {high}, '*', ',', '-', '/'"
        )
    return int(word)
