"""Secret and ConfigMap as sinks, on the real cluster."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from dreamnet_actions.adapters.kubernetes.platform import KubernetesPlatform
from dreamnet_actions.adapters.kubernetes.secrets import (
    KubernetesConfigMapSink,
    KubernetesSecretSink,
    KubernetesSink,
)
from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.ports.secrets import SecretSink
from dreamnet_actions.testing.contracts.secrets import SecretSinkContract
from tests.cluster.client import Cluster
from tests.kubernetes.stage import Stage, staged

pytestmark = pytest.mark.slow
MADE = {"secret": KubernetesSecretSink, "configmap": KubernetesConfigMapSink}


@pytest.fixture(scope="module")
def stage(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One for all tests of this module: each has an object of its own."""
    with (
        cluster.namespace() as namespace,
        staged(cluster, namespace, tmp_path_factory.mktemp("root")) as made,
    ):
        yield made


@pytest.fixture(scope="module")
def platform(stage: Stage) -> KubernetesPlatform:
    return stage.platform(web=stage.spec())


@pytest.fixture(params=sorted(MADE))
def made(request: pytest.FixtureRequest, platform: KubernetesPlatform) -> KubernetesSink:
    """A sink of each kind."""
    return MADE[request.param](f"app-{secrets.token_hex(4)}", platform, SystemClock())


@pytest.fixture
def hand(stage: Stage, made: KubernetesSink) -> Hand:
    return Hand(stage.cluster, stage.namespace, made.kind, made.name.rpartition("/")[2])


@dataclass
class Hand:
    """Somebody's hand, with kubectl."""

    cluster: Cluster
    namespace: str
    kind: str
    name: str

    def data(self, **values: str) -> dict[str, Any]:
        """Write values as the kind has them."""
        secret = self.kind == "Secret"
        return {
            "data": {
                one: base64.b64encode(text.encode()).decode() if secret else text
                for one, text in values.items()
            }
        }

    def patch(self, **change: Any) -> None:
        words = ("patch", self.kind, self.name, "--type=merge", f"-p={json.dumps(change)}")
        self.cluster.kubectl(*words, namespace=self.namespace)

    def objects(self) -> dict[str, dict[str, Any]]:
        """Answer the object and all that is called after it, by name."""
        found = self.cluster.get(self.kind.lower(), namespace=self.namespace)
        return {
            one["metadata"]["name"]: one for one in found if one["metadata"]["name"].startswith(self.name)
        }


class TestKubernetesSinks(SecretSinkContract):
    @pytest.fixture
    def sink(self, made: KubernetesSink) -> SecretSink:
        return made

    @pytest.fixture
    def tamper(self, hand: Hand) -> Callable[[str, str], None]:  # type: ignore[override]
        return lambda name, value: hand.patch(**hand.data(**{name: value}))


def texts(sink: KubernetesSink) -> dict[str, str]:
    return {name: one.reveal() for name, one in sink.read_back().items()}
