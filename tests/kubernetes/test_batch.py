"""A Job and a CronJob as services of their own, on the real cluster, by accounts that have the shipped Roles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.adapters.kubernetes.needs import ACTIONS, needed
from tests.cluster.client import Cluster
from tests.kubernetes.acts import BATCH, Acts, acts_on

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
WELL = {"CRASH_AFTER": "200ms", "EXIT_CODE": "0", "MESSAGE": "loaded 3 rows"}
ILL = {"CRASH_AFTER": "200ms", "EXIT_CODE": "3", "MESSAGE": "no table of orders"}
ENDS = ("Complete", "Failed")
SLOW = {**WELL, "CRASH_AFTER": "4s"}


def jobs(acts: Acts, name: str) -> list[dict[str, Any]]:
    """The runs of a service, the oldest first."""
    found = acts.cluster.get("jobs", namespace=acts.namespace)
    mine = [one for one in found if one["metadata"]["name"].startswith(f"{name}-")]
    return sorted(mine, key=lambda one: (one["metadata"]["creationTimestamp"], one["metadata"]["name"]))


def ends(acts: Acts, name: str) -> list[str]:
    """How each run that is over ended, sorted."""
    said = [one for job in jobs(acts, name) for one in job["status"].get("conditions", [])]
    return sorted(one["type"] for one in said if one["status"] == "True" and one["type"] in ENDS)


def test_a_job_and_a_cronjob_are_released_run_and_taken_back(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    with acts_on(cluster, namespace, tmp_path, only=tuple(BATCH)) as acts:
        acts.configure("deploy", "one", **WELL)
        acts.expect("deployed", "deploy")
        assert len(jobs(acts, "load")) == 1
        assert jobs(acts, "nightly") == [], "a release of a CronJob runs nothing"

        for action in ("status", "canary", "scale"):
            acts.configure(action, "one", **WELL)
            acts.expect(None, "status")
        acts.expect("healthy", "check")
        for name in BATCH:
            refused = acts.do("scale", service=name, replicas=2)
            assert refused.outcome == "failed"
            assert "no replicas to scale" in refused.summary
        _a_job_that_fails(acts)
        _a_cronjob_that_fails(acts)
        _runs_are_few(acts)
        for action in ACTIONS:
            used, allowed = acts.used(action), needed([action], batch=True)
            assert used <= allowed, action
            unused = {one for one in allowed - needed([action]) if one not in used}
            assert not unused, f"{action}: {unused}"


def _a_job_that_fails(acts: Acts) -> None:
    acts.configure("deploy", "bad", **ILL)
    result = acts.do("deploy", service="load")
    assert result.verdict == "rolled-back", result.to_json()
    assert "exit code 3" in result.summary
    assert "no table of orders" in result.summary
    assert len(jobs(acts, "load")) == 2, "going back runs nothing"
    acts.expect("healthy", "check", service="load")


def _a_cronjob_that_fails(acts: Acts) -> None:
    def template() -> str:
        spec = acts.cluster.get("cronjob", "nightly", namespace=acts.namespace)["spec"]
        return json.dumps(spec["jobTemplate"], sort_keys=True)

    acts.configure("restart", "one", **WELL)
    acts.expect(None, "restart", service="nightly")
    before = template()
    assert ends(acts, "nightly") == ["Complete"]
    acts.configure("deploy", "bad", **ILL)
    acts.expect("deployed", "deploy", service="nightly")
    acts.configure("restart", "bad", **ILL)
    result = acts.do("restart", service="nightly")
    assert result.outcome == "failed"
    assert "exit code 3" in result.summary, result.to_json()
    acts.expect("failing", "check", service="nightly")
    acts.configure("rollback", "bad", **ILL)
    acts.expect(None, "rollback", service="nightly")
    assert template() == before
    acts.expect("healthy", "check", service="nightly")


def _runs_are_few(acts: Acts) -> None:
    """A run that another replaces is ended first, and of many only the last few stay."""
    acts.configure("deploy", "slow", **SLOW)
    acts.begin("load")
    first = jobs(acts, "load")[-1]["metadata"]["name"]
    acts.configure("restart", "slow", **SLOW)
    acts.expect(None, "restart", service="load")
    assert acts.cluster.get("job", first, namespace=acts.namespace)["spec"]["suspend"]
    acts.expect(None, "restart", service="load")
    acts.configure("deploy", "two", **WELL)
    acts.expect("deployed", "deploy", service="load")
    assert len(jobs(acts, "load")) == 4
    acts.configure("rollback", "two", **WELL)
    acts.expect(None, "rollback", service="load")
    assert len(jobs(acts, "load")) == 4
