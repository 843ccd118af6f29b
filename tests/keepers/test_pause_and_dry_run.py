"""Pause stops every write from the next one on; a dry run never writes, and plans what would be done."""

from __future__ import annotations

from typing import Any

import pytest

from dreamnet_actions.domain.actions import ACTIONS
from dreamnet_actions.domain.flag import Flag
from dreamnet_actions.domain.message import Message
from dreamnet_actions.testing.memory.system import MemorySystem, memory_system
from tests.keepers.homes import Knife, config, home, released, service

GIVEN: dict[str, dict[str, Any]] = {
    "heal": {"dream": "local/web"},
    "snooze": {"dream": "local/web", "for": "1h"},
    "wont-fix": {"dream": "local/web"},
    "reopen": {"dream": "local/web"},
    "approve": {"dream": "1"},
    "scale": {"replicas": 3, "service": "web"},
    "set-flag": {"flag": "dark", "variant": "off"},
    "relay": {
        "from": "user",
        "to": "deploykeeper",
        "message": "health-check-failed-needs-restart",
        "service": "web",
    },
    "publish": {"event": "something"},
    "replay": {"message": "dead-1"},
    "route": {
        "event": Message(
            id="m-1", sender="user", name="secret-changed", to="envkeeper", time="2026-01-01T00:00:00Z"
        ).to_json()
    },
}
EVERY = [(agent, action) for agent, row in ACTIONS.items() for action in row]


def busy() -> MemorySystem:
    """A system in which every action has something to do."""
    system = memory_system(
        config({"web": released(0.5), "db": service()}, env={"app": ("web",)}),
        values={"app": {"KEY": "one"}},
        flags=[Flag(name="dark", state="ENABLED", variants={"on": True, "off": False}, default_variant="on")],
    )
    system.sources["web"].commit({"a": "1"})
    for request in (("deploykeeper", "deploy"), ("envkeeper", "sync")):
        system.ask(*request)  # type: ignore[arg-type]
    system.values["app"].put("KEY", "two")
    system.ask("envkeeper", "sync")
    system.pipe.drain()
    system.sources["web"].commit({"a": "2"})
    system.ask("deploykeeper", "deploy")
    system.sources["web"].commit({"a": "3"})
    system.values["app"].put("KEY", "three")
    system.platforms["local"].kill("web", 5)
    system.ask("dreamkeeper", "check")
    dream = system.dreams.find("local/web")
    assert dream is not None
    return system


def picture(system: MemorySystem) -> list[Any]:
    """All that a write could change, memory of our own (facts, counters) left out."""
    return [
        [(one.name, list(one.calls)) for one in system.platforms.values()],
        [[dict(sink.held), sink.writes] for sinks in system.sinks.values() for sink in sinks],
        system.dreams.search(),
        [(one.message, one.state) for one in system.bus.list()],
        system.flags.read() if system.flags else None,
        list(system.releases.reports),
        [list(one.builds) for one in system.builders.values()],
    ]


@pytest.mark.parametrize(("agent", "action"), EVERY, ids=lambda one: str(one))
def test_a_dry_run_writes_nothing_at_all(agent: str, action: str) -> None:
    system = busy()
    before, states, facts = picture(system), system.journal.states(""), system.journal.read()
    result = system.submit(
        {"agent": agent, "input": {"action": action, **GIVEN.get(action, {})}, "dry_run": True}
    )
    assert result.exit_status in (0, 3, 4), result
    assert result.outcome in ("planned", "unchanged", "refused", "done"), result
    assert picture(system) == before
    assert system.journal.states("") == states
    assert [one for one in system.journal.read()[len(facts) :] if one.kind != "request-ended"] == []
    assert list(result.messages) == []


@pytest.mark.parametrize(("agent", "action"), [one for one in EVERY if ACTIONS[one[0]][one[1]].writes])
def test_nothing_is_written_while_paused(agent: str, action: str) -> None:
    system = busy()
    system.pause()
    before = picture(system)
    result = system.submit(
        {"agent": agent, "input": {"action": action, **GIVEN.get(action, {})}, "id": "p-1"}
    )
    assert picture(system) == before
    if result.outcome == "deferred":
        assert result.exit_status == 75
        assert result.error is not None
        assert "paused by somebody" in result.error["message"]
        system.resume()
        again = system.submit(
            {"agent": agent, "input": {"action": action, **GIVEN.get(action, {})}, "id": "p-1"}
        )
        assert again.outcome != "deferred"


def test_a_pause_in_the_middle_holds_from_the_next_write_on() -> None:
    """Pause before the n-th write of a deploy, for every n: exactly n writes have come through."""
    total = len(_writes_of_deploy(10_000)[1])
    assert total >= 5
    for n in range(total):
        system, seen = _writes_of_deploy(n)
        assert len(seen) == n
        system.resume()
        assert system.ask("deploykeeper", "deploy", service="web").exit_status == 0
        ended = system.journal.read(kinds={"release-ended"})[-1]
        assert ended.data["verdict"] == "deployed"
        state = system.state("web")
        assert state is not None
        assert state.stable.release.version == ended.data["version"]


def _writes_of_deploy(pause_at: int) -> tuple[MemorySystem, list[str]]:
    system = memory_system(config({"web": released(0.5)}))
    system.sources["web"].commit({"a": "1"})
    system.ask("deploykeeper", "deploy")
    system.sources["web"].commit({"a": "2"})
    seen: list[str] = []
    passed = system.gate.pass_

    def pass_(what: str) -> None:
        if len(seen) == pause_at:
            system.pause()
        passed(what)
        seen.append(what)

    system.gate.pass_ = pass_  # type: ignore[method-assign]
    system.ask("deploykeeper", "deploy", service="web")
    system.gate.pass_ = passed  # type: ignore[method-assign]
    return system, seen


def test_looking_goes_on_while_paused_and_says_so() -> None:
    system = home()
    system.platforms["local"].kill("web")
    system.pause()
    result = system.ask("dreamkeeper", "check", service="web")
    assert (result.outcome, result.verdict) == ("done", "failing")
    assert "paused by somebody" in result.findings[0]["because"]
    assert system.dreams.search() == []
    system.resume()
    system.round()
    system.round()
    dream = system.dreams.find("local/web")
    assert dream is not None
    assert dream.state == "resolved"


def test_a_dry_run_shows_the_plan_that_is_then_carried_out() -> None:
    system = busy()
    for agent, action, given in (
        ("deploykeeper", "scale", {"service": "db", "replicas": 2}),
        ("envkeeper", "sync", {}),
        ("envkeeper", "set-flag", GIVEN["set-flag"]),
    ):
        raw = {"agent": agent, "input": {"action": action, **given}}
        planned = system.submit(raw, dry_run=True)
        assert planned.outcome == "planned", planned
        assert system.submit(raw).changes == planned.changes


def test_the_knife_reaches_every_port() -> None:
    """The tests that cut runs off are worth something only if the cuts are where the writes are."""
    system, knife = home(), Knife()
    system.again(knife.around)
    system.platforms["local"].kill("web")
    system.round()
    reached = {one.split()[-1] for one in knife.calls}
    assert {
        "MemoryDreamStore.open",
        "MemoryDreamStore.update",
        "MemoryJournal.append",
        "MemoryJournal.set_state",
        "MemoryMessageBus.publish",
        "MemoryMessageBus.ack",
        "MemoryPlatform.restart",
    } <= reached
