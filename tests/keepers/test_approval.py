"""Remedies that wait for a person's word: asked for once, done once it is given, and not once it is too late."""

from __future__ import annotations

import pytest

from dreamnet_actions.domain.spec.models import Heal
from dreamnet_actions.testing.memory.system import MemorySystem
from tests.keepers.homes import cuts, home, service
from tests.keepers.test_healing import dream, remedies


def waiting(*steps: str, **heal: object) -> MemorySystem:
    """A service that is down, and whose remedy waits to be approved."""
    given: dict[str, object] = {
        "recover_within": 10.0,
        "approval": ("restart",),
        "steps": steps or ("restart",),
    }
    system = home(web=service(heal=Heal(**{**given, **heal})))  # type: ignore[arg-type]
    system.platforms["local"].kill("web")
    system.ask("dreamkeeper", "check", service="web")
    return system


def test_it_is_asked_for_with_what_and_why_and_nothing_is_done() -> None:
    system = waiting()
    found = dream(system)
    assert (found.state, found.remedy, remedies(system)) == ("needs-human", None, [])
    assert found.asks is not None
    assert (found.asks.what, found.asks.attempt) == ("restart", 1)
    assert found.asks.until - found.asks.asked_at == 86400.0
    assert found.because == "restart waits for a person's word; it is the one remedy that is configured"
    for _ in range(3):
        result = system.ask("dreamkeeper", "check", service="web")
        assert result.findings[0]["decision"] == "left-alone"
    assert (dream(system), remedies(system)) == (found, [])


def test_approved_it_happens_once_and_is_proved() -> None:
    system = waiting()
    result = system.ask("dreamkeeper", "approve", dream="local/web", reason="alice")
    assert (result.outcome, dream(system).state, dream(system).asks) == ("done", "healing", None)
    assert "approved (alice)" in dream(system).because
    again = system.ask("dreamkeeper", "approve", dream="local/web")
    assert (again.outcome, "Nothing waits" in again.summary) == ("unchanged", True)
    system.pipe.drain()
    assert (dream(system).state, remedies(system)) == ("resolved", ["restart"])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"attempt": 2}, "That was try 2; what waits for an approval now is try 1 (restart)"),
        ({"remedy": "rollback"}, "It is restart that waits for an approval, not rollback"),
    ],
)
def test_a_word_for_another_try_or_remedy_does_nothing(given: dict[str, object], says: str) -> None:
    system = waiting()
    before = dream(system)
    result = system.ask("dreamkeeper", "approve", dream="1", **given)
    assert result.outcome == "refused"
    assert says in result.summary
    assert (dream(system), remedies(system)) == (before, [])


def test_after_its_time_nothing_is_done_and_a_new_asking_counts_anew() -> None:
    system = waiting(approve_within=600.0)
    system.clock.advance(599.0)
    system.round(pause=2.0)
    assert dream(system).asks is not None
    result = system.ask("dreamkeeper", "approve", dream="1")
    assert (result.outcome, "The time for it was over" in result.summary) == ("refused", True)
    system.round()
    found = dream(system)
    assert (found.state, found.asks, found.because) == (
        "needs-human",
        None,
        "nobody approved restart within 10m",
    )
    assert system.ask("dreamkeeper", "approve", dream="1").outcome == "unchanged"
    system.ask("dreamkeeper", "reopen", dream="1")
    system.round()
    assert dream(system).asks is not None
    assert remedies(system) == []


def test_what_needs_no_word_comes_first_unless_the_order_is_fixed() -> None:
    system = waiting("restart", "rollback", approval=("rollback",), cool_down=0.0)
    assert dream(system).state == "healing"
    fixed = waiting("restart", "scale-up", order="fixed")
    assert dream(fixed).asks is not None


def test_a_person_who_names_the_remedy_needs_no_approval_and_one_who_does_not_is_asked() -> None:
    system = waiting()
    result = system.ask("dreamkeeper", "heal", dream="1")
    assert (result.outcome, "waits for a person's word" in result.summary) == ("refused", True)
    assert system.ask("dreamkeeper", "heal", dream="1", remedy="restart").outcome == "done"
    assert dream(system).asks is None


def test_a_service_that_recovers_by_itself_waits_for_nobody() -> None:
    system = waiting()
    system.ask("deploykeeper", "restart", service="web")  # somebody did it by hand
    system.round()
    assert dream(system).state == "resolved"
    assert system.ask("dreamkeeper", "approve", dream="1").outcome == "unchanged"


def test_a_spent_budget_holds_for_what_was_approved() -> None:
    system = waiting(tries_per_hour=1, cool_down=0.0)
    system.ask("dreamkeeper", "approve", dream="1")
    system.sick[system.platforms["local"]._known["web"].stable.release.version] = "HTTP 500"
    system.pipe.drain()
    assert (dream(system).state, dream(system).asks) == ("needs-human", None)


@pytest.mark.slow
def test_cut_at_any_call_an_approved_remedy_happens_once() -> None:
    for where, system in cuts(
        waiting,
        lambda system: system.submit(
            {"agent": "dreamkeeper", "input": {"action": "approve", "dream": "1"}}, id="comment-1"
        ),
    ):
        system.submit({"agent": "dreamkeeper", "input": {"action": "approve", "dream": "1"}}, id="comment-1")
        for _ in range(3):
            system.round()
        assert (dream(system).state, remedies(system)) == ("resolved", ["restart"]), where
