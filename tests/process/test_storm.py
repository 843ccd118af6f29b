"""Killed again and again in the middle of everything, the platform ends where it was told to, and leaves nothing."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from dreamnet_actions.errors import TemporaryError
from tests.process.home import Home, gone

pytestmark = pytest.mark.slow
SECONDS = 2.5
FAMILY = {"environment": {"CHILD": "1"}, "stop_grace": 0.3}


def killer(home: Home, stop: threading.Event, kills: list[int]) -> None:
    """Kill the supervisor at random times, its start and its writes among them."""
    chance = random.Random(1)
    while not stop.wait(chance.uniform(0.0, 0.35)):
        with contextlib.suppress(OSError, ValueError, KeyError):
            os.kill(home.supervisor().pid, signal.SIGKILL)
            kills.append(1)


def test_killed_again_and_again_it_does_what_it_was_told(home: Home) -> None:
    home.run("v0", replicas=2, **FAMILY)
    stop, kills = threading.Event(), [0]
    thread = threading.Thread(target=killer, args=(home, stop, kills))
    thread.start()
    chance, number, version, replicas = random.Random(2), 0, "v0", 2
    end = time.monotonic() + SECONDS
    write: Callable[[], None]
    while time.monotonic() < end:
        number += 1
        match chance.choice(["apply", "scale", "restart"]):
            case "apply":
                version = f"v{number}"
                write = partial(home.platform.apply, "web", home.spec(**FAMILY), home.release(version))
            case "scale":
                replicas = chance.randint(0, 3)
                write = partial(home.platform.scale, "web", replicas)
            case _:
                write = partial(home.platform.restart, "web", token=str(number))
        until_taken(write)
    stop.set()
    thread.join()
    until_taken(partial(home.platform.scale, "web", replicas))
    stable = home.settled()
    assert (stable.release.version, stable.desired) == (f"dir:{version}", replicas)
    assert len(kills) > 3
    # Each replica is itself, its shell and its sleep; nothing of any former one is left.
    gone(lambda: len(home.processes()) == 3 * replicas, f"{len(home.processes())} for {replicas} replicas")


def until_taken(write: Callable[[], None]) -> None:
    """Repeat a write until it is answered, as keepers do."""
    while True:
        try:
            write()
        except TemporaryError:
            continue
        return


def test_what_cannot_be_written_is_not_done(home: Home) -> None:
    before = home.run("one")
    blocker = home.directory / f".state.json.{home.supervisor().pid}.tmp"
    blocker.mkdir()
    with pytest.raises(Exception, match="cannot be written"):
        home.platform.apply("web", home.spec(), home.release("two"))
    assert home.settled() == before or home.settled().release == before.release
    blocker.rmdir()
    assert home.run("two").release.version == "dir:two"


def test_one_platform_inside_a_service_of_another(home: Home) -> None:
    """DreamNet may run as a service of itself: what it starts outlives its own restart."""
    inner = home.state / "inner"
    code = (
        "import sys, time\nfrom pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "from tests.process.home import Home\n"
        f"home = Home(Path({str(inner)!r})); home.port = {home.port}\n"
        "home.run()\ntime.sleep(1000)"
    )
    spec = home.spec(port=None, command=(sys.executable, "-c", code))
    home.platform.apply("outer", spec, home.platform.configured("outer", spec))
    within = Home(inner)
    try:
        gone(lambda: "web" in within.platform.observe().services, "the inner platform never started")
        first = within.settled().replicas[0].pid
        home.platform.remove("outer")
        gone(lambda: not home.processes(), "the outer service lives")
        assert within.settled().replicas[0].pid == first
    finally:
        within.end()
