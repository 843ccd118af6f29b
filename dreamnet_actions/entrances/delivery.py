"""Delivery in the background: threads that hand waiting messages to their keepers while something long-lived runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger("dreamnet")

IDLE = 0.1
"""Seconds between two looks at an empty bus: what another process put there waits at most so long."""
AFTER_ERROR = 1.0
"""Seconds of rest after a look that failed (a locked database), so that a lasting fault does not burn a processor."""


class Couriers:
    """Workers that call ``drain`` until stopped. ``wake`` has them look at once.

    ``drain`` never raises for a message's fate; what it does raise (the state's own store failing) is logged, and the
    worker goes on.
    """

    def __init__(self, drain: Callable[[int], int], *, workers: int = 2) -> None:
        self._drain = drain
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, name=f"dreamnet-courier-{number}", daemon=True)
            for number in range(1, workers + 1)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Look at the bus now."""
        self._wake.set()

    def stop(self, within: float) -> bool:
        """Take no further message and wait for those under way; answers whether all ended ``within`` seconds.

        One that did not is not lost: its lease ends with this process, and it is handed out again.
        """
        self._stop.set()
        self._wake.set()
        share = within / max(1, len(self._threads))
        for thread in self._threads:
            thread.join(share)
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                # One at a time: between two messages a worker sees that it shall stop.
                handed = self._drain(1)
            except KeyboardInterrupt:  # the clock's way of ending a wait when the program is told to stop
                return
            except Exception:
                log.exception("Messages could not be handed out; trying again in %g s", AFTER_ERROR)
                self._stop.wait(AFTER_ERROR)
                continue
            if not handed:
                self._wake.wait(IDLE)
                self._wake.clear()
