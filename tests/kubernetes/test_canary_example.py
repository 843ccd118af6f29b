"""The example of a canary, as a user runs it on the real cluster, while somebody uses the service all the time."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cluster.client import Cluster
from tests.kubernetes.hosted import DRAIN, Users
from tests.kubernetes.test_story import ROOT, Shop, account, template

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]
EXAMPLE = ROOT / "examples" / "kubernetes-canary"


@pytest.fixture
def shop(cluster: Cluster, namespace: str, tmp_path: Path) -> Shop:
    root = tmp_path / "shop"
    shutil.copytree(EXAMPLE, root)
    made = Shop(root, cluster, namespace, account(cluster, namespace, tmp_path))
    made.say("namespace: default", f"namespace: {namespace}")
    made.image(cluster.image("one", **DRAIN))
    service = (root / "deploy/web.yaml").read_text("utf-8").split("---\n")[1]
    assert "kind: Service" in service
    cluster.kubectl("apply", "--server-side", "-f-", namespace=namespace, given=service)
    address = cluster.get("service", "web", namespace=namespace)["spec"]["clusterIP"]
    made.say("http://web.example.com/", f"http://{address}/")
    return made


def test_a_bad_canary_reaches_few_and_a_good_one_takes_over(shop: Shop) -> None:
    assert shop.dreamnet("deploy")["verdict"] == "deployed"
    before = template(shop.live())
    address = shop.cluster.address("web", shop.namespace)
    with Users(f"http://{address}/", phase="bad") as users:
        shop.image(shop.cluster.image("bad", ERROR_RATE="1", **DRAIN))
        result = shop.dreamnet("deploy", status=10)
        assert result["verdict"] == "rolled-back"
        assert "at 25% of the traffic" in result["summary"]
        assert template(shop.live()) == before
        users.phase = "good"
        shop.image(shop.cluster.image("good", **DRAIN))
        assert shop.dreamnet("deploy")["verdict"] == "deployed"
        assert shop.dreamnet("deploykeeper", "status", "web")["findings"][0]["ready"] == 4
    assert shop.get("/").startswith("sample good")
    # At the most the canary's share of what was asked failed, with some room for chance.
    assert users.errors("bad") <= 0.25 * len(users.seen["bad"]) + 20, users.told("bad")
    assert users.errors("good") == 0, users.failed
