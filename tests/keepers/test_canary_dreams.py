"""A canary that waits for a person is a dream until somebody has decided, and one word moves it once."""

from __future__ import annotations

import pytest

from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.testing.memory.system import MemorySystem
from tests.keepers.test_canary_words import say, share, waits
from tests.keepers.test_deploys import commit, deploy, first, runs

KEY = "self/canary-web"


def dream(system: MemorySystem) -> Dream:
    system.pipe.drain()
    found = system.dreams.find(KEY)
    assert found is not None
    return found


def asked(system: MemorySystem, name: str) -> None:
    """Send what a comment on the dream sends, and have it handed out."""
    words = {
        "approve": "canary-needs-approval",
        "promote": "canary-needs-promotion",
        "abort": "canary-needs-abort",
    }
    given = {"from": "dreamkeeper", "to": "deploykeeper", "message": words[name], "service": "web"}
    assert system.ask("relaybot", "relay", data={"reason": "alice said so"}, **given).outcome == "done"
    system.pipe.drain()


def test_it_is_filed_at_once_and_says_what_can_be_said_to_it() -> None:
    system = waits(0.1, 0.5)
    found = dream(system)
    assert (found.state, found.health) == ("needs-human", "failing")
    (told,) = found.evidence
    for word in ("/approve", "/promote", "/abort", "the canary", "serves on and waits"):
        assert word in told.detail
    assert system.state("web") is not None
    assert len(system.dreams.search()) == 1, "nothing is wrong with the service"
    system.ask("dreamkeeper", "check")
    assert len(system.dreams.search()) == 1


@pytest.mark.parametrize(("word", "number"), [("promote", 2), ("abort", 1)])
def test_once_it_is_decided_the_dream_is_closed(word: str, number: int) -> None:
    system = waits(0.1, 0.5)
    assert dream(system).state == "needs-human"
    asked(system, word)
    assert runs(system, number)
    assert dream(system).state == "resolved"
    assert system.bus.list(states={"dead", "waiting"}) == []
    system.ask("dreamkeeper", "check")
    assert dream(system).state == "resolved"


def test_one_approval_is_one_step_however_often_its_message_is_handed_out() -> None:
    system = waits(0.1, 0.5)
    assert dream(system).state == "needs-human"
    asked(system, "approve")
    assert share(system) == 0.5, "one step, and it waits again"
    for _ in range(3):
        system.clock.advance(120.0)
        system.pipe.drain()
    assert share(system) == 0.5
    assert dream(system).state == "needs-human"
    assert system.bus.list(states={"dead", "waiting"}) == []
    asked(system, "approve")
    assert runs(system, 2)
    assert dream(system).state == "resolved"


def test_what_is_decided_elsewhere_closes_it_too() -> None:
    system = waits(0.5)
    assert dream(system).state == "needs-human"
    assert say(system, "abort").outcome == "done"
    assert dream(system).state == "resolved"


def test_after_its_time_the_dream_says_that_approving_counts_no_longer() -> None:
    system = waits(0.5)
    system.clock.advance(86_401)
    (told,) = dream(system).evidence
    assert "/approve counts no longer" in told.detail


def test_without_a_waiting_canary_nobody_is_told() -> None:
    system = first(0.5)
    assert deploy(system).verdict == "deployed"
    system.pipe.drain()
    result = system.ask("dreamkeeper", "check")
    assert "canary" not in result.summary
    assert system.dreams.find(KEY) is None
    commit(system)
    asked(system, "approve")
    assert system.bus.list(states={"dead", "waiting"}) == []
