"""The life of dreams under everything that may happen: faults, outages, people, crashes, in any order."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.release import Release
from dreamnet_actions.domain.spec.models import Heal
from dreamnet_actions.errors import DreamNetError, TemporaryError
from dreamnet_actions.testing.memory.stores import MemoryDreamStore
from dreamnet_actions.testing.memory.system import memory_system
from tests.keepers.homes import Cut, Knife, config, facts, free, service

pytestmark = pytest.mark.slow

names = st.sampled_from(NAMES := ("web", "api", "db"))
BUDGET = 3


class Watched(MemoryDreamStore):
    """Dreams; each resolution is shown to the test at the moment it happens."""

    def __init__(self) -> None:
        super().__init__()
        self.resolving: Any = None

    def update(self, dream: Dream) -> Dream:
        before = self.get(dream.number)
        after = super().update(dream)
        if before.state != "resolved" and dream.state == "resolved":
            self.resolving(dream)
        return after


class DreamLife(RuleBasedStateMachine):
    """A small system that anything may happen to."""

    @initialize()
    def begin(self) -> None:
        heal = Heal(recover_within=5.0, cool_down=5.0, tries_per_hour=BUDGET)
        services = {name: service(heal=heal) for name in NAMES}
        services["web"] = service(heal=heal, needs=("db",))
        self.system = memory_system(config(services))
        self.system.dreams = Watched()
        self.system.dreams.resolving = self.seen_well
        self.system.again()
        self.system.start()
        self.system.clock.advance(1.0)
        for name, spec in services.items():  # so that there is a release to go back to
            version = Release(service=name, version=f"git:{name}".ljust(44, "0"))
            self.system.platforms["local"].apply(name, spec, version)
        self.system.clock.advance(1.0)
        self.unknown: set[str] = set()
        self.lies: list[str] = []
        self.snoozed: dict[int, tuple[float, int]] = {}
        self.put_aside: dict[str, int] = {}

    def well(self, name: str) -> bool:
        known = self.system.platforms["local"]._known[name]
        ready = any(one.state == "ready" for one in known.replicas)
        return ready and known.stable.release.version not in self.system.sick

    def seen_well(self, dream: Dream) -> None:
        if dream.platform != "self" and (not self.well(dream.service) or dream.service in self.unknown):
            self.lies.append(f"{dream.key} was resolved, and nobody saw it well")

    @rule(name=names)
    def kill(self, name: str) -> None:
        self.system.platforms["local"].kill(name)

    @rule(name=names)
    def fall_sick(self, name: str) -> None:
        """Fail in a way that no restart mends."""
        version = self.system.platforms["local"]._known[name].stable.release.version
        self.system.sick[version] = "HTTP 500"

    @rule()
    def get_well(self) -> None:
        self.system.sick.clear()

    @rule(name=names)
    def go_blind(self, name: str) -> None:
        self.unknown.add(name)
        self.system.probe._answer = lambda look: (
            None if look.service in self.unknown else self.system.look(look)
        )
        self.system.probe.tell(name, "unknown", detail="our own network")

    @rule(name=names)
    def see_again(self, name: str) -> None:
        self.unknown.discard(name)
        self.system.probe.forget(name)

    @rule(seconds=st.sampled_from([1.0, 40.0, 700.0]))
    def wait(self, seconds: float) -> None:
        self.system.clock.advance(seconds)

    @rule()
    def watch(self) -> None:
        self.system.round()

    @rule(name=names)
    def look_at_one(self, name: str) -> None:
        self.system.ask("dreamkeeper", "check", service=name)

    @rule()
    def hand_out(self) -> None:
        self.system.pipe.drain()

    @rule(at=st.integers(0, 60), drain=st.booleans())
    def cut(self, at: int, drain: bool) -> None:
        """End a run by SIGKILL at its n-th call of a port."""
        self.system.again(Knife(at).around)
        with contextlib.suppress(Cut):
            self.system.pipe.drain() if drain else self.system.ask("dreamkeeper", "check")
        self.system.again()
        free(self.system)

    @rule()
    def lose_the_platform(self) -> None:
        error: DreamNetError = TemporaryError("the platform is away")
        self.system.platforms["local"].fail_observe(error)
        self.system.platforms["local"].fail_writes(error)
        before = self.ends()
        self.unknown, kept = set(NAMES), self.unknown
        self.system.probe._answer = lambda look: None
        for name in NAMES:
            self.system.probe.tell(name, "unknown")
        self.system.round()
        assert self.ends() == before
        self.unknown = kept
        for name in set(NAMES) - kept:
            self.system.probe.forget(name)
        self.system.probe._answer = lambda look: (
            None if look.service in self.unknown else self.system.look(look)
        )
        self.system.platforms["local"].fail_observe(None)
        self.system.platforms["local"].fail_writes(None)

    def ends(self) -> list[tuple[str, int]]:
        """Dreams about services that were opened, resolved or tried to heal, and how often."""
        kinds = ("dream-opened", "dream-resolved", "remedy-started", "remedy-ended")
        about = [one["service"] for one in facts(self.system, *kinds) if one["service"].startswith("local/")]
        return sorted(Counter(about).items())

    def dream(self, name: str) -> Dream | None:
        return self.system.dreams.find(f"local/{name}")

    @rule(name=names, how=st.sampled_from(["10m", "2h"]))
    def snooze(self, name: str, how: str) -> None:
        result = self.system.ask("dreamkeeper", "snooze", dream=f"local/{name}", **{"for": how})
        if result.outcome == "done" and (dream := self.dream(name)):
            assert dream.until is not None
            self.snoozed[dream.number] = (dream.until, self.tried(name))

    @rule(name=names)
    def wont_fix(self, name: str) -> None:
        result = self.system.ask("dreamkeeper", "wont-fix", dream=f"local/{name}")
        if result.outcome == "done" and (dream := self.dream(name)):
            self.put_aside[name] = dream.number

    @rule(name=names)
    def reopen(self, name: str) -> None:
        result = self.system.ask("dreamkeeper", "reopen", dream=f"local/{name}")
        assert result.exit_status in (0, 3, 4)
        if result.outcome == "done":
            self.put_aside.pop(name, None)

    @rule(name=names, remedy=st.sampled_from([None, "restart", "rollback"]))
    def heal(self, name: str, remedy: str | None) -> None:
        given = {"remedy": remedy} if remedy else {}
        result = self.system.ask("dreamkeeper", "heal", dream=f"local/{name}", **given)
        assert result.exit_status in (0, 3, 4), result

    @rule(name=names)
    def verify(self, name: str) -> None:
        assert self.system.ask("dreamkeeper", "verify", service=name).exit_status == 0

    def tried(self, name: str) -> int:
        return sum(fact["service"] == f"local/{name}" for fact in facts(self.system, "remedy-started"))

    @invariant()
    def one_open_dream_a_key(self) -> None:
        open_ones = Counter(one.key for one in self.system.dreams.search() if not one.ended)
        assert not open_ones or max(open_ones.values()) == 1

    @invariant()
    def budgets_are_kept(self) -> None:
        for name in NAMES:
            times = [
                one.at for one in self.system.journal.read(kinds={"remedy-started"}, service=f"local/{name}")
            ]
            for at in times:
                assert sum(at - 3600 < other <= at for other in times) <= BUDGET, name

    @invariant()
    def a_remedy_is_in_effect_once(self) -> None:
        for name in NAMES:
            asked = [one for one in facts(self.system, "remedy-started") if one["service"] == f"local/{name}"]
            restarts = {(one["remedy"], one["attempt"]) for one in asked if one["remedy"] == "restart"}
            stories = len({one.dream for one in self.system.journal.read(kinds={"remedy-started"})})
            done = self.system.platforms["local"]._known[name].restarted
            assert len(done) == len(set(done))
            assert len(done) <= len(restarts) * max(stories, 1)
        sent = Counter(one["message"] for one in facts(self.system, "message-sent"))
        assert not sent or max(sent.values()) == 1

    @invariant()
    def what_a_person_put_aside_is_left_alone(self) -> None:
        for name, number in self.put_aside.items():
            dream = self.dream(name)
            assert dream is not None
            assert (dream.number, dream.state) == (number, "wont-fix")
        for number, (until, tried) in self.snoozed.items():
            dream = self.system.dreams.get(number)
            if dream.state == "snoozed" and self.system.clock.now() < until == dream.until:
                assert self.tried(dream.service) == tried

    @invariant()
    def only_what_was_seen_well_is_resolved(self) -> None:
        assert self.lies == []

    @invariant()
    def every_error_is_known(self) -> None:
        assert self.system.story("error") == []

    def teardown(self) -> None:
        """Mend everything: all that nobody put aside is resolved within ten rounds."""
        if not hasattr(self, "system"):
            return
        for name in NAMES:
            self.see_again(name)
        self.get_well()
        for name in NAMES:
            self.system.platforms["local"].restart(name, token="a person's")
        self.system.clock.advance(5.0)
        for _ in range(10):
            self.system.round(pause=60.0)
        left = [one for one in self.system.dreams.search() if not one.ended]
        assert left == [], [(one.key, one.state, one.because) for one in left]
        assert {one.state for one in self.system.bus.list()} <= {"done"}


DreamLife.TestCase.settings = settings(max_examples=50, stateful_step_count=30)
TestDreamLife = DreamLife.TestCase
