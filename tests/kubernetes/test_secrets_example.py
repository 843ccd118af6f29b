"""The example of a Secret that is kept in step, as a user runs it, on the real cluster."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cluster.client import Cluster
from tests.kubernetes.test_story import ROOT, Shop, account

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]
EXAMPLE = ROOT / "examples" / "secrets"


@pytest.fixture
def shop(cluster: Cluster, namespace: str, tmp_path: Path) -> Shop:
    root = tmp_path / "shop"
    shutil.copytree(EXAMPLE, root)
    roles = {"dreamnet-sync": EXAMPLE / "rbac.yaml"}
    made = Shop(root, cluster, namespace, account(cluster, namespace, tmp_path, **roles))
    made.say("namespace: default", f"namespace: {namespace}")
    made.image(cluster.image("one"))
    return made


def test_a_value_that_lets_no_pod_start_is_put_back_and_nobody_notices(shop: Shop) -> None:
    def put(former: str, text: str) -> None:
        file = shop.root / "shop.env"
        said = file.read_text("utf-8")
        assert former in said
        file.write_text(said.replace(former, text), "utf-8")

    def reads() -> str:
        (container,) = shop.live()["spec"]["template"]["spec"]["containers"]
        return str(container["envFrom"][0]["secretRef"]["name"])

    def version() -> str:
        return str(
            shop.cluster.get("secret", "shop", namespace=shop.namespace)["metadata"]["resourceVersion"]
        )

    assert "API_KEY added" in shop.dreamnet("sync")["summary"]
    assert shop.dreamnet("deploy")["verdict"] == "deployed"
    assert shop.get("/env/API_KEY") == "a-key-of-yours"
    first = reads()

    put("a-key-of-yours", "another-key")
    assert shop.dreamnet("sync")["outcome"] == "done"
    assert shop.get("/env/API_KEY") == "another-key"
    second = reads()
    assert len({"shop", first, second}) == 3, "pods read copies, each named by what it holds"

    before, pods = version(), shop.live()["metadata"]["generation"]
    shutil.rmtree(shop.root / ".dreamnet")  # the next run has another machine, with another key
    assert shop.dreamnet("sync")["outcome"] == "unchanged"
    assert (version(), shop.live()["metadata"]["generation"]) == (before, pods)

    put("API_KEY=another-key\n", "API_KEY=bad-key\nCRASH_AFTER=0s\n")
    said = shop.dreamnet("sync")
    assert "API_KEY updated, CRASH_AFTER added" in said["summary"]
    assert "bad-key" not in str(said)
    assert shop.get("/env/API_KEY") == "another-key"
    assert reads() == second
    held = shop.cluster.get("secret", "shop", namespace=shop.namespace)["data"]
    assert held.keys() == {"API_KEY", "API_URL"}
    (shop.root / ".dreamnet" / "hash.key").unlink()
    assert "put back before" in shop.dreamnet("sync", status=4)["summary"]
    put("CRASH_AFTER=0s\n", "")
    assert shop.dreamnet("sync")["outcome"] == "done"
    assert shop.get("/env/API_KEY") == "bad-key"
