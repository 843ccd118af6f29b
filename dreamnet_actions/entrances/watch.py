"""The long-lived loop: checks on a fixed schedule, messages handed out as they come, and told what happens.

Cron's place is taken by one ticker: rounds are planned at the start plus whole periods, so that a slow round never
shifts the ones after it, and a round that would begin too late is left out rather than made up for.
"""

from __future__ import annotations

import logging
import math
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.retention import KEEP_TICKS
from dreamnet_actions.domain.times import clock_time
from dreamnet_actions.entrances.delivery import Couriers
from dreamnet_actions.entrances.views import is_news
from dreamnet_actions.errors import DreamNetError

if TYPE_CHECKING:
    from dreamnet_actions.bootstrap import System

log = logging.getLogger("dreamnet")

CHECK = {"agent": "dreamkeeper", "input": {"action": "check"}}
SYNC = {"agent": "envkeeper", "input": {"action": "sync", "reason": "the loop keeps values in step"}}
PUBLISH = {"agent": "envkeeper", "input": {"action": "publish-flags"}}
PUBLISH_EVERY = 30.0
"""Seconds between two looks at whether the flags are published as they are."""
TIDY_EVERY = 3600.0
"""Seconds between two times of tidying up."""
LOOK = 0.2
"""Seconds between two looks at the journal for news."""
GRACE = 4.0
"""Seconds that work under way is given once the loop is told to stop."""


def run(
    system: System,
    *,
    tell: Callable[[str], None],
    seconds: float | None = None,
    once: bool = False,
    workers: int = 2,
) -> None:
    """Watch until SIGINT or SIGTERM, for ``seconds``, or for one round and its messages (``once``).

    ``tell`` is given each new fact's text. Whatever is cut short is taken up again by the next run.
    """
    news = News(system, tell)
    if once:
        _round(system, 0, planned=system.clock.now())
        while system.pipe.drain():
            news.tell()
        news.tell()
        return
    stop = threading.Event()
    end = math.inf if seconds is None else system.clock.monotonic() + seconds
    with until_stopped(stop), running(system, stop, workers=workers):
        while not stop.wait(LOOK) and system.clock.monotonic() < end:
            news.tell()
    news.tell()


@contextmanager
def running(system: System, stop: threading.Event, *, workers: int) -> Iterator[None]:
    """Tick and hand out messages in threads while the block runs; ``stop`` is set at its end.

    Work under way then has ``GRACE`` seconds; whatever is cut short is taken up again by the next run.
    """
    couriers = Couriers(system.pipe.drain, workers=workers)
    ticker = threading.Thread(target=_tick, args=(system, stop), name="dreamnet-ticker", daemon=True)
    couriers.start()
    ticker.start()
    try:
        yield
    finally:
        stop.set()
        interrupt(system)
        couriers.stop(GRACE)
        ticker.join(0.5)
        # A loop that was ended on purpose is not one that fell silent.
        ended = Fact(kind="tick", at=system.clock.now(), text="the loop was ended", data={"last": True})
        system.journal.append(ended)


class News:
    """Tells each new fact of the journal once, whichever process wrote it."""

    def __init__(self, system: System, tell: Callable[[str], None]) -> None:
        self._journal = system.journal
        self._tell = tell
        newest = system.journal.read(limit=1)
        self._seen = newest[-1].seq if newest else 0

    def tell(self) -> None:
        """Tell what is new."""
        try:
            facts = self._journal.read(after=self._seen)
        except DreamNetError as error:
            log.warning("The journal could not be read: %s", error.message)
            return
        for fact in facts:
            self._seen = max(self._seen, fact.seq)
            if is_news(fact):
                self._tell(line_of(fact))


def line_of(fact: Fact) -> str:
    """Write a fact as the line that people see: the time of day and its text."""
    return f"{clock_time(fact.at)}  {fact.text}"


@contextmanager
def until_stopped(stop: threading.Event) -> Iterator[None]:
    """Set ``stop`` on SIGINT and SIGTERM within the block."""
    # Not by the handler: it may interrupt the main thread in the midst of ``stop.wait``, whose lock ``set`` would then
    # wait for for ever. A SimpleQueue may be put to from anywhere.
    told: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def listen() -> None:
        if told.get():
            stop.set()

    listener = threading.Thread(target=listen, name="dreamnet-until-stopped", daemon=True)
    listener.start()
    former = {one: signal.signal(one, lambda *_: told.put(True)) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in former.items():
            signal.signal(one, handler)
        told.put(False)
        listener.join()


def _tick(system: System, stop: threading.Event) -> None:
    every, began, wall = system.config.watch.every, system.clock.monotonic(), system.clock.now()
    number, sync, publish, tidy = 0, _Sync(system), _Publish(system), _Tidy(system)
    while not stop.is_set():
        try:
            _round(system, number, planned=wall + number * every)
            sync.when_due()
            publish.when_due()
            tidy.when_due()
        except KeyboardInterrupt:
            return
        except Exception:
            log.exception("The round failed; the next one comes as planned")
        passed = system.clock.monotonic() - began
        # The next whole period that is still to come; rounds that this one overran are left out.
        number = max(number + 1, math.ceil(passed / every))
        stop.wait(max(0.0, began + number * every - system.clock.monotonic()))


class _Sync:
    """Keeps values in step while the loop runs, where the configuration says how often."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._due = system.clock.monotonic()

    def when_due(self) -> None:
        """Sync once the time has come; nothing is made up for."""
        every, now = self._system.config.watch.sync_every, self._system.clock.monotonic()
        if every is None or not self._system.config.env or now < self._due:
            return
        self._due = now + every
        result = self._system.pipe.submit(SYNC)
        if result.error is not None:
            log.warning("The sync ended %s: %s", result.outcome, result.summary)


class _Publish:
    """Keeps what flags are published to in step with their file, which people change by hand and by git, too."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._due = system.clock.monotonic()

    def when_due(self) -> None:
        """Publish once the time has come, where there is anywhere to publish to."""
        flags, now = self._system.config.flags, self._system.clock.monotonic()
        if flags is None or not flags.publish or now < self._due:
            return
        self._due = now + PUBLISH_EVERY
        result = self._system.pipe.submit(PUBLISH)
        if result.error is not None:
            log.warning("Publishing the flags ended %s: %s", result.outcome, result.summary)


class _Tidy:
    """Keeps the store from growing for ever: ended requests and ticks are dropped once nobody can ask for them."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._due = system.clock.monotonic()

    def when_due(self) -> None:
        """Tidy up once an hour."""
        now = self._system.clock.monotonic()
        if now < self._due:
            return
        self._due = now + TIDY_EVERY
        if self._system.tidy():
            self._system.compact_by_itself()
        self._system.journal.compact(before=self._system.clock.now() - KEEP_TICKS, kinds={"tick"})


def _round(system: System, number: int, *, planned: float) -> None:
    """Bring back what was ended behind our back, check everything, and write down how punctual it was."""
    real = system.clock.now()
    data: dict[str, Any] = {
        "number": number,
        "planned": planned,
        "real": real,
        "late": round(real - planned, 4),
    }
    system.journal.append(
        Fact(kind="tick", at=real, text=f"round {number}, {real - planned:.3f} s late", data=data)
    )
    system.revive()
    result = system.pipe.submit(CHECK)
    if result.error is not None:
        log.warning("The check ended %s: %s", result.outcome, result.summary)


def interrupt(system: System) -> None:
    """Wake what waits on the clock, where the clock can do that: nobody waits out a soak after SIGTERM."""
    stop = getattr(system.clock, "stop", None)
    if stop is not None:
        stop()
