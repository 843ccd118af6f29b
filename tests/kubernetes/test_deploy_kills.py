"""SIGKILL of the deployer in the middle, on the real cluster: a sample of ``scripts/prove deploy-kills``."""

from __future__ import annotations

import pytest

from tests.cluster.client import Cluster
from tests.proofs.deploy_kills import Death, standing

pytestmark = pytest.mark.slow


def test_a_killed_deployer_leaves_one_version_and_enough_pods(cluster: Cluster) -> None:
    with standing(cluster) as (stand, _):
        steps, broken = stand.play("deploy", None)
        assert broken == []
        apply = next(nth for nth, what in enumerate(steps, 1) if what == "PATCH deployments/web")
        for when, then in (("after", "same"), ("before", "newer")):
            death = Death(story="deploy", when=when, nth=apply, then=then)
            assert stand.play("deploy", death)[1] == [], death
