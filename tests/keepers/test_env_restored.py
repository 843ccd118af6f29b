"""Going back: what comes back is looked at, proved, and itself taken back where it breaks a service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from dreamnet_actions.domain.spec.validation import Rule
from dreamnet_actions.errors import PermanentError
from dreamnet_actions.testing.memory.system import MemorySystem, memory_system
from tests.keepers.homes import config, facts, service, with_env


def second(former: str = "good", **entry: object) -> MemorySystem:
    """A system that was synced twice: it holds ``newest``, and ``former`` was there before."""
    system = with_env(former)
    system.values["app"].put("KEY", "newest")
    system.ask("envkeeper", "sync")
    system.pipe.drain()
    if entry:
        system.config.env["app"] = replace(system.config.env["app"], **entry)  # type: ignore[arg-type]
        system = system.again()
    return system


@pytest.mark.parametrize("dry_run", [False, True])
def test_what_is_wrong_with_the_former_values_is_told_and_stands_in_no_way(dry_run: bool) -> None:
    system = second("of-old-times", require=("OTHER",), rules={"KEY": Rule(max_length=3)})
    given = {"action": "restore", "entry": "app"}
    result = system.submit({"agent": "envkeeper", "input": given, "dry_run": dry_run})
    assert result.outcome == ("planned" if dry_run else "done")
    (found,) = result.findings
    assert (found["entry"], found["sink"]) == ("app", "local/web")
    told = {(one["name"], one["rule"]): one for one in found["warnings"]}
    assert {("KEY", "max-length"), ("OTHER", "required")} <= told.keys()
    assert {one["level"] for one in told.values()} == {"warning"}
    assert "of-old-times" not in str(result.to_json())
    assert system.reporter.hide("of-old-times it was") == "*** it was", "masked before it is looked at"
    assert system.sinks["app"][0].held == {"KEY": "newest" if dry_run else "of-old-times"}


def test_a_set_that_is_as_it_should_be_is_put_back_without_a_word() -> None:
    assert second().ask("envkeeper", "restore", entry="app").findings == []


def test_what_cannot_be_written_is_refused_and_nothing_is_held() -> None:
    system = second()
    sink = system.sinks["app"][0]

    def refuse(revision: str) -> None:
        raise PermanentError(f"{sink.name} cannot hold {revision}.")

    sink.restore = refuse  # type: ignore[method-assign]
    assert system.ask("envkeeper", "restore", entry="app").outcome == "failed"
    assert sink.held == {"KEY": "newest"}
    assert system.ask("envkeeper", "sync").outcome == "unchanged"


def test_a_restore_that_the_sink_got_wrong_is_taken_back_and_may_be_tried_again() -> None:
    system = second()
    sink = system.sinks["app"][0]
    make: Callable[..., None] = sink._make_current

    def spoiled(revision: str, values: dict[str, object]) -> None:
        make(revision, values)
        sink.held["KEY"] = "spoiled"
        sink._make_current = make  # type: ignore[method-assign]

    sink._make_current = spoiled  # type: ignore[assignment,method-assign]
    result = system.ask("envkeeper", "restore", entry="app")
    assert result.outcome == "failed"
    assert "does not hold what was written: KEY" in result.summary
    assert sink.held == {"KEY": "newest"}
    assert facts(system, "env-restored") == []
    assert system.ask("envkeeper", "sync").outcome == "unchanged"
    assert system.ask("envkeeper", "restore", entry="app").outcome == "done"
    assert sink.held == {"KEY": "good"}


def test_values_that_a_person_put_back_and_that_break_a_service_are_taken_back() -> None:
    system = second()
    sink = system.sinks["app"][0]
    newest = sink.state().revision
    former = sink.state().former
    assert former is not None
    system.sick[former] = "HTTP 500: the database is newer than that"
    system.ask("envkeeper", "restore", entry="app", reason="I liked it better")
    assert sink.held == {"KEY": "good"}
    system.pipe.drain()
    assert (sink.held, sink.state().revision) == ({"KEY": "newest"}, newest)
    (found,) = system.dreams.search()
    assert (found.state, found.remedy) == ("resolved", "restore-config")
    assert [fact.get("asked", False) for fact in facts(system, "env-restored")] == [True, False]
    assert system.ask("envkeeper", "restore", entry="app").outcome == "refused", (
        "what broke it does not come back"
    )


def test_two_sets_that_both_break_a_service_are_not_swapped_for_ever() -> None:
    system = second()
    sink = system.sinks["app"][0]
    for revision in (sink.state().revision, sink.state().former):
        system.sick[str(revision)] = "HTTP 500: neither will do"
    system.ask("envkeeper", "restore", entry="app")
    for _ in range(6):
        system.round(pause=60.0)
    back = facts(system, "env-restored")
    assert len(back) == 2
    assert sink.held == {"KEY": "newest"}
    assert {one.state for one in system.dreams.search()} <= {"healing", "needs-human", "open"}


def test_one_sink_that_is_away_hides_no_other_in_a_dry_run() -> None:
    plan = config({"web": service()}, env={"app": ("web", None)})
    system = memory_system(plan, values={"app": {"KEY": "good"}})
    system.ask("envkeeper", "sync")
    system.values["app"].put("KEY", "newest")
    system.ask("envkeeper", "sync")
    system.sinks["app"][0].error = PermanentError("the sink is away")
    given = {"action": "restore", "entry": "app"}
    result = system.submit({"agent": "envkeeper", "input": given, "dry_run": True})
    assert (result.outcome, len(result.changes)) == ("failed", 1)
    assert result.summary == "Would put the former values of app.values back. the sink is away"
