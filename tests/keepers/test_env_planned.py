"""Plans by their id: what is applied is what was shown."""

from __future__ import annotations

from typing import Any

import pytest

from dreamnet_actions.errors import TemporaryError
from dreamnet_actions.testing.memory.system import MemorySystem, memory_system
from tests.keepers.homes import config, service


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
    assert "A in local/web: updated 1 → 3 (shown: updated 1 → 2)" in said
    assert "C in local/db: updated 1 → 2 (shown: nothing)" in said
    assert "B in" not in said
    assert system.sinks["app"][0].held == {"A": "1", "B": "x"}, "nothing was written"
    assert system.ask("envkeeper", "sync", plan=shown(system)).outcome == "done"


def test_a_strange_hand_and_a_plan_that_is_done_already_are_refused(system: MemorySystem) -> None:
    plan = shown(system)
    assert system.ask("envkeeper", "sync", plan=plan).outcome == "done"
    again = system.ask("envkeeper", "sync", plan=plan)
    assert again.outcome == "refused"
    assert again.error is not None
    assert "A in local/web: nothing (shown: added none → 1)" in again.error["message"]
    system.values["app"].put("A", "2")
    plan = shown(system)
    system.sinks["app"][0].held["B"] = "by hand"
    result = system.ask("envkeeper", "sync", plan=plan)
    assert result.error is not None
    assert "B in local/web: updated 1 → 1 (shown: nothing)" in result.error["message"]


def test_an_id_that_nobody_showed_says_what_would_be_done(system: MemorySystem) -> None:
    result = system.ask("envkeeper", "sync", plan="0123456789ab")
    assert result.error is not None
    said = result.error["message"]
    assert "Nobody remembers what it was. Now it is: A in local/web: added none → 1; B in local/web" in said


def test_a_dry_run_shows_the_id_and_keeps_nothing(system: MemorySystem) -> None:
    dry = system.submit({"agent": "envkeeper", "input": {"action": "sync"}, "dry_run": True})
    assert system.journal.states("plans") == {}
    assert {"plan": shown(system)} in list(dry.findings)


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
