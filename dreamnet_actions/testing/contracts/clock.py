"""What every Clock keeps to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dreamnet_actions.ports.system import Clock


class ClockContract:
    """Override ``clock`` and ``stop``, which tells the run to stop."""

    NAP = 0.05
    """Seconds that a test sleeps."""

    @pytest.fixture
    def clock(self) -> Clock:
        """The clock."""
        raise NotImplementedError("override the fixture 'clock'")

    @pytest.fixture
    def stop(self, clock: Clock) -> Callable[[float], None]:
        """A function that tells the run to stop in that many seconds from now (0: before it returns)."""
        raise NotImplementedError("override the fixture 'stop'")

    def test_now_is_in_seconds_since_1970(self, clock: Clock) -> None:
        assert 1_600_000_000 < clock.now() < 10_000_000_000

    def test_monotonic_never_goes_back(self, clock: Clock) -> None:
        seen = [clock.monotonic() for _ in range(100)]
        assert seen == sorted(seen)

    def test_a_sleep_lets_the_time_pass(self, clock: Clock) -> None:
        now, monotonic = clock.now(), clock.monotonic()
        clock.sleep(self.NAP)
        assert clock.monotonic() - monotonic >= self.NAP * 0.99
        assert clock.now() - now >= self.NAP * 0.9  # the wall clock may be corrected meanwhile

    @pytest.mark.parametrize("seconds", [0.0, -5.0])
    def test_no_time_to_sleep_is_no_wait(self, clock: Clock, seconds: float) -> None:
        before = clock.monotonic()
        clock.sleep(seconds)
        assert clock.monotonic() - before < 1.0

    @pytest.mark.parametrize("seconds", [0.0, 0.05])
    def test_a_sleep_ends_when_the_run_is_told_to_stop(
        self, clock: Clock, stop: Callable[[float], None], seconds: float
    ) -> None:
        before = clock.monotonic()
        stop(seconds)
        with pytest.raises(KeyboardInterrupt):
            clock.sleep(60.0)
        assert clock.monotonic() - before < 5.0
