"""Auto-scaling: high load up at once, low load down after the quiet, never for a metric that nobody could read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from dreamnet_actions.domain.constraints import Budget, Constraints, Scaler
from dreamnet_actions.domain.health import Report
from dreamnet_actions.domain.release import Snapshot, Traffic
from dreamnet_actions.domain.spec.metrics import MeasuredCheck
from dreamnet_actions.domain.spec.models import Check, Thresholds
from dreamnet_actions.domain.spec.scale import Fallback, Pace, Scale, Step
from dreamnet_actions.errors import TemporaryError
from dreamnet_actions.keepers.dreamkeeper.windows import USED
from dreamnet_actions.ports.probe import Look
from dreamnet_actions.testing.memory.platform import MemoryPlatform
from dreamnet_actions.testing.memory.probe import ScriptedProbe
from dreamnet_actions.testing.memory.system import MemorySystem, memory_system
from tests.keepers.homes import config, facts, home, scaled
from tests.keepers.test_maintenance import Board, stamp, window


class Busy(MemoryPlatform):
    """A platform whose load is told, in requests a second."""

    load = 0.0

    def observe(self) -> Snapshot:
        seen = super().observe()
        return replace(
            seen,
            services={
                name: replace(one, stable=replace(one.stable, traffic=Traffic(per_second=self.load)))
                for name, one in seen.services.items()
            },
        )


def busy(low: int = 1, high: int = 5) -> tuple[MemorySystem, Busy]:
    system = memory_system(config({"web": scaled(low, high)}))
    platform = Busy("local", clock=system.clock, starts_in=0.5)
    system.platforms["local"] = platform
    system.again().start()
    system.clock.advance(1.0)
    return system, platform


def replicas(system: MemorySystem) -> int:
    state = system.state("web")
    assert state is not None
    assert state.stable.settled
    return state.stable.desired


def test_up_with_the_load_and_down_when_it_is_gone_for_long_enough() -> None:
    system, platform = busy()
    platform.load = 350.0
    system.round(pause=15.0)
    assert replicas(system) == 4
    platform.load = 20.0
    seen = []
    for _ in range(8):
        system.round(pause=15.0)
        seen.append(replicas(system))
    assert seen[:3] == [4, 4, 4]
    assert seen[-1] == 1
    scaled_facts = facts(system, "scaled")
    assert [(one["before"], one["after"]) for one in scaled_facts] == [(1, 4), (4, 1)]
    assert system.dreams.search() == []
    assert {one.state for one in system.bus.list()} == {"done"}


def test_more_than_the_maximum_carries_is_scaled_to_it_and_filed_as_degraded() -> None:
    system, platform = busy(high=3)
    platform.load = 900.0
    for _ in range(3):
        system.round(pause=15.0)
    assert replicas(system) == 3
    dream = system.dreams.find("local/web")
    assert dream is not None
    assert (dream.state, dream.health, dream.cause) == ("open", "degraded", "overload")
    platform.load = 200.0
    system.round(pause=15.0)
    assert system.dreams.get(dream.number).state == "resolved"


def test_a_load_that_nobody_could_read_changes_nothing() -> None:
    system, platform = busy()
    platform.load = 350.0
    system.round(pause=15.0)
    platform.fail_observe(TemporaryError("away"))
    for _ in range(10):
        system.round(pause=30.0)
    platform.fail_observe(None)
    platform.load = 0.0
    assert replicas(system) == 4
    system.round(pause=1.0)
    assert replicas(system) == 4  # the silence was no low load


def test_a_failing_service_is_not_scaled_down_for_the_clients_that_it_lost() -> None:
    system, platform = busy()
    platform.load = 350.0
    system.round(pause=15.0)
    platform.load = 0.0
    system.sick[platform._known["web"].stable.release.version] = "HTTP 500"
    for _ in range(10):
        system.ask("dreamkeeper", "check", service="web")
        system.clock.advance(30.0)
    assert facts(system, "scaled")[-1]["after"] == 4


def test_a_dry_run_shows_the_replicas_and_keeps_no_history() -> None:
    system, platform = busy()
    platform.load = 350.0
    raw = {"agent": "dreamkeeper", "input": {"action": "check", "service": "web"}, "dry_run": True}
    system.submit(raw)
    assert system.journal.states("scale/") == {}
    assert replicas(system) == 1


def test_a_scale_up_as_a_remedy_adds_to_what_runs_now() -> None:
    system, platform = busy(high=5)
    platform.scale("web", 3)
    system.sick[platform._known["web"].stable.release.version] = "too slow"
    system.ask("dreamkeeper", "check", service="web")
    system.pipe.drain()
    system.ask("dreamkeeper", "reopen", dream="1")
    assert system.ask("dreamkeeper", "heal", dream="1", remedy="scale-up").exit_status in (0, 4)
    sent = [one.message.data for one in system.bus.list() if "scale-up" in one.message.name]
    assert [one["replicas"] for one in sent] == [4]


def test_more_load_than_it_should_carry_is_no_reason_to_take_a_release_back() -> None:
    system, platform = busy(high=1)
    platform.load = 900.0
    assert system.ask("deploykeeper", "verify", service="web").verdict == "degraded"
    platform.remove("web")
    assert system.ask("deploykeeper", "deploy", service="web").verdict == "deployed"


@pytest.mark.parametrize(("replicas", "status"), [(-1, 3), (1001, 3), (0, 0), (4, 0)])
def test_scale_has_bounds(replicas: int, status: int) -> None:
    system = home()
    result = system.ask("deploykeeper", "scale", service="web", replicas=replicas)
    assert result.exit_status == status
    state = system.state("web")
    assert state is not None
    assert state.stable.ready == (replicas if status == 0 else 1)


def test_a_message_may_not_scale_past_the_configured_bounds_and_a_person_may() -> None:
    system = home(web=scaled(2, 4, thresholds=Thresholds(failures=2)))
    raw = {"agent": "deploykeeper", "input": {"action": "scale", "service": "web", "replicas": 9}}
    assert system.submit({**raw, "id": "m", "correlation_id": "dream-1-0"}).exit_status == 4
    assert system.submit(raw).outcome == "done"
    assert system.submit(raw).outcome == "unchanged"


def test_within_a_maintenance_window_replicas_stay_unless_it_says_otherwise() -> None:
    system, platform = busy()
    window(system, 600.0)
    platform.load = 350.0
    result = system.ask("dreamkeeper", "check", service="web")
    system.pipe.drain()
    assert replicas(system) == 1
    assert "it is not scaled under maintenance" in result.findings[0]["because"]
    window(system, 600.0, services=("other",))
    system.round(pause=1.0)
    assert replicas(system) == 4
    platform.load = 500.0
    window(system, 600.0, scaling=True)
    system.round(pause=1.0)
    assert replicas(system) == 5


def test_a_notice_of_maintenance_holds_replicas_too() -> None:
    system, platform = busy()
    system.journal.set_state(USED, True)
    system.notices = Board(f"```\nuntil: {stamp(system.clock.now() + 600.0)}\n```")
    system.again()
    platform.load = 350.0
    system.round(pause=601.0)
    assert replicas(system) == 1
    system.round(pause=1.0)
    assert replicas(system) == 4


# ── Loads that a source of metrics answers ───────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Asked(MeasuredCheck):
    """A check that a source answers, as an adapter's family has it."""

    ask: str = "load"

    @property
    def expression(self) -> str:
        return self.ask


class Source:
    """What a probe of a source of metrics says, check by check; None is no data."""

    def __init__(self, **values: float | None) -> None:
        self.values = values

    def __call__(self, look: Look) -> Report | None:
        if look.name not in self.values:
            return None
        value = self.values[look.name]
        known: dict[str, Any] = (
            {"status": "passed", "value": value} if value is not None else {"status": "unknown"}
        )
        return Report(service=look.service, check=look.name, **known)


def measured(**checks: Scale) -> tuple[MemorySystem, Source]:
    spec = replace(scaled(1, 5), checks={name: Asked(scale=one) for name, one in checks.items()})
    system = memory_system(config({"web": spec}))
    source = Source(**dict.fromkeys(checks, 0.0))
    system.probe = ScriptedProbe((Check,), source)
    system.again().start()
    system.clock.advance(1.0)
    return system, source


SHORT = Scale(target=100, max=5, down_after=60.0)


def test_a_source_that_is_away_scales_nothing_down_and_opens_no_dream() -> None:
    system, source = measured(load=SHORT)
    source.values["load"] = 350.0
    system.round(pause=15.0)
    assert replicas(system) == 4
    source.values["load"] = None
    for _ in range(20):
        system.round(pause=15.0)
    assert replicas(system) == 4
    assert system.dreams.search() == []
    source.values["load"] = 20.0
    for _ in range(7):
        system.round(pause=15.0)
    assert replicas(system) == 1


def test_who_looks_by_a_schedule_scales_down_once_two_looks_agree() -> None:
    """Half an hour between looks is more than any window; a look without an answer is none of the two."""
    system, source = measured(load=SHORT)
    for load, wanted in ((350.0, 4), (20.0, 4), (None, 4), (20.0, 4), (20.0, 1)):
        source.values["load"] = load
        system.round(pause=1800.0)
        assert replicas(system) == wanted, load


def test_the_fallback_runs_while_the_load_is_unknown_and_takes_nobody_away() -> None:
    system, source = measured(load=replace(SHORT, fallback=Fallback(replicas=3, failures=2)))
    source.values["load"] = None
    system.round(pause=15.0)
    assert replicas(system) == 1
    system.round(pause=15.0)
    assert replicas(system) == 3
    source.values["load"] = 450.0
    system.round(pause=15.0)
    assert replicas(system) == 5
    source.values["load"] = None
    for _ in range(4):
        system.round(pause=15.0)
    assert replicas(system) == 5


def test_of_two_loads_the_higher_decides_and_a_missing_one_holds() -> None:
    system, source = measured(one=SHORT, two=SHORT)
    source.values |= {"one": 150.0, "two": 350.0}
    system.round(pause=15.0)
    assert replicas(system) == 4
    source.values |= {"one": 20.0, "two": None}
    for _ in range(8):
        system.round(pause=15.0)
    assert replicas(system) == 4
    source.values |= {"one": 450.0}
    system.round(pause=15.0)
    assert replicas(system) == 5


def test_the_pace_counts_what_was_scaled_already() -> None:
    pace = Pace(by=(Step(pods=1, per=60.0),))
    system, source = measured(load=replace(SHORT, up=pace, down=Pace(select="off")))
    source.values["load"] = 450.0
    seen = []
    for _ in range(9):
        system.round(pause=20.0)
        seen.append(replicas(system))
    assert seen == sorted(seen)
    assert seen[:3] == [2, 2, 2]
    assert seen[-1] in (3, 4)
    source.values["load"] = 0.0
    for _ in range(9):
        system.round(pause=20.0)
    assert replicas(system) == seen[-1]


def test_nothing_runs_without_load_once_it_has_cooled_down_and_the_first_load_starts_it() -> None:
    system, source = measured(load=replace(SHORT, min=0, down_after=0.0, cool_down=120.0))
    for _ in range(6):
        system.round(pause=30.0)
    assert replicas(system) == 0
    source.values["load"] = 250.0
    system.round(pause=30.0)
    assert replicas(system) == 3


def test_a_service_that_somebody_scaled_to_none_is_left_alone() -> None:
    system, source = measured(load=SHORT)
    system.ask("deploykeeper", "scale", service="web", replicas=0)
    source.values["load"] = 450.0
    system.round(pause=30.0)
    assert replicas(system) == 0


def test_who_decides_the_number_is_not_fought_by_load_and_is_told_by_a_person() -> None:
    system, source = measured(load=SHORT)
    platform = system.platforms["local"]
    platform.constrained["web"] = Constraints(scaler=Scaler(kind="HPA", name="web", low=1, high=3))
    source.values["load"] = 450.0
    assert "the HPA web decides" in system.ask("dreamkeeper", "check", service="web").findings[0]["because"]
    planned = system.submit(
        {
            "agent": "deploykeeper",
            "input": {"action": "scale", "service": "web", "replicas": 4},
            "dry_run": True,
        }
    )
    assert "from 1–3 to 4–4" in planned.summary
    done = system.ask("deploykeeper", "scale", service="web", replicas=4)
    assert (done.outcome, replicas(system)) == ("done", 4)
    assert "bounds of the HPA web are 4–4 (were 1–3)" in done.summary
    assert system.ask("deploykeeper", "scale", service="web", replicas=4).outcome == "unchanged"
    fewer = system.ask("deploykeeper", "scale", service="web", replicas=2)
    assert "are 2–4" in fewer.summary
    assert replicas(system) == 4  # the scaler takes them away, once it wants to
    owned = Scaler(kind="ScaledObject", name="web", low=1, high=3, refused="Change the ScaledObject web.")
    platform.constrained["web"] = Constraints(scaler=owned)
    refused = system.ask("deploykeeper", "scale", service="web", replicas=2)
    assert refused.exit_status == 5
    assert refused.error is not None
    assert refused.error["hint"] == "Change the ScaledObject web."


def test_a_message_keeps_a_disruption_budget_and_a_restart_that_would_break_one_is_refused() -> None:
    system, _ = measured(load=SHORT)
    system.ask("deploykeeper", "scale", service="web", replicas=3)
    budget = Constraints(budget=Budget(name="floor", least=2), restart="the budget floor wants 2")
    system.platforms["local"].constrained["web"] = budget
    raw = {"agent": "deploykeeper", "input": {"action": "scale", "service": "web", "replicas": 1}}
    told = system.submit({**raw, "id": "m", "correlation_id": "dream-1-0"})
    assert (told.exit_status, replicas(system)) == (4, 3)
    assert "floor wants 2 healthy replicas" in told.summary
    refused = system.ask("deploykeeper", "restart", service="web")
    assert refused.exit_status == 4
    assert "is not restarted: the budget floor wants 2" in refused.summary
    assert ("restart", "web") not in system.platforms["local"].calls
    assert system.submit(raw).outcome == "done"


def test_what_does_not_get_ready_is_not_left_hanging_and_what_did_stays() -> None:
    system, _ = measured(load=SHORT)
    platform = system.platforms["local"]
    platform.room["web"] = 3
    result = system.ask("deploykeeper", "scale", service="web", replicas=5)
    assert result.exit_status == 5
    assert "3 serve (had 1)" in result.summary
    assert replicas(system) == 3
    assert facts(system, "scaled")[-1]["after"] == 3
    platform.break_release(platform.observe().services["web"].stable.release.version)
    platform.room.clear()
    result = system.ask("deploykeeper", "scale", service="web", replicas=5)
    assert "3 serve (had 3)" in result.summary
    assert replicas(system) == 3
