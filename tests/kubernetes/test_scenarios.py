"""The mission's scenarios on the real cluster under the real act, while somebody uses the service all the time.

``scripts/prove scenarios`` runs the same at full length, with auto-scaling under load.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.actions.bed import told
from tests.cluster.client import Cluster
from tests.kubernetes.hosted import Users, hosted

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_pushes_deploy_or_are_taken_back_and_a_schedule_heals(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    with hosted(cluster, namespace, tmp_path) as shop:
        story = shop.story
        sha = shop.release("one")
        assert story.runs()[0].conclusion == "success", told(story.runs()[0])
        (deployment,) = story.get("/deployments")
        assert (deployment["sha"], deployment["environment"]) == (sha, "production")
        with Users(shop.url, phase="a bad push") as users:
            bad = shop.release("two", CRASH_AFTER="0s", EXIT_CODE="3")
            run = story.runs()[-1]
            assert run.conclusion == "failure", told(run)
            assert run.job("deploykeeper", "deploykeeper").outputs["verdict"] == "rolled-back"
            newest = story.get("/deployments")[0]
            assert newest["sha"] == bad
            assert story.get(f"/deployments/{newest['id']}/statuses")[0]["state"] == "failure"
            assert shop.page().startswith("sample one")
            before = set(shop.pods())
            users.phase = "all pods fail"
            shop.spoil()
            runs = shop.tick()
            users.phase = "healed"
            assert [one.conclusion for one in runs] == ["success"] * 3, "\n".join(map(told, runs))
            assert not before & set(shop.pods())
            (issue,) = story.issues()
            assert (issue["state"], issue["state_reason"]) == ("closed", "completed")
            shop.cluster.wait("users to ask again", lambda: len(users.seen.get("healed", ())) > 20, 30)
        assert users.errors("a bad push") == 0, users.failed
        assert users.errors("all pods fail") > 0
        assert users.errors("healed") == 0, users.failed
        assert story.github.violations == []
