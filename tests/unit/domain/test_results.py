"""Results: the exit statuses of the design, and the stored form."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from dreamnet_actions.domain.result import AgentResult, Outcome, Verdict, exit_status

TABLE = {
    ("done", None): 0,
    ("unchanged", None): 0,
    ("planned", None): 0,
    ("refused", None): 4,
    ("failed", None): 5,
    ("deferred", None): 75,
    ("done", "failing"): 0,
    ("done", "deployed"): 0,
    ("failed", "deployed"): 5,
    ("failed", "rolled-back"): 10,
    ("failed", "rollback-failed"): 11,
    ("failed", "deployed-unverified"): 12,
}


@pytest.mark.parametrize(("ended", "status"), TABLE.items())
def test_the_designs_table(ended: tuple[Outcome, Verdict | None], status: int) -> None:
    assert exit_status(*ended) == status


def test_every_pair_has_an_exit_status() -> None:
    for outcome in get_args(Outcome):
        for verdict in (None, *get_args(Verdict)):
            assert exit_status(outcome, verdict) in (0, 4, 5, 10, 11, 12, 75)


def test_a_stored_result_is_the_same() -> None:
    result = AgentResult(
        id="1",
        agent="dreamkeeper",
        action="check",
        outcome="done",
        verdict="failing",
        summary="s",
        started_at="a",
        finished_at="b",
        findings=[{"service": "web"}],
        changes=[{"what": "x"}],
        dreams=["local/web"],
        messages=["m"],
        exit_status=3,
        http_status=418,
    )
    wire = json.loads(json.dumps(result.to_json()))
    assert AgentResult.from_json(wire, exit_status=3, http_status=418) == result
    assert set(wire) == {
        "id", "agent", "action", "outcome", "verdict", "summary", "findings", "changes", "dreams", "messages",
        "error", "started_at", "finished_at",
    }  # fmt: skip
