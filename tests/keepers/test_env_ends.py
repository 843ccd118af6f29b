"""Certificates and tokens that end while nothing changes: a sync knows, and reads no value for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.domain.spec.validation import Rule
from dreamnet_actions.testing.memory.system import MemorySystem, memory_system
from tests.keepers.homes import config, service
from tests.unit.domain.pems import token

DAY = 86_400.0


def system(days: float | None, *, rule: Rule | None = None) -> MemorySystem:
    """A token that ends in so many days, and something else; synced once."""
    plan = config({"web": service()}, env={"app": ("web", None)})
    plan.env["app"] = replace(
        plan.env["app"], rules={"TOKEN": rule or Rule(type_="jwt", expires_after=3 * DAY)}
    )
    made = memory_system(plan, values={"app": {"OTHER": "x"}})
    made.values["app"].put("TOKEN", until(made, days))
    assert made.ask("envkeeper", "sync").outcome == "done"
    made.values["app"].accessed.clear()
    return made


def until(system: MemorySystem, days: float | None) -> str:
    return token({} if days is None else {"exp": system.clock.now() + days * DAY})


def told(result: AgentResult) -> set[str]:
    return {str(one["text"]) for found in result.findings for one in found["warnings"]}


def looked(made: MemorySystem, action: str = "sync", **more: Any) -> tuple[str, set[str]]:
    result = made.ask("envkeeper", action, **more)
    return result.outcome, told(result)


def test_what_ends_while_nothing_changes_is_told_without_reading_it() -> None:
    made = system(10)
    assert looked(made) == ("unchanged", set())
    made.clock.advance(8 * DAY)
    soon = {"TOKEN is a jwt that expires in 2d; it must be valid for 3d."}
    assert looked(made) == looked(made, "plan") == ("unchanged", soon)
    made.clock.advance(3 * DAY)
    assert looked(made) == ("unchanged", {"TOKEN is a jwt that expired 1d ago."})
    assert made.values["app"].accessed == []


def test_one_that_was_renewed_is_told_of_no_more_and_one_that_came_back_is() -> None:
    made = system(10)
    made.clock.advance(6 * DAY)
    made.values["app"].put("TOKEN", until(made, 30))
    assert looked(made) == ("done", set())
    made.clock.advance(5 * DAY)
    assert looked(made) == ("unchanged", set())
    back = made.ask("envkeeper", "restore", entry="app")
    assert (back.outcome, told(back)) == ("done", {"TOKEN is a jwt that expired 1d ago."})


def test_what_does_not_end_or_has_no_such_rule_is_noted_nowhere() -> None:
    for made in (system(None), system(10, rule=Rule(min_length=3))):
        made.clock.advance(100 * DAY)
        assert looked(made) == ("unchanged", set())
        assert not any(made.journal.states("ends/").values())


def test_a_rule_that_came_later_is_told_of_what_is_known() -> None:
    made = system(10, rule=Rule(type_="jwt"))
    made.clock.advance(8 * DAY)
    assert looked(made) == ("unchanged", set())
    made.config.env["app"] = replace(
        made.config.env["app"], rules={"TOKEN": Rule(type_="jwt", expires_after=14 * DAY)}
    )
    assert looked(made.again())[1] == {"TOKEN is a jwt that expires in 2d; it must be valid for 14d."}
