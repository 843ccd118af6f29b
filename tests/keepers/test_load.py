"""Auto-scaling: high load up at once, low load down after the quiet, never for a metric that nobody could read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dreamnet_actions.domain.release import Snapshot, Traffic
from dreamnet_actions.domain.spec.models import Thresholds
from dreamnet_actions.errors import TemporaryError
from dreamnet_actions.keepers.dreamkeeper.windows import USED
from dreamnet_actions.testing.memory.platform import MemoryPlatform
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
