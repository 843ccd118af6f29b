"""Canaries: what ends one, and that stable is never touched by it."""

from __future__ import annotations

from typing import Any

import pytest

from dreamnet_actions.testing.memory.system import MemorySystem
from tests.keepers.homes import facts
from tests.keepers.test_deploys import commit, deploy, first, runs, version


def test_a_canary_that_fails_its_clients_is_withdrawn_and_stable_never_touched() -> None:
    system = first(0.1, 0.5)
    system.platforms["local"].fail_requests(version(system), 1.0)
    for second in range(40):
        system.clock.after(0.25 * second, lambda: system.platforms["local"].serve("web", 20))
    began, calls = system.clock.now(), len(system.platforms["local"].calls)
    result = deploy(system)
    assert (result.outcome, result.verdict, result.exit_status) == ("failed", "rolled-back", 10)
    assert "at 10% of the traffic" in result.summary
    assert system.clock.now() - began < 5
    assert runs(system, 1)
    assert [name for name, _ in system.platforms["local"].calls[calls:]] == ["apply", "shift", "withdraw"]


def test_a_canary_left_behind_is_withdrawn_by_the_next_deploy() -> None:
    system = first(0.5)
    platform = system.platforms["local"]
    left = system.builders["web"].build("web", system.config.services["web"], commit(system))
    platform.apply("web", system.config.services["web"], left, canary=True)
    platform.shift("web", 0.5)
    deploy(system, version=version(system, 1).removeprefix("git:"))
    assert runs(system, 1)


def test_a_canary_may_be_forced_and_needs_a_stable_release() -> None:
    system = first()
    planned = system.submit({"agent": "deploykeeper", "input": {"action": "canary"}, "dry_run": True})
    assert "by canary (10%, 50%)" in planned.summary
    assert system.ask("deploykeeper", "canary").verdict == "deployed"
    assert [one["share"] for one in facts(system, "release-step") if "requests" not in one] == [0.1, 0.5]


def canaries(system: MemorySystem) -> list[Any]:
    return system.platforms["local"]._known["web"].of("canary")


@pytest.mark.parametrize(
    ("field", "value", "words"), [("state", "unready", "stopped being ready"), ("restarts", 1, "crashed")]
)
def test_a_canary_that_falls_over_ends_at_once(field: str, value: object, words: str) -> None:
    system = first(0.5)
    system.probe._answer = None

    def fall() -> None:
        for one in canaries(system):
            setattr(one, field, value)

    system.clock.after(2.0, fall)
    began = system.clock.now()
    result = deploy(system)
    assert result.verdict == "rolled-back"
    assert words in result.summary
    assert system.clock.now() - began < 4
    assert runs(system, 1)


def test_what_nobody_could_look_at_is_no_evidence_for_the_canary() -> None:
    system = first(0.5)
    system.probe._answer = lambda look: None
    for track in ("canary", "stable"):
        system.probe.tell(track, "unknown", detail="our own network")
    began = system.clock.now()
    assert deploy(system).verdict == "deployed"
    assert system.clock.now() - began >= 5.0  # watched to the end of its step
    assert facts(system, "release-step")[-1]["requests"] == 0
