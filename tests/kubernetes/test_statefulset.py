"""The example of a StatefulSet, as a user runs it, on the real cluster."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cluster.client import Cluster
from tests.kubernetes.test_story import ROOT, Shop, account

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]
EXAMPLE = ROOT / "examples" / "statefulset"


@pytest.fixture
def store(cluster: Cluster, namespace: str, tmp_path: Path) -> Shop:
    root = tmp_path / "store"
    shutil.copytree(EXAMPLE, root)
    made = Shop(
        root,
        cluster,
        namespace,
        account(cluster, namespace, tmp_path, **{"dreamnet-copies": EXAMPLE / "rbac.yaml"}),
    )
    made.say("namespace: default", f"namespace: {namespace}")
    made.image(cluster.image("one"))
    return made


def test_a_bad_release_goes_back_with_its_secret_though_its_pod_never_was_ready(store: Shop) -> None:
    """Image and Secret come back byte for byte; the values are in no object of ours but the copies."""
    cluster, namespace = store.cluster, store.namespace

    def password(value: str) -> None:
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "store"},
            "stringData": {"PASSWORD": value},
        }
        cluster.apply(secret, namespace=namespace)

    def seen(pod: str, path: str) -> str:
        return cluster.kubectl("get", "--raw", f"/api/v1/namespaces/{namespace}/pods/{pod}:8080/proxy{path}")

    def template() -> str:
        return json.dumps(
            cluster.get("statefulset", "store", namespace=namespace)["spec"]["template"], sort_keys=True
        )

    missing = store.dreamnet("deploy", status=5)
    assert "The Secret 'store'" in missing["summary"]
    password("first-value")
    assert store.dreamnet("deploy")["verdict"] == "deployed"
    before = template()
    assert [seen(f"store-{n}", "/env/PASSWORD") for n in (0, 1)] == ["first-value"] * 2

    password("second-value")
    store.image(cluster.image("two", CRASH_AFTER="0s", EXIT_CODE="3"))
    result = store.dreamnet("deploy", status=10)
    assert result["verdict"] == "rolled-back", result
    assert template() == before
    assert [seen(f"store-{n}", "/env/PASSWORD") for n in (0, 1)] == ["first-value"] * 2
    assert seen("store-1", "/").startswith("sample one")

    store.image(cluster.image("three"))
    assert store.dreamnet("deploy")["verdict"] == "deployed"
    assert seen("store-0", "/env/PASSWORD") == "second-value"
    assert store.dreamnet("rollback", "store")["outcome"] == "done"
    assert template() == before
    kept = json.dumps(cluster.get("controllerrevisions", namespace=namespace))
    kept += "".join(one.read_text("utf-8", "replace") for one in store.root.rglob("*") if one.is_file())
    assert "c2Vjb25kLXZhbHVl" not in kept, "a value is in our notes"
    assert "second-value" not in kept, "a value is in our notes"
