"""The concurrency groups of all repositories, and what is below a run that asks for them: jobs, called workflows.

Runs are the engine's own; this module keeps the groups, and tells those below a run what became of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from dreamnet_actions.testing.github.actions.concurrency import Effect, Group, Groups
from dreamnet_actions.testing.github.actions.runs import Run

Follow = Callable[[Effect, "Group | None"], None]


@dataclass(frozen=True)
class _Seeker:
    """Something below a run that has a group, or waits for it."""

    granted: Callable[[], None]
    cancelled: Callable[[str], None]


def replaced(group: Group | None) -> str:
    """Say what GitHub says of one whose place another has taken."""
    return f"Canceling since a higher priority waiting request for {group.name if group else ''} exists"


class Admission:
    """Who may run. ``follow`` is given what follows from each step. Safe for several threads."""

    def __init__(self, new_id: Callable[[], int], follow: Follow) -> None:
        self._new_id = new_id
        self._follow = follow
        self._groups: dict[str, Groups] = {}
        self._seekers: dict[int, _Seeker] = {}
        self._lock = threading.Lock()

    def groups(self, repository: str) -> Groups:
        """Answer a repository's groups."""
        with self._lock:
            return self._groups.setdefault(repository, Groups())

    def tell(self, effect: Effect, group: Group | None) -> None:
        """Tell those below runs what follows for them."""
        for number in [*effect.cancel, *effect.interrupt]:
            if (seeker := self._seekers.get(number)) is not None:
                seeker.cancelled(replaced(group))
        for number in effect.start:
            if (seeker := self._seekers.get(number)) is not None:
                seeker.granted()

    def keeper(self, run: Run) -> Keeper:
        """Answer who keeps the groups for what is below ``run``."""
        return Keeper(self, run)

    def enter(self, run: Run, group: Group, seeker: _Seeker) -> int:
        """Something below a run asks for a group; answers the number to leave by."""
        number = self._new_id()
        if run.group is not None and run.group.key == group.key:
            seeker.cancelled(
                f"Canceling since a deadlock for concurrency group '{group.name}' was detected between "
                "'top level workflow' and a job of it"
            )
            return number
        with self._lock:
            self._seekers[number] = seeker
        self._follow(self.groups(run.repository).enter(number, group), group)
        return number

    def leave(self, run: Run, number: int) -> None:
        """It needs its group no more."""
        with self._lock:
            self._seekers.pop(number, None)
        self._follow(self.groups(run.repository).leave(number), None)


class Keeper:
    """The groups of a run's repository, for what is below the run (``turns.Gatekeeper``)."""

    def __init__(self, admission: Admission, run: Run) -> None:
        self._admission = admission
        self._run = run

    def enter(self, group: Group, *, granted: Callable[[], None], cancelled: Callable[[str], None]) -> int:
        """Ask for a group."""
        return self._admission.enter(self._run, group, _Seeker(granted, cancelled))

    def leave(self, number: int) -> None:
        """Give it back."""
        self._admission.leave(self._run, number)
