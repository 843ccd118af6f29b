"""The real keepers over the branch, one memory for each run as in a workflow: how many commits a story takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.ports.gate import Gate
from dreamnet_actions.testing.memory.system import MemorySystem
from tests.github.homes import Make, commits, memories
from tests.keepers.homes import home

pytestmark = pytest.mark.slow


class Runs:
    """A system whose every request is a run of its own."""

    def __init__(self, system: MemorySystem, make: Make, remote: Path) -> None:
        self.system, self._make, self._remote = system, make, remote
        self.dispatched: list[Mapping[str, Any]] = []

    def run(self, agent: str, **given: Any) -> tuple[AgentResult, int]:
        """Run one request; answers its result, and how many commits the run made."""
        before = commits(self._remote)
        memory = self._make(dispatch=lambda _, payload: self.dispatched.append(payload))
        system: Any = self.system
        system.journal, system.bus, system.lock = memory.journal, memory.bus, memory.lock
        system.gate = Gate(memory.journal, barrier=memory.journal.barrier)
        number = system.ids.fresh()
        result = system.again().submit({"agent": agent, "input": given, "id": number})
        memory.journal.finish()
        return result, commits(self._remote) - before


@pytest.fixture
def runs(remote: Path) -> Iterator[Runs]:
    system = home()
    with memories(remote, system.clock) as make:
        system.start()
        yield Runs(system, make, remote)


def test_a_quiet_schedule_commits_once_an_hour(runs: Runs) -> None:
    made = []
    for _ in range(13):
        result, count = runs.run("dreamkeeper", action="check")
        assert result.verdict == "healthy"
        made.append(count)
        runs.system.clock.advance(600.0)
    # The first look; then nothing for an hour each.
    assert made == [1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1]


def test_a_heal_from_first_sight_to_its_proof_takes_at_most_two_commits_a_run(runs: Runs) -> None:
    runs.run("dreamkeeper", action="check")
    runs.system.clock.advance(60.0)
    runs.system.platforms["local"].kill("web")
    result, count = runs.run("dreamkeeper", action="check")
    assert result.verdict == "failing"
    assert count == 1
    assert [one["dreamnet"]["to"] for one in runs.dispatched] == ["deploykeeper"]
    for number in (1, 2):
        result, count = runs.run("relaybot", action="deliver")
        assert result.outcome == "done"
        assert count == 3 - number
    assert [one["dreamnet"]["to"] for one in runs.dispatched] == ["deploykeeper", "dreamkeeper"]
    assert [dream.state for dream in runs.system.dreams.search()] == ["resolved"]
    assert runs.system.story("remedy-started", "remedy-ended", "dream-resolved") == [
        "remedy-started",
        "remedy-ended",
        "dream-resolved",
    ]
