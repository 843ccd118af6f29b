"""DeployKeeper beside others: one deployer a service, and the newest commit wins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from dreamnet_actions.domain import chronicle
from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.testing.memory.system import MemorySystem, memory_system
from tests.keepers.homes import Cut, config, cuts, facts, released


def shop(commits: int = 3) -> tuple[MemorySystem, list[str]]:
    """A system with some commits, of which none is out."""
    system = memory_system(config({"web": released()}))
    return system, [system.sources["web"].commit({"app": str(number)}) for number in range(commits)]


def push(system: MemorySystem, revision: str) -> AgentResult:
    """A push's deploy, as its event asks for it."""
    return system.ask("deploykeeper", "deploy", version=revision, branch="main")


def runs(system: MemorySystem) -> str:
    state = system.state("web")
    assert state is not None
    return state.stable.release.version.removeprefix("git:")


@contextmanager
def elsewhere(system: MemorySystem, until: float = 1e9, wants: str = "") -> Iterator[None]:
    """Another home holds ``web`` for the block, at most for so many seconds; ``wants`` waits there, too."""
    platform, clock, sleep = system.platforms["local"], system.clock, system.clock.sleep
    end = clock.monotonic() + until
    with ExitStack() as stack:
        stack.enter_context(platform.hold("web"))

        def slept(seconds: float) -> None:
            sleep(seconds)
            if clock.monotonic() >= end:
                if wants and platform._held:
                    platform._waits["web"] = wants
                stack.close()

        clock.sleep = slept  # type: ignore[method-assign]
        yield
        clock.sleep = sleep  # type: ignore[method-assign]


def test_a_push_that_comes_late_is_skipped_and_noted() -> None:
    system, (first, second, third) = shop()
    assert push(system, first).verdict == "deployed"
    assert push(system, third).verdict == "deployed"
    late = push(system, second)
    assert (late.outcome, late.exit_status) == ("unchanged", 0)
    assert f"{second[:7]} is skipped, for {third[:7]} is newer" in late.summary
    assert runs(system) == third
    (fact,) = facts(system, "release-skipped")
    assert (fact["version"], fact["newer"]) == (f"git:{second}", f"git:{third}")
    (finding,) = system.ask("deploykeeper", "status").findings
    assert finding["skipped"] == [f"git:{second}"]
    kinds = {"release-started", "release-ended", "release-skipped"}
    listed = chronicle.releases(system.journal.read(kinds=kinds))
    assert [one["verdict"] for one in listed] == ["deployed", "deployed", "skipped"]


def test_a_person_who_names_a_commit_gets_it() -> None:
    system, (first, second) = shop(2)
    push(system, second)
    assert system.ask("deploykeeper", "deploy", version=first).verdict == "deployed"
    assert runs(system) == first
    assert facts(system, "release-skipped") == []


def test_after_a_rollback_an_older_push_is_late_only_for_what_is_out() -> None:
    system, (first, second, third) = shop()
    push(system, first)
    system.sick[f"git:{third}"] = "HTTP 500"
    assert push(system, third).verdict == "rolled-back"
    assert push(system, second).verdict == "deployed", "the newest that works"
    assert push(system, first).outcome == "unchanged"
    assert runs(system) == second


@pytest.mark.slow
def test_a_late_push_leaves_a_newer_release_alone_that_was_cut_off_on_its_way() -> None:
    """Whatever the newer one had reached: its own run is started again, and ends it."""
    seen: set[str] = set()

    def prepared() -> MemorySystem:
        system, (first, _, _) = shop()
        push(system, first)
        return system

    def newest(system: MemorySystem) -> AgentResult:
        raw = {"action": "deploy", "version": commits(system)[2], "branch": "main"}
        return system.submit({"agent": "deploykeeper", "input": raw, "id": "newest"})

    def commits(system: MemorySystem) -> list[str]:
        return [one.revision for one in system.sources["web"]._commits]

    for _, system in cuts(prepared, newest):
        second, third = commits(system)[1:]
        seen.add(push(system, second).outcome)
        newest(system)
        assert runs(system) == third
        assert push(system, second).outcome == "unchanged"
        assert runs(system) == third
    assert seen == {"done", "unchanged"}, "before and after the newer one was known to be wanted"


def test_it_waits_for_another_homes_deployer_and_then_works() -> None:
    system, (first,) = shop(1)
    began = system.clock.monotonic()
    with elsewhere(system, until=40.0):
        assert push(system, first).verdict == "deployed"
    assert system.clock.monotonic() - began >= 40
    assert any("being worked on by" in line for line in system.reporter.lines)


@pytest.mark.parametrize("action", ["deploy", "canary", "rollback", "restart", "scale"])
def test_a_deployer_that_does_not_end_defers_every_write(action: str) -> None:
    system, (first, second) = shop(2)
    push(system, first)
    push(system, second)
    before = list(system.platforms["local"].calls)
    more = {"replicas": 3, "service": "web"} if action == "scale" else {}
    with elsewhere(system):
        result = system.ask("deploykeeper", action, **more)
        assert system.ask("deploykeeper", "status").outcome == "done", "looking needs no turn"
    assert (result.outcome, result.exit_status) == ("deferred", 75)
    assert "local/web is being worked on by" in result.summary
    assert system.platforms["local"].calls == before


def test_it_lets_a_newer_commit_go_first_that_waits_elsewhere() -> None:
    system, (first, second, third) = shop()
    push(system, first)
    with elsewhere(system, until=5.0, wants=f"git:{third}"):
        assert push(system, second).verdict == "deployed", "who waited there did not come"
    assert any("Let go first" in line for line in system.reporter.lines)
    with elsewhere(system, until=5.0, wants=f"git:{first}"):
        assert push(system, third).verdict == "deployed"
    assert sum("Let go first" in line for line in system.reporter.lines) == 1, "an older one waits"


def test_the_turn_is_given_back_whatever_happens() -> None:
    system, (first,) = shop(1)
    system.platforms["local"].fail_writes(Cut("gone"))  # type: ignore[arg-type]
    with pytest.raises(Cut):
        push(system, first)
    system.platforms["local"].fail_writes(None)
    with system.platforms["local"].hold("web"):
        pass
