"""EnvKeeper: values in step, proved, put back, and shown nowhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, NoReturn

import pytest

from dreamnet_actions.domain.secret import SecretValue, Versioned
from dreamnet_actions.domain.spec.validation import Rule
from dreamnet_actions.errors import PermanentError, TemporaryError
from dreamnet_actions.testing.memory.system import MemorySystem, memory_system
from tests.keepers.homes import config, facts, service, with_env

SECRET = "s3cr3t-§-valué/with+odd=parts"


def two(values: Mapping[str, Mapping[str, str]] | None = None, **entry: Any) -> MemorySystem:
    """Two entries: ``app`` for web and a file, ``db`` for db."""
    plan = config({"web": service(), "db": service()}, env={"app": ("web", None), "db": ("db",)})
    if entry:
        plan.env["app"] = replace(plan.env["app"], **entry)
    system = memory_system(plan, values=values or {"app": {"A": "1"}, "db": {"B": "2"}})
    system.start()
    return system


def held(system: MemorySystem) -> list[dict[str, str]]:
    return [sink.held for sinks in system.sinks.values() for sink in sinks]


def test_a_sync_writes_every_sink_once_and_asks_for_the_restarts() -> None:
    system = two()
    planned = system.ask("envkeeper", "plan")
    assert planned.outcome == "planned"
    result = system.ask("envkeeper", "sync")
    assert result.outcome == "done"
    assert held(system) == [{"A": "1"}, {"A": "1"}, {"B": "2"}]
    assert [one.message.data["service"] for one in system.bus.list()] == ["web", "db"]
    assert [one["what"] for one in result.changes] == [one["what"] for one in planned.changes]
    again = system.ask("envkeeper", "sync")
    assert (again.outcome, again.changes, again.messages) == ("unchanged", [], [])
    assert system.ask("envkeeper", "plan").outcome == "unchanged"
    assert [sink.writes for sinks in system.sinks.values() for sink in sinks] == [1, 1, 1]


def test_a_service_that_was_never_started_is_not_restarted() -> None:
    system = memory_system(config({"web": service()}, env={"app": ("web",)}), values={"app": {"A": "1"}})
    assert system.ask("envkeeper", "sync").messages == []


@pytest.mark.parametrize("given", [{"source": "app"}, {"entry": "app"}, {"entry": "app", "source": "memory"}])
def test_entries_are_named_by_themselves_or_their_source(given: dict[str, str]) -> None:
    system = two()
    system.ask("envkeeper", "sync", **given)
    assert held(system) == [{"A": "1"}, {"A": "1"}, {}]


def test_the_seeds_request_without_such_a_source_says_which_lines_to_add() -> None:
    result = two().submit({"agent": "envkeeper", "input": {"action": "sync", "source": "gcp-secret-manager"}})
    assert (result.outcome, result.exit_status) == ("refused", 2)
    assert result.error is not None
    assert "env:\n  gcp-secret-manager:" in result.error["hint"]


def test_an_outage_of_one_source_hides_no_other_and_wipes_nothing() -> None:
    system = two()
    system.ask("envkeeper", "sync")
    system.values["db"].put("B", "3")
    system.values["app"].error = TemporaryError("the source is away")
    result = system.ask("envkeeper", "sync")
    assert (result.outcome, result.exit_status) == ("deferred", 75)
    assert "the source is away" in result.summary
    assert held(system) == [{"A": "1"}, {"A": "1"}, {"B": "3"}]
    assert len(result.messages) == 1


def test_a_source_that_became_empty_wipes_nothing_and_says_what_to_do() -> None:
    system = two()
    system.ask("envkeeper", "sync")
    system.values["app"].remove("A")
    for action in ("plan", "sync"):
        result = system.ask("envkeeper", action, entry="app")
        assert (result.outcome, result.exit_status) == ("refused", 4)
        assert result.error is not None
        assert "holds no name any more" in result.error["message"]
        assert "Mend the source" in result.error["hint"]
    assert held(system)[0] == {"A": "1"}
    assert two({"app": {}, "db": {}}).ask("envkeeper", "sync").outcome == "unchanged"


def test_what_did_not_change_is_not_read() -> None:
    system = two({"app": dict.fromkeys("ABCDE", "1"), "db": {"B": json.dumps({"X": "1", "Y": "2"})}})
    system.config.env["db"] = replace(system.config.env["db"], extract=("B",))
    app, db = system.values["app"], system.values["db"]
    assert system.again().ask("envkeeper", "sync").outcome == "done"
    assert (sorted(app.accessed), db.accessed) == (list("ABCDE"), ["B"])
    for action in ("plan", "sync"):
        assert system.again().ask("envkeeper", action).outcome == "unchanged"
    assert (len(app.accessed), len(db.accessed)) == (5, 1)
    app.put("C", "2")
    db.put("B", json.dumps({"X": "1", "Z": "3"}))
    assert "C updated" in system.again().ask("envkeeper", "sync").summary
    assert (app.accessed[5:], db.accessed[1:]) == (["C"], ["B"])
    assert held(system) == [*[{"A": "1", "B": "1", "C": "2", "D": "1", "E": "1"}] * 2, {"X": "1", "Z": "3"}]


def test_one_name_that_went_is_removed_and_shown() -> None:
    system = two({"app": {"A": "1", "B": "2"}, "db": {}})
    system.ask("envkeeper", "sync")
    system.values["app"].remove("A")
    assert "A removed" in system.ask("envkeeper", "sync").summary
    assert held(system)[0] == {"B": "2"}


def test_a_name_that_is_asked_for_and_missing_is_an_error_and_nothing_is_written() -> None:
    system = two(keys={"X": "A", "Y": "GONE"})
    assert system.ask("envkeeper", "sync", entry="app").exit_status == 3
    assert held(system)[0] == {}


def test_two_targets_may_want_two_versions_of_one_name() -> None:
    system = two(keys={"NOW": "A", "BEFORE": "A@1", "AGAIN": "A@2"})
    system.values["app"].put("A", "one more")
    system.values["app"].put("A", "newest")
    system.ask("envkeeper", "sync")
    assert held(system)[0] == {"NOW": "newest", "BEFORE": "1", "AGAIN": "one more"}


def test_what_breaks_a_rule_is_told_at_once_by_name_and_nothing_is_written() -> None:
    rules = {
        "PORT": Rule(type_="integer"),
        "URL": Rule(type_="url"),
        "JSON": Rule(type_="json"),
        "NONE": Rule(type_="boolean"),
    }
    values = {"app": {"PORT": SECRET, "URL": "no url", "JSON": "{", "TODO": "changeme"}, "db": {}}
    system = two(values, rules=rules, require=("NEEDED", "PORT"))
    for action in ("validate", "sync", "plan"):
        result = system.ask("envkeeper", action, entry="app")
        assert (result.outcome, result.exit_status) == ("refused", 3)
        assert result.error is not None
        told = result.error["message"]
        for name in ("PORT", "URL", "JSON", "TODO", "NEEDED", "NONE"):
            assert name in told
        assert SECRET not in told
    assert held(system)[0] == {}
    system.values["db"].put("B", "2")
    assert system.ask("envkeeper", "sync").outcome == "refused"
    assert held(system)[2] == {"B": "2"}


class Lying:
    """A sink that loses a name of what is written the first time."""

    def __init__(self, sink: Any) -> None:
        self._sink, self.lies = sink, 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sink, name)

    WRITES = frozenset({"write", "restore"})

    def write(self, values: Mapping[str, Versioned], keep: Mapping[str, str] | None = None) -> str:
        kept = dict(list(values.items())[self.lies :])
        self.lies = 0
        return str(self._sink.write(kept))


def test_a_sink_that_does_not_hold_what_was_written_gets_its_former_values_back() -> None:
    for known in (True, False):
        system = with_env()
        if not known:
            system = memory_system(
                config({"web": service()}, env={"app": ("web",)}), values={"app": {"KEY": "x"}}
            )
        sink = system.sinks["app"][0]
        system.sinks["app"] = [Lying(sink)]  # type: ignore[list-item]
        system.values["app"].put("KEY", "another")
        result = system.again().ask("envkeeper", "sync")
        assert (result.outcome, result.exit_status) == ("failed", 5)
        assert "does not hold what was written: KEY" in result.summary
        assert sink.held == ({"KEY": "good"} if known else {})
        before = len(facts(system, "env-changed"))
        assert system.ask("envkeeper", "sync").outcome == "done"
        assert len(facts(system, "env-changed")) == before + 1


def test_one_sink_that_refuses_hides_no_other() -> None:
    system = two()
    system.sinks["app"][0].refuses = frozenset({"A"})
    result = system.ask("envkeeper", "sync")
    assert (result.outcome, result.exit_status) == ("failed", 5)
    assert held(system) == [{}, {"A": "1"}, {"B": "2"}]
    assert len(result.messages) == 1


def test_a_value_that_somebody_changed_by_hand_is_set_right() -> None:
    system = with_env()
    system.sinks["app"][0].held["KEY"] = "by hand"
    plan = system.ask("envkeeper", "plan")
    assert plan.findings[0]["drifted"] == ["KEY"]
    assert system.ask("envkeeper", "sync").outcome == "done"
    assert system.sinks["app"][0].held == {"KEY": "good"}


def test_a_hands_change_that_is_only_reported_stays_until_something_is_written() -> None:
    plan = config({"web": service()}, env={"app": ("web",)})
    plan.env["app"] = replace(plan.env["app"], drift="report")
    system = memory_system(plan, values={"app": {"KEY": "good"}})
    system.start()
    system.ask("envkeeper", "sync")
    sink = system.sinks["app"][0]
    sink.held["KEY"] = "by hand"
    for action in ("plan", "sync", "sync"):
        result = system.ask("envkeeper", action)
        assert (result.outcome, result.messages, sink.held) == ("unchanged", [], {"KEY": "by hand"})
        (warning,) = result.findings[0]["warnings"]
        assert (warning["name"], warning["rule"]) == ("KEY", "drift")
        assert "changed by hand" in warning["text"]
        assert result.findings[0]["drifted"] == ["KEY"]
    system.values["app"].put("OTHER", "new")
    assert system.ask("envkeeper", "sync").outcome == "done"
    assert sink.held == {"KEY": "good", "OTHER": "new"}
    assert system.ask("envkeeper", "sync").findings[0]["warnings"] == []


def test_a_sync_that_was_overtaken_overwrites_nothing() -> None:
    system = with_env()
    system.values["app"].put("KEY", "older")
    sink, lease = system.sinks["app"][0], system.lock.lease

    def meanwhile(name: str, seconds: float) -> AbstractContextManager[None]:
        if sink.held == {"KEY": "good"}:
            sink.write({"KEY": Versioned(value=SecretValue("newest"), version="9")})
        return lease(name, seconds)

    system.lock.lease = meanwhile  # type: ignore[method-assign]
    assert system.again().ask("envkeeper", "sync").outcome == "deferred"
    assert sink.held == {"KEY": "newest"}


@pytest.mark.parametrize("call", ["state", "read_back"])
def test_one_sink_that_cannot_be_looked_at_hides_no_other(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    system = two({"app": {"A": "1", "K": "k"}, "db": {"B": "2"}}, require=("A",))
    system.ask("envkeeper", "sync")
    system.values["app"].put("A", "3")
    system.values["db"].put("B", "4")
    lost, other = system.sinks["app"]

    def away() -> NoReturn:
        raise TemporaryError("the cluster is away")

    monkeypatch.setattr(lost, call, away)
    plan = system.ask("envkeeper", "plan")
    assert (plan.outcome, "the cluster is away" in plan.summary) == ("deferred", True)
    assert all("plan" not in one for one in plan.findings), "a part of a plan is none"
    result = system.ask("envkeeper", "sync")
    assert (result.outcome, "the cluster is away" in result.summary) == ("deferred", True)
    assert (lost.held["A"], other.held["A"], system.sinks["db"][0].held["B"]) == ("1", "3", "4")
    monkeypatch.undo()
    assert system.ask("envkeeper", "sync").outcome == "done"
    assert lost.held["A"] == "3"


def test_an_entry_of_which_no_sink_can_be_looked_at_is_told_as_that_and_not_as_mistakes() -> None:
    system = two(require=("A",))
    for sink in system.sinks["app"]:
        sink.error = PermanentError("the cluster is gone")
    result = system.ask("envkeeper", "sync", entry="app")
    assert (result.outcome, result.summary) == ("failed", "the cluster is gone")
    assert system.values["app"].accessed == []


def test_a_restore_goes_back_once_and_never_to_what_was_put_back_before() -> None:
    system = with_env()
    system.values["app"].put("KEY", "bad")
    system.ask("envkeeper", "sync")
    assert system.ask("envkeeper", "restore", service="web").outcome == "done"
    assert system.sinks["app"][0].held == {"KEY": "good"}
    again = system.ask("envkeeper", "restore", service="web")
    assert (again.outcome, again.exit_status) == ("refused", 3)
    assert system.sinks["app"][0].held == {"KEY": "good"}
    assert system.ask("envkeeper", "sync").outcome == "refused"
    assert system.ask("envkeeper", "restore", service="nobody").exit_status in (2, 3)


def test_no_form_of_a_value_is_in_anything_that_anybody_sees(caplog: pytest.LogCaptureFixture) -> None:
    system = two(
        {"app": {"A": "old-" + SECRET, "PORT": "80"}, "db": {"B": SECRET}},
        rules={"PORT": Rule(type_="integer")},
    )
    results = [system.ask("envkeeper", action) for action in ("plan", "validate", "sync", "plan")]
    system.values["app"].put("A", SECRET)
    results += [system.ask("envkeeper", "sync"), system.ask("envkeeper", "restore", service="web")]
    system.values["app"].put("PORT", SECRET)
    results += [system.ask("envkeeper", action) for action in ("validate", "sync", "plan")]
    system.sinks["app"][0].refuses = frozenset({"A"})
    results += [system.ask("envkeeper", "sync")]
    for _ in range(3):
        system.round()
    seen = [json.dumps(one.to_json()) for one in results]
    seen += [json.dumps(one.to_json()) for one in system.journal.read()]
    seen += [json.dumps(one.message.to_json()) for one in system.bus.list()]
    seen += [
        json.dumps(system.journal.states("")),
        json.dumps([one.to_json() for one in system.dreams.search()]),
    ]
    seen += [*system.reporter.lines, caplog.text, repr(results), repr(system.journal.read())]
    assert {system.reporter.hide(form) for form in SecretValue(SECRET).forms()} == {"***"}
    forms = SecretValue(SECRET).forms() | SecretValue("old-" + SECRET).forms()
    leaks = [form for form in forms for one in seen if form in one]
    assert leaks == []
    assert any(SECRET in sink.values() for sink in held(system))


@pytest.mark.parametrize("action", ["plan", "sync", "validate"])
def test_where_nothing_is_configured_there_is_nothing_to_do(action: str) -> None:
    system = memory_system(config({"web": service()}))
    result = system.ask("envkeeper", action)
    assert (result.outcome, result.summary) == ("unchanged", "No env entry is configured; nothing to do.")
    named = system.ask("envkeeper", action, source="gcp-secret-manager")
    assert named.outcome == "refused"
