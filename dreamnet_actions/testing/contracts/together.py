"""Several threads at the same moment, for the sentences of a port that speak of who else is there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def together(works: Sequence[Callable[[], T]], *, seconds: float = 60.0) -> list[T]:
    """Run each of ``works`` in a thread of its own, all starting at once; answers what they answered, in order.

    Raises what the first of them raised, and TimeoutError after ``seconds``.
    """
    barrier = threading.Barrier(len(works))

    def one(work: Callable[[], T]) -> T:
        barrier.wait(seconds)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result(seconds) for future in [pool.submit(one, work) for work in works]]
