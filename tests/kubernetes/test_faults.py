"""What a cluster does in the middle of a release, on the real cluster: a sample of ``scripts/prove deploy-faults``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.client import Cluster
from tests.proofs._deploy_faults import FAULTS
from tests.proofs.deploy_faults import meet

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "name",
    [
        "watch cut mid-JSON",
        "403 for 3 s",
        "403 for 3 s at first",
        "409 on every write",
        "token expired",
        "immutable selector",
    ],
)
def test_a_release_meets_a_fault_and_is_never_taken_back(
    name: str, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    assert not FAULTS[name].own, "the cluster is everybody's"
    met = meet(name, cluster, namespace, tmp_path / "shop")
    assert met.broken == []
    assert met.requests > 0
