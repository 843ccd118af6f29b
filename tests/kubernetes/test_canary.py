"""Canaries on the real cluster: what waits, what a person says to it, and a promotion that cannot happen."""

from __future__ import annotations

from typing import Any

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


def waiting(shop: Shop) -> dict[str, Any]:
    """Bring out a release that nothing can be found out about; answers its canary as the status tells it."""
    shop.dreamnet("deploy")
    shop.say("    replicas: 2", "    replicas: 2\n    release: {strategy: {canary: [50%], soak: 1s}}")
    shop.image(shop.cluster.image("two"))
    result = shop.dreamnet("deploy", status=75)
    assert "has no 'http' check" in result["summary"]
    shop.cluster.wait("the canary to serve", lambda: serving(shop) == 2, 30)
    return canary_of(shop)


def canary_of(shop: Shop) -> dict[str, Any]:
    found: dict[str, Any] = shop.dreamnet("deploykeeper", "status", "web")["findings"][0]["canary"]
    return found


def serving(shop: Shop) -> int:
    """Answer how many pods of the canary are behind the Service."""
    pods = shop.cluster.get("pods", namespace=shop.namespace, labels="dreamnet.dev/track=canary")
    conditions = [one for pod in pods for one in pod["status"].get("conditions", [])]
    return sum((one["type"], one["status"]) == ("Ready", "True") for one in conditions)


def test_a_release_that_cannot_take_over_leaves_its_canary_serving(shop: Shop) -> None:
    """A quota stops the promotion: stable is as it was before, and the canary serves on; without it, it takes over."""
    found = waiting(shop)
    assert (found["share"], found["real_share"], found["ready"]) == (0.5, 0.5, found["desired"])
    assert "dreamnet promote web" in found["waits"]
    before = shop.live()
    shop.cluster.apply(QUOTA, namespace=shop.namespace)
    result = shop.dreamnet("promote", "web", status=75)
    assert "exceeded quota" in result["summary"]
    assert template(shop.live()) == template(before)
    assert serving(shop) == 2
    found = canary_of(shop)
    assert (found["share"], found["real_share"], found["ready"]) == (0.5, 0.5, 2)
    shop.cluster.kubectl("delete", "resourcequota", "few", namespace=shop.namespace)
    assert shop.dreamnet("promote", "web")["verdict"] == "deployed"
    assert shop.get("/").startswith("sample two")


def test_a_canary_that_waits_is_approved_or_ended(shop: Shop) -> None:
    waiting(shop)
    assert shop.dreamnet("deploykeeper", "approve", "web")["verdict"] == "deployed"
    shop.image(shop.cluster.image("three"))
    shop.dreamnet("deploy", status=75)
    assert shop.dreamnet("abort", "web", "--reason", "the colour is wrong")["outcome"] == "done"
    shop.cluster.wait("the canary to be gone", lambda: serving(shop) == 0, 30)
    assert shop.get("/").startswith("sample two")
    assert "held" in shop.dreamnet("deploy", status=4)["summary"]
