"""The bounded pool in which the gateway calls the pipe: so many at work, so many wait, others come back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread

from dreamnet_actions.errors import TemporaryError

T = TypeVar("T")

AT_WORK = 8
WAITING = 32


class Pool:
    """Runs blocking calls in threads. Used from one event loop only, so its count needs no lock."""

    def __init__(self, at_work: int = AT_WORK, waiting: int = WAITING) -> None:
        self._limiter = anyio.CapacityLimiter(at_work)
        self._limit = at_work + waiting
        self._taken = 0

    async def run(self, call: Callable[[], T]) -> T:
        """Run ``call`` in a thread and answer what it answers; raises TemporaryError when the pool is full."""
        if self._taken >= self._limit:
            raise TemporaryError(
                f"The gateway has {self._taken} requests in hand and takes no more just now.",
                hint="Send the request again after the time in Retry-After; the same id is done once.",
                retry_after=2.0,
            )
        self._taken += 1
        try:
            return await anyio.to_thread.run_sync(call, limiter=self._limiter)
        finally:
            self._taken -= 1
