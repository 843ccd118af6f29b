"""Time that passes when it is told to, and ids that can be foreseen."""

from __future__ import annotations

import heapq
import itertools
import math
import threading
from collections.abc import Callable

from dreamnet_actions.ports.system import Clock, Ids


class VirtualClock(Clock):
    """A clock on which a sleep takes no time: it moves the clock on.

    ``start`` is what ``now`` answers first, in seconds since 1970. What is to happen meanwhile is told with ``at``:
    a sleep (or ``advance``) past that time stops there, calls the function and goes on. Threads share the time: the
    sleep of one moves it for all.
    """

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._lock = threading.RLock()
        self._now = start
        self._monotonic = 0.0
        self._stopped = False
        self._order = itertools.count()
        self._hooks: list[tuple[float, int, Callable[[], object]]] = []

    def now(self) -> float:
        with self._lock:
            return self._now

    def monotonic(self) -> float:
        with self._lock:
            return self._monotonic

    def sleep(self, seconds: float) -> None:
        if self._stopped:
            raise KeyboardInterrupt
        if (
            seconds > 0
        ):  # less than a float tells apart still takes time: who waits for its end would wait for ever
            self.advance(max(seconds, math.ulp(self.monotonic())))
        else:
            self.advance(0.0)
        if self._stopped:
            raise KeyboardInterrupt

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass, with all that was to happen in them. A hook that sleeps itself takes its time."""
        end = self.monotonic() + seconds
        while (hook := self._next(end)) is not None:
            hook()  # outside the lock: it may ask this clock, or wait for a thread that does
        with self._lock:
            if not self._stopped:  # who is told to stop wakes then and there
                self._move(end)

    def at(self, when: float, hook: Callable[[], object]) -> None:
        """Call ``hook`` when ``now`` reaches ``when`` (if that is past: in the next sleep); equal times in the order
        told. What it raises comes out of the sleep."""
        with self._lock:
            due = self._monotonic + (when - self._now)
            heapq.heappush(self._hooks, (due, next(self._order), hook))

    def after(self, seconds: float, hook: Callable[[], object]) -> None:
        """Call ``hook`` in ``seconds`` from now."""
        self.at(self.now() + seconds, hook)

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward (or back): ``now`` jumps, ``monotonic`` and what waits do not."""
        with self._lock:
            self._now += seconds

    def stop(self) -> None:
        """Tell the run to stop: every sleep from now on, also one under way, raises KeyboardInterrupt."""
        self._stopped = True

    def _next(self, end: float) -> Callable[[], object] | None:
        with self._lock:
            if self._stopped or not self._hooks or self._hooks[0][0] > end:
                return None
            due, _, hook = heapq.heappop(self._hooks)
            self._move(due)
            return hook

    def _move(self, monotonic: float) -> None:
        passed = monotonic - self._monotonic
        if passed > 0:
            self._monotonic = monotonic
            self._now += passed


class CountingIds(Ids):
    """Ids that count: ``id-0001``, ``id-0002``, … in any thread."""

    def __init__(self, prefix: str = "id") -> None:
        self._prefix = prefix
        self._counter = itertools.count(1)
        self._lock = threading.Lock()

    def fresh(self) -> str:
        with self._lock:
            return f"{self._prefix}-{next(self._counter):04}"
