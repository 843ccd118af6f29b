"""Being told to stop: a cancelled job's SIGINT, and the SIGTERM that follows it, end a step within ``LIMIT`` seconds.

Both stages use it. Standard library only. GitHub's runner sends SIGINT to the step's entry process alone, SIGTERM 7.5 s
later, and kills all of it 2.5 s after that
(https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-cancellation).
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.domain.times import rfc3339
from dreamnet_actions.entrances.action.naming import request_id

CUT = 130
"""The exit status of a run that was told to stop."""
LIMIT = 4.0
"""Seconds after which a step ends whatever it waits for: what it says is written by then."""
_AGAIN = 0.02
"""Seconds after which an interrupt that was lost comes again."""
_Word = Literal["told", "lost", "left"]
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
    block they wait for ever: what the step has to say is written whole.

    One that comes while Python calls what can raise nothing (a finalizer, a weak reference's callback) would be lost
    (https://docs.python.org/3/library/sys.html#sys.unraisablehook): it comes again a moment later. ``last`` is called
    in another thread when the block has not been left ``LIMIT`` seconds after the first (something waits that no
    interrupt reaches); then the process ends with ``CUT``.
    """
    # Its ``put`` may be called from handlers and finalizers wherever they come, as no Event's ``set`` may.
    words: queue.SimpleQueue[_Word] = queue.SimpleQueue()
    due, hook = True, sys.unraisablehook

    def stop(*_: object) -> None:
        nonlocal due
        if not due:
            # Not SIG_IGN from here on: what was under way by then, Python would raise as an OSError.
            return
        due = False
        words.put("told")
        raise KeyboardInterrupt

    def unraisable(what: sys.UnraisableHookArgs) -> None:
        nonlocal due
        if what.exc_type is not KeyboardInterrupt:
            hook(what)
            return
        due = True
        words.put("lost")

    hold()  # the watcher inherits that: signals are for the main thread, and wait where that one lets them
    for one in _SIGNALS:
        signal.signal(one, stop)
    sys.unraisablehook = unraisable
    watcher = threading.Thread(target=_see_it_end, args=(words, last), name="dreamnet-stopping", daemon=True)
    watcher.start()
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        yield
    finally:
        hold()
        words.put("left")
        sys.unraisablehook = hook
        due = False  # and the handlers stay: a signal that waits for this thread may be given to another


def _see_it_end(words: queue.SimpleQueue[_Word], last: Callable[[], None]) -> None:
    """Wait until the block is left, interrupt it again where the interrupt was lost, and end what does not end."""
    word = words.get()
    until = time.monotonic() + LIMIT
    while word != "left":
        remaining = until - time.monotonic()
        if remaining <= 0:
            try:
                last()
            finally:
                os._exit(CUT)
        try:
            # The main thread is given a moment to leave whatever the interrupt was lost in.
            word = words.get(timeout=min(_AGAIN, remaining) if word == "lost" else remaining)
        except queue.Empty:
            if word == "lost":
                word = "told"
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


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
