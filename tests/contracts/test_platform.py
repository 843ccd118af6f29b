"""The suite of Platform over real processes and over the imagined ones."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dreamnet_actions.adapters.process.platform import ProcessPlatform
from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.domain.release import Release
from dreamnet_actions.domain.spec.models import Service
from dreamnet_actions.ports.platform import Platform
from dreamnet_actions.ports.system import Clock
from dreamnet_actions.testing.contracts.platform import PlatformContract
from dreamnet_actions.testing.memory.clock import VirtualClock
from dreamnet_actions.testing.memory.platform import MemoryPlatform
from tests.process.home import Home, at_home


@pytest.mark.slow
class TestProcessPlatform(PlatformContract):
    @pytest.fixture
    def home(self, tmp_path: Path) -> Iterator[Home]:
        with at_home(tmp_path / "state") as home:
            yield home

    @pytest.fixture
    def platform(self, home: Home) -> ProcessPlatform:
        return home.platform

    @pytest.fixture
    def another(self, home: Home) -> ProcessPlatform:
        return home.again()

    @pytest.fixture
    def clock(self) -> Clock:
        return SystemClock()

    @pytest.fixture
    def spec(self, home: Home) -> Callable[[int], Service]:
        return lambda replicas: home.spec(replicas, back_off=60.0)

    @pytest.fixture
    def release(self, home: Home) -> Callable[[str], Release]:
        def release(name: str) -> Release:
            made = home.release(name)
            return replace(made, command=("sh", "-c", "exit 3")) if name.startswith("broken") else made

        return release

    def kill(self, platform: Platform, service: str) -> None:
        ready = [one for one in platform.observe().services[service].stable.replicas if one.state == "ready"]
        assert ready[0].pid is not None
        os.kill(ready[0].pid, signal.SIGKILL)


class TestMemoryPlatform(PlatformContract):
    @pytest.fixture
    def platform(self, clock: Clock) -> MemoryPlatform:
        platform = MemoryPlatform(clock=clock, starts_in=1.0)
        platform.break_release("dir:broken")
        return platform

    @pytest.fixture
    def clock(self) -> Clock:
        return VirtualClock()

    @pytest.fixture
    def spec(self) -> Callable[[int], Service]:
        return lambda replicas: Service(platform="memory", replicas=replicas)

    @pytest.fixture
    def release(self) -> Callable[[str], Release]:
        return lambda name: Release(service="web", version=f"dir:{name}", command=("serve", name))

    def kill(self, platform: Platform, service: str) -> None:
        assert isinstance(platform, MemoryPlatform)
        platform.kill(service)


def test_requests_are_shared_by_weight_and_fail_by_share() -> None:
    platform = MemoryPlatform()
    spec = Service(platform="memory")
    platform.apply("web", spec, Release(service="web", version="dir:one"))
    platform.apply("web", spec, Release(service="web", version="dir:two"), canary=True)
    platform.shift("web", 0.25)
    platform.fail_requests("dir:two", 0.2)
    platform.serve("web", 100)
    state = platform.observe().services["web"]
    assert state.canary is not None
    assert (state.stable.traffic.connections, state.stable.traffic.errors) == (75, 0)
    assert (state.canary.traffic.connections, state.canary.traffic.errors) == (25, 5)
