"""Compaction: the journal is kept small. What is too old is dropped, and the store lets go of what that leaves behind.

Everything is done under one lease and by the ports alone, so that a run that writes meanwhile loses nothing, and of two
that compact one does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dreamnet_actions.domain.retention import KEEP_TICKS, limits, outlived, summed
from dreamnet_actions.domain.units import counted
from dreamnet_actions.errors import Conflict, DreamNetError, Leased

if TYPE_CHECKING:
    from dreamnet_actions.bootstrap.system import System

STATE = "self/compacted"
"""The shared state that says when the journal was compacted last (``at``), and what that dropped."""
KEEP_REQUESTS = 7 * 86400.0
"""Seconds for which the id of an ended request answers its first result."""
HOLD = 900.0
"""Seconds for which a compaction belongs to the run that began it."""
_ALL = 10**9
"""More facts than any journal holds."""


@dataclass(frozen=True, kw_only=True)
class Compacted:
    """What a compaction did: facts dropped, facts written in the place of ticks, rows of shared state forgotten, and
    what the store did beyond that, in words (empty: nothing, or only a plan)."""

    facts: int
    summaries: int
    rows: int
    store: str = ""


def compact(system: System, *, dry_run: bool = False) -> Compacted:
    """Compact now; a dry run only counts. Raises Leased while another run does, and what the stores raise."""
    if dry_run:
        return _planned(system, system.clock.now())
    with system.lock.lease(STATE, HOLD):
        now = system.clock.now()
        plan = _planned(system, now)
        _apply(system, now, plan)
        system.memory.barrier()  # as long as the lease is held: what another run did first makes all of this void
    return replace(plan, store=system.memory.keeping.compact())


def tidy(system: System) -> bool:
    """Forget the answers of requests whose time is over; called before a run's end, and worth no commit of its own.

    Answers whether ``journal.compact-every`` is over, so that it is time to compact once the run has ended.
    """
    now = system.clock.now()
    system.pipe.forget(now - KEEP_REQUESTS)
    former, _ = system.journal.state(STATE)
    if former is None:
        system.journal.set_state(STATE, {"at": now})
        return False
    return bool(now - former["at"] >= system.config.journal.compact_every)


def compact_by_itself(system: System) -> None:
    """Compact after a run's end, when all that it did is durable. What goes wrong is said, and no failure of the run:
    the next one tries again."""
    try:
        done = compact(system)
    except (Leased, Conflict):
        return  # another run does it
    except DreamNetError as error:
        system.reporter.say(f"The journal could not be compacted: {error.message}")
    else:
        system.reporter.say(f"The journal was compacted: {counted(done.facts, 'fact')} dropped. {done.store}")


def _planned(system: System, now: float) -> Compacted:
    old = [
        one
        for until, kinds in limits(system.config.journal, now)
        for one in system.journal.read(kinds=kinds, limit=_ALL)
        if one.at < until
    ]
    return Compacted(facts=len(old), summaries=len(summed(old, now)), rows=len(_rows(system, now)))


def _apply(system: System, now: float, plan: Compacted) -> None:
    journal = system.journal
    ticks = [one for one in journal.read(kinds={"tick"}, limit=_ALL) if one.at < now - KEEP_TICKS]
    journal.append(*summed(ticks, now))
    for until, kinds in limits(system.config.journal, now):
        journal.compact(before=until, kinds=kinds)
    for key in _rows(system, now):
        journal.set_state(key, None)
    journal.set_state(STATE, {"at": now, "facts": plan.facts, "rows": plan.rows})


def _rows(system: System, now: float) -> list[str]:
    """Answer the keys of shared state whose time is over."""
    requests = system.journal.states("request/")
    old = {key for key, value in requests.items() if float(value.get("at", 0.0)) < now - KEEP_REQUESTS}
    living = {key.removeprefix("request/") for key in requests if key not in old}
    kinds = ("held/", "failed/", "restore/", "revert/")
    rest = {key: value for kind in kinds for key, value in system.journal.states(kind).items()}
    return [*sorted(old), *outlived(rest, living, now - system.config.journal.keep_lessons)]
