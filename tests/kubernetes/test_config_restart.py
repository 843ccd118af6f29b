"""A restart after values changed: pods read the newest, a rollback and a restore what was there before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.adapters.kubernetes.platform import KubernetesPlatform
from dreamnet_actions.adapters.kubernetes.secrets import KubernetesConfigMapSink, KubernetesSecretSink
from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.testing.contracts.secrets import versioned
from tests.cluster.client import Cluster, workload
from tests.kubernetes.stage import KubernetesService, Stage, staged

pytestmark = pytest.mark.slow


@pytest.fixture
def stage(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[Stage]:
    with staged(cluster, namespace, tmp_path) as made:
        yield made


READS = [{"secretRef": {"name": "keys"}}, {"configMapRef": {"name": "told"}}]


class Shop:
    """``web`` reads the Secret ``keys`` and the ConfigMap ``told``."""

    def __init__(self, stage: Stage, **keys: Any) -> None:
        self.stage = stage
        self.spec = self._spec(stage, keys)
        self.platform: KubernetesPlatform = stage.platform(web=self.spec)
        clock = SystemClock()
        self.secret = KubernetesSecretSink("keys", self.platform, clock)
        self.told = KubernetesConfigMapSink("told", self.platform, clock)

    def _spec(self, stage: Stage, keys: dict[str, Any]) -> KubernetesService:
        deployment, service = workload("to-be-released", name="web")
        del deployment["spec"]["replicas"]
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        container["envFrom"] = READS
        migration = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "first"},
            "spec": {"template": {"spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "x", "image": stage.cluster.image("ends", CRASH_AFTER="0s", EXIT_CODE="0"),
                                "envFrom": READS}],
            }}},
        }  # fmt: skip
        things = {"apiVersion": "v1", "kind": "List", "items": [deployment, service, migration]}
        (stage.root / "deploy" / "web.json").write_text(json.dumps(things), "utf-8")
        return stage.spec(**keys)

    def write(self, word: str) -> tuple[str, str]:
        """Write a word into both; answers the two revisions."""
        return (
            self.secret.write(versioned({"KEY": word}, word)),
            self.told.write(versioned({"GREETING": word}, word)),
        )

    def live(self) -> dict[str, Any]:
        found: dict[str, Any] = self.stage.cluster.get("deployment", "web", namespace=self.stage.namespace)
        return found

    def names(self) -> list[str]:
        """Answer what the pods' template reads."""
        (container,) = self.live()["spec"]["template"]["spec"]["containers"]
        return [next(iter(one.values()))["name"] for one in container["envFrom"]]

    def former(self) -> list[str]:
        record = json.loads(self.live()["metadata"]["annotations"]["dreamnet.dev/record"])
        return [revision for revision, _ in record["former"]]

    def reads(self) -> list[str]:
        """Wait until it stands, and answer what its pod has."""
        self.stage.cluster.wait(
            "it to stand", lambda: self.platform.observe().services["web"].stable.settled, 60
        )
        pods = self.stage.cluster.get("pods", namespace=self.stage.namespace, labels="app=web")
        (pod,) = [one["metadata"]["name"] for one in pods if not one["metadata"].get("deletionTimestamp")]
        where = f"/api/v1/namespaces/{self.stage.namespace}/pods/{pod}:8080/proxy/env"
        return [self.stage.cluster.kubectl("get", "--raw", f"{where}/{one}") for one in ("KEY", "GREETING")]

    def jobs(self) -> int:
        return len(self.stage.cluster.get("jobs", namespace=self.stage.namespace))


def test_with_copies_a_restart_reads_the_newest_and_a_way_back_is_exact(stage: Stage) -> None:
    shop = Shop(stage, copy=("secrets", "configmaps"))
    shop.write("one")
    shop.platform.apply("web", shop.spec, stage.release("one"))
    assert shop.reads() == ["one", "one"]
    first = shop.names()
    assert not {"keys", "told"} & set(first)
    assert list(shop.secret.services) == list(shop.told.services) == ["web"]
    before = shop.write("two")
    shop.platform.restart("web", token="a")
    assert shop.reads() == ["two", "two"]
    second = shop.names()
    assert not set(first) & set(second)
    assert shop.former() == [], "a restart is no release to go back to"
    shop.platform.restart("web", token="a")
    assert shop.names() == second
    # A release with a third value, and the way back to exactly what was there before it.
    shop.write("three")
    shop.platform.apply("web", shop.spec, stage.release("two"))
    assert shop.reads() == ["three", "three"]
    shop.platform.undo("web", token="back")
    assert shop.reads() == ["two", "two"]
    assert shop.names() == second
    # The sets of before come back by restore, and by the next restart, under the very names that they had.
    shop.platform.restart("web", token="b")
    assert shop.reads() == ["three", "three"]
    shop.secret.restore(before[0])
    shop.told.restore(before[1])
    shop.platform.restart("web", token="c")
    assert shop.reads() == ["two", "two"]
    assert shop.names() == second
    assert shop.jobs() == 2, "each release runs its migration, and no restart does"


def test_without_copies_a_restart_reads_what_is_there(stage: Stage) -> None:
    shop = Shop(stage)
    shop.write("one")
    shop.platform.apply("web", shop.spec, stage.release("one"))
    assert shop.reads() == ["one", "one"]
    (revision, _) = shop.write("two")
    shop.platform.restart("web", token="a")
    assert shop.reads() == ["two", "two"]
    assert shop.names() == ["keys", "told"]
    assert shop.secret.state().revision == revision


def test_a_cronjob_runs_once_with_the_newest_copies(stage: Stage) -> None:
    image = stage.cluster.image("ends", CRASH_AFTER="0s", EXIT_CODE="0")
    pod = {
        "restartPolicy": "Never",
        "containers": [{"name": "nightly", "image": image, "envFrom": [READS[0]]}],
    }
    manifest = {
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "nightly"},
        "spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": {"spec": pod}}}},
    }  # fmt: skip
    (stage.root / "nightly").mkdir()
    (stage.root / "nightly" / "all.json").write_text(json.dumps(manifest), "utf-8")
    spec = stage.spec(workload="cronjob/nightly", manifests="nightly", image=image, copy=("secrets",))
    platform = stage.platform(nightly=spec)
    sink = KubernetesSecretSink("keys", platform, SystemClock())
    sink.write(versioned({"KEY": "one"}))
    platform.apply("nightly", spec, platform.configured("nightly", spec))
    assert list(sink.services) == ["nightly"]
    sink.write(versioned({"KEY": "two"}))
    platform.restart("nightly", token="a")
    jobs = stage.cluster.get("jobs", namespace=stage.namespace)
    (job,) = jobs
    (container,) = job["spec"]["template"]["spec"]["containers"]
    name = container["envFrom"][0]["secretRef"]["name"]
    copy = stage.cluster.get("secret", name, namespace=stage.namespace)
    assert (copy["immutable"], copy["data"]) == (True, {"KEY": "dHdv"})
