"""``dreamnet-health`` in a home that is hosted: workflows, runs, budget, drift, and keeping schedules alive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dreamnet_actions.domain.schedule import Schedule, Tick, next_hour
from dreamnet_actions.errors import PermanentError, TemporaryError
from dreamnet_actions.keepers.dreamkeeper.hosted import House
from dreamnet_actions.keepers.dreamkeeper.windows import USED
from dreamnet_actions.ports.hosting import Hosted, HostedRun, HostedWorkflow
from dreamnet_actions.testing.memory.delivery import MemorySource
from dreamnet_actions.testing.memory.hosting import MemoryHosting
from dreamnet_actions.testing.memory.system import MemorySystem
from tests.keepers.homes import home, released
from tests.keepers.test_maintenance import Board

HEALTH = {"agent": "dreamkeeper", "input": {"check": "dreamnet-health", "target": "self"}}
DREAM, RELAY = ".github/workflows/dreamnet-dream.yml", ".github/workflows/dreamnet-relay.yml"
DAY = 86400.0


def hosted(*, private: bool = False, **more: Any) -> tuple[MemorySystem, MemoryHosting]:
    """A system with one released service at a host where everything is well."""
    system = home(web=released(**more))
    hosting = MemoryHosting(
        hosted=Hosted(name="octocat/shop", default_branch="main", private=private),
        known=[HostedWorkflow(path=path, name=path, state="active") for path in (DREAM, RELAY)],
        files={DREAM: "on: {schedule: [{cron: '0 * * * *'}]}"},
        left=(1000, 900, system.clock.now() + 1800.0),
    )
    source = system.sources["web"]
    source.commit({"app": "1"}, "first", at=system.clock.now())
    system.house = House(hosting=hosting, source=source, released=frozenset({"web"}))
    return system.again(), hosting


def health(system: MemorySystem) -> dict[str, tuple[str, str]]:
    """Ask for the checks; answer each one's status and detail by name."""
    result = system.submit(HEALTH)
    reports = [one for finding in result.findings for one in finding.get("checks", ())]
    return {one["check"]: (one["status"], one["detail"]) for one in reports}


def dreams(system: MemorySystem) -> dict[str, str]:
    return {one.key: one.state for one in system.dreams.search() if not one.ended}


def ran(*conclusions: str | None) -> list[HostedRun]:
    return [
        HostedRun(workflow=DREAM, event="schedule", conclusion=one, began=0.0, url="https://example.com/1")
        for one in conclusions
    ]


def ticked(system: MemorySystem, cron: str = "0 * * * *") -> Schedule:
    """Let the schedule have come just now."""
    now = system.clock.now()
    of = Schedule(DREAM, cron).after(Tick(now // 3600 * 3600, now, 1))
    system.journal.set_state(of.key, of.to_json())
    return of


def test_all_is_well_and_the_cost_is_told() -> None:
    system, hosting = hosted()
    found = health(system)
    assert {"config", "workflows", "runs", "drift", "limits"} <= set(found)
    assert {status for status, _ in found.values()} == {"passed"}
    assert (
        found["limits"][1]
        == f"900 of 1000 requests of this hour are left; this look took {hosting.calls} requests."
    )
    assert dreams(system) == {}


def test_the_host_is_asked_once_an_hour_by_the_rounds_and_always_by_a_person() -> None:
    system, hosting = hosted()
    system.clock.advance(next_hour(system.clock.now()) - system.clock.now())
    for _ in range(12):
        system.round(pause=299.0)
    once = hosting.calls
    health(system)
    assert hosting.calls == 2 * once
    system.clock.advance(1800.0)
    system.round()
    system.round()
    assert hosting.calls == 3 * once


def switched_off(hosting: MemoryHosting) -> None:
    hosting.known[0] = HostedWorkflow(path=DREAM, name="d", state="disabled_inactivity")


def without_relay(hosting: MemoryHosting) -> None:
    del hosting.known[1]


def failing_runs(hosting: MemoryHosting) -> None:
    hosting.past = ran(None, "failure", "timed_out", "failure", "success")


def no_start(hosting: MemoryHosting) -> None:
    hosting.past = ran("startup_failure", "success")


def spent(hosting: MemoryHosting) -> None:
    hosting.left = (1000, 149, 0.0)


@pytest.mark.parametrize(
    ("harm", "check", "said"),
    [
        (switched_off, "workflows", "gh workflow enable dreamnet-dream.yml"),
        (without_relay, "workflows", "dreamnet init"),
        (failing_runs, "runs", "https://example.com/1"),
        (no_start, "runs", "dreamnet-dream.yml"),
        (spent, "limits", "149 of 1000"),
    ],
)
def test_what_is_wrong_is_a_dream_of_its_own_until_it_is_right_again(
    harm: Callable[[MemoryHosting], None], check: str, said: str
) -> None:
    system, hosting = hosted()
    well = dict(vars(hosting), known=list(hosting.known))
    harm(hosting)
    status, detail = health(system)[check]
    assert status == "degraded"
    assert said in detail
    assert dreams(system) == {f"self/{check}": "open"}
    vars(hosting).update(well)
    health(system)
    assert dreams(system) == {}


def test_the_configuration_of_the_default_branch_is_judged() -> None:
    system, hosting = hosted()
    assert system.house is not None
    judge = lambda text: "" if text == "good" else f"1 mistake: {text}"  # noqa: E731
    system.house = replace(system.house, config="dreamnet.yml", judge=judge)
    system.again()
    assert health(system)["config"] == (
        "degraded", "There is no dreamnet.yml on main: the next run there finds no configuration.",
    )  # fmt: skip
    hosting.files["dreamnet.yml"] = "bad"
    status, detail = health(system)["config"]
    assert (status, "dreamnet.yml on main: 1 mistake: bad" in detail) == ("degraded", True)
    assert dreams(system) == {"self/config": "open"}
    hosting.files["dreamnet.yml"] = "good"
    assert health(system)["config"][0] == "passed"
    assert dreams(system) == {}


def test_single_failures_and_runs_of_others_are_no_fault() -> None:
    system, hosting = hosted()
    other = HostedRun(workflow=".github/workflows/ci.yml", event="push", conclusion="failure", began=0.0)
    hosting.past = [*ran("failure", "failure", "success"), other, other, other]
    assert health(system)["runs"][0] == "passed"


def test_what_the_token_may_not_see_is_no_fault() -> None:
    system, hosting = hosted()
    hosting.reach["actions"] = "none"
    found = health(system)
    assert found["runs"][0] == found["workflows"][0] == "passed"
    assert "Not seen with this token" in found["runs"][1]
    assert dreams(system) == {}


def test_a_host_that_does_not_answer_proves_nothing_and_hides_nothing() -> None:
    system, hosting = hosted()
    hosting.error = TemporaryError("502")
    found = health(system)
    assert found["workflows"] == ("unknown", "502")
    assert found["journal"][0] == found["drift"][0] == "passed"
    assert dreams(system) == {}


def test_an_error_of_ours_is_the_checks_own_and_never_a_services() -> None:
    system, hosting = hosted()
    hosting.error = PermanentError("nonsense")
    system.ask("dreamkeeper", "check")
    assert set(dreams(system)) == {"self/workflows", "self/runs"}


def test_the_first_notice_is_found_by_the_hourly_look_and_a_wrong_one_is_told() -> None:
    system, _ = hosted()
    board = Board()
    system.notices = board
    system.house = replace(system.house, notices=board)  # type: ignore[type-var]
    system.again()
    assert health(system)["maintenance"][0] == "passed"
    assert system.journal.state(USED)[0] is None
    board.texts.append("```\nuntil: soon\n```")
    assert "#1 is no maintenance window" in health(system)["maintenance"][1]
    assert system.journal.state(USED)[0] is True
    assert dreams(system) == {"self/maintenance": "open"}
    board.texts[:] = ["```\nuntil: 2100-01-01T00:00\n```"]
    health(system)
    assert dreams(system) == {}


# ── drift ─────────────────────────────────────────────────────────────────────────────────────────────────


def deployed(system: MemorySystem) -> MemorySource:
    """Let the branch's head run; answer the source."""
    system.ask("deploykeeper", "deploy", service="web")
    system.pipe.drain()
    source = system.sources["web"]
    assert system.state("web").stable.release.revision == source.resolve("main").revision  # type: ignore[union-attr]
    return source


def test_a_commit_that_was_left_behind_is_told() -> None:
    system, _ = hosted()
    source = deployed(system)
    assert health(system)["drift"][0] == "passed"
    source.commit({"app": "2"}, "second", at=system.clock.now())
    assert health(system)["drift"][0] == "passed"  # its run may still come
    system.clock.advance(1000.0)
    status, detail = health(system)["drift"]
    assert status == "degraded"
    assert source.resolve("main").revision[:7] in detail
    assert set(dreams(system)) == {"self/drift"}
    deployed(system)
    health(system)
    assert dreams(system) == {}


def test_a_commit_that_is_held_or_on_its_way_is_no_drift() -> None:
    system, _ = hosted()
    source = deployed(system)
    head = source.commit({"app": "2"}, "second", at=system.clock.now())
    system.clock.advance(1000.0)
    system.journal.set_state(f"held/local/web/git:{head}", {"at": 0.0, "why": "it failed"})
    assert health(system)["drift"][0] == "passed"
    system.journal.set_state(f"held/local/web/git:{head}", None)
    assert health(system)["drift"][0] == "degraded"
    system.journal.set_state("rollout/local/web", {"phase": "out", "version": f"git:{head}", "request": "r"})
    assert health(system)["drift"][0] == "passed"


# ── keeping schedules alive ───────────────────────────────────────────────────────────────────────────────


def test_before_schedules_stop_they_are_switched_on_anew_once_a_day() -> None:
    system, hosting = hosted()
    ticked(system)
    system.clock.advance(44 * DAY)
    ticked(system)
    health(system)
    assert hosting.enabled_since == []
    for _ in range(3):
        system.clock.advance(DAY)
        ticked(system)
        assert health(system)["ticks"][0] == "passed"
        health(system)
    assert hosting.enabled_since == [DREAM] * 3


def test_a_token_that_may_not_leaves_the_command_in_the_schedules_dream() -> None:
    system, hosting = hosted()
    hosting.switches = False
    system.clock.advance(46 * DAY)
    ticked(system)
    health(system)
    system.ask("dreamkeeper", "check", check="ticks", target="self")
    (dream,) = [one for one in system.dreams.search() if not one.ended]
    assert dream.key == "self/ticks"
    assert "46d old" in dream.evidence[0].detail
    assert "gh workflow enable dreamnet-dream.yml" in dream.evidence[0].detail
    system.sources["web"].commit({"app": "2"}, "second", at=system.clock.now())
    health(system)
    assert dreams(system) == {}


def test_private_repositories_are_never_stopped() -> None:
    system, hosting = hosted(private=True)
    system.clock.advance(100 * DAY)
    ticked(system)
    health(system)
    assert hosting.enabled_since == []


def test_a_schedule_that_a_commit_took_away_is_forgotten() -> None:
    system, hosting = hosted()
    of = ticked(system)
    former = ticked(system, cron="7 5 * * *")
    system.clock.advance(2 * DAY)
    hosting.files[DREAM] = "on:\n  schedule:\n    - cron: '0  *  * * *'\n"
    health(system)
    assert system.journal.state(former.key)[0] is None
    assert system.journal.state(of.key)[0] is not None
    assert set(dreams(system)) == {"self/ticks"}
