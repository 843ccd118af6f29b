"""Concurrency groups: who runs, who waits, who is cancelled. Pure: it is told what happens, and answers what
follows.

At most one runs in a group. By default one more may wait, and a newer one takes its place, which is then
cancelled. With ``queue: max`` up to 100 wait in order, and one that comes on top is cancelled itself. Names
ignore case. Source:
https://docs.github.com/en/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dreamnet_actions.testing.github.actions import expressions

LONGEST_QUEUE = 100


@dataclass(frozen=True)
class Group:
    """What ``concurrency`` says: the group's name, whether a newer one ends the running one, whether all may
    wait."""

    name: str
    cancel_in_progress: bool = False
    keep_all: bool = False

    @property
    def key(self) -> str:
        """The name as it is compared."""
        return self.name.lower()


def read(value: Any, contexts: Mapping[str, Any]) -> Group | None:
    """Read ``concurrency`` with its expressions evaluated; None where there is none. Raises ExpressionMistake."""
    if value is None:
        return None
    settings = value if isinstance(value, Mapping) else {"group": value}
    name = expressions.spell(_evaluated(settings.get("group"), contexts))
    if not name:
        return None
    return Group(
        name,
        cancel_in_progress=expressions.truthy(_evaluated(settings.get("cancel-in-progress"), contexts)),
        keep_all=settings.get("queue") == "max",
    )


def _evaluated(value: Any, contexts: Mapping[str, Any]) -> Any:
    return expressions.interpolate(value, contexts) if isinstance(value, str) else value


@dataclass
class Effect:
    """What follows from one step: ``start`` these now, ``cancel`` these that wait, ``interrupt`` these that
    run."""

    start: list[int] = field(default_factory=list)
    cancel: list[int] = field(default_factory=list)
    interrupt: list[int] = field(default_factory=list)


@dataclass
class _State:
    running: int | None = None
    waiting: list[int] = field(default_factory=list)


class Groups:
    """The groups of one repository. Safe for several threads; a run is known by its number."""

    def __init__(self) -> None:
        self._states: dict[str, _State] = {}
        self._group_of: dict[int, str] = {}
        self._lock = threading.Lock()

    def enter(self, run: int, group: Group | None) -> Effect:
        """A run has come. Without a group it starts at once."""
        if group is None:
            return Effect(start=[run])
        with self._lock:
            state = self._states.setdefault(group.key, _State())
            if state.running is None:
                state.running = run
                self._group_of[run] = group.key
                return Effect(start=[run])
            if group.keep_all and len(state.waiting) >= LONGEST_QUEUE:
                return Effect(cancel=[run])
            effect = Effect()
            if not group.keep_all:
                effect.cancel, state.waiting = state.waiting, []
                for one in effect.cancel:
                    self._group_of.pop(one, None)
            if group.cancel_in_progress:
                effect.interrupt = [state.running]
            state.waiting.append(run)
            self._group_of[run] = group.key
            return effect

    def leave(self, run: int) -> Effect:
        """A run has ended, or was cancelled while it waited; the next in its group starts."""
        with self._lock:
            key = self._group_of.pop(run, None)
            state = self._states.get(key) if key is not None else None
            if key is None or state is None:
                return Effect()
            if run in state.waiting:
                state.waiting.remove(run)
                return Effect()
            state.running = state.waiting.pop(0) if state.waiting else None
            if state.running is None:
                del self._states[key]
                return Effect()
            return Effect(start=[state.running])

    def snapshot(self) -> dict[str, tuple[int | None, tuple[int, ...]]]:
        """Answer each group's running run and those that wait, in order."""
        with self._lock:
            return {key: (one.running, tuple(one.waiting)) for key, one in self._states.items()}
