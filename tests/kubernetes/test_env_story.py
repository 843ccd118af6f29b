"""The mission's ``sync`` on the real cluster under the real act, while somebody uses the service all the time.

``scripts/prove env`` runs the same at full length.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.actions.bed import told
from tests.cluster.client import Cluster
from tests.kubernetes.hosted import Users, hosted
from tests.kubernetes.synced import Synced, secret_manager

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_a_bad_value_goes_out_is_noticed_and_comes_back_with_the_pods(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    with (
        secret_manager(tmp_path) as vault,
        hosted(cluster, namespace, tmp_path, replicas=1, values=vault.values()) as shop,
    ):
        vault.put(API_KEY="first-key-4711")
        synced = Synced(shop, vault)
        synced.seed(cluster)
        shop.release("one")
        assert synced.served("API_KEY") == {"first-key-4711"}
        with Users(shop.url, phase="a bad value") as users:
            before = set(shop.pods())
            vault.put(API_KEY="second-key-4711", ERROR_RATE="1")
            runs = synced.all_of(synced.sync)
            users.phase = "it is back"
            assert synced.served("API_KEY") == {"first-key-4711"}, "\n".join(map(told, runs))
            shop.cluster.wait("users to ask again", lambda: len(users.seen.get("it is back", ())) > 20, 30)
        assert not before & set(shop.pods())
        assert users.errors("a bad value") > 0
        assert users.errors("it is back") == 0, users.failed
        assert synced.held() == {"API_KEY": "first-key-4711"}
        (issue,) = shop.story.issues()
        assert (issue["state"], issue["state_reason"]) == ("closed", "completed")
        shown = "\n".join([*map(told, shop.story.runs()), str(shop.story.issues())])
        assert "second-key" not in shown
        assert "first-key" not in shown
        assert shop.story.github.violations == []
