"""Concurrency below the run: of jobs, and of called workflows. A job that has to wait does so in a first step
of its own.

act knows no groups. So the copy of such a job begins with a step that waits for a file, and this module makes
the file when the job's groups (its callers', outermost first, then its own) are free. A called workflow holds
its group from the first of its jobs to the last; where one of them was skipped, to the end of the run.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from dreamnet_actions.testing.github.actions.concurrency import Group
from dreamnet_actions.testing.github.actions.plan import JobPlan, Plan, Unit

FOLDER_VARIABLE = "SANDBOX_TURNS"


def waiting_step(job: JobPlan) -> dict[str, Any]:
    """Answer the step in which a job waits for its turn."""
    return {
        "name": "Wait for the concurrency group",
        "shell": "bash",
        "run": (
            f'turn="${FOLDER_VARIABLE}/{job.key}"\n'
            'until [ -e "$turn" ]; do if [ -e "$turn.no" ]; then exit 1; fi; sleep 0.05; done'
        ),
    }


class Gatekeeper(Protocol):
    """Who keeps the groups of a repository."""

    def enter(self, group: Group, *, granted: Callable[[], None], cancelled: Callable[[str], None]) -> int:
        """Ask for a group; exactly one of the two is called, now or later (``cancelled`` with the reason; it
        may also come after ``granted``, by ``cancel-in-progress``). Answers the number to leave by."""

    def leave(self, number: int) -> None:
        """Give a group back, or stop waiting for it."""


@dataclass
class _Held:
    group: Group
    jobs: set[str]
    number: int | None = None
    granted: bool = False
    waiting: list[Callable[[], None]] = field(default_factory=list)


class Turns:
    """The turns of one attempt's jobs. ``cancel`` ends a job, with the reason."""

    def __init__(
        self, plan: Plan, folder: Path, keeper: Gatekeeper, *, cancel: Callable[[JobPlan, str], None]
    ) -> None:
        self._plan = plan
        self._folder = folder
        self._keeper = keeper
        self._cancel = cancel
        self._lock = threading.RLock()
        self._ended: set[str] = set()
        self._held: dict[Unit, _Held] = {}
        for job in plan.jobs:
            for unit in job.units if job.calls is None else ():
                self._held.setdefault(unit, _Held(unit.group, set())).jobs.add(job.key)

    def begin(self, job: JobPlan, then: Callable[[], None]) -> None:
        """A job has started; ``then`` is called when it may go on."""
        self._next(job, list(job.units), then)

    def _next(self, job: JobPlan, units: list[Unit], then: Callable[[], None]) -> None:
        with self._lock:
            while units:
                held = self._held[units.pop(0)]
                if held.granted:
                    continue
                held.waiting.append(lambda: self._next(job, units, then))
                self._ask(held)
                return
            if job.units:
                (self._folder / job.key).touch()
        then()

    def _ask(self, held: _Held) -> None:
        if held.number is None:
            held.number = -1  # being asked for; the answer may come before the number does
            held.number = self._keeper.enter(
                held.group,
                granted=lambda: self._granted(held),
                cancelled=lambda reason: self._refused(held, reason),
            )

    def _granted(self, held: _Held) -> None:
        with self._lock:
            held.granted = True
            waiting, held.waiting = held.waiting, []
        for go_on in waiting:
            go_on()

    def _refused(self, held: _Held, reason: str) -> None:
        for key in sorted(held.jobs - self._ended):
            if job := self._plan.job(key):
                (self._folder / f"{key}.no").touch()
                self._cancel(job, reason)

    def end(self, job: JobPlan) -> None:
        """A job has ended; groups that no other job of theirs needs any more are given back."""
        with self._lock:
            self._ended.add(job.key)
            done = [self._held[unit] for unit in job.units if self._held[unit].jobs <= self._ended]
        self._leave(done)

    def close(self) -> None:
        """The attempt is over."""
        self._leave(list(self._held.values()))

    def _leave(self, helds: list[_Held]) -> None:
        for held in helds:
            with self._lock:
                number, held.number = held.number, -2
            if number is not None and number > 0:
                self._keeper.leave(number)
