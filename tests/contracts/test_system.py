"""Clock and Ids: the real ones and the ones for tests."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import chain

import pytest

from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.adapters.system.ids import UuidIds
from dreamnet_actions.testing.contracts.clock import ClockContract
from dreamnet_actions.testing.contracts.together import together
from dreamnet_actions.testing.memory.clock import CountingIds, VirtualClock


class TestSystemClock(ClockContract):
    @pytest.fixture
    def clock(self) -> SystemClock:
        return SystemClock()

    @pytest.fixture
    def stop(self, clock: SystemClock) -> Callable[[float], None]:
        def stop(seconds: float) -> None:
            if seconds:
                threading.Timer(seconds, clock.stop).start()
            else:
                clock.stop()

        return stop

    def test_stop_wakes_every_thread(self, clock: SystemClock) -> None:
        def sleep() -> bool:
            with pytest.raises(KeyboardInterrupt):
                clock.sleep(60.0)
            return True

        assert together([sleep, sleep, lambda: clock.stop() is None], seconds=5.0) == [True] * 3

    @pytest.mark.parametrize("handled", [False, True], ids=["by Python", "by a handler that calls stop"])
    def test_a_signal_ends_a_sleep(self, handled: bool) -> None:
        code = f"""
import signal
from dreamnet_actions.adapters.system.clock import SystemClock
clock = SystemClock()
# Python's own handler is missing where the tests run behind a shell's '&', which has SIGINT ignored.
signal.signal(signal.SIGINT, (lambda *_: clock.stop()) if {handled} else signal.default_int_handler)
try:
    print("ready", flush=True)
    clock.sleep(60)
except KeyboardInterrupt:
    print("stopped")
"""
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=60)[0] == "stopped\n"


class TestVirtualClock(ClockContract):
    @pytest.fixture
    def clock(self) -> VirtualClock:
        return VirtualClock()

    @pytest.fixture
    def stop(self, clock: VirtualClock) -> Callable[[float], None]:
        return lambda seconds: clock.after(seconds, clock.stop)

    def test_hooks_are_called_at_their_times(self, clock: VirtualClock) -> None:
        start, told = clock.now(), []

        def tell(name: str) -> Callable[[], None]:
            return lambda: told.append((name, clock.now() - start, clock.monotonic()))

        clock.at(start + 5, tell("b"))
        clock.at(start + 2, tell("a"))
        clock.after(5, tell("c"))
        clock.at(start + 50, tell("later"))
        clock.sleep(10)
        assert told == [("a", 2, 2), ("b", 5, 5), ("c", 5, 5)]
        assert clock.now() == start + 10
        clock.advance(40)
        assert told[-1] == ("later", 50, 50)

    def test_a_hook_may_plan_more_and_sleep_itself(self, clock: VirtualClock) -> None:
        told: list[float] = []

        def again() -> None:
            told.append(clock.monotonic())
            clock.sleep(1)
            if len(told) < 3:
                clock.after(1, again)

        clock.after(1, again)
        clock.sleep(5)
        assert told == [1, 3, 5]
        assert clock.monotonic() == 6

    def test_what_a_hook_raises_comes_out_of_the_sleep(self, clock: VirtualClock) -> None:
        clock.after(1, lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            clock.sleep(5)
        assert clock.monotonic() == 1

    def test_a_jump_moves_the_wall_clock_only(self, clock: VirtualClock) -> None:
        start, called = clock.now(), []
        clock.after(10, lambda: called.append(clock.monotonic()))
        clock.jump(-3600)
        assert (clock.now(), clock.monotonic()) == (start - 3600, 0)
        clock.sleep(10)
        assert called == [10]

    def test_threads_share_it(self, clock: VirtualClock) -> None:
        together([lambda: [clock.sleep(1) for _ in range(50)] for _ in range(4)])
        # The sleep of one moves it for all, so at least the longest and at most their sum.
        assert 50 <= clock.monotonic() <= 200


class TestIds:
    def test_uuids_are_unique_and_in_the_order_of_time(self) -> None:
        ids = UuidIds()
        fresh = [ids.fresh() for _ in range(2000)]
        assert fresh == sorted(set(fresh))
        assert all(len(one) == 36 and one[14] == "7" for one in fresh)

    @pytest.mark.parametrize("ids", [UuidIds(), CountingIds()], ids=["uuid", "counting"])
    def test_no_two_threads_get_the_same(self, ids: UuidIds | CountingIds) -> None:
        parts = together([lambda: [ids.fresh() for _ in range(500)] for _ in range(4)])
        assert len(set(chain.from_iterable(parts))) == 2000

    def test_counting_ids_can_be_foreseen(self) -> None:
        ids = CountingIds("request")
        assert [ids.fresh(), ids.fresh()] == ["request-0001", "request-0002"]
