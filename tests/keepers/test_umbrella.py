"""Many new faults at once: one dream that speaks for all, and dreams of their own for those that outlive it."""

from __future__ import annotations

import pytest

from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.testing.memory.system import MemorySystem, memory_system
from tests.keepers.homes import config, cuts, facts, service

KEY = "self/umbrella"
SIX = tuple(f"s{number}" for number in range(6))


def six(**watch: object) -> MemorySystem:
    system = memory_system(config({name: service() for name in (*SIX, *"abcdefgh")}, **watch))
    system.start()
    system.clock.advance(1.0)
    return system


def fail(system: MemorySystem, *names: str) -> None:
    for name in names or SIX:
        system.platforms["local"].kill(name)


def mend(system: MemorySystem, *names: str) -> None:
    for name in names or SIX:
        system.platforms["local"].restart(name, token=f"by hand {system.clock.now()}")
    system.clock.advance(1.0)


def umbrella(system: MemorySystem) -> Dream:
    dream = system.dreams.find(KEY)
    assert dream is not None
    return dream


def about(system: MemorySystem) -> set[str]:
    return {one.key for one in system.dreams.search() if one.platform == "local"}


def check(system: MemorySystem) -> None:
    assert system.ask("dreamkeeper", "check", target="local").outcome == "done"


def test_more_than_five_at_once_are_one_dream_and_nothing_is_healed() -> None:
    system = six()
    fail(system)
    check(system)
    assert about(system) == set()
    dream = umbrella(system)
    assert dream.data["members"] == {f"local/{name}": "failing" for name in SIX}
    assert dream.evidence[0].detail.startswith("6 services fail at once: local/s0, ")
    assert facts(system, "remedy-started") == []
    check(system)
    assert about(system) == set()
    assert len(facts(system, "dream-opened")) == 1


def test_five_are_five_dreams() -> None:
    system = six()
    fail(system, *SIX[:5])
    check(system)
    assert about(system) == {f"local/{name}" for name in SIX[:5]}
    assert system.dreams.find(KEY) is None


def test_it_is_resolved_when_all_its_services_are_well_again() -> None:
    system = six()
    fail(system)
    check(system)
    mend(system, *SIX[:4])
    check(system)
    assert umbrella(system).state == "open"
    mend(system, *SIX[4:])
    check(system)
    assert umbrella(system).state == "resolved"
    assert "all its services are well again" in umbrella(system).because
    assert about(system) == set()


def test_what_outlives_it_gets_its_own_dream_with_a_link_and_is_healed() -> None:
    system = six()
    fail(system)
    check(system)
    mend(system, *SIX[2:])
    system.clock.advance(30.0)
    check(system)
    assert umbrella(system).state == "resolved"
    assert "local/s0, local/s1" in umbrella(system).because
    assert about(system) == {"local/s0", "local/s1"}
    for name in SIX[:2]:
        dream = system.dreams.find(f"local/{name}")
        assert dream is not None
        assert (dream.state, dream.umbrella) == ("healing", umbrella(system).number)
    system.pipe.drain()
    assert all(one.state == "resolved" for one in system.dreams.search())


def test_one_that_fails_a_little_later_joins_and_one_much_later_does_not() -> None:
    system = six()
    fail(system)
    check(system)
    fail(system, "a")
    check(system)
    assert umbrella(system).data["members"]["local/a"] == "failing"
    assert about(system) == set()
    system.clock.advance(30.0)
    fail(system, "b")
    check(system)
    assert "local/b" in about(system)


def test_another_burst_soon_after_opens_the_same_dream_again() -> None:
    system = six()
    for flaps in (0, 1):
        fail(system)
        check(system)
        assert (umbrella(system).number, umbrella(system).flaps) == (1, flaps)
        mend(system)
        check(system)
        assert umbrella(system).state == "resolved"


def test_what_a_person_says_of_it_holds_for_all_of_it() -> None:
    system = six()
    fail(system)
    check(system)
    assert system.ask("dreamkeeper", "wont-fix", dream=KEY).outcome == "done"
    system.clock.advance(600.0)
    check(system)
    assert about(system) == set()
    mend(system)
    check(system)
    fail(system, "s0")
    check(system)
    assert about(system) == {"local/s0"}


def test_a_snoozed_one_waits_and_then_lets_go() -> None:
    system = six()
    fail(system)
    check(system)
    system.ask("dreamkeeper", "snooze", dream=KEY, **{"for": "10m"})
    system.clock.advance(300.0)
    check(system)
    assert about(system) == set()
    system.clock.advance(301.0)
    check(system)
    assert about(system) == {f"local/{name}" for name in SIX}
    assert umbrella(system).state == "resolved"


def test_one_opened_again_by_hand_with_nobody_under_it_ends() -> None:
    system = six()
    fail(system)
    check(system)
    mend(system)
    check(system)
    system.ask("dreamkeeper", "reopen", dream=KEY)
    check(system)
    assert umbrella(system).state == "resolved"


def test_its_limit_can_be_set() -> None:
    system = six(umbrella_over=2)
    fail(system, "a", "b", "c")
    check(system)
    assert about(system) == set()


def test_a_dry_run_says_what_it_would_gather_and_writes_nothing() -> None:
    system = six()
    fail(system)
    result = system.submit(
        {"agent": "dreamkeeper", "input": {"action": "check", "target": "local"}, "dry_run": True}
    )
    assert {one.get("decision") for one in result.findings if one["health"] == "failing"} == {"gathered"}
    assert system.dreams.search() == []


@pytest.mark.slow
def test_cut_anywhere_every_fault_is_spoken_for_by_one_dream() -> None:
    raw = {"agent": "dreamkeeper", "input": {"action": "check", "target": "local"}, "id": "c-1"}

    def ill() -> MemorySystem:
        system = memory_system(config({name: service() for name in "abc"}, umbrella_over=2))
        system.start()
        system.clock.advance(1.0)
        fail(system, *"abc")
        return system

    for point, system in cuts(ill, lambda one: one.submit(raw)):
        check(system)
        check(system)
        assert umbrella(system).state == "open", point
        keys = {f"local/{name}" for name in "abc"}
        assert set(umbrella(system).data["members"]) | about(system) == keys, point
        assert len(system.dreams.search()) == 1 + len(about(system)), point
        mend(system, *"abc")
        for _ in range(3):
            system.round(pause=60.0)
        assert all(one.ended for one in system.dreams.search()), point


def test_after_an_umbrella_all_is_resolved_in_the_end() -> None:
    system = six()
    fail(system)
    for _ in range(8):
        system.round(pause=60.0)
    assert [one.state for one in system.dreams.search() if one.platform == "local"] == ["resolved"] * 6
