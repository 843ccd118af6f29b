"""Which label takes a canary's pods out of their Service, and out of no network policy."""

from __future__ import annotations

from typing import Any

import pytest

from dreamnet_actions.adapters.kubernetes.options import KubernetesWorkload
from dreamnet_actions.adapters.kubernetes.routed import other_labels, pods_for
from dreamnet_actions.errors import PlatformFailed

KEYS = KubernetesWorkload(workload="deployment/web")
LABELS = {"app": "web", "part-of": "shop", "tier": "front"}


def policy(**selector: Any) -> dict[str, Any]:
    return {"metadata": {"name": "strict"}, "spec": {"podSelector": selector}}


def test_one_label_is_enough_also_for_two_services() -> None:
    assert other_labels(LABELS, [{"app": "web"}, {"app": "web", "tier": "front"}], [], KEYS) == {
        "app": "web-canary"
    }
    both = other_labels(LABELS, [{"app": "web"}, {"tier": "front"}], [], KEYS)
    assert both == {"app": "web-canary", "tier": "front-canary"}
    assert len(other_labels({"app": "w" * 63}, [{"app": "w" * 63}], [], KEYS)["app"]) <= 63


@pytest.mark.parametrize(
    "selector",
    [
        {"matchLabels": {"app": "web"}},
        {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "api"]}]},
        {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web-canary"]}]},
    ],
)
def test_a_label_that_a_policy_needs_stays(selector: dict[str, Any]) -> None:
    service = {"app": "web", "part-of": "shop"}
    assert other_labels(LABELS, [service], [policy(**selector)], KEYS) == {"part-of": "shop-canary"}
    with pytest.raises(PlatformFailed, match=r"strict chooses the pods of deployment/web .*\(app\)"):
        other_labels(LABELS, [{"app": "web"}], [policy(**selector)], KEYS)


@pytest.mark.parametrize(
    "selector",
    [
        {},
        {"matchLabels": {"tier": "front"}},
        {"matchLabels": {"app": "db"}},
        {"matchExpressions": [{"key": "app", "operator": "Exists"}]},
        {"matchExpressions": [{"key": "old", "operator": "DoesNotExist"}]},
    ],
)
def test_a_policy_that_holds_all_the_same_or_never_did_is_no_matter(selector: dict[str, Any]) -> None:
    assert other_labels(LABELS, [{"app": "web"}], [policy(**selector)], KEYS) == {"app": "web-canary"}


@pytest.mark.parametrize(
    ("share", "stable", "pods"), [(0.01, 1, 1), (0.1, 10, 1), (0.5, 3, 2), (0.3, 10, 3), (1, 4, 4)]
)
def test_a_canary_has_the_pods_that_its_share_needs(share: float, stable: int, pods: int) -> None:
    assert pods_for(share, stable) == pods
