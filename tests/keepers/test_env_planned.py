"""Plans by their id: what is applied is what was shown."""

from __future__ import annotations

from typing import Any

import pytest

from dreamnet_actions.errors import TemporaryError
from dreamnet_actions.testing.memory.system import MemorySystem, memory_system
from tests.keepers.homes import config, cuts, service


@pytest.fixture
def system() -> MemorySystem:
    made = memory_system(
        config({"web": service(), "db": service()}, env={"app": ("web", None), "db": ("db",)}),
        values={"app": {"A": "1", "B": "x"}, "db": {"C": "secret-text"}},
    )
    made.start()
    return made


def shown(system: MemorySystem, **given: Any) -> str:
    (found,) = [one["plan"] for one in system.ask("envkeeper", "plan", **given).findings if "plan" in one]
    return str(found)


def test_what_was_shown_is_done_and_is_the_same_however_often_it_is_shown(system: MemorySystem) -> None:
    plan = shown(system)
    assert shown(system) == plan
    assert shown(system, entry="db") != plan
    result = system.ask("envkeeper", "sync", plan=plan)
    assert (result.outcome, system.sinks["db"][0].held) == ("done", {"C": "secret-text"})
    assert all("plan" not in one for one in system.ask("envkeeper", "plan").findings), "nothing is left to do"
    assert "secret-text" not in repr(system.journal.states(""))


def test_another_version_is_refused_with_what_differs(system: MemorySystem) -> None:
    system.ask("envkeeper", "sync")
    system.values["app"].put("A", "2")
    plan = shown(system)
    system.values["app"].put("A", "3")
    system.values["db"].put("C", "other")
    result = system.ask("envkeeper", "sync", plan=plan)
    assert (result.outcome, result.exit_status) == ("refused", 4)
    assert result.error is not None
    assert result.error["code"] == "env.plan-changed"
    said = result.error["message"]
    assert (
        "Now it is: A in local/web: updated 1 → 3; A in app.values: updated 1 → 3; C in local/db: updated 1"
        in said
    )
    assert "B in" not in said
    assert system.sinks["app"][0].held == {"A": "1", "B": "x"}, "nothing was written"
    assert system.ask("envkeeper", "sync", plan=shown(system)).outcome == "done"


def test_a_strange_hand_is_refused(system: MemorySystem) -> None:
    system.ask("envkeeper", "sync")
    system.values["app"].put("A", "2")
    plan = shown(system)
    system.sinks["app"][0].held["B"] = "by hand"
    result = system.ask("envkeeper", "sync", plan=plan)
    assert result.error is not None
    assert "B in local/web: updated 1 → 1" in result.error["message"]
    assert system.sinks["app"][0].held == {"A": "1", "B": "by hand"}, "nothing was written"


def test_a_plan_that_is_done_may_be_asked_for_again_until_something_changes(system: MemorySystem) -> None:
    plan = shown(system)
    assert system.ask("envkeeper", "sync", plan=plan).outcome == "done"
    assert system.ask("envkeeper", "sync", plan=plan).outcome == "unchanged"
    system.values["app"].put("A", "2")
    again = system.ask("envkeeper", "sync", plan=plan)
    assert again.outcome == "refused"
    assert again.error is not None
    assert "A in local/web: updated 1 → 2 (shown: added none → 1)" in again.error["message"]


def test_an_id_that_nobody_showed_says_what_would_be_done(system: MemorySystem) -> None:
    result = system.ask("envkeeper", "sync", plan="0123456789ab")
    assert result.error is not None
    assert "Now it is: A in local/web: added none → 1; B in local/web" in result.error["message"]


def test_showing_a_plan_writes_nothing(system: MemorySystem) -> None:
    before = system.journal.states(""), list(system.journal.read())
    dry = system.submit({"agent": "envkeeper", "input": {"action": "sync"}, "dry_run": True})
    assert {"plan": shown(system)} in list(dry.findings)
    assert (system.journal.states(""), list(system.journal.read())) == before


def half() -> MemorySystem:
    """Three sinks of two entries, all to be written once more."""
    made = memory_system(
        config({"web": service(), "db": service()}, env={"app": ("web", None), "db": ("db",)}),
        values={"app": {"A": "1", "B": "x"}, "db": {"C": "3"}},
    )
    made.start()
    made.ask("envkeeper", "sync")
    made.pipe.drain()
    made.values["app"].put("A", "2")
    made.values["db"].put("C", "4")
    return made


@pytest.mark.slow
def test_a_plan_that_was_cut_off_anywhere_is_ended_unless_something_else_changed() -> None:
    """What is written already is as planned, and the rest is written; a strange hand is seen as long as it is there."""
    plan = shown(half())
    raw = {"agent": "envkeeper", "input": {"action": "sync", "plan": plan}}
    begun = 0
    for point, system in cuts(half, lambda one: one.submit({**raw, "id": "first"})):
        sinks = [one for name in ("app", "db") for one in system.sinks[name]]
        written = sum(one.writes > 1 for one in sinks)
        begun += 0 < written < 3
        before = sinks[-1].held["C"]
        sinks[-1].held["C"] = "by hand"
        result = system.submit({**raw, "id": "another"})
        assert result.outcome == "refused", point
        assert "C in local/db" in result.summary, point
        assert "in local/web: nothing" not in result.summary, point
        assert sum(one.writes > 1 for one in sinks) == written, point
        sinks[-1].held["C"] = before
        result = system.submit({**raw, "id": "a-third"})
        assert result.exit_status == 0, (point, result)
        assert [one.held for one in sinks] == [{"A": "2", "B": "x"}] * 2 + [{"C": "4"}], point
        assert [one.writes for one in sinks] == [2, 2, 2], point
        system.pipe.drain()
        assert {one.state for one in system.bus.list()} == {"done"}, point
    assert begun > 5


def test_a_source_that_moved_on_after_a_half_is_refused_with_what_differs() -> None:
    system = half()
    plan = shown(system)
    system.sinks["db"][0].refuses = frozenset({"C"})
    assert system.ask("envkeeper", "sync", plan=plan).outcome == "failed"
    system.sinks["db"][0].refuses = frozenset()
    system.values["db"].put("C", "5")
    result = system.ask("envkeeper", "sync", plan=plan)
    assert result.outcome == "refused"
    assert "Now it is: C in local/db: updated 1 → 3 (shown: updated 1 → 2)." in result.summary
    assert [system.sinks["app"][0].held["A"], system.sinks["db"][0].held["C"]] == ["2", "3"]


@pytest.mark.parametrize("secret", ["C", "projects/p/secrets/C", "projects/1/secrets/C/versions/7"])
def test_a_secret_that_changed_syncs_only_the_entries_that_read_it(system: MemorySystem, secret: str) -> None:
    told = {"action": "publish", "event": "secret-changed", "from": "user", "data": {"secret": secret}}
    assert system.submit({"agent": "relaybot", "input": told}).outcome == "done"
    system.pipe.drain()
    assert (system.sinks["db"][0].held, system.sinks["app"][0].held) == ({"C": "secret-text"}, {})
    assert system.values["app"].accessed == []


def test_a_secret_that_no_entry_reads_changes_nothing(system: MemorySystem) -> None:
    result = system.ask("envkeeper", "sync", secret="other")
    assert (result.outcome, result.summary) == ("unchanged", "No entry reads 'other'.")


def test_an_entry_that_cannot_be_told_is_not_passed_over(system: MemorySystem) -> None:
    system.values["app"].error = TemporaryError("the source is away")
    result = system.ask("envkeeper", "sync", secret="C")
    assert (result.outcome, system.sinks["db"][0].held) == ("deferred", {"C": "secret-text"})
