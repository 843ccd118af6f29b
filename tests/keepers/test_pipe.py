"""The one pipe: twice is once, pause, dry run, every error with its outcome, and bugs that tell nothing."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from dreamnet_actions import errors
from dreamnet_actions.domain.message import HOP_LIMIT
from dreamnet_actions.domain.request import AgentRequest
from dreamnet_actions.domain.result import Outgoing, Report, Verdict
from dreamnet_actions.errors import configuration
from dreamnet_actions.testing.memory.system import MemorySystem, memory_system
from tests.keepers.homes import config, home, service

RAW: dict[str, Any] = {"agent": "deploykeeper", "input": {"action": "restart", "service": "web"}, "id": "r-1"}


class Told:
    """A keeper that answers what it is told, and counts."""

    agent = "deploykeeper"

    def __init__(self, *answers: Report | Exception) -> None:
        self.answers = list(answers)
        self.runs = 0

    def perform(self, request: AgentRequest) -> Report:
        answer = self.answers[min(self.runs, len(self.answers) - 1)]
        self.runs += 1
        if isinstance(answer, Exception):
            raise answer
        return answer


def told(*answers: Report | Exception) -> tuple[MemorySystem, Told]:
    system = memory_system(config({"web": service()}))
    keeper = Told(*answers)
    system.keepers["deploykeeper"] = keeper  # type: ignore[assignment]
    return system, keeper


DONE = Report(outcome="done", summary="done")
FINAL = [
    DONE,
    Report(outcome="unchanged", summary="same"),
    Report(outcome="failed", verdict="rolled-back", summary="back"),
]
AGAIN = [
    Report(outcome="failed", summary="failed"),
    Report(outcome="deferred", summary="later"),
    Report(outcome="refused", summary="no"),
    Report(outcome="failed", verdict="rollback-failed", summary="stuck"),
    Report(outcome="failed", verdict="deployed-unverified", summary="who knows"),
    errors.TemporaryError("later"),
    errors.PermanentError("no"),
    ValueError("a bug"),
]


@pytest.mark.parametrize("first", FINAL, ids=lambda one: one.summary)
def test_what_ended_answers_its_first_result(first: Report) -> None:
    system, keeper = told(first, Report(outcome="done", summary="another"))
    one, two = system.submit(RAW), system.submit(RAW)
    assert one == two
    assert keeper.runs == 1
    assert system.submit({**RAW, "hops": 3, "correlation_id": "other"}) == one


@pytest.mark.parametrize("first", AGAIN, ids=repr)
def test_anything_else_is_run_again(first: Report | Exception) -> None:
    system, keeper = told(first, DONE)
    assert system.submit(RAW).exit_status != 0
    assert system.submit(RAW).outcome == "done"
    assert keeper.runs == 2


def test_the_same_id_with_another_body_is_refused() -> None:
    system, keeper = told(DONE)
    system.submit(RAW)
    other = system.submit({**RAW, "input": {"action": "restart", "service": "other"}})
    assert (other.outcome, other.exit_status, other.http_status) == ("refused", 4, 409)
    assert other.error is not None
    assert other.error["code"] == "refused.id-reused"
    assert keeper.runs == 1


def test_one_under_way_is_deferred() -> None:
    system, keeper = told(DONE)
    with system.lock.lease("request/r-1", 60):
        result = system.submit(RAW)
    assert (result.outcome, result.exit_status, result.http_status, keeper.runs) == ("deferred", 75, 503, 0)
    assert result.retry_after
    assert system.submit(RAW).outcome == "done"


def test_of_many_at_once_one_runs() -> None:
    system, keeper = told(DONE)
    results = []
    threads = [threading.Thread(target=lambda: results.append(system.submit(RAW))) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert {one.outcome for one in results} <= {"done", "deferred"}
    assert keeper.runs == 1


def test_without_an_id_every_request_is_its_own() -> None:
    system, keeper = told(DONE)
    raw = {key: value for key, value in RAW.items() if key != "id"}
    assert system.submit(raw).id != system.submit(raw).id
    assert system.submit({**raw, "id": None}).outcome == "done"
    assert keeper.runs == 3
    assert not system.journal.states("request/")


def test_an_entrances_id_counts_where_the_request_has_none() -> None:
    system, keeper = told(DONE)
    raw = {key: value for key, value in RAW.items() if key != "id"}
    assert system.submit(raw, id="delivery-1") == system.submit(raw, id="delivery-1")
    assert keeper.runs == 1
    assert system.submit(RAW, id="delivery-1").id == "r-1"
    assert system.submit(raw, id="not an id").exit_status == 3


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (configuration.ConfigLacks("x", [], lines="l", section="s"), "refused"),
        (errors.RequestInvalid(["x"]), "refused"),
        (errors.NotFound("x", "y"), "refused"),
        (errors.RequestTooLarge(2, 1), "refused"),
        (errors.Unauthenticated("x", hint="y"), "refused"),
        (errors.BudgetSpent("x"), "refused"),
        (errors.Conflict("x"), "refused"),
        (errors.TooManyHops(9, HOP_LIMIT), "refused"),
        (errors.TemporaryError("x", retry_after=7.0), "deferred"),
        (errors.Paused("x", "y"), "deferred"),
        (errors.DeadlineExceeded("x", 1.0), "deferred"),
        (errors.PermanentError("x"), "failed"),
        (errors.CommandFailed("x", 1, "tail"), "failed"),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, Exception) else one,
)
def test_each_class_of_error_has_its_outcome(error: errors.DreamNetError, outcome: str) -> None:
    system, _ = told(error)
    result = system.submit(RAW)
    assert result.outcome == outcome
    assert (result.exit_status, result.http_status) == (error.exit_status, error.http_status)
    assert result.error is not None
    assert result.error["code"] == error.code
    assert (result.retry_after is not None) == (outcome == "deferred")
    json.dumps(result.to_json())


def test_a_bug_tells_nothing_of_what_it_saw(caplog: pytest.LogCaptureFixture) -> None:
    system, _ = told(KeyError("hunter2-the-secret"))
    result = system.submit(RAW)
    assert (result.outcome, result.exit_status, result.http_status) == ("failed", 70, 500)
    assert "hunter2" not in json.dumps(result.to_json())
    assert "hunter2" not in repr(system.journal.read())
    assert "Traceback" in caplog.text
    assert system.story("error") == ["error"]


@pytest.mark.parametrize("place", ["journal", "lock", "bus"])
def test_submit_never_raises_whatever_port_has_a_bug(place: str) -> None:
    system, _ = told(Report(outcome="done", summary="s", messages=[Outgoing(name="x", to="envkeeper")]))
    broken = {"journal": "_journal", "lock": "_lock", "bus": "_bus"}[place]
    setattr(system.pipe, broken, object())
    assert system.submit(RAW).exit_status == 70


@pytest.mark.parametrize("raw", [None, [], "x", {}, {"agent": []}, {"id": "\ud800"}, {1: 2}, b"{}"])
def test_submit_never_raises_whatever_comes(raw: object) -> None:
    system, _ = told(DONE)
    result = system.submit(raw)
    assert (result.outcome, result.exit_status) == ("refused", 3)
    json.dumps(result.to_json()).encode()


@pytest.mark.parametrize(
    "verdict", ["healthy", "failing", "rolled-back", "rollback-failed", "deployed-unverified"]
)
def test_a_verdict_answers_200(verdict: Verdict) -> None:
    outcome = "done" if verdict in ("healthy", "failing") else "failed"
    system, _ = told(Report(outcome=outcome, verdict=verdict, summary="s"))  # type: ignore[arg-type]
    assert system.submit(RAW).http_status == 200


def test_old_answers_are_forgotten_and_young_ones_kept() -> None:
    system, keeper = told(DONE)
    system.submit(RAW)
    system.clock.advance(100.0)
    system.submit({**RAW, "id": "r-2"})
    assert system.pipe.forget(system.clock.now() - 50) == 1
    assert set(system.journal.states("request/")) == {"request/r-2"}
    assert system.submit(RAW).outcome == "done"
    assert keeper.runs == 3


def test_a_keeper_that_writes_in_a_dry_run_is_a_bug_and_writes_nothing() -> None:
    system, keeper = told(DONE)
    system.start()
    platform = system.gate.before(system.platforms["local"])

    def perform(request: AgentRequest) -> Report:
        platform.restart("web", token=request.id)
        return DONE

    keeper.perform = perform  # type: ignore[method-assign]
    assert system.submit({**RAW, "dry_run": True}).exit_status == 70
    assert system.platforms["local"]._known["web"].restarted == []
    assert system.submit(RAW).outcome == "done"
    assert system.platforms["local"]._known["web"].restarted == ["r-1"]


def test_the_port_of_a_dry_run_is_shut_also_for_a_keeper_that_forgets() -> None:
    system = home()
    system.gate.dry(True)
    with pytest.raises(AssertionError, match="dry run"):
        system.gate.before(system.platforms["local"]).restart("web", token="t")
    done = threading.Event()
    threading.Thread(target=lambda: (system.gate.pass_("another thread"), done.set())).start()
    assert done.wait(5)
    system.gate.dry(False)
