"""What the Platform port promises, for any platform: releases, restarts, scale, canaries, and going back.

Nothing here waits for a fixed time: a platform brings about what is wanted by itself, so each test watches ``observe``
until it has, on the platform's own clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from dreamnet_actions.domain.release import Release, ServiceState, TrackState
from dreamnet_actions.domain.spec.models import Service
from dreamnet_actions.errors import NotFound
from dreamnet_actions.ports.platform import Platform
from dreamnet_actions.ports.system import Clock
from dreamnet_actions.testing.contracts.holds import HoldContract

WITHIN = 20.0
"""Seconds for a platform to bring about what a test wants."""
FIRST, SECOND, THIRD = "first", "second", "third"
"""Tokens of restarts and undos."""


@dataclass(frozen=True)
class Stage:
    """The platform under test, with what a test wants of it."""

    platform: Platform
    clock: Clock
    spec: Callable[[int], Service]
    release: Callable[[str], Release]
    other: Callable[[int], Service]

    def apply(self, name: str, replicas: int = 1) -> None:
        """Apply a release of ``web`` that is configured with so many replicas."""
        self.platform.apply("web", self.spec(replicas), self.release(name))

    def canary(self, name: str) -> None:
        """Apply a release of ``web`` as its canary."""
        self.platform.apply("web", self.spec(1), self.release(name), canary=True)

    def version(self, name: str) -> str:
        """Answer the version of a release."""
        return self.release(name).version

    def state(self) -> ServiceState:
        """Look at ``web`` once."""
        return self.platform.observe().services["web"]

    def until(self, holds: Callable[[ServiceState], bool]) -> ServiceState:
        """Watch ``web`` until it holds; answer the state in which it did."""
        deadline = self.clock.monotonic() + WITHIN
        while True:
            seen = self.platform.observe()
            state = seen.services["web"]
            if holds(state):
                return state
            assert self.clock.monotonic() < deadline, f"did not come about within {WITHIN:g} s: {state}"
            if not self.platform.wait(seen, 0.1):
                self.clock.sleep(0.01)

    def settled(self) -> TrackState:
        """Watch until the stable track is settled; answer it."""
        return self.until(lambda state: state.stable.settled).stable

    def canary_settled(self) -> TrackState:
        """Watch until the canary is settled; answer it."""
        canary = self.until(lambda state: bool(state.canary and state.canary.settled)).canary
        assert canary is not None
        return canary


class PlatformContract(HoldContract):
    """Override ``platform`` (nothing applied), ``clock``, ``spec``, ``release`` and ``kill``."""

    @pytest.fixture
    def platform(self) -> Platform:
        """The platform under test."""
        raise NotImplementedError("override it")

    @pytest.fixture
    def clock(self) -> Clock:
        """The clock that the platform's own work takes its time from."""
        raise NotImplementedError("override it")

    @pytest.fixture
    def spec(self) -> Callable[[int], Service]:
        """Answer how a service is configured, with so many replicas."""
        raise NotImplementedError("override it")

    @pytest.fixture
    def release(self) -> Callable[[str], Release]:
        """Answer a release of the service ``web`` by a name; one whose name begins with ``broken`` never becomes
        ready, and it is soon known why."""
        raise NotImplementedError("override it")

    @pytest.fixture
    def other(self, spec: Callable[[int], Service]) -> Callable[[int], Service]:
        """Answer how the service ``other`` is configured, where two services cannot be configured alike."""
        return spec

    def kill(self, platform: Platform, service: str) -> None:
        """End one ready replica of the service behind the platform's back."""
        raise NotImplementedError("override it")

    @pytest.fixture
    def stage(
        self,
        platform: Platform,
        clock: Clock,
        spec: Callable[[int], Service],
        release: Callable[[str], Release],
        other: Callable[[int], Service],
    ) -> Stage:
        """All of it at hand."""
        return Stage(platform, clock, spec, release, other)

    # ── Releases ────────────────────────────────────────────────────────────────────────────────────────

    def test_nothing_applied_is_nothing_seen(self, stage: Stage) -> None:
        snapshot = stage.platform.observe()
        assert snapshot.platform == stage.platform.name
        assert dict(snapshot.services) == {}

    def test_what_is_applied_runs_in_the_configured_number(self, stage: Stage) -> None:
        stage.apply("one", 2)
        stable = stage.settled()
        assert stable.release.version == stage.version("one")
        assert (stable.desired, stable.ready, stable.weight, stable.failure) == (2, 2, 1.0, None)
        assert {one.version for one in stable.replicas} == {stage.version("one")}
        assert {one.state for one in stable.replicas} == {"ready"}

    def test_the_same_release_again_changes_nothing(self, stage: Stage) -> None:
        stage.apply("one", 2)
        before = stage.settled()
        stage.apply("one", 2)
        state = stage.state()
        assert _ids(state.stable) == _ids(before)
        assert state.former == ()

    def test_a_new_release_takes_over_and_the_one_before_is_former(self, stage: Stage) -> None:
        stage.apply("one", 2)
        before = stage.settled()
        stage.platform.preview("web", stage.spec(2), stage.release("two"))
        assert list(stage.platform.tidy("web", stage.spec(2))) == []
        assert (_ids(stage.state().stable), stage.state().former) == (_ids(before), ())
        stage.apply("two", 2)
        after = stage.settled()
        assert {one.version for one in after.replicas} == {stage.version("two")}
        assert not _ids(after) & _ids(before)
        assert [one.version for one in stage.state().former] == [stage.version("one")]

    def test_a_release_that_cannot_start_replaces_nothing_and_says_why(self, stage: Stage) -> None:
        stage.apply("one", 2)
        stage.settled()
        stage.apply("broken", 2)
        state = stage.until(lambda state: bool(state.stable.failure))
        assert not state.stable.settled
        serving = [one for one in state.stable.replicas if one.state == "ready"]
        assert [one.version for one in serving] == [stage.version("one")] * 2
        assert (state.stable.updated, state.stable.enough(0.5)) == (0, False)
        assert 0 <= state.stable.hopeless <= state.stable.desired
        worst, seen = state.stable.worst, stage.platform.evidence("web")
        assert worst is not None
        assert worst.version == stage.version("broken")
        assert seen is None or all(text.isprintable() for text in (*seen.notes, *seen.lines))

    def test_at_least_ten_former_releases_are_kept(self, stage: Stage) -> None:
        for number in range(12):
            stage.apply(f"n{number}", 0)
        former = [one.version for one in stage.state().former]
        assert former[:10] == [stage.version(f"n{number}") for number in range(10, 0, -1)]

    def test_the_configuration_alone_describes_a_release(self, stage: Stage) -> None:
        configured = stage.platform.configured("web", stage.spec(1))
        assert configured.version.startswith("cmd:")
        twice = stage.platform.configured("web", stage.spec(2))
        assert configured == twice, "the number of replicas is no part of it"
        stage.platform.apply("web", stage.spec(1), configured)
        assert stage.settled().release.version == configured.version

    # ── Restart and scale ───────────────────────────────────────────────────────────────────────────────

    def test_restart_replaces_every_replica_once_per_token(self, stage: Stage) -> None:
        stage.apply("one", 2)
        before = stage.settled()
        stage.platform.restart("web", token=FIRST)
        after = stage.settled()
        assert not _ids(after) & _ids(before)
        assert after.release == before.release
        stage.platform.restart("web", token=FIRST)
        assert _ids(stage.settled()) == _ids(after)
        stage.platform.restart("web", token=SECOND)
        assert not _ids(stage.settled()) & _ids(after)

    def test_restart_heals_a_killed_replica(self, stage: Stage) -> None:
        stage.apply("one")
        stage.settled()
        self.kill(stage.platform, "web")
        state = stage.until(lambda state: state.stable.ready == 0)
        assert not state.stable.settled
        stage.platform.restart("web", token=FIRST)
        assert stage.settled().ready == 1

    def test_scale_up_down_to_none_and_back(self, stage: Stage) -> None:
        stage.apply("one")
        first = _ids(stage.settled())
        for replicas in (3, 1, 0, 2):
            stage.platform.scale("web", replicas)
            stable = stage.settled()
            assert (stable.desired, len(stable.replicas), stable.ready) == (replicas, replicas, replicas)
            if replicas:
                first = first & _ids(stable)
                assert first or replicas == 2, "scaling keeps the replicas that it can keep"

    def test_the_number_of_replicas_outlives_a_release(self, stage: Stage) -> None:
        stage.apply("one")
        stage.platform.scale("web", 3)
        stage.apply("two")
        assert stage.settled().ready == 3
        stage.platform.apply("web", stage.spec(1), stage.release("three"), replicas=2)
        assert stage.settled().ready == 2

    # ── Canaries ────────────────────────────────────────────────────────────────────────────────────────

    def test_a_canary_runs_beside_stable_without_traffic(self, stage: Stage) -> None:
        stage.apply("one", 2)
        before = stage.settled()
        stage.canary("two")
        canary = stage.canary_settled()
        assert (canary.weight, canary.desired, canary.ready) == (0.0, 1, 1)
        assert canary.release.version == stage.version("two")
        assert {one.track for one in canary.replicas} == {"canary"}
        assert _ids(stage.state().stable) == _ids(before)
        assert stage.state().former == ()

    def test_shift_gives_the_canary_its_share_and_the_same_canary_again_keeps_it(self, stage: Stage) -> None:
        stage.apply("one")
        stage.canary("two")
        stage.platform.shift("web", 0.25)
        stage.canary("two")
        canary = stage.canary_settled()
        assert (stage.state().stable.weight, canary.weight) == (0.75, 0.25)

    def test_another_canary_takes_the_place_of_one_that_serves(self, stage: Stage) -> None:
        stage.apply("one", 2)
        before = stage.settled()
        stage.canary("two")
        stage.platform.shift("web", 0.5)
        old = _ids(stage.canary_settled())
        stage.canary("three")
        canary = stage.canary_settled()
        assert (canary.release.version, canary.weight) == (stage.version("three"), 0.0)
        assert not old & _ids(canary)
        assert _ids(stage.state().stable) == _ids(before)

    def test_promote_makes_the_canary_stable_in_stables_number(self, stage: Stage) -> None:
        stage.apply("one", 2)
        stage.settled()
        stage.canary("two")
        stage.platform.shift("web", 0.5)
        stage.canary_settled()
        for _ in range(2):  # the second time changes nothing
            stage.platform.promote("web")
            stable = stage.settled()
            state = stage.state()
            assert (stable.release.version, stable.ready, stable.weight) == (stage.version("two"), 2, 1.0)
            assert {one.version for one in stable.replicas} == {stage.version("two")}
            assert state.canary is None
            assert [one.version for one in state.former] == [stage.version("one")]

    def test_withdraw_gives_stable_everything_back(self, stage: Stage) -> None:
        stage.apply("one")
        before = stage.settled()
        stage.canary("two")
        stage.platform.shift("web", 0.5)
        for _ in range(2):
            stage.platform.withdraw("web")
            state = stage.state()
            assert state.canary is None
            assert state.stable.weight == 1.0
            assert _ids(state.stable) == _ids(before)
            assert state.former == ()

    def test_a_broken_canary_harms_nothing(self, stage: Stage) -> None:
        stage.apply("one")
        stage.settled()
        stage.canary("broken")
        state = stage.until(lambda state: bool(state.canary and state.canary.failure))
        assert state.stable.settled
        assert state.stable.failure is None

    # ── Undo ────────────────────────────────────────────────────────────────────────────────────────────

    def test_undo_goes_back_exactly_and_once_per_token(self, stage: Stage) -> None:
        for name in ("one", "two", "three"):
            stage.apply(name)
            stage.settled()
        former = stage.state().former
        for _ in range(2):
            assert stage.platform.undo("web", token=FIRST) == former[0]
            stable = stage.settled()
            assert stable.release == former[0]
            assert {one.version for one in stable.replicas} == {stage.version("two")}
            assert stage.state().former == former[1:]
        assert stage.platform.undo("web", token=SECOND) == former[1]
        assert stage.settled().release == former[1]
        with pytest.raises(NotFound):
            stage.platform.undo("web", token=THIRD)
        assert stage.platform.undo("web", token=FIRST) == former[0], "a token keeps its answer"
        assert stage.settled().release == former[1]

    def test_undo_of_a_release_that_never_started_keeps_the_replicas_that_serve(self, stage: Stage) -> None:
        stage.apply("one", 2)
        before = stage.settled()
        stage.apply("broken", 2)
        stage.until(lambda state: bool(state.stable.failure))
        stage.platform.undo("web", token=FIRST)
        after = stage.settled()
        assert _ids(after) == _ids(before)
        assert after.failure is None

    def test_undo_passes_over_what_is_to_be_skipped(self, stage: Stage) -> None:
        for name in ("one", "two", "three", "four"):
            stage.apply(name, 0)
        bad = {stage.version("three"), stage.version("two")}
        for _ in range(2):  # the second time changes nothing
            assert stage.platform.undo("web", token=FIRST, skip=bad).version == stage.version("one")
            assert stage.state().stable.release.version == stage.version("one")
            assert stage.state().former == ()
        stage.apply("two", 0)
        with pytest.raises(NotFound):
            stage.platform.undo("web", token=SECOND, skip={stage.version("one")})
        assert stage.state().stable.release.version == stage.version("two"), "nothing was changed"

    # ── The rest ────────────────────────────────────────────────────────────────────────────────────────

    def test_a_service_that_was_never_applied_is_not_found(self, stage: Stage) -> None:
        for known in (False, True):
            if known:
                stage.platform.apply("other", stage.other(0), stage.release("one"))
            for write in (
                lambda: stage.platform.restart("web", token=FIRST),
                lambda: stage.platform.scale("web", 1),
                lambda: stage.platform.shift("web", 0.5),
                lambda: stage.platform.promote("web"),
                lambda: stage.platform.withdraw("web"),
                lambda: stage.platform.undo("web", token=FIRST),
                lambda: stage.canary("one"),
                lambda: stage.platform.logs("web"),
                lambda: stage.platform.evidence("web"),
                lambda: stage.platform.replica_addresses("web"),
            ):
                with pytest.raises(NotFound, match="web"):
                    write()
            stage.platform.remove("web")

    def test_shift_without_a_canary_is_not_found(self, stage: Stage) -> None:
        stage.apply("one", 0)
        with pytest.raises(NotFound, match="canary"):
            stage.platform.shift("web", 0.5)

    def test_remove_forgets_the_service(self, stage: Stage) -> None:
        stage.apply("one")
        stage.settled()
        for _ in range(2):
            stage.platform.remove("web")
            assert dict(stage.platform.observe().services) == {}

    def test_addresses_are_those_of_ready_replicas_by_track(self, stage: Stage) -> None:
        stage.apply("one", 2)
        stage.settled()
        assert list(stage.platform.replica_addresses("web", canary=True)) == []
        stage.canary("two")
        stage.canary_settled()
        stable = stage.platform.replica_addresses("web")
        canary = stage.platform.replica_addresses("web", canary=True)
        assert (len(set(stable)), len(set(canary))) == (2, 1)
        assert not set(stable) & set(canary)


def _ids(track: TrackState) -> set[str]:
    return {one.id for one in track.replicas}
