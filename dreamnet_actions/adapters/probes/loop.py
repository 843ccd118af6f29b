"""The engine: conversations on non-blocking sockets, all in flight at once, with *idle start*.

Chosen over pycurl's multi interface and asyncio because its phases are true under load: a new conversation begins
only when no event is waiting, so the loop's own queue is hardly in a figure. In ``benchmarks/probe.py``, with 900
origins at once and a true delay of 50 ms, the first byte is 3–4 ms off (p50), pycurl's 17–24 ms, asyncio's 14–20 ms.
It is not the cheapest: pycurl takes about 0.6 of its CPU time, asyncio 1.0–1.2.

A conversation is a generator: it yields a ``Wait`` and is resumed with ``(stamp, file)``, the moment the event
was there (taken once a poll, before any of its events is worked on) and the descriptor that is ready.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import selectors
import socket
from collections import deque
from collections.abc import Callable, Generator
from time import monotonic
from typing import NamedTuple, TypeVar

from dreamnet_actions.adapters.probes.outcome import Outcome, OutOfFiles

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

T = TypeVar("T")


class Wait(NamedTuple):
    """Sleep until one of ``files`` is ready for ``events``, or until the moment ``until`` (monotonic seconds).

    ``fresh`` tells that a descriptor was opened since the last wait: it may have the number of one that was closed.
    """

    files: tuple[int, ...]
    events: int
    until: float | None = None
    fresh: bool = False


Steps = Generator[Wait, tuple[float, int | None], T]


class Expired(Exception):  # thrown into a conversation to end it, never seen outside
    """The conversation's time is up. ``round_over`` tells that the whole round's was."""

    def __init__(self, *, round_over: bool) -> None:
        super().__init__()
        self.round_over = round_over


class Job(NamedTuple):
    """A conversation that may begin: at most ``timeout`` seconds long; ``done`` gets what it came to."""

    begin: Callable[[], Steps[Outcome]]
    timeout: float
    done: Callable[[Outcome], None]


class _Running:
    """One conversation in flight: its generator and the descriptors that the selector watches for it."""

    __slots__ = ("done", "events", "files", "steps", "wake")

    def __init__(self, steps: Steps[Outcome], done: Callable[[Outcome], None]) -> None:
        self.steps, self.done = steps, done
        self.files: tuple[int, ...] = ()
        self.events = 0
        self.wake: float | None = None


class Loop:
    """Runs conversations until told that no more come. Everything but ``wake`` belongs to one thread."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._selector = selectors.DefaultSelector()
        self._waiting: deque[Job] = deque()
        self._running: set[_Running] = set()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._woken, self._waker = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        self._selector.register(self._woken, READ)
        self.on_wake: Callable[[], None] = lambda: None
        """Called in the loop's thread some time after ``wake``."""

    def wake(self) -> None:
        """Make the loop call ``on_wake`` soon. Safe from any thread, also after the loop was closed."""
        with contextlib.suppress(OSError):  # full: it will wake anyway; closed: nobody is left to wake
            self._waker.send(b"\0")

    def add(self, job: Job) -> None:
        """Take a conversation that begins as soon as nothing else is to be done."""
        self._waiting.append(job)

    def at(self, when: float, call: Callable[[], None]) -> None:
        """Call ``call`` at the moment ``when`` (monotonic seconds)."""
        heapq.heappush(self._timers, (when, next(self._order), call))

    def run(self, busy: Callable[[], bool]) -> None:
        """Run until nothing is left and ``busy()`` (more is coming) says no."""
        while self._waiting or self._running or busy():
            startable = self._waiting and len(self._running) < self._limit
            ready = self._selector.select(0 if startable else self._pause())
            stamp = monotonic()
            if ready:
                self._handle(ready, stamp)
            elif startable:
                self._start(self._waiting.popleft())
            while self._timers and self._timers[0][0] <= stamp:
                heapq.heappop(self._timers)[2]()

    def end_round(self) -> list[Job]:
        """End every conversation in flight as out of time; answer the ones that never began."""
        left = list(self._waiting)
        self._waiting.clear()
        for one in list(self._running):
            self._throw(one, Expired(round_over=True))
        return left

    def drop(self) -> None:
        """Let go of everything, begun or not: nobody wants to know any more."""
        self._waiting.clear()
        for one in list(self._running):
            self._forget(one)
            one.steps.close()

    def close(self) -> None:
        """Let go of everything, the engine's own descriptors too."""
        self.drop()
        self._selector.close()
        self._woken.close()
        self._waker.close()

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    def _pause(self) -> float | None:
        return max(0.0, self._timers[0][0] - monotonic()) if self._timers else None

    def _handle(self, ready: list[tuple[selectors.SelectorKey, int]], stamp: float) -> None:
        for key, _ in ready:
            one = key.data
            if one is None:
                try:
                    while len(self._woken.recv(4096)) == 4096:
                        pass
                except BlockingIOError:
                    pass
                self.on_wake()
            elif key.fd in one.files:  # else an event of the same poll already moved it on
                self._resume(one, stamp, key.fd)

    def _start(self, job: Job) -> None:
        steps = job.begin()
        one = _Running(steps, job.done)
        self._running.add(one)
        began = monotonic()
        try:
            wait = next(steps)
        except StopIteration as end:
            self._finish(one, end.value)
        except OutOfFiles as error:
            self._running.discard(one)
            if self._running:
                self._waiting.appendleft(job)
                self._limit = len(self._running)
            else:
                words = os.strerror(error.args[0]).lower()
                job.done(Outcome("unknown", None, f"This machine could not begin the look: {words}"))
        else:
            self.at(began + job.timeout, lambda: self._throw(one, Expired(round_over=False)))
            self._settle(one, wait)

    def _resume(self, one: _Running, stamp: float, file: int | None) -> None:
        try:
            wait = one.steps.send((stamp, file))
        except StopIteration as end:
            self._finish(one, end.value)
        else:
            self._settle(one, wait)

    def _throw(self, one: _Running, expired: Expired) -> None:
        if one not in self._running:
            return
        try:
            wait = one.steps.throw(expired)
        except StopIteration as end:
            self._finish(one, end.value)
        else:
            self._settle(one, wait)

    def _finish(self, one: _Running, outcome: Outcome) -> None:
        self._forget(one)
        one.done(outcome)

    def _forget(self, one: _Running) -> None:
        self._running.discard(one)
        self._watch(one, (), 0)

    def _settle(self, one: _Running, wait: Wait) -> None:
        if wait.fresh:
            self._watch(one, (), 0)
        self._watch(one, wait.files, wait.events)
        one.wake = wait.until
        if wait.until is not None:
            until = wait.until

            def nudge() -> None:
                if one in self._running and one.wake == until:
                    one.wake = None
                    self._resume(one, monotonic(), None)

            self.at(until, nudge)

    def _watch(self, one: _Running, files: tuple[int, ...], events: int) -> None:
        """Make the selector watch exactly ``files`` for this conversation.

        A conversation may have closed a descriptor by now, and another may already have been given its number: so
        what is taken away is only what is still this conversation's.
        """
        if files == one.files and events == one.events:
            return
        keys = self._selector.get_map()
        for file in one.files:
            if file not in files and file in keys and keys[file].data is one:
                self._selector.unregister(file)
        for file in files:
            if file not in keys:
                self._selector.register(file, events, one)
            elif keys[file].data is one and file in one.files:
                if events != one.events:
                    self._selector.modify(file, events, one)
            else:
                self._selector.unregister(file)
                self._selector.register(file, events, one)
        one.files, one.events = files, events
