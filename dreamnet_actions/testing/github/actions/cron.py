"""``on.schedule``: which ticks are due by the host's clock, and how late GitHub brings them.

A tick is known by workflow, line and planned time, and comes once or never. How late it comes is a
``Lateness``: GitHub promises nothing (8 of 8 weekly runs came 189 to 761 minutes late; one repository got 3 of
138 ``*/10`` ticks), so a test says what it wants. Source:
https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#schedule
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim

from dreamnet_actions.testing.github.actions import triggers
from dreamnet_actions.testing.github.actions.engine import Engine
from dreamnet_actions.testing.github.actions.repository import Repository
from dreamnet_actions.testing.github.actions.runs import Run
from dreamnet_actions.testing.github.hosting import Event


@dataclass(frozen=True, kw_only=True)
class Lateness:
    """How schedules behave: a share of ticks never comes, the others come up to ``most`` seconds late.

    The same seed and tick always give the same answer; ``least`` is what every tick is late by.
    """

    seed: int = 0
    dropped: float = 0.0
    least: float = 0.0
    most: float = 0.0

    def of(self, tick: str) -> float | None:
        """Answer by how many seconds a tick is late; None: it does not come."""
        drop, late = _fractions(f"{self.seed}/{tick}")
        if drop < self.dropped:
            return None
        return self.least + late * max(0.0, self.most - self.least)


ON_TIME = Lateness()


def _fractions(text: str) -> tuple[float, float]:
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64, int.from_bytes(digest[8:16]) / 2**64


@dataclass(frozen=True, order=True)
class Tick:
    """One tick: when it was planned and when it comes (seconds since 1970), and whose it is."""

    comes: float
    planned: float
    repository: str
    workflow: str
    cron: str


def fires(cron: str, zone: str | None, after: float, until: float) -> Iterator[float]:
    """Answer the times (seconds since 1970) at which a line fires within ``(after, until]``, in its time zone.

    Raises ValueError for an unknown zone.
    """
    for moment in CronSim(cron, datetime.fromtimestamp(after, _zone(zone))):
        at = moment.timestamp()
        if at > until:
            return
        if at > after:
            yield at


def _zone(name: str | None) -> tzinfo:
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"The time zone {name!r} is not known; use a name as 'Europe/Berlin'.") from None


class Schedules:
    """The schedules of the repositories that are watched.

    ``every`` replaces each line's own times: it then fires every so many seconds (for a sandbox where nobody
    wants to wait five minutes), and not while anything runs: on a slow machine checks would queue up, heals wait
    behind them, and the first one come before the first deployment is done. Safe for several threads.
    """

    def __init__(
        self, engine: Engine, *, lateness: Lateness | None = None, every: float | None = None
    ) -> None:
        self._engine = engine
        self._lateness = lateness or ON_TIME
        self._every = every
        self._lock = threading.Lock()
        self._seen = engine.host.clock.now()
        self._waiting: list[Tick] = []
        self._repositories: list[str] = []

    def watch(self, repository: str) -> None:
        """From now on this repository's schedules count."""
        with self._lock:
            if repository not in self._repositories:
                self._repositories.append(repository)

    def tick(self, until: float | None = None) -> list[Run]:
        """Bring every tick that is due by ``until`` (the clock's now, if left out), in order; answer the runs.

        A tick is brought at the host's present time whatever its own was: move a virtual clock first. Between
        two calls the workflows of the default branch at the second one count.
        """
        with self._lock:
            end = self._engine.host.clock.now() if until is None else until
            if end > self._seen:
                self._waiting += self._planned(self._seen, end)
                self._seen = end
            due = sorted(one for one in self._waiting if one.comes <= end)
            self._waiting = [one for one in self._waiting if one.comes > end]
            if self._every is not None:
                busy = self._under_way()
                due = [one for one in due if one.repository not in busy]
        return [run for one in due for run in self._bring(one)]

    def missed(self) -> list[Tick]:
        """Answer the ticks that are late and still to come."""
        with self._lock:
            return sorted(self._waiting)

    def _planned(self, after: float, until: float) -> Iterator[Tick]:
        for repository in self._repositories:
            for entry in self._engine.workflows(repository):
                if entry.state != "active" or entry.workflow is None or entry.workflow.mistakes:
                    continue
                for line in entry.workflow.on.get("schedule") or ():
                    yield from self._ticks(repository, entry.path, line, after, until)

    def _ticks(
        self, repository: str, path: str, line: Mapping[str, Any], after: float, until: float
    ) -> Iterator[Tick]:
        cron = str(line["cron"])
        for at in self._times(cron, line.get("timezone"), after, until):
            late = self._lateness.of(f"{repository}/{path}/{cron}/{at:.0f}")
            if late is not None:
                yield Tick(at + late, at, repository, path, cron)

    def _times(self, cron: str, zone: Any, after: float, until: float) -> Iterator[float]:
        if self._every is None:
            yield from fires(cron, str(zone) if zone else None, after, until)
            return
        at = (after // self._every + 1) * self._every
        while at <= until:
            yield at
            at += self._every

    def _under_way(self) -> set[str]:
        """Answer the repositories in which anything runs or waits."""
        return {
            name
            for name in self._repositories
            if any(run.status != "completed" for run in self._engine.runs(name))
        }

    def _bring(self, tick: Tick) -> list[Run]:
        host = self._engine.host
        branch = host.default_branch(tick.repository)
        sha = Repository(host.git_dir(tick.repository)).resolve(f"{triggers.BRANCH}{branch}")
        if sha is None:
            return []
        actor = tick.repository.partition("/")[0]
        payload = {**host.payload(tick.repository, actor), "schedule": tick.cron, "workflow": tick.workflow}
        return self._engine.hear(
            Event(
                name="schedule",
                action=tick.cron,
                repository=tick.repository,
                ref=f"{triggers.BRANCH}{branch}",
                sha=sha,
                payload=payload,
                actor=actor,
                workflow=tick.workflow,
            )
        )
