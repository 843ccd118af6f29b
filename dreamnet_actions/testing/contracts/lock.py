"""What every Lock keeps to."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from dreamnet_actions.errors import Leased
from dreamnet_actions.ports.stores import Lock
from dreamnet_actions.testing.contracts.together import together
from dreamnet_actions.testing.memory.clock import VirtualClock


def is_free(lock: Lock, name: str) -> bool:
    """Say whether ``name`` can be had; gives it back at once."""
    try:
        with lock.lease(name, 1.0):
            return True
    except Leased:
        return False


class LockContract:
    """Override ``lock`` (running by ``clock``); and ``another`` where a second run would have an adapter of its own."""

    THREADS = 4
    ROUNDS = 5

    @pytest.fixture
    def clock(self) -> VirtualClock:
        """The time that leases run by."""
        return VirtualClock()

    @pytest.fixture
    def lock(self, clock: VirtualClock) -> Lock:
        """A lock of which nothing is held."""
        raise NotImplementedError("override the fixture 'lock'")

    @pytest.fixture
    def another(self, lock: Lock) -> Lock:
        """A second adapter over the same leases."""
        return lock

    def test_it_is_held_for_the_block(self, lock: Lock, another: Lock) -> None:
        with lock.lease("p/web", 60.0):
            assert not is_free(another, "p/web")
            assert is_free(another, "p/db")
        assert is_free(another, "p/web")

    def test_it_is_given_back_when_the_block_fails(self, lock: Lock) -> None:
        with pytest.raises(RuntimeError, match="boom"), lock.lease("p/web", 60.0):
            raise RuntimeError("boom")
        assert is_free(lock, "p/web")

    def test_the_same_process_may_not_hold_it_twice(self, lock: Lock) -> None:
        with lock.lease("p/web", 60.0):
            with pytest.raises(Leased) as refused, lock.lease("p/web", 60.0):
                pass
            assert not is_free(lock, "p/web")
        assert "p/web" in refused.value.message
        assert "process" in refused.value.message

    def test_it_is_taken_when_the_block_begins(self, lock: Lock) -> None:
        block = lock.lease("p/web", 60.0)
        assert is_free(lock, "p/web")
        with block:
            assert not is_free(lock, "p/web")

    def test_it_ends_by_time(self, lock: Lock, another: Lock, clock: VirtualClock) -> None:
        with lock.lease("p/web", 60.0):
            clock.sleep(59.0)
            assert not is_free(another, "p/web")
            clock.sleep(1.0)
            assert is_free(another, "p/web")

    def test_who_lost_it_does_not_give_back_the_next_ones(
        self, lock: Lock, another: Lock, clock: VirtualClock
    ) -> None:
        with another.lease("p/db", 1.0), lock.lease("p/web", 10.0):
            clock.sleep(11.0)
            late = another.lease("p/web", 60.0)
            late.__enter__()
        assert not is_free(lock, "p/web")
        late.__exit__(None, None, None)
        assert is_free(lock, "p/web")

    def test_of_many_one_gets_it(self, lock: Lock, another: Lock) -> None:
        for round_ in range(self.ROUNDS):
            tried = threading.Barrier(self.THREADS)

            def attempt(one: Lock, name: str, tried: threading.Barrier = tried) -> bool:
                try:
                    with one.lease(name, 60.0):
                        tried.wait(30.0)
                        return True
                except Leased:
                    tried.wait(30.0)
                    return False

            name = f"p/web{round_}"
            got = together([partial(attempt, (lock, another)[n % 2], name) for n in range(self.THREADS)])
            assert sum(got) == 1
