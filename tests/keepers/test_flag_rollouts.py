"""Progressive roll-outs of flags: brought on while the services are well, turned back when they fail, cut anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from dreamnet_actions.domain.flag import Flag
from dreamnet_actions.domain.flagedit import Share, share_of
from dreamnet_actions.domain.spec.models import Service
from dreamnet_actions.testing.memory.flags import MemoryFlagTarget
from dreamnet_actions.testing.memory.system import MemorySystem, memory_system
from tests.keepers.homes import config, cuts, facts, service

FLAG = Flag(name="new-home", state="ENABLED", variants={"on": True, "off": False}, default_variant="off")
STEPS = {"flag": "new-home", "steps": "10%,50%,100%", "every": "60s"}


@dataclass(frozen=True, kw_only=True)
class Other(Service):
    """A service of another version: what makes one ill leaves it alone."""

    command: tuple[str, ...] = ("other",)


def home() -> MemorySystem:
    """A started system with one flag."""
    system = memory_system(config({"web": service(), "api": Other(**vars(service()))}), flags=[FLAG])
    system.start()
    system.clock.advance(1.0)
    return system


def published() -> MemorySystem:
    """The same with a place that its flags are published to."""
    system = home()
    system.flag_targets.append(MemoryFlagTarget())
    return system.again()


def whole(system: MemorySystem) -> bool:
    """Say whether the file, the place, the roll-out that is noted and what is told of it say the same."""
    assert system.flags is not None
    stored = system.journal.state("flag-rollout/new-home")[0]
    told = facts(system, "flag-rolled-out", "flag-turned-back")
    if stored is not None and not stored["settled"]:
        return False
    now = stored["steps"][stored["step"]] if stored else 0.0
    explained = bool(told) if part(system) or stored else True
    return (
        part(system) == now and explained and (not told or system.flag_targets[0].held == system.flags.text())
    )


def part(system: MemorySystem) -> float:
    """The share of callers that get the new home."""
    assert system.flags is not None
    found = share_of(system.flags.get("new-home").targeting)
    return found[0].part if found else 0.0


def begin(system: MemorySystem, **more: Any) -> Any:
    """Begin the roll-out."""
    return system.ask("envkeeper", "roll-out", **{**STEPS, **more})


def ill(system: MemorySystem, name: str = "web") -> None:
    """Let a service fail from now on."""
    state = system.state(name)
    assert state is not None
    system.sick[state.stable.release.version] = "500"


def test_step_by_step_while_the_services_are_well() -> None:
    system = home()
    assert begin(system).outcome == "done"
    seen = []
    for _ in range(14):
        seen.append(part(system))
        system.round(pause=30.0)
    assert sorted(set(seen)) == [0.1, 0.5, 1.0]
    assert seen == sorted(seen)
    assert seen.count(0.1) >= 2
    assert part(system) == 1.0
    assert system.journal.state("flag-rollout/new-home")[0] is None
    assert [one["step"] for one in facts(system, "flag-rolled-out")] == [0, 1, 2]
    assert len(facts(system, "flag-rollout-ended")) == 1


def test_failing_checks_turn_it_back() -> None:
    system = home()
    system.ask("envkeeper", "roll-out", flag="new-home", share="5%")
    begin(system, service="web")
    for _ in range(4):
        system.round(pause=30.0)
    assert part(system) == 0.5
    ill(system)
    system.round(pause=1.0)
    assert part(system) == 0.05
    assert facts(system, "remedy-started") == []  # the flag is the likelier cause
    fact = system.journal.read(kinds={"flag-turned-back"})[0]
    assert "the checks of web fail with on for 50%" in fact.text
    assert "health-check-failed-needs-flag-turn-back" in [
        one["name"] for one in facts(system, "message-sent")
    ]
    for _ in range(5):
        system.round(pause=60.0)
    assert part(system) == 0.05
    assert facts(system, "remedy-started") != []  # it was not the flag


def test_only_named_services_count() -> None:
    system = home()
    begin(system, service="api")
    ill(system, "web")
    for _ in range(12):
        system.round(pause=30.0)
    assert part(system) == 1.0


def test_a_kill_and_a_hand_end_it() -> None:
    for action, more in (
        ("kill-flag", {}),
        ("roll-out", {"share": "20%"}),
        ("turn-back-flag", {}),
    ):
        system = home()
        begin(system)
        assert system.ask("envkeeper", action, flag="new-home", **more).outcome == "done"
        assert system.journal.state("flag-rollout/new-home")[0] is None
        now = part(system)
        for _ in range(4):
            system.round(pause=60.0)
        assert part(system) == now


def test_what_somebody_changed_in_the_file_is_left_alone() -> None:
    system = home()
    begin(system)
    assert system.flags is not None
    system.flags._flags["new-home"] = FLAG
    for _ in range(4):
        system.round(pause=60.0)
    assert part(system) == 0.0
    assert "somebody changed its targeting" in system.journal.read(kinds={"flag-rollout-ended"})[0].text


def test_a_pause_waits_and_a_second_one_is_refused() -> None:
    system = home()
    begin(system)
    assert begin(system, steps="1%,2%").exit_status == 4
    system.pause()
    for _ in range(3):
        system.round(pause=60.0)
    assert part(system) == 0.1
    system.resume()
    system.round(pause=1.0)
    assert part(system) == 0.5


@pytest.mark.parametrize(
    "wrong",
    [{"steps": "50%,10%"}, {"steps": "0%,10%"}, {"steps": "x"}, {"every": "10"}, {"every": "10ms"}],
)
def test_what_steps_may_be(wrong: dict[str, str]) -> None:
    assert begin(home(), **wrong).exit_status == 3


def test_an_unknown_service_is_told() -> None:
    assert begin(home(), service="wbe").exit_status == 2


@pytest.mark.slow
def test_cut_anywhere_at_its_beginning_it_has_begun_or_not() -> None:
    for where, system in cuts(published, begin):
        for _ in range(2):
            system.round(pause=1.0)
        assert whole(system), where
        assert part(system) in (0.0, 0.1), where


@pytest.mark.slow
def test_cut_anywhere_it_goes_on() -> None:
    def due() -> MemorySystem:
        system = published()
        begin(system)
        system.clock.advance(61.0)
        system.ask("dreamkeeper", "check")
        return system

    for where, system in cuts(due, lambda system: system.pipe.drain()):
        system.round(pause=1.0)
        system.round(pause=1.0)
        assert part(system) == 0.5, where
        assert whole(system), where


@pytest.mark.slow
def test_cut_anywhere_it_turns_back() -> None:
    def failing() -> MemorySystem:
        system = published()
        begin(system)
        return system

    def back(system: MemorySystem) -> None:
        system.ask("envkeeper", "turn-back-flag", flag="new-home")

    for where, system in cuts(failing, back):
        ill(system)
        system.round(pause=1.0)
        system.round(pause=1.0)
        assert part(system) == 0.0, where
        assert whole(system), where
        assert system.journal.state("flag-rollout/new-home")[0] is None, where


def test_share_writes_whole_weights() -> None:
    assert str(Share.of("on", 0.005)) == "on for 0.5%"
    assert Share.of("on", 0.25) == Share(variant="on", weight=25, total=100)
