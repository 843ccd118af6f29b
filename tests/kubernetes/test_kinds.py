"""Workloads that are no Deployments, on the real cluster."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from dreamnet_actions.domain.release import ServiceState
from dreamnet_actions.errors import PlatformFailed
from tests.cluster.client import Cluster
from tests.kubernetes.stage import staged

pytestmark = pytest.mark.slow


def test_a_daemonset_is_released_and_taken_back_and_is_not_scaled(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    with staged(cluster, namespace, tmp_path) as stage:
        file = tmp_path / "deploy" / "web.json"
        things = json.loads(file.read_text("utf-8"))
        things["items"][0]["kind"] = "DaemonSet"
        file.write_text(json.dumps(things), "utf-8")
        spec = stage.spec(workload="daemonset/web")
        platform = stage.platform(web=spec)

        def settled() -> ServiceState:
            until = time.monotonic() + 30
            while not (state := platform.observe().services["web"]).stable.settled:
                assert time.monotonic() < until, state
                time.sleep(0.05)
            return state

        for name in ("one", "two"):
            platform.apply("web", spec, stage.release(name))
            assert settled().stable.release.version == f"dir:{name}"
        assert platform.undo("web", token="back").version == "dir:one"
        assert settled().stable.ready == 1
        with pytest.raises(PlatformFailed, match="one pod on each node"):
            platform.scale("web", 2)
        with pytest.raises(PlatformFailed, match="no Deployment"):
            platform.apply("web", spec, stage.release("three"), canary=True)
