"""Faults on the real cluster: how each is judged, what is told of it, and that what was before comes back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.adapters.kubernetes.platform import KubernetesPlatform
from dreamnet_actions.domain.release import Release, ServiceState
from dreamnet_actions.errors import PlatformFailed
from tests.cluster.client import Cluster, workload
from tests.kubernetes.stage import KubernetesService, Stage, staged

pytestmark = pytest.mark.slow
WITHIN = 60.0


def until(
    platform: KubernetesPlatform, service: str, holds: Callable[[ServiceState], object]
) -> ServiceState:
    """Wait as a keeper does until a service is so; answer it."""
    end = time.monotonic() + WITHIN
    while True:
        seen = platform.observe()
        if (state := seen.services.get(service)) is not None and holds(state):
            return state
        assert time.monotonic() < end, state
        assert platform.wait(seen, 1.0)


def manifest(stage: Stage, name: str, kind: str = "Deployment", **pod: Any) -> KubernetesService:
    """Write a workload of its own into a file of its own; answer the service that it is."""
    made, service = workload("to-be-released", name=name)
    made["kind"] = kind
    if kind == "StatefulSet":
        made["spec"]["serviceName"] = name
    container = made["spec"]["template"]["spec"]["containers"][0]
    container.update(pod.pop("container", {}))
    made["spec"].update(pod.pop("spec", {}))
    made["spec"]["template"]["spec"].update(pod)
    folder = stage.root / name
    folder.mkdir()
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [made, service]})
    (folder / "all.json").write_text(text, encoding="utf-8")
    return stage.spec(workload=f"{kind.lower()}/{name}", manifests=name)


def test_each_fault_is_told_with_its_reason(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    """Side by side: what is certain is so by status or by events, and what may pass is not."""
    crash = {"CRASH_AFTER": "0s", "EXIT_CODE": "3", "MESSAGE": "no database: PASSWORD=hunter2 \\x1b[31m"}
    volume = {"volumes": [{"name": "v", "configMap": {"name": "settings"}}],
              "container": {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}}  # fmt: skip
    shapes: Mapping[str, Mapping[str, Any]] = {
        "crash": {},
        "volume": volume,
        "account": {"serviceAccountName": "nobody"},
        "node": {"nodeSelector": {"kind": "gpu"}},
        "set": {"kind": "StatefulSet", "container": {"resources": {"requests": {"cpu": "900"}}}},
    }
    limit = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "cpu"},
             "spec": {"hard": {"requests.cpu": "500"}}}  # fmt: skip
    usual = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "cpu"},
             "spec": {"limits": [{"type": "Container", "defaultRequest": {"cpu": "1m"}}]}}  # fmt: skip
    cluster.apply(usual, limit, namespace=namespace)
    with staged(cluster, namespace, tmp_path) as stage:
        specs = {name: manifest(stage, name, **given) for name, given in shapes.items()}
        platform = stage.platform(**specs)
        for name, spec in specs.items():
            image = cluster.image("sample", **(crash if name == "crash" else {}))
            platform.apply(name, spec, Release(service=name, version="dir:one", image=image))

        for name, words in {
            "crash": "exit code 3 again and again",
            "volume": 'configmap "settings" not found',
            "set": "exceeded quota",
        }.items():
            stable = until(platform, name, lambda state: state.stable.hopeless).stable
            assert words in (stable.failure or ""), stable
        account = until(platform, "account", lambda state: state.stable.failure).stable
        assert (account.hopeless, 'serviceaccount "nobody" not found' in str(account.failure)) == (0, True)
        node = until(platform, "node", lambda state: state.stable.waiting).stable
        assert (node.failure, "no node takes it" in str(node.waiting)) == (None, True)

        seen = platform.evidence("crash")
        assert seen is not None
        assert any("no database: PASSWORD=***" in line for line in seen.lines), seen
        assert not any("hunter2" in text or "\x1b" in text for text in (*seen.lines, *seen.notes))
        volume_seen = platform.evidence("volume")
        assert volume_seen is not None
        assert any(one.startswith("FailedMount: ") for one in volume_seen.notes), volume_seen
        set_seen = platform.evidence("set")
        assert set_seen is not None
        assert any("exceeded quota" in one for one in set_seen.notes), set_seen


def test_a_statefulset_that_never_became_ready_heals_when_it_is_taken_back(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    """Kubernetes itself would wait for the bad pod for ever ("Forced rollback")."""
    with staged(cluster, namespace, tmp_path) as stage:
        spec = manifest(stage, "web", "StatefulSet")
        platform = stage.platform(web=spec)
        platform.apply("web", spec, stage.release("one"))
        until(platform, "web", lambda state: state.stable.settled)
        platform.apply("web", spec, stage.release("two", NEVER_READY="true"))

        def stuck(state: ServiceState) -> bool:
            return any(one.version == "dir:two" and one.address for one in state.stable.replicas)

        assert not until(platform, "web", stuck).stable.hopeless
        assert platform.undo("web", token="back").version == "dir:one"
        after = until(platform, "web", lambda state: state.stable.settled).stable
        assert {one.version for one in after.replicas} == {"dir:one"}

        late = manifest(stage, "late", "StatefulSet", spec={"updateStrategy": {"type": "OnDelete"}})
        with pytest.raises(PlatformFailed, match="OnDelete"):
            platform.apply(
                "late", late, Release(service="late", version="dir:one", image=cluster.image("one"))
            )
