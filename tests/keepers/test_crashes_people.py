"""What a person asked for in a comment, cut off at every call of a port and run again: done once, and told once."""

from __future__ import annotations

from typing import Any, cast

import pytest

from dreamnet_actions.domain.command import Spoken
from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.domain.spec.models import Heal
from dreamnet_actions.entrances.action.comment import Talk
from dreamnet_actions.testing.memory.conversation import MemoryConversation
from dreamnet_actions.testing.memory.system import MemorySystem
from tests.keepers.homes import cuts, facts, home, service

pytestmark = pytest.mark.slow


def waiting() -> MemorySystem:
    """A system whose dream waits for a person."""
    system = home(web=service(heal=Heal(steps=(), recover_within=10.0)))
    system.platforms["local"].kill("web")
    for _ in range(2):
        system.ask("dreamkeeper", "check", service="web")
        system.clock.advance(1.0)
    return system


def hear(system: MemorySystem, text: str) -> AgentResult:
    """Let the run of one comment have its way; the same comment again is its rerun."""
    conversation = getattr(system, "conversation", None) or MemoryConversation(people={"alice": "write"})
    system.conversation = conversation  # type: ignore[attr-defined]
    comment = 1 if conversation.remarks else conversation.write(1, text)
    spoken = Spoken(comment=comment, issue=1, author="alice", text=text)
    talk = Talk(system=cast("Any", system), spoken=spoken, environ={})
    return talk.told(talk.perform())


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("/retry", "open"),
        ("/snooze 4h", "snoozed"),
        ("/wontfix so it is", "wont-fix"),
        ("/restart", "healing"),
    ],
)
def test_a_command_cut_anywhere_is_done_once_by_its_rerun(text: str, state: str) -> None:
    points = 0
    for point, system in cuts(waiting, lambda system: hear(system, text)):
        system.clock.advance(5.0)
        result = hear(system, text)
        assert result.outcome in ("done", "unchanged"), (point, result.summary)
        dream = system.dreams.get(1)
        assert dream.state == state, point
        told = [line for _, line in system.dreams.comments(1) if line.startswith(f"{state}:")]
        assert len(told) == 1, (point, told)
        kind = "remedy-started" if state == "healing" else "dream-changed"
        assert sum(one.get("state", state) == state for one in facts(system, kind)) == 1, point
        assert len(system.bus.list()) == (state == "healing"), point
        (answer,) = system.conversation.answers(1)  # type: ignore[attr-defined]
        assert "by alice" in answer, point
        points += 1
    assert points > 10
