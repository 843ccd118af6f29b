"""What people say about dreams, and what they mistype."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace

import pytest

from dreamnet_actions.domain.dream import DreamState
from dreamnet_actions.domain.spec.models import Heal
from dreamnet_actions.errors import TemporaryError
from dreamnet_actions.testing.memory.system import MemorySystem
from tests.keepers.homes import facts, home, service
from tests.keepers.test_healing import dream, remedies


def ill(**heal: object) -> MemorySystem:
    system = home(web=service(heal=Heal(recover_within=10.0, **heal)))  # type: ignore[arg-type]
    system.platforms["local"].kill("web")
    system.ask("dreamkeeper", "check", service="web")
    return system


def test_a_snooze_is_kept_to_extended_and_over() -> None:
    system = ill(steps=())
    assert system.ask("dreamkeeper", "snooze", dream="#1", **{"for": "1h"}).outcome == "done"
    system.clock.advance(1800.0)
    assert system.ask("dreamkeeper", "snooze", dream="local/web", **{"for": "1h"}).outcome == "done"
    until = dream(system).until
    assert until == system.clock.now() + 3600
    system.clock.advance(3599.0)
    result = system.ask("dreamkeeper", "check", service="web")
    assert result.findings[0]["decision"] == "left-alone"
    assert remedies(system) == []


def test_after_a_snooze_healing_goes_on() -> None:
    system = ill()
    system.ask("dreamkeeper", "snooze", dream="1", **{"for": "10m"})
    system.clock.advance(601.0)
    system.ask("dreamkeeper", "check", service="web")
    assert dream(system).state == "healing"
    for _ in range(3):
        system.round()
    assert dream(system).state == "resolved"


def test_wont_fix_is_respected_until_it_is_opened_again() -> None:
    system = ill()
    system.ask("dreamkeeper", "wont-fix", dream="1", reason="it is old")
    system.pipe.drain()
    system.platforms["local"].kill("web")
    for _ in range(5):
        system.round()
    assert (dream(system).state, len(system.dreams.search())) == ("wont-fix", 1)
    system.ask("dreamkeeper", "reopen", dream="1")
    for _ in range(3):
        system.round(pause=60.0)
    assert (dream(system).state, dream(system).flaps) == ("resolved", 1)


def test_reopened_after_needing_a_human_every_remedy_is_there_again() -> None:
    system = ill(cool_down=0.0)
    system.sick[system.platforms["local"]._known["web"].stable.release.version] = "HTTP 500"
    for _ in range(4):
        system.round(pause=60.0)
    assert dream(system).state == "needs-human"
    tried = len(remedies(system))
    system.sick.clear()
    system.platforms["local"].kill("web")
    system.ask("dreamkeeper", "reopen", dream="1", reason="I mended it")
    system.round()
    assert dream(system).state == "resolved"
    assert len(remedies(system)) == tried + 1


def test_heal_now_passes_the_cool_down_and_keeps_the_budget() -> None:
    system = ill(cool_down=600.0, tries_per_hour=2)
    system.pipe.drain()
    system.platforms["local"].kill("web")
    system.ask("dreamkeeper", "check", service="web")
    assert dream(system).state == "open"
    assert "cooling down" in dream(system).because
    assert system.ask("dreamkeeper", "heal", dream="1").outcome == "done"
    system.pipe.drain()
    system.platforms["local"].kill("web")
    system.ask("dreamkeeper", "check", service="web")
    for given in ({}, {"remedy": "restart"}):
        refused = system.ask("dreamkeeper", "heal", dream="1", **given)
        assert (refused.outcome, refused.exit_status, refused.http_status) == ("refused", 4, 409)
    assert len(remedies(system)) == 2


def test_heal_again_while_it_is_under_way_is_the_same_heal() -> None:
    system = ill()
    again = system.ask("dreamkeeper", "heal", dream="1")
    assert (again.outcome, again.messages) == ("done", ["dream-1-0-1"])
    assert system.ask("dreamkeeper", "heal", dream="1", remedy="restart").messages == ["dream-1-0-1"]
    assert len(remedies(system)) == 1


@pytest.mark.parametrize(
    ("action", "given", "status"),
    [
        ("heal", {"dream": "9"}, 3),
        ("heal", {"dream": "local/nothing"}, 3),
        ("heal", {"dream": "²"}, 3),
        ("heal", {"dream": "9" * 30}, 3),
        ("heal", {"dream": "#"}, 3),
        ("heal", {"dream": "1", "remedy": "rollback"}, 4),  # restart is under way
        ("snooze", {"dream": "1", "for": "tomorrow"}, 3),
        ("snooze", {"dream": "1", "for": "9" * 300 + "d"}, 3),
    ],
)
def test_what_cannot_be_is_said_plainly(action: str, given: dict[str, str], status: int) -> None:
    system = ill()
    result = system.ask("dreamkeeper", action, **given)
    assert (result.outcome, result.exit_status) == ("refused", status), result
    assert result.error is not None
    assert len(result.error["message"]) < 500


@pytest.mark.parametrize("action", ["heal", "snooze", "wont-fix"])
def test_what_is_over_must_be_opened_first(action: str) -> None:
    system = ill()
    system.pipe.drain()
    given = {"for": "1h"} if action == "snooze" else {}
    result = system.ask("dreamkeeper", action, dream="1", **given)
    assert (result.outcome, result.exit_status) == ("refused", 4)
    assert result.error is not None
    assert "is resolved" in result.error["message"]
    assert "reopen" in result.error["hint"]


def test_a_service_that_was_taken_out_of_the_configuration_is_no_bug() -> None:
    system = ill()
    object.__setattr__(system.config, "services", {})
    result = system.ask("dreamkeeper", "heal", dream="1")
    assert (result.exit_status, facts(system, "error")) == (2, [])


def test_possible_remedies_are_named() -> None:
    system = ill(steps=())
    refused = system.ask("dreamkeeper", "heal", dream="1", remedy="rollback")
    assert refused.error is not None
    assert "possible now: restart" in refused.error["message"]
    assert system.ask("dreamkeeper", "heal", dream="1", remedy="restart").outcome == "done"
    system.pipe.drain()
    assert dream(system).state == "resolved"


def test_a_dream_of_our_own_has_no_remedy() -> None:
    system = home()
    system.platforms["local"].fail_observe(TemporaryError("away"))
    system.ask("dreamkeeper", "check", target="self", check="dreamnet-health")
    own = system.dreams.find("self/platforms")
    assert own is not None
    assert own.state == "needs-human"
    assert system.ask("dreamkeeper", "heal", dream="self/platforms").exit_status == 3
    system.platforms["local"].fail_observe(None)
    system.submit({"agent": "dreamkeeper", "input": {"check": "dreamnet-health", "target": "self"}})
    assert system.dreams.get(own.number).state == "resolved"


@pytest.mark.parametrize("state", ["snoozed", "wont-fix", "resolved"])
def test_what_somebody_does_while_a_run_looks_is_respected(state: DreamState) -> None:
    system = home()
    system.probe._answer = None
    system.probe.tell("web", "degraded", "slow")
    system.round()
    system.probe.tell("web", "failed", "timeout")
    lease = system.lock.lease

    def meanwhile(name: str, seconds: float) -> AbstractContextManager[None]:
        if name == "dream/local/web" and dream(system).state == "open":
            system.dreams.update(replace(dream(system), state=state, changed_at=system.clock.now()))
        return lease(name, seconds)

    system.lock.lease = meanwhile  # type: ignore[method-assign]
    system.again().ask("dreamkeeper", "check", service="web")
    assert (dream(system).state, remedies(system)) == (state, [])


def test_a_heal_that_was_overtaken_asks_for_nothing() -> None:
    system = ill(steps=())
    lease = system.lock.lease

    def meanwhile(name: str, seconds: float) -> AbstractContextManager[None]:
        if name == "dream/local/web" and dream(system).state == "needs-human":
            system.dreams.update(replace(dream(system), state="snoozed", changed_at=system.clock.now()))
        return lease(name, seconds)

    system.lock.lease = meanwhile  # type: ignore[method-assign]
    assert system.again().ask("dreamkeeper", "heal", dream="1", remedy="restart").exit_status == 4
    assert remedies(system) == []


def test_to_have_all_tried_anew_is_no_coming_back() -> None:
    system = ill()
    system.probe.tell("web", "failed", "refused", "connection refused", check="home")
    for _ in range(12):
        system.round(pause=120.0)
    assert dream(system).state == "needs-human"
    system.ask("dreamkeeper", "reopen", dream="1")
    assert (dream(system).flaps, dream(system).came_back) == (1, 0)
    system.probe.tell("web", "passed", None, "200", check="home")
    for _ in range(3):
        system.round(pause=60.0)
    assert dream(system).state == "resolved"
    system.probe.tell("web", "failed", "refused", "connection refused", check="home")
    for _ in range(3):
        system.round(pause=60.0)
    assert (dream(system).state != "resolved", dream(system).flaps, dream(system).came_back) == (True, 2, 1)
