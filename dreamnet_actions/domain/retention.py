"""What the journal keeps, and how long: which facts are dropped, and what takes the place of ticks. Pure.

============  =======================================================  =================================
what          kinds                                                    how long
============  =======================================================  =================================
ticks         ``tick``                                                 48 hours, then one fact ``ticks``
lessons       ``LESSONS``: what is learned from                        ``journal.keep-lessons``
all else                                                               ``journal.keep``
============  =======================================================  =================================
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

from dreamnet_actions.domain.journal import KINDS, Fact
from dreamnet_actions.domain.spec.models import Remembering
from dreamnet_actions.domain.times import rfc3339
from dreamnet_actions.domain.units import counted, format_duration

KEEP_TICKS = 48 * 3600.0
"""Seconds for which every single tick is kept."""
LESSONS = frozenset(
    {
        "dream-opened",
        "dream-resolved",
        "remedy-started",
        "remedy-ended",
        "release-ended",
        "env-changed",
        "env-restored",
    }
)
"""The kinds of facts that are learned from: by ``remedy.attempts``, ``remedy.suspect`` and ``patterns.describe``."""
_TICKS = frozenset({"tick"})


def limits(rules: Remembering, now: float) -> Sequence[tuple[float, Collection[str]]]:
    """Answer what is dropped: facts of these kinds from before that time (seconds since 1970)."""
    rest = frozenset(KINDS) - LESSONS - _TICKS
    return ((now - KEEP_TICKS, _TICKS), (now - rules.keep, rest), (now - rules.keep_lessons, LESSONS))


def summed(facts: Iterable[Fact], now: float) -> list[Fact]:
    """Answer what takes the place of ticks that are dropped now: one fact for each schedule."""
    by_schedule: dict[tuple[str, str], list[Fact]] = {}
    for one in facts:
        if one.kind == "tick" and "workflow" in one.data:
            name = (str(one.data["workflow"]), str(one.data["cron"]))
            by_schedule.setdefault(name, []).append(one)
    return [_sum(name, ticks, now) for name, ticks in sorted(by_schedule.items())]


def outlived(rows: Mapping[str, object], requests: Collection[str], before: float) -> list[str]:
    """Answer the keys of shared state that nobody asks for any more: ``held/…`` and ``failed/…`` (a version that was
    taken back, or failed with nothing before it) from before then, ``restore/…`` (which values a request went back to)
    of a request that is forgotten, and ``revert/…`` (which pull request reverts a commit) of a commit that is held no
    longer: it is good, its time is over, or nobody held it. The home itself knows that pull request, open or closed, so
    none is opened twice.

    ``requests`` are the ids of the requests whose rows are still there.
    """
    found = list[str]()
    for key, value in rows.items():
        if key.startswith(("held/", "failed/")):
            if isinstance(value, Mapping) and float(value.get("at", before)) < before:
                found.append(key)
        elif key.startswith("restore/") and not any(key.startswith(f"restore/{one}/") for one in requests):
            found.append(key)
    held = {key.rpartition("/git:")[2] for key in rows.keys() - set(found) if key.startswith("held/")}
    return found + [
        key for key in rows if key.startswith("revert/") and key.removeprefix("revert/") not in held
    ]


def _sum(name: tuple[str, str], ticks: Sequence[Fact], now: float) -> Fact:
    workflow, cron = name
    late = sorted(float(one.data["late"]) for one in ticks)
    half, most = (late[max(0, math.ceil(share * len(late)) - 1)] for share in (0.5, 0.95))
    first, last = min(one.at for one in ticks), max(one.at for one in ticks)
    return Fact(
        kind="ticks",
        at=now,
        text=f"{counted(len(ticks), 'tick')} of {workflow} ({cron}) from {rfc3339(first)[:10]} to "
        f"{rfc3339(last)[:10]}: half within {format_duration(half)}, 95% within {format_duration(most)}",
        data={
            "workflow": workflow,
            "cron": cron,
            "count": len(ticks),
            "first": first,
            "last": last,
            "p50": half,
            "p95": most,
            "latest": late[-1],
        },
    )
