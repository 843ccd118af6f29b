"""Samples of ``scripts/prove secrets`` and ``scripts/prove roles``: values to other machines, and what a role lacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from dreamnet_actions.adapters.kubernetes.needs import Permission
from tests.cluster.client import Cluster
from tests.proofs import _roles_google
from tests.proofs._roles_values import Desk, missed_in
from tests.proofs._secret_places import elsewhere
from tests.proofs._shapes import shapes
from tests.proofs.secrets import ARRIVED, FAILED, REFUSED, matrix, ways_elsewhere

pytestmark = pytest.mark.slow
SAMPLE = [shapes()[number] for number in (60, 104)]


def test_values_on_other_machines_are_seen_nowhere_and_arrive_or_are_refused(
    cluster: Cluster, tmp_path: Path
) -> None:
    with elsewhere(tmp_path, cluster) as away:
        ways = [one for one in ways_elsewhere(away) if "memory" in (one.source, one.sink)]
        _, fates, faults = zip(*matrix(SAMPLE, ways, away), strict=True)
    assert [one for one in faults if one] == []
    assert {ARRIVED, REFUSED, FAILED} <= set(fates)
    assert away.wrong == []


@pytest.mark.parametrize(("verb", "doing"), [("create", "change"), ("delete", "removal")])
def test_a_sync_whose_role_lacks_something_writes_nothing_half(
    cluster: Cluster, namespace: str, tmp_path: Path, verb: str, doing: str
) -> None:
    desk = Desk(cluster=cluster, namespace=namespace, root=tmp_path)
    assert missed_in(desk, Permission("", "configmaps", verb), doing) == ""


def test_a_sync_without_a_permission_at_secret_manager_names_the_role(tmp_path: Path) -> None:
    with _roles_google.shop_in(tmp_path / "shop", "whole") as shop:
        tried = _roles_google.missed(shop, "whole", _roles_google.VIEWER, "secrets.list")
    assert tried == ""
