"""DeployKeeper: every way a release may go, and what is left running after it."""

from __future__ import annotations

import pytest

from dreamnet_actions.domain.result import AgentResult, warnings
from dreamnet_actions.domain.spec.models import ReleaseRules
from dreamnet_actions.entrances.cli.render import finding_lines
from dreamnet_actions.errors import PermanentError, TemporaryError
from dreamnet_actions.testing.memory.system import MemorySystem, memory_system
from tests.keepers.homes import config, facts, home, released, service


def first(*shares: float) -> MemorySystem:
    """A system whose ``web`` runs its first commit; the second waits to be deployed."""
    system = memory_system(config({"web": released(*shares)}))
    commit(system)
    assert deploy(system).verdict == "deployed"
    commit(system)
    return system


def commit(system: MemorySystem) -> str:
    return system.sources["web"].commit({"app": str(len(system.sources["web"]._commits))})


def deploy(system: MemorySystem, **given: object) -> AgentResult:
    return system.ask("deploykeeper", "deploy", **given)


def runs(system: MemorySystem, number: int) -> bool:
    """Say whether exactly the n-th commit runs: ready, alone, with all the traffic."""
    state = system.state("web")
    assert state is not None
    version = f"git:{system.sources['web']._commits[number - 1].revision}"
    return (state.stable.release.version, state.canary, state.stable.settled) == (version, None, True)


def version(system: MemorySystem, number: int = 2) -> str:
    return f"git:{system.sources['web']._commits[number - 1].revision}"


@pytest.mark.parametrize("shares", [(), (0.1, 0.5)])
def test_a_good_release_is_out_proved_and_told(shares: tuple[float, ...]) -> None:
    system = first(*shares)
    result = deploy(system)
    assert (result.outcome, result.verdict, result.exit_status, result.http_status) == (
        "done",
        "deployed",
        0,
        200,
    )
    assert runs(system, 2)
    assert [one.state for one in system.releases.reports] == ["in-progress", "deployed"] * 2
    assert result.findings
    assert (result.changes[0]["from"], result.changes[0]["to"]) == (version(system, 1), version(system, 2))
    assert deploy(system).outcome == "unchanged"
    steps = [one["share"] for one in facts(system, "release-step") if "requests" not in one]
    assert steps == list(shares)


@pytest.mark.parametrize(
    ("shares", "fault"), [((), "checks"), ((), "start"), ((0.5,), "checks"), ((0.5,), "start")]
)
def test_a_bad_release_is_taken_back_and_held(shares: tuple[float, ...], fault: str) -> None:
    system = first(*shares)
    if fault == "start":
        system.platforms["local"].break_release(version(system))
    else:
        system.sick[version(system)] = "HTTP 500"
    result = deploy(system)
    assert (result.verdict, result.exit_status) == ("rolled-back", 10)
    assert runs(system, 1)
    assert (result.changes[0]["from"], result.changes[0]["to"]) == (version(system), version(system, 1))
    held = deploy(system)
    assert (held.outcome, held.exit_status, held.http_status) == ("refused", 4, 409)
    system.sick.clear()
    system.platforms["local"].mend_release(version(system))
    assert deploy(system, version=version(system).removeprefix("git:")).verdict == "deployed"


def test_a_release_that_cannot_start_is_noticed_while_the_one_before_still_serves() -> None:
    system = first()
    system.platforms["local"].break_release(version(system))
    began = system.clock.now()
    assert deploy(system).verdict == "rolled-back"
    assert system.clock.now() - began < 5  # its 10 s to get ready are not waited for


def test_a_repeated_webhook_may_not_insist() -> None:
    system = first()
    system.sick[version(system)] = "HTTP 500"
    deploy(system)
    revision = version(system).removeprefix("git:")
    raw = {"agent": "deploykeeper", "input": {"action": "deploy", "version": revision}, "hops": 1}
    assert system.submit(raw).exit_status == 4


def test_a_fault_that_shows_after_the_promotion_is_taken_back_too() -> None:
    system = first(0.5)
    bad = version(system)
    platform, promote = system.platforms["local"], system.platforms["local"].promote

    def promoted(name: str) -> None:
        promote(name)
        system.sick[bad] = "fails under the whole load"

    platform.promote = promoted  # type: ignore[method-assign]
    result = deploy(system)
    assert (result.verdict, result.exit_status) == ("rolled-back", 10)
    assert runs(system, 1)


def test_with_nothing_to_go_back_to_it_says_so() -> None:
    system = memory_system(config({"web": released()}))
    commit(system)
    system.sick[version(system, 1)] = "HTTP 500"
    result = deploy(system)
    assert (result.outcome, result.verdict, result.exit_status) == ("failed", "rollback-failed", 11)
    assert "no release before it" in result.summary


def test_a_release_before_that_is_not_well_any_more_is_no_rollback() -> None:
    system = first()
    system.sick |= {version(system, 1): "HTTP 500", version(system): "HTTP 500"}
    result = deploy(system)
    assert (result.verdict, result.exit_status) == ("rollback-failed", 11)


def test_tried_again_after_a_failed_rollback_it_is_taken_back_anew() -> None:
    system = first()
    system.sick |= {version(system, 1): "HTTP 500", version(system): "HTTP 500"}
    raw = {"agent": "deploykeeper", "input": {"action": "deploy"}, "id": "d-1"}
    assert system.submit(raw).verdict == "rollback-failed"
    del system.sick[version(system, 1)]
    assert system.submit(raw).verdict == "rolled-back"
    assert runs(system, 1)
    assert system.submit(raw).verdict == "rolled-back"


def test_what_nobody_can_look_at_is_deployed_and_unverified_and_never_taken_back() -> None:
    system = first()
    system.probe._answer = None
    system.probe.tell("web", "unknown", detail="our own network")
    result = deploy(system)
    assert (result.outcome, result.verdict, result.exit_status) == ("failed", "deployed-unverified", 12)
    assert runs(system, 2)


def test_an_outage_in_the_middle_is_deferred_and_the_next_run_proves_it() -> None:
    system = first(0.5)
    system.sick[version(system)] = "HTTP 500"
    system.clock.after(1.0, lambda: system.platforms["local"].fail_observe(TemporaryError("away")))
    raw = {"agent": "deploykeeper", "input": {"action": "deploy"}, "id": "d-1"}
    result = system.submit(raw)
    assert (result.outcome, result.exit_status) == ("deferred", 75)
    system.platforms["local"].fail_observe(None)
    assert system.submit(raw).verdict == "rolled-back"
    assert runs(system, 1)


def test_people_who_cannot_be_told_break_no_release() -> None:
    system = first()

    def report(*_: object, **__: object) -> None:
        raise TemporaryError("GitHub is down", hint="Wait.")

    system.releases.report = report  # type: ignore[method-assign]
    system.again()
    answer = deploy(system)
    assert (answer.verdict, answer.outcome, answer.error) == ("deployed", "done", None)
    assert any("could not be reported: GitHub is down" in line for line in system.reporter.lines)
    (told,) = warnings(answer)  # each reason once, however many states could not be told
    assert told["warning"].endswith("how its release stands could not be reported: GitHub is down")
    assert (told["code"], told["hint"]) == (TemporaryError.code, "Wait.")
    assert list(finding_lines(told)) == [f"! {told['warning']}", "  Wait."]
    back = system.submit({"agent": "deploykeeper", "input": {"action": "rollback", "service": "web"}})
    assert (back.outcome, back.verdict) == ("done", "healthy")
    assert [one["warning"] for one in warnings(back)] == [told["warning"]]


def test_a_build_that_fails_touches_nothing() -> None:
    spec = service(release=ReleaseRules(git=".", build=("false",)))
    system = memory_system(config({"web": spec}))
    commit(system)
    result = deploy(system)
    assert (result.outcome, result.exit_status) == ("failed", 5)
    assert system.platforms["local"].calls == []


def test_a_rollback_goes_back_one_is_proved_and_holds_what_it_left() -> None:
    system = first()
    deploy(system)
    result = system.ask("deploykeeper", "rollback")
    assert (result.outcome, result.verdict) == ("done", "healthy")
    assert runs(system, 1)
    assert deploy(system).exit_status == 4
    again = system.ask("deploykeeper", "rollback")
    assert (again.outcome, again.exit_status, again.http_status) == ("refused", 3, 404)


def test_a_rollback_to_a_release_that_fails_as_well_is_no_success() -> None:
    system = first()
    deploy(system)
    system.sick[version(system, 1)] = "HTTP 500"
    result = system.ask("deploykeeper", "rollback")
    assert (result.outcome, result.verdict, result.exit_status) == ("failed", "rollback-failed", 11)


def test_one_service_that_fails_hides_no_other() -> None:
    system = memory_system(config({"a": service(), "b": service(), "c": service()}))
    system.start()
    restart = system.platforms["local"].restart

    def refuse(name: str, *, token: str) -> None:
        if name == "b":
            raise PermanentError("b is locked")
        restart(name, token=token)

    system.platforms["local"].restart = refuse  # type: ignore[method-assign]
    system.again()
    result = system.ask("deploykeeper", "restart")
    assert (result.outcome, result.exit_status) == ("failed", 5)
    assert "local/a was restarted" in result.summary
    assert "b is locked" in result.summary
    assert "local/c was restarted" in result.summary
    assert system.ask("deploykeeper", "deploy", version="v1").exit_status == 4


def test_a_service_held_by_another_run_is_deferred() -> None:
    system = home()
    with system.lock.lease("service/local/web", 60):
        assert system.ask("deploykeeper", "restart", service="web").exit_status == 75
