"""Dead and stuck messages are one dream of this system: named, with the reason and the way to try again."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any

import pytest

from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.message import TYPE, Message
from dreamnet_actions.domain.times import rfc3339
from dreamnet_actions.errors import TemporaryError
from dreamnet_actions.keepers.dreamkeeper.letters import SHOWN, Letters
from dreamnet_actions.ports.hosting import HostedWorkflow
from dreamnet_actions.testing.memory.hosting import MemoryHosting
from dreamnet_actions.testing.memory.system import MemorySystem
from tests.keepers.homes import home

RELAY = ".github/workflows/dreamnet-relay.yml"
LISTENS = f"on: {{repository_dispatch: {{types: [{TYPE}]}}}}"


def post(system: MemorySystem, **given: Any) -> None:
    row: dict[str, Any] = {"id": "m-1", "sender": "user", "name": "unheard-of", "to": "deploykeeper"}
    system.bus.publish(Message(**{**row, "time": rfc3339(system.clock.now()), **given}))


def look(system: MemorySystem) -> Dream | None:
    system.ask("dreamkeeper", "check", target="self")
    return system.dreams.find("self/messages")


def seen(dream: Dream | None) -> str:
    assert dream is not None
    (report,) = dream.evidence
    return report.detail


def test_each_dead_message_is_named_with_its_reason_and_the_command_that_tries_again() -> None:
    system = home()
    post(system, id="it's 1")
    system.pipe.drain()
    dream = look(system)
    assert dream is not None
    assert dream.state == "open"
    assert "unheard-of (it's 1), user → deploykeeper, 1 attempt so far: No route takes 'unheard-of'" in seen(
        dream
    )
    (command,) = [line.strip() for line in seen(dream).split("\n") if "dreamnet replay" in line]
    assert shlex.split(command) == ["dreamnet", "replay", "it's 1"]
    assert "Run workflow" not in seen(dream)  # nothing is on GitHub here


def test_it_stays_one_dream_that_tells_how_things_stand_and_ends_when_none_is_dead() -> None:
    system = home()
    post(system, id="m-1")
    system.pipe.drain()
    first = look(system)
    assert first is not None
    before = len(system.dreams.comments(first.number))
    assert look(system) == first  # nothing new, nothing written
    assert len(system.dreams.comments(first.number)) == before
    post(system, id="m-2")
    system.pipe.drain()
    second = look(system)
    assert second is not None
    assert second.number == first.number
    assert "2 dead messages" in seen(second)
    assert "dreamnet replay m-2" in seen(second)
    told = [text for _, text in system.dreams.comments(first.number)][before:]
    assert told == ["now degraded, other: 2 dead messages, the last is 'unheard-of'."]
    for one in ("m-1", "m-2"):
        system.bus.replay(one)
        (delivery,) = system.bus.receive()
        system.bus.ack(delivery)
    ended = look(system)
    assert ended is not None
    assert (ended.number, ended.state) == (first.number, "resolved")


def test_of_very_many_the_newest_are_named_and_all_are_counted() -> None:
    system = home()
    for number in range(SHOWN + 5):
        post(system, id=f"m-{number}")
    system.pipe.drain()
    told = seen(look(system))
    assert f"{SHOWN + 5} dead messages" in told
    assert "and 5 older ones: dreamnet messages --dead" in told
    assert [f"dreamnet replay m-{n}" in told for n in (4, 5, SHOWN + 4)] == [False, True, True]


def test_a_message_that_waits_for_long_is_told_in_the_same_words_until_something_changes() -> None:
    system = home()
    post(system)
    assert look(system) is None
    system.clock.advance(301.0)
    first = look(system)
    assert "1 message waits for more than 5m. Run 'dreamnet watch'" in seen(first)
    assert "unheard-of (m-1), user → deploykeeper, never taken" in seen(first)
    system.clock.advance(3600.0)
    assert look(system) == first
    post(system, id="odd", time="yesterday")
    assert "2 messages wait" in seen(look(system))


@pytest.mark.parametrize(
    ("host", "cause"),
    [
        ({}, f"there is no {RELAY} on the default branch 'main'"),
        ({"files": {RELAY: "on: push"}}, f"does not start on repository_dispatch of the type {TYPE}"),
        (
            {
                "files": {RELAY: LISTENS},
                "known": [HostedWorkflow(path=RELAY, name="r", state="disabled_inactivity")],
            },
            "is switched off (disabled_inactivity)",
        ),
        (
            {"files": {RELAY: LISTENS}, "known": [HostedWorkflow(path=RELAY, name="r", state="active")]},
            "and active: look at its last runs",
        ),
        (
            {"files": {RELAY: LISTENS}, "reach": {"actions": "none"}},
            "Whether it is enabled, this token may not see",
        ),
        ({"files": {".github/workflows/relaybot.yml": LISTENS}}, "relaybot.yml is on the default branch"),
        ({"error": TemporaryError("GitHub is away.")}, "could not be seen: GitHub is away."),
    ],
)
def test_on_github_the_workflow_that_carries_messages_is_looked_at_in_the_same_tick(
    host: dict[str, Any], cause: str
) -> None:
    system = home()
    system.keepers["dreamkeeper"] = replace(system.keepers["dreamkeeper"], hosting=MemoryHosting(**host))  # type: ignore[type-var]
    post(system)
    system.clock.advance(301.0)
    assert cause in seen(look(system))


def test_the_host_is_asked_only_when_a_run_did_not_come() -> None:
    system = home()
    away = MemoryHosting(error=TemporaryError("GitHub is away."))
    letters = Letters(bus=system.bus, hosting=away)
    assert letters.look(system.clock.now())[0] == "passed"
    post(system)
    (delivery,) = system.bus.receive()
    system.bus.dead_letter(delivery, error="no route")
    status, told = letters.look(system.clock.now())
    assert status == "degraded"
    assert "away" not in told
    assert "action replay and the message's id" in told
