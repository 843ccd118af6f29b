"""How the runs of Jobs and CronJobs are judged."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from dreamnet_actions.adapters.kubernetes.batch import JOB, NUMBER, failed, holders, number, stable_of, track
from dreamnet_actions.adapters.kubernetes.record import RECORD, RUN, Record, Run
from dreamnet_actions.adapters.kubernetes.runs import name_of
from dreamnet_actions.domain.release import Release, TrackState

RELEASE = Release(service="nightly", version="cmd:1")
STABLE, OTHER = Run("new"), Run("old")
MADE = "2026-11-27T00:00:00Z"
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp()


def cronjob(**spec: Any) -> dict[str, Any]:
    status = spec.pop("status", {})
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {
            "name": "nightly", "uid": "c", "creationTimestamp": MADE,
            "annotations": {RECORD: Record(stable=STABLE, former=(OTHER,)).text()},
        },
        "spec": {"schedule": "0 20 * * *", "jobTemplate": {"spec": {"template": {"spec": {}}}}, **spec},
        "status": status,
    }  # fmt: skip


def job(
    name: str, end: str | None, at: str = "03:00", run: Run = STABLE, **meta: Any
) -> dict[str, dict[str, Any]]:
    """A run that ended so (None: it runs), as the cluster has it."""
    conditions = []
    if end:
        conditions = [
            {"type": end, "status": "True", "reason": "DeadlineExceeded", "message": "Job was active too long",
             "lastTransitionTime": f"2026-11-27T{at}:00Z"},
        ]  # fmt: skip
    return {
        name: {
            "kind": "Job",
            "metadata": {
                "name": name, "uid": name, "creationTimestamp": MADE, "labels": {},
                "ownerReferences": [{"uid": "c", "controller": True}], **meta,
            },
            "spec": {"template": {"metadata": {"annotations": {RUN: run.mark}}, "spec": {}}},
            "status": {"conditions": conditions},
        }
    }  # fmt: skip


def seen(workload: dict[str, Any], *jobs: dict[str, dict[str, Any]], now: float = NOON) -> TrackState:
    together = {name: one for each in jobs for name, one in each.items()}
    return track(workload, RELEASE, {"Job": together, "Pod": {}}, now)


def test_the_last_run_of_this_release_says_how_a_cronjob_is() -> None:
    none = seen(cronjob(), job("old", "Failed", run=OTHER))
    assert none.failure is None
    assert none.settled
    assert none.told == "no run of this release has ended yet"

    ill = seen(cronjob(), job("a", "Complete", "03:00"), job("b", "Failed", "04:00"))
    assert ill.failure == "the run b failed: Job was active too long (DeadlineExceeded)"
    assert ill.hopeless == 1
    assert not ill.settled

    well = seen(cronjob(), job("a", "Failed", "03:00"), job("b", "Complete", "04:00"), job("c", None))
    assert well.failure is None
    assert well.told == "the run b was complete at 2026-11-27T04:00:00Z; 1 running"


@pytest.mark.parametrize(
    ("spec", "missed"),
    [
        ({"schedule": "0 3 * * *"}, "2026-11-27T03:00:00Z"),
        ({"schedule": "0 3 * * *", "timeZone": "Europe/Berlin"}, "2026-11-27T02:00:00Z"),
        ({"schedule": "@hourly"}, "2026-11-27T11:00:00Z"),
        ({"schedule": "0 3 * * *", "suspend": True}, None),
        ({"schedule": "0 3 * * *", "status": {"lastScheduleTime": "2026-11-27T03:00:00Z"}}, None),
        ({"schedule": "59 11 * * *"}, None),  # not late enough
        ({"schedule": "0 3 * * *", "concurrencyPolicy": "Forbid", "status": {"active": [{}]}}, None),
        ({"schedule": "@every 1h"}, None),  # not understood
        ({"schedule": "0 3 * * *", "timeZone": "Moon/Crater"}, None),
        ({"schedule": "0 23 * * *"}, None),  # the one before it was made
    ],
)
def test_a_run_that_did_not_come_is_told(spec: dict[str, Any], missed: str | None) -> None:
    state = seen(cronjob(**spec))
    assert (state.failure or "").startswith(f"it should have run at {missed}" if missed else "")
    assert bool(state.failure) == bool(missed)
    assert ("suspended" in str(state.told)) == bool(spec.get("suspend"))


def test_what_was_changed_after_it_was_due_is_not_missed() -> None:
    changed = cronjob(schedule="0 3 * * *")
    entry = {"manager": "dreamnet", "time": "2026-11-27T03:00:01Z", "fieldsV1": {"f:spec": {}}}
    changed["metadata"]["managedFields"] = [entry]
    assert seen(changed).failure is None
    entry["fieldsV1"] = {"f:status": {}}  # type: ignore[assignment]
    assert seen(changed).failure is not None


def service_run(turn: int, run: Run, end: str | None, record: Record) -> dict[str, dict[str, Any]]:
    notes = {JOB: "load", NUMBER: str(turn), RECORD: record.text()}
    return job(name_of("load", run.mark, turn), end, run=run, annotations=notes)


def test_the_newest_run_holds_the_record_and_may_be_another_than_the_one_that_stands() -> None:
    """After going back the failed run is the newest, and what counts is the one before it."""
    back = Record(stable=OTHER)
    runs = service_run(9, OTHER, "Complete", Record(stable=OTHER)) | service_run(10, STABLE, "Failed", back)
    holder = holders(runs.values())["load"]
    assert number(holder) == 10
    assert failed(holder)
    stands = stable_of(holder, runs.values())
    assert stands is not None
    assert number(stands) == 9
    state = seen(holder, runs)
    assert state.settled
    assert state.told == f"the run {stands['metadata']['name']} is complete"
    assert seen(holder, service_run(10, STABLE, "Failed", back)).told == "it ran, and its Job is gone"


def test_a_run_that_somebody_suspended_stands_still() -> None:
    runs = service_run(1, STABLE, None, Record(stable=STABLE))
    (holder,) = runs.values()
    assert seen(holder, runs).stopped is None
    holder["spec"]["suspend"] = True
    assert "is suspended" in str(seen(holder, runs).stopped)
