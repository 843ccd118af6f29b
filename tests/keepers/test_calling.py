"""Calling for people when a dream waits for one: every place once each time, whatever fails, and nothing waits."""

from __future__ import annotations

import itertools

import pytest

from dreamnet_actions.domain.spec.models import Heal
from dreamnet_actions.errors import ConfigError, PermanentError, TemporaryError
from dreamnet_actions.testing.memory.notifier import MemoryNotifier
from dreamnet_actions.testing.memory.system import MemorySystem
from tests.keepers.homes import cuts, facts, home, service
from tests.keepers.test_healing import dream


def called(*names: str, **heal: object) -> MemorySystem:
    """A system whose web needs a person as soon as it is down, with places to tell."""
    system = home(web=service(heal=Heal(**{"steps": (), "recover_within": 10.0, **heal})))  # type: ignore[arg-type]
    system.notifiers = {name: MemoryNotifier() for name in names or ("slack", "webhook")}
    return system.again()


def fall(system: MemorySystem) -> None:
    system.platforms["local"].kill("web")
    system.round()


def told(system: MemorySystem) -> list[list[str]]:
    return [[one.id for one in notifier.told] for notifier in system.notifiers.values()]


def test_each_place_is_told_once_each_time() -> None:
    system = called()
    fall(system)
    assert told(system) == [["dream-1-0-call-1"], ["dream-1-0-call-1"]]
    for _ in range(3):
        system.round()
    assert [len(one) for one in told(system)] == [1, 1]
    (alert,) = system.notifiers["slack"].told
    assert (alert.key, alert.seen, alert.because) == (
        "local/web", "killed by SIGKILL", "no remedy is configured for it (heal: [])",
    )  # fmt: skip
    assert [one["alert"] for one in facts(system, "notified")] == ["dream-1-0-call-1"] * 2


def test_a_dream_that_waits_anew_is_told_anew() -> None:
    system = called("slack")
    fall(system)
    system.ask("dreamkeeper", "heal", dream="1", remedy="restart")
    system.sick[system.platforms["local"]._known["web"].stable.release.version] = "HTTP 500"
    system.pipe.drain()
    assert dream(system).state == "needs-human"
    assert told(system) == [["dream-1-0-call-1", "dream-1-0-call-2"]]
    system.ask("dreamkeeper", "reopen", dream="1")
    system.round()
    assert told(system)[0][2:] == ["dream-1-1-call-3"]


def test_an_approval_that_ran_out_is_no_new_call() -> None:
    system = called("slack", steps=("restart",), approval=("restart",), approve_within=60.0)
    fall(system)
    assert system.notifiers["slack"].told[0].approves == "restart"
    system.clock.advance(120.0)
    system.round()
    assert dream(system).asks is None
    assert len(told(system)[0]) == 1


def test_what_could_not_be_told_is_tried_again_alone_and_later_each_time() -> None:
    system = called()
    broken = system.notifiers["webhook"]
    broken.error = TemporaryError("The webhook of X could not be reached.")
    fall(system)
    assert told(system) == [["dream-1-0-call-1"], []]
    tries = []
    for _ in range(40):
        before = system.journal.state("notice/local/web")[0]["tries"]
        system.round()
        if system.journal.state("notice/local/web")[0]["tries"] > before:
            tries.append(system.clock.now())
    gaps = [round(after - before) for before, after in itertools.pairwise(tries)]
    assert gaps == sorted(gaps)
    assert len(tries) < 8
    broken.error = None
    system.clock.advance(3600.0)
    system.round()
    assert told(system) == [["dream-1-0-call-1"], ["dream-1-0-call-1"]]


def test_its_failure_is_ours_and_stops_no_healing() -> None:
    system = called("slack", steps=("restart",))
    for error in (PermanentError("gone"), TemporaryError("later"), ConfigError("The variable X is not set.")):
        system.notifiers["slack"].error = error
        system.sick[system.platforms["local"]._known["web"].stable.release.version] = "HTTP 500"
        for _ in range(12):
            system.round()
        assert dream(system).state == "needs-human"
        found = system.dreams.find("self/notices")
        assert found is not None
        assert (found.state, "could not be told" in found.evidence[0].detail) == ("open", True)
        system.sick.clear()
        system.ask("dreamkeeper", "reopen", dream="local/web")
        for _ in range(5):
            system.round(pause=600.0)
        assert dream(system).state == "resolved"
        found = system.dreams.find("self/notices")
        assert found is not None
        assert found.state == "resolved"


def test_nothing_is_told_while_paused_and_all_of_it_after() -> None:
    system = called("slack")
    fall(system)
    system.notifiers["webhook"] = MemoryNotifier()
    system.again()
    system.pause()
    system.round()
    assert told(system) == [["dream-1-0-call-1"], []]
    system.resume()
    system.round()
    assert told(system) == [["dream-1-0-call-1"]] * 2


def test_a_dry_run_tells_nobody() -> None:
    system = called()
    system.platforms["local"].kill("web")
    system.submit({"agent": "dreamkeeper", "input": {"action": "check"}, "dry_run": True})
    assert told(system) == [[], []]


@pytest.mark.slow
def test_cut_at_any_call_every_place_is_told_and_always_by_the_same_id() -> None:
    def down() -> MemorySystem:
        system = called()
        system.platforms["local"].kill("web")
        return system

    for where, system in cuts(down, lambda system: system.ask("dreamkeeper", "check")):
        for _ in range(3):
            system.round()
        for ids in told(system):
            assert set(ids) == {"dream-1-0-call-1"}, where
            assert len(ids) <= 2, (
                where
            )  # twice only where the run was cut between telling and writing that down
