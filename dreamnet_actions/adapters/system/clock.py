"""The system's own time."""

from __future__ import annotations

import time

from dreamnet_actions.ports.system import Clock

_SLICE = 0.2
"""Seconds after which a sleeper looks whether it is told to stop."""


class SystemClock(Clock):
    """The real time. ``stop`` wakes every thread that sleeps here, for a signal itself reaches the main one only."""

    def __init__(self) -> None:
        self._stopped = False

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while True:
            if self._stopped:
                raise KeyboardInterrupt
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, _SLICE))

    def stop(self) -> None:
        """From now on every sleep, also one under way, ends with KeyboardInterrupt.

        A flag and no Event: this may be called by a signal handler, which could wait for a lock that the very
        thread it interrupted holds.
        """
        self._stopped = True
