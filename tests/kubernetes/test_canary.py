"""Canaries on the real cluster: what waits, what a person says to it, and a promotion that cannot happen."""

from __future__ import annotations

import pytest

from tests.kubernetes.test_story import Shop, shop, template

__all__ = ["shop"]
pytestmark = pytest.mark.slow
QUOTA = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "few"},
    "spec": {"hard": {"pods": "4"}},
}


def canary_of(shop: Shop) -> dict[str, object]:
    found = shop.dreamnet("deploykeeper", "status", "web")["findings"][0]["canary"]
    assert isinstance(found, dict)
    return found


def test_a_canary_waits_and_serves_on_until_somebody_says_how_it_goes_on(shop: Shop) -> None:
    """Without a check that could ask it for anything there is no evidence. Then a quota stops the promotion: stable is
    as it was before, and the canary serves on; without the quota it takes over."""
    shop.dreamnet("deploy")
    shop.say("    replicas: 2", "    replicas: 2\n    release: {strategy: {canary: [50%], soak: 2s}}")
    before = shop.live()
    shop.image(shop.cluster.image("two"))
    result = shop.dreamnet("deploy", status=75)
    assert "has no 'http' check" in result["summary"]
    found = canary_of(shop)
    assert (found["share"], found["ready"]) == (0.5, found["desired"])
    assert "dreamnet promote web" in str(found["waits"])
    shop.cluster.wait("the canary to serve", lambda: canary_of(shop)["real_share"] == 0.5, 30)

    shop.cluster.apply(QUOTA, namespace=shop.namespace)
    result = shop.dreamnet("promote", "web", status=75)
    assert "exceeded quota" in result["summary"]
    assert template(shop.live()) == template(before)
    found = canary_of(shop)
    assert (found["share"], found["real_share"], found["ready"]) == (0.5, 0.5, 2)
    shop.cluster.wait("the canary to be asked", lambda: shop.get("/").startswith("sample two"), 30)

    shop.cluster.kubectl("delete", "resourcequota", "few", namespace=shop.namespace)
    assert shop.dreamnet("promote", "web")["verdict"] == "deployed"
    assert template(shop.live()) != template(before)
    shop.cluster.wait(
        "the canary to be gone",
        lambda: len(shop.cluster.get("deployments", namespace=shop.namespace)) == 1,
        30,
    )

    shop.image(shop.cluster.image("three"))
    shop.dreamnet("deploy", status=75)
    assert shop.dreamnet("abort", "web", "--reason", "the colour is wrong")["outcome"] == "done"
    assert shop.get("/").startswith("sample two")
    assert "held" in shop.dreamnet("deploy", status=4)["summary"]
