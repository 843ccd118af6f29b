"""Many messages about one entry are few syncs, and none is taken for seen that was not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dreamnet_actions.domain.message import Message
from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.errors import PermanentError
from dreamnet_actions.keepers.relaybot.bursts import Bursts
from dreamnet_actions.ports.stores import Delivery
from dreamnet_actions.testing.memory.system import MemorySystem, memory_system
from tests.keepers.homes import config, service


@pytest.fixture
def system() -> MemorySystem:
    made = memory_system(
        config({"web": service(), "db": service()}, env={"app": ("web", None), "db": ("db",)}),
        values={"app": {"A": "1", "B": "x"}, "db": {"C": "secret-text"}},
    )
    made.start()
    return made


def tell(system: MemorySystem, count: int, **data: Any) -> None:
    for number in range(count):
        told = {"action": "publish", "event": "secret-changed", "from": "user", "data": {**data, "n": number}}
        assert system.submit({"agent": "relaybot", "input": told}).outcome == "done"


def syncs(system: MemorySystem) -> int:
    return sum("→ envkeeper sync" in one.text for one in system.journal.read(kinds={"message-routed"}))


def test_a_burst_is_one_sync_for_each_entry(system: MemorySystem) -> None:
    tell(system, 20, entry="app", secret="A")
    tell(system, 20, entry="app", secret="B")
    tell(system, 10, entry="db")
    system.pipe.drain()
    assert (system.sinks["app"][0].held, system.sinks["db"][0].held) == (
        {"A": "1", "B": "x"},
        {"C": "secret-text"},
    )
    assert syncs(system) == 2
    assert not system.bus.list(states={"waiting", "leased", "dead"})


def test_what_comes_after_a_sync_began_is_synced_again(system: MemorySystem) -> None:
    tell(system, 2, entry="app")
    system.pipe.drain()
    system.values["app"].put("A", "2")
    tell(system, 2, entry="app")
    system.pipe.drain()
    assert system.sinks["app"][0].held["A"] == "2"
    assert syncs(system) == 2


def test_a_sync_that_failed_covers_no_other(system: MemorySystem) -> None:
    system.values["app"].error = PermanentError("broken")
    tell(system, 3, entry="app")
    system.pipe.drain()
    assert syncs(system) == 3
    assert len(system.bus.list(states={"dead"})) == 3


def delivery(seq: int) -> Delivery:
    message = Message(id=str(seq), sender="a", name="secret-changed", to="envkeeper", time="")
    return Delivery(message=message, attempt=1, seq=seq)


def test_what_a_sync_did_not_see_is_not_covered() -> None:
    bursts = Bursts()

    def asked(secret: str) -> Any:
        given = {"action": "sync", "entry": "app", "secret": f"projects/1/secrets/{secret}"}
        return bursts.about({"agent": "envkeeper", "input": given})

    findings = [{"keys": [{"name": "A", "to": "db@7"}]}]
    result = AgentResult(
        id="s-1",
        agent="envkeeper",
        action="sync",
        outcome="done",
        verdict=None,
        summary="",
        findings=findings,
        started_at="2026-01-01T00:00:02.000Z",
        finished_at="2026-01-01T00:00:03.000Z",
    )
    bursts.ended(asked("db"), 5, "2026-01-01T00:00:04.000Z", result)
    assert bursts.covering(asked("db"), delivery(5)) is None, "a result of before, which was answered again"
    bursts.ended(asked("db"), 5, "2026-01-01T00:00:02.000Z", replace(result, outcome="deferred"))
    assert bursts.covering(asked("db"), delivery(5)) is None
    bursts.ended(asked("db"), 5, "2026-01-01T00:00:02.000Z", result)
    assert bursts.covering(asked("db"), delivery(5)) == "s-1"
    assert bursts.covering(asked("other"), delivery(5)) == "s-1", "an entry is read whole"
    assert bursts.covering(asked("db"), delivery(6)) is None, "it came later"
    assert bursts.covering(asked("db/versions/7"), delivery(5)) == "s-1"
    assert bursts.covering(asked("db/versions/8"), delivery(5)) is None, (
        "of that version nothing was known yet"
    )
    other = {"action": "sync", "entry": "app", "plan": "0123456789ab"}
    assert bursts.about({"agent": "envkeeper", "input": other}) is None


def test_one_of_a_kind_runs_at_a_time() -> None:
    bursts = Bursts()
    sync = bursts.about({"agent": "envkeeper", "input": {"action": "sync", "entry": "app"}})
    with bursts.alone(sync) as first:
        with bursts.alone(sync) as second:
            assert (first, second) == (True, False)
        with bursts.alone(sync) as third:
            assert not third, "the one that had to wait has not freed it"
    with bursts.alone(sync) as after:
        assert after
