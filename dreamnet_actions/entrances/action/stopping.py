"""Being told to stop: a cancelled job's SIGINT, and the SIGTERM that follows it, end a step within ``LIMIT`` seconds.

Both stages use it. Standard library only. GitHub's runner sends SIGINT to the step's entry process alone, SIGTERM 7.5 s
later, and kills all of it 2.5 s after that
(https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-cancellation).
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping

from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.domain.times import rfc3339
from dreamnet_actions.entrances.action.naming import request_id

CUT = 130
"""The exit status of a run that was told to stop."""
LIMIT = 4.0
"""Seconds after which a step ends whatever it waits for: what it says is written by then."""
_SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM})
_SAID = (
    "The run was told to stop; what was begun is safe where it stands, and the next run goes on from there."
)


def hold() -> None:
    """Keep signals waiting until ``interruptible``: what comes while a stage starts is neither lost nor a traceback.

    They wait across ``exec``, too (POSIX: the mask is inherited).
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


@contextlib.contextmanager
def interruptible(last: Callable[[], None]) -> Iterator[None]:
    """Turn SIGINT and SIGTERM into one KeyboardInterrupt in the main thread; a second one changes nothing. After the
    block they wait again: what the step has to say is written whole.

    ``last`` is called in another thread when the block has not been left ``LIMIT`` seconds after that (something waits
    that no interrupt reaches); then the process ends with ``CUT``.
    """
    told, left = threading.Event(), threading.Event()

    def give_up() -> None:
        if not left.wait(LIMIT):
            try:
                last()
            finally:
                os._exit(CUT)

    def stop(*_: object) -> None:
        if told.is_set():
            # Not SIG_IGN from here on: what was under way by then, Python would raise as an OSError.
            return
        told.set()
        threading.Thread(target=give_up, name="dreamnet-stopping", daemon=True).start()
        raise KeyboardInterrupt

    former = {one: signal.signal(one, stop) for one in _SIGNALS}
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        yield
    finally:
        hold()
        left.set()
        for one, handler in former.items():
            signal.signal(one, handler)


def cut(environ: Mapping[str, str], *, now: float) -> AgentResult:
    """Answer the result of a step that was told to stop. ``now`` is seconds since 1970."""
    return AgentResult(
        id=request_id(environ, _SAID),
        agent=None,
        action=None,
        outcome="deferred",
        verdict=None,
        summary=_SAID,
        started_at=rfc3339(now),
        finished_at=rfc3339(now),
        exit_status=CUT,
    )
