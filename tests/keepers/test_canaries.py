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


def blind(system: MemorySystem) -> None:
    """Let nobody be able to look at either track."""
    system.probe._answer = lambda look: None
    for track in ("canary", "stable"):
        system.probe.tell(track, "unknown", detail="our own network")


def test_what_nobody_could_look_at_is_no_evidence_for_the_canary() -> None:
    system = first(0.5)
    blind(system)
    began = system.clock.now()
    result = deploy(system)
    assert (result.outcome, result.verdict, result.exit_status) == ("deferred", None, 75)
    assert system.clock.now() - began >= 5.0  # watched to the end of its step
    assert facts(system, "release-step")[-1]["requests"] == 0
    assert "cannot be reached from here" in result.summary
    state = system.state("web")
    assert state is not None
    assert state.canary is not None
    assert state.canary.weight == 0.5


def test_replicas_that_cannot_be_reached_do_not_look_like_a_failing_canary() -> None:
    system = first(0.5)
    system.probe._answer = lambda look: None
    for track in ("canary", "stable"):
        system.probe.tell(track, "failed", "timeout", "no answer within 1 s")
    result = deploy(system)
    assert result.outcome == "deferred"
    assert facts(system, "release-step")[-1]["requests"] == 0


def test_a_canary_that_refuses_where_stable_answers_is_taken_back() -> None:
    system = first(0.5)
    system.probe._answer = lambda look: None
    system.probe.tell("canary", "failed", "refused", "connection refused")
    assert deploy(system).verdict == "rolled-back"


def test_crashes_that_stable_has_as_well_are_no_evidence_and_its_requests_tell() -> None:
    system = first(0.5)

    def fall() -> None:
        for one in system.platforms["local"]._known["web"].replicas:
            one.restarts += 1

    system.clock.after(1.0, fall)
    assert deploy(system).verdict == "deployed"


def test_the_share_is_kept_while_an_autoscaler_changes_the_number_of_replicas() -> None:
    system = first(0.5)
    platform = system.platforms["local"]
    calls = len(platform.calls)
    system.clock.after(1.5, lambda: platform.scale("web", 4))
    assert deploy(system).verdict == "deployed"
    assert [name for name, _ in platform.calls[calls:]].count("shift") == 2
    state = system.state("web")
    assert state is not None
    assert state.stable.desired == 4


def test_a_release_that_cannot_take_over_leaves_its_canary_serving() -> None:
    system = first(0.5)
    platform = system.platforms["local"]
    promote = platform.promote

    def breaks(service: str) -> None:
        promote(service)
        platform.break_release(version(system), "no pod can be made: exceeded quota", running=True)
        system.clock.after(4.0, lambda: platform.mend_release(version(system)))

    platform.promote = breaks  # type: ignore[method-assign]
    result = deploy(system)
    assert result.outcome == "deferred"
    assert "exceeded quota" in result.summary
    state = system.state("web")
    assert state is not None
    assert (state.stable.release.version, state.stable.settled) == (version(system, 1), True)
    assert state.canary is not None
    assert (state.canary.release.version, state.canary.weight, state.canary.ready) == (
        version(system),
        0.5,
        1,
    )
    platform.promote = promote  # type: ignore[method-assign]
    assert system.ask("deploykeeper", "promote", service="web").verdict == "deployed"
    assert runs(system, 2)
