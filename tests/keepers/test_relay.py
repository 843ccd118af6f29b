"""RelayBot: subjects, routes, hops, replies, retries, and nothing lost."""

from __future__ import annotations

from typing import Any

import pytest

from dreamnet_actions.domain.message import HOP_LIMIT, Message
from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.domain.spec.models import Heal, Route
from dreamnet_actions.errors import PermissionMissing, TemporaryError, Unauthenticated
from dreamnet_actions.keepers.relaybot.keeper import TRIES
from dreamnet_actions.testing.memory.system import MemorySystem, memory_system
from tests.keepers.homes import config, facts, free, home, released, service

SEED = {"from": "dreamkeeper", "to": "deploykeeper", "message": "health-check-failed-needs-restart"}


def relay(system: MemorySystem, **given: Any) -> AgentResult:
    return system.submit({"agent": "relaybot", "input": {**SEED, **given}})


def states(system: MemorySystem) -> list[tuple[str, str]]:
    return [(one.message.name, one.state) for one in system.bus.list()]


def restarted(system: MemorySystem, name: str = "web") -> int:
    return len(system.platforms["local"]._known[name].restarted)


def post(system: MemorySystem, **given: Any) -> None:
    row: dict[str, Any] = {"id": "m-1", "sender": "user", "name": SEED["message"], "to": "deploykeeper"}
    system.bus.publish(Message(**{**row, "time": "2026-11-23T11:38:03.250Z", **given}))


def test_the_seeds_message_without_an_open_dream_is_about_nothing() -> None:
    result = relay(home())
    assert (result.outcome, result.exit_status) == ("unchanged", 0)
    assert "no open dream asks for it" in result.summary


def test_the_seeds_message_is_about_the_services_whose_dream_asks_for_it() -> None:
    system = home(web=service(), db=service())
    for name in ("web", "db"):
        system.platforms["local"].kill(name)
    system.ask("dreamkeeper", "check", service="web")
    assert relay(system).outcome == "done"
    (own, relayed) = (one.message for one in system.bus.list())
    assert relayed.data["dream"] == own.data["dream"] == "1"
    assert relayed.data["service"] == "web"
    system.pipe.drain()
    dream = system.dreams.find("local/web")
    assert dream is not None
    assert dream.state == "resolved"
    assert restarted(system, "db") == 0


def test_a_message_that_names_its_service_is_carried_out_and_answered() -> None:
    system = home()
    assert relay(system, service="web", target="local").outcome == "done"
    assert relay(system, data={"service": "web"}).outcome == "done"
    system.pipe.drain()
    assert restarted(system) == 2
    assert states(system) == [(SEED["message"], "done")] * 2 + [("restart-finished", "done")] * 2


def test_relayed_twice_under_one_id_is_once() -> None:
    system = home()
    raw = {"agent": "relaybot", "input": {**SEED, "service": "web"}, "id": "one"}
    assert system.submit(raw) == system.submit(raw)
    assert len(system.bus.list()) == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"to": "deploykeper"}, "Did you mean 'deploykeeper'?"),
        (
            {"message": "health-check-failed-needs-restrat"},
            "Did you mean 'health-check-failed-needs-restart'?",
        ),
        ({"to": "envkeeper"}, "No route takes"),
        ({"to": "relaybot"}, "No route takes"),
    ],
)
def test_what_no_route_takes_is_refused_with_the_nearest_name(given: dict[str, str], words: str) -> None:
    result = relay(home(), **given)
    assert (result.outcome, result.exit_status) == ("refused", 3)
    assert result.error is not None
    assert words in result.error["message"]


def test_a_message_too_large_is_refused() -> None:
    result = relay(home(), data={"x": "y" * 70_000})
    assert (result.exit_status, result.http_status) == (3, 413)


@pytest.mark.parametrize("sender", ["two words", "ü/ñ", "x" * 900, "a\nb", "dreamnet/../x", "#$%&"])
def test_whoever_sends_it_however_named_it_is_carried_out(sender: str) -> None:
    system = home()
    assert relay(system, **{"from": sender}, service="web").outcome == "done"
    system.pipe.drain()
    assert restarted(system) == 1
    assert {state for _, state in states(system)} == {"done"}


def test_configured_routes_come_first() -> None:
    route = Route(on="deploy-wanted", to="deploykeeper", input={"action": "restart", "service": "db"})
    system = memory_system(config({"web": service(), "db": service()}, routes=(route,)))
    system.start()
    assert system.ask("relaybot", "publish", event="deploy-wanted").outcome == "done"
    system.pipe.drain()
    assert (restarted(system, "db"), restarted(system, "web")) == (1, 0)


def test_an_event_that_nobody_takes_is_stored_for_those_who_follow() -> None:
    system = home()
    assert system.ask("relaybot", "publish", event="something", data={"a": 1}).outcome == "done"
    assert states(system) == [("something", "done")]
    assert [message.name for _, message in system.bus.follow(0)] == ["something"]


def test_a_push_is_about_the_services_released_from_that_branch() -> None:
    system = memory_system(config({"web": released(), "db": service()}))
    revision = system.sources["web"].commit({"a": "1"})
    for branch in ("main", "other"):
        system.ask("relaybot", "publish", event="push", data={"branch": branch, "revision": revision})
    system.pipe.drain()
    state = system.state("web")
    assert state is not None
    assert state.stable.release.version == f"git:{revision}"
    deploys = [one for one in facts(system, "request-ended") if one["action"] == "deploy"]
    assert len(deploys) == 1


def test_what_has_made_too_many_hops_waits_for_a_person() -> None:
    system = home()
    post(system, hops=HOP_LIMIT, data={"service": "web"})
    system.pipe.drain()
    (dead,) = system.bus.list(states={"dead"})
    assert "at most 8 are allowed" in dead.error
    assert facts(system, "message-dead")
    assert restarted(system) == 0


def test_what_has_no_route_waits_for_a_person_with_the_lines_to_add() -> None:
    system = home()
    post(system, name="unheard-of")
    system.pipe.drain()
    (dead,) = system.bus.list(states={"dead"})
    assert "routes:\n  - {on: unheard-of, to: deploykeeper, input: {action: …}}" in dead.error
    health = system.submit({"agent": "dreamkeeper", "input": {"check": "dreamnet-health", "target": "self"}})
    assert "1 dead message" in health.summary
    replayed = system.ask("relaybot", "replay", message="m-1")
    assert replayed.outcome == "done"
    assert system.bus.list(states={"waiting"})


def test_a_refusal_that_nobody_would_hear_of_is_not_lost() -> None:
    system = home()
    post(system, data={"target": "no-such-platform"})
    system.pipe.drain()
    (dead,) = system.bus.list(states={"dead"})
    assert "no-such-platform" in dead.error
    told = home()
    post(told, data={"service": "gone", "target": "local"})
    told.pipe.drain()
    assert [one.message.name for one in told.bus.list(states={"dead"})] == ["restart-finished"]


def test_an_outage_is_tried_again_however_long_it_takes_and_a_bug_is_not() -> None:
    system = home()
    post(system, data={"service": "web"})
    system.platforms["local"].fail_observe(TemporaryError("away"))
    for _ in range(3 * TRIES):
        system.pipe.drain()
        system.clock.advance(61.0)
    assert states(system) == [(SEED["message"], "waiting")]
    system.platforms["local"].fail_observe(None)
    system.pipe.drain()
    assert restarted(system) == 1
    post(system, id="m-2", data={"service": "web"})
    system.platforms["local"].observe = None  # type: ignore[method-assign, assignment]
    for _ in range(TRIES):
        system.pipe.drain()
        system.clock.advance(61.0)
    assert [one.message.id for one in system.bus.list(states={"dead"})] == ["m-2"]


def test_an_error_of_ours_in_one_delivery_gives_it_back_and_hides_no_other() -> None:
    system = home()
    post(system, id="m-1", data={"service": "web"})
    post(system, id="m-2", data={"service": "web"})
    acked: list[str] = []
    ack = system.bus.ack

    def failing(delivery: Any) -> None:
        if delivery.message.id == "m-1" and "m-1" not in acked:
            acked.append("m-1")
            raise TemporaryError("the bus is busy")
        ack(delivery)

    system.bus.ack = failing  # type: ignore[method-assign]
    system.again().ask("relaybot", "deliver")
    assert {one.message.id: one.state for one in system.bus.list()}["m-2"] == "done"
    system.clock.advance(61.0)
    system.pipe.drain()
    assert {state for _, state in states(system)} == {"done"}
    assert restarted(system) == 2


@pytest.mark.parametrize("limit", [0, -1, 1001, 10**9])
def test_how_many_to_deliver_has_bounds(limit: int) -> None:
    assert home().ask("relaybot", "deliver", limit=limit).exit_status == 3


def test_a_remedy_that_its_dream_no_longer_waits_for_is_not_done() -> None:
    system = home()
    system.platforms["local"].kill("web")
    system.ask("dreamkeeper", "check", service="web")
    system.platforms["local"].restart("web", token="by hand")
    system.clock.advance(1.0)
    system.ask("dreamkeeper", "check", service="web")
    dream = system.dreams.find("local/web")
    assert dream is not None
    assert dream.state == "resolved"
    system.pipe.drain()
    assert system.platforms["local"]._known["web"].restarted == ["by hand"]
    assert states(system) == [(SEED["message"], "done")]
    assert "resolved by now" in system.journal.read(kinds={"message-routed"})[0].text


def test_a_message_handed_out_twice_takes_effect_once() -> None:
    system = home()
    post(system, data={"service": "web"}, correlation_id="story-1")
    system.pipe.drain()
    system.bus.replay("m-1")
    free(system)
    system.pipe.drain()
    assert restarted(system) == 1
    assert len(system.bus.list()) == 2
    assert {one.message.correlation_id for one in system.bus.list()} == {"story-1"}


@pytest.mark.parametrize("error", [PermissionMissing, Unauthenticated])
@pytest.mark.parametrize("where", ["outdated", "verify"])
def test_what_the_token_may_not_is_no_answer_and_no_reason_to_give_the_message_up(
    where: str, error: type[PermissionMissing | Unauthenticated]
) -> None:
    """A permission that is missing, a token that expired: however often it is tried, once that is mended the proof is
    made and the dream closes."""
    system = home(web=service(heal=Heal(recover_within=600.0)))
    system.platforms["local"].kill("web")
    system.ask("dreamkeeper", "check", service="web")
    moved, got = system.dreams.update, system.dreams.get

    def refuse(*_: object, **__: object) -> Any:
        raise error("The token was refused.", hint="permissions:\n  issues: write")

    if where == "verify":
        assert system.submit({"agent": "relaybot", "input": {"action": "deliver"}}).outcome == "done"
        system.dreams.update = refuse  # type: ignore[method-assign]
    else:
        system.dreams.get = refuse  # type: ignore[method-assign]
    for _ in range(TRIES + 3):
        assert (
            "token was refused"
            in system.submit({"agent": "relaybot", "input": {"action": "deliver"}}).summary
        )
        system.clock.advance(61.0)
    waiting = [one for one in system.bus.list() if one.state != "done"]
    assert [one.state for one in waiting] == ["waiting"]
    assert "token was refused" in waiting[0].error
    assert facts(system, "message-dead", "remedy-ended") == []
    system.dreams.update, system.dreams.get = moved, got  # type: ignore[method-assign]
    system.pipe.drain()
    dream = system.dreams.find("local/web")
    assert dream is not None
    assert dream.state == "resolved"
