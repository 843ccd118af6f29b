"""The suite of Platform over the real cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dreamnet_actions.adapters.kubernetes.platform import KubernetesPlatform
from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.domain.release import Release
from dreamnet_actions.domain.spec.models import Service
from dreamnet_actions.ports.platform import Platform
from dreamnet_actions.ports.system import Clock
from dreamnet_actions.testing.contracts.platform import PlatformContract
from tests.cluster.client import Cluster
from tests.kubernetes.stage import Stage, staged

pytestmark = pytest.mark.slow


class TestKubernetesPlatform(PlatformContract):
    @pytest.fixture
    def here(self, cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[Stage]:
        with staged(cluster, namespace, tmp_path) as stage:
            yield stage

    @pytest.fixture
    def platform(self, here: Stage) -> KubernetesPlatform:
        return here.platform(web=here.spec())

    @pytest.fixture
    def another(self, here: Stage) -> KubernetesPlatform:
        return here.platform(web=here.spec())

    @pytest.fixture
    def clock(self) -> Clock:
        return SystemClock()

    @pytest.fixture
    def spec(self, here: Stage) -> Callable[[int], Service]:
        return lambda replicas: here.spec(replicas)

    @pytest.fixture
    def other(self, here: Stage) -> Callable[[int], Service]:
        here.manifests(name="other")
        return lambda replicas: here.spec(replicas, workload="deployment/other", manifests="other")

    @pytest.fixture
    def release(self, here: Stage) -> Callable[[str], Release]:
        return here.release

    @pytest.fixture(autouse=True)
    def at_hand(self, here: Stage) -> None:
        self.here = here

    def kill(self, platform: Platform, service: str) -> None:
        state = platform.observe().services[service].stable
        pod = next(one.id for one in state.replicas if one.state == "ready")
        self.here.cluster.kubectl("delete", "pod", pod, "--wait=false", namespace=self.here.namespace)
