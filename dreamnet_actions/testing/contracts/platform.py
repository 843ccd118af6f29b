"""What the Platform port promises, for any platform: releases, restarts, scale, canaries, and going back.

Nothing here waits for a fixed time: a platform brings about what is wanted by itself, so each test watches ``observe``
until it has, on the platform's own clock.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dreamnet_actions.config.models import Service
from dreamnet_actions.domain.release import Release, ServiceState, TrackState
from dreamnet_actions.errors import NotFound
from dreamnet_actions.ports.platform import Platform
from dreamnet_actions.ports.system import Clock

WITHIN = 20.0
"""Seconds for a platform to bring about what a test wants."""


class PlatformContract:
    """Override ``platform`` (nothing applied), ``clock``, ``spec``, ``release`` and ``kill``."""

    @pytest.fixture
    def platform(self) -> Platform:
        """The platform under test."""
        raise NotImplementedError

    @pytest.fixture
    def clock(self) -> Clock:
        """The clock that the platform's own work takes its time from."""
        raise NotImplementedError

    @pytest.fixture
    def spec(self) -> Callable[[int], Service]:
        """Answer how a service is configured, with so many replicas."""
        raise NotImplementedError

    @pytest.fixture
    def release(self) -> Callable[[str], Release]:
        """Answer a release of the service ``web`` by a name; one whose name begins with ``broken`` never becomes
        ready, and it is soon known why."""
        raise NotImplementedError

    def kill(self, platform: Platform, service: str) -> None:
        """End one ready replica of the service behind the platform's back."""
        raise NotImplementedError

    # ── Watching ────────────────────────────────────────────────────────────────────────────────────────

    def until(
        self, platform: Platform, clock: Clock, holds: Callable[[ServiceState], bool], service: str = "web"
    ) -> ServiceState:
        """Watch until it holds; answer the state in which it did."""
        deadline = clock.monotonic() + WITHIN
        while True:
            state = platform.observe().services.get(service)
            if state is not None and holds(state):
                return state
            assert clock.monotonic() < deadline, f"did not come about within {WITHIN:g} s: {state}"
            clock.sleep(0.01)

    def settled(self, platform: Platform, clock: Clock) -> TrackState:
        """Watch until the stable track is settled; answer it."""
        return self.until(platform, clock, lambda state: state.stable.settled).stable

    # ── Releases ────────────────────────────────────────────────────────────────────────────────────────

    def test_nothing_applied_is_nothing_seen(self, platform: Platform) -> None:
        snapshot = platform.observe()
        assert snapshot.platform == platform.name
        assert dict(snapshot.services) == {}

    def test_what_is_applied_runs_in_the_configured_number(
        self,
        platform: Platform,
        clock: Clock,
        spec: Callable[[int], Service],
        release: Callable[[str], Release],
    ) -> None:
        platform.apply("web", spec(2), release("one"))
        stable = self.settled(platform, clock)
        assert stable.release.version == release("one").version
        assert (stable.desired, stable.ready, stable.weight, stable.failure) == (2, 2, 1.0, None)
        assert {one.version for one in stable.replicas} == {release("one").version}
        assert {one.state for one in stable.replicas} == {"ready"}

    def test_the_same_release_again_changes_nothing(
        self,
        platform: Platform,
        clock: Clock,
        spec: Callable[[int], Service],
        release: Callable[[str], Release],
    ) -> None:
        platform.apply("web", spec(2), release("one"))
        before = self.settled(platform, clock)
        platform.apply("web", spec(2), release("one"))
        state = platform.observe().services["web"]
        assert _ids(state.stable) == _ids(before)
        assert state.former == ()

    def test_a_new_release_takes_over_and_the_one_before_is_former(
        self,
        platform: Platform,
        clock: Clock,
        spec: Callable[[int], Service],
        release: Callable[[str], Release],
    ) -> None:
        platform.apply("web", spec(2), release("one"))
        before = self.settled(platform, clock)
        platform.apply("web", spec(2), release("two"))
        after = self.settled(platform, clock)
        assert {one.version for one in after.replicas} == {release("two").version}
        assert not _ids(after) & _ids(before)
        assert [one.version for one in platform.observe().services["web"].former] == [release("one").version]

    def test_a_release_that_cannot_start_replaces_nothing_and_says_why(
        self,
        platform: Platform,
        clock: Clock,
        spec: Callable[[int], Service],
        release: Callable[[str], Release],
    ) -> None:
        platform.apply("web", spec(2), release("one"))
        self.settled(platform, clock)
        platform.apply("web", spec(2), release("broken"))
        state = self.until(platform, clock, lambda state: bool(state.stable.failure))
        assert not state.stable.settled
        serving = [one for one in state.stable.replicas if one.state == "ready"]
        assert [one.version for one in serving] == [release("one").version] * 2

    def test_at_least_ten_former_releases_are_kept(
        self,
        platform: Platform,
        spec: Callable[[int], Service],
        release: Callable[[str], Release],
    ) -> None:
        for number in range(12):
            platform.apply("web", spec(0), release(f"n{number}"))
        former = [one.version for one in platform.observe().services["web"].former]
        assert former[:10] == [release(f"n{number}").version for number in range(10, 0, -1)]

    def test_the_configuration_alone_describes_a_release(
        self, platform: Platform, clock: Clock, spec: Callable[[int], Service]
    ) -> None:
        configured = platform.configured("web", spec(1))
        assert configured.version.startswith("cmd:")
        assert configured == platform.configured("web", spec(2)), "the number of replicas is no part of it"
        platform.apply("web", spec(1), configured)
        assert self.settled(platform, clock).release.version == configured.version

    # ── Restart and scale ───────────────────────────────────────────────────────────────────────────────

    def test_restart_replaces_every_replica_once_per_token(
        self,
        platform: Platform,
        clock: Clock,
        spec: Callable[[int], Service],
        release: Callable[[str], Release],
    ) -> None:
        platform.apply("web", spec(2), release("one"))
        before = self.settled(platform, clock)
        platform.restart("web", token="first")
        after = self.settled(platform, clock)
        assert not _ids(after) & _ids(before)
        assert after.release == before.release
        platform.restart("web", token="first")
        assert _ids(self.settled(platform, clock)) == _ids(after)
        platform.restart("web", token="second")
        assert not _ids(self.settled(platform, clock)) & _ids(after)

    def test_restart_heals_a_killed_replica(
        self,
        platform: Platform,
        clock: Clock,
        spec: Callable[[int], Service],
        release: Callable[[str], Release],
    ) -> None:
        platform.apply("web", spec(1), release("one"))
        self.settled(platform, clock)
        self.kill(platform, "web")
        state = self.until(platform, clock, lambda state: state.stable.ready == 0)
        assert not state.stable.settled
        platform.restart("web", token="heal")
        assert self.settled(platform, clock).ready == 1

    def test_scale_up_down_to_none_and_back(
        self,
        platform: Platform,
        clock: Clock,
        spec: Callable[[int], Service],
        release: Callable[[str], Release],
    ) -> None:
        platform.apply("web", spec(1), release("one"))
        first = _ids(self.settled(platform, clock))
        for replicas in (3, 1, 0, 2):
            platform.scale("web", replicas)
            stable = self.settled(platform, clock)
            assert (stable.desired, len(stable.replicas), stable.ready) == (replicas, replicas, replicas)
            if replicas:
                first = first & _ids(stable)
                assert first or replicas == 2, "scaling keeps the replicas that it can keep"

    def test_the_number_of_replicas_outlives_a_release(
        self,
        platform: Platform,
        clock: Clock,
        spec: Callable[[int], Service],
        release: Callable[[str], Release],
    ) -> None:
        platform.apply("web", spec(1), release("one"))
        platform.scale("web", 3)
        platform.apply("web", spec(1), release("two"))
        assert self.settled(platform, clock).ready == 3
        platform.apply("web", spec(1), release("three"), replicas=2)
        assert self.settled(platform, clock).ready == 2

    # ── Canaries ────────────────────────────────────────────────────────────────────────────────────────

    def test_a_canary_runs_beside_stable_without_traffic(
        self,
        platform: Platform,
        clock: Clock,
        spec: Callable[[int], Service],
        release: Callable[[str], Release],
    ) -> None:
        platform.apply("web", spec(2), release("one"))
        before = self.settled(platform, clock)
        platform.apply("web", spec(2), release("two"), canary=True)
        state = self._canary_settled(platform, clock)
        assert state.canary is not None
        assert (state.canary.weight, state.canary.desired, state.canary.ready) == (0.0, 1, 1)
        assert state.canary.release.version == release("two").version
        assert {one.track for one in state.canary.replicas} == {"canary"}
        assert _ids(state.stable) == _ids(before)
        assert state.former == ()

    def test_shift_gives_the_canary_its_share_and_the_same_canary_again_keeps_it(
        self,
        platform: Platform,
        clock: Clock,
        spec: Callable[[int], Service],
        release: Callable[[str], Release],
    ) -> None:
        platform.apply("web", spec(1), release("one"))
        platform.apply("web", spec(1), release("two"), canary=True)
        platform.shift("web", 0.25)
        platform.apply("web", spec(1), release("two"), canary=True)
        state = self._canary_settled(platform, clock)
        assert state.canary is not None
        assert (state.stable.weight, state.canary.weight) == (0.75, 0.25)

    def test_promote_makes_the_canary_stable_in_stables_number(
        self,
        platform: Platform,
        clock: Clock,
        spec: Callable[[int], Service],
        release: Callable[[str], Release],
    ) -> None:
        platform.apply("web", spec(2), release("one"))
        self.settled(platform, clock)
        platform.apply("web", spec(2), release("two"), canary=True)
        platform.shift("web", 0.5)
        self._canary_settled(platform, clock)
        for _ in range(2):  # the second time changes nothing
            platform.promote("web")
            stable = self.settled(platform, clock)
            state = platform.observe().services["web"]
            assert (stable.release.version, stable.ready, stable.weight) == (release("two").version, 2, 1.0)
            assert {one.version for one in stable.replicas} == {release("two").version}
            assert state.canary is None
            assert [one.version for one in state.former] == [release("one").version]

    def test_withdraw_gives_stable_everything_back(
        self,
        platform: Platform,
        clock: Clock,
        spec: Callable[[int], Service],
        release: Callable[[str], Release],
    ) -> None:
        platform.apply("web", spec(1), release("one"))
        before = self.settled(platform, clock)
        platform.apply("web", spec(1), release("two"), canary=True)
        platform.shift("web", 0.5)
        for _ in range(2):
            platform.withdraw("web")
            state = platform.observe().services["web"]
            assert state.canary is None
            assert state.stable.weight == 1.0
            assert _ids(state.stable) == _ids(before)
            assert state.former == ()

    def test_a_broken_canary_harms_nothing(
        self,
        platform: Platform,
        clock: Clock,
        spec: Callable[[int], Service],
        release: Callable[[str], Release],
    ) -> None:
        platform.apply("web", spec(1), release("one"))
        self.settled(platform, clock)
        platform.apply("web", spec(1), release("broken"), canary=True)
        state = self.until(platform, clock, lambda state: bool(state.canary and state.canary.failure))
        assert state.stable.settled
        assert state.stable.failure is None

    # ── Undo ────────────────────────────────────────────────────────────────────────────────────────────

    def test_undo_goes_back_exactly_and_once_per_token(
        self,
        platform: Platform,
        clock: Clock,
        spec: Callable[[int], Service],
        release: Callable[[str], Release],
    ) -> None:
        for name in ("one", "two", "three"):
            platform.apply("web", spec(1), release(name))
            self.settled(platform, clock)
        former = platform.observe().services["web"].former
        for _ in range(2):
            assert platform.undo("web", token="a") == former[0]
            stable = self.settled(platform, clock)
            assert stable.release == former[0]
            assert {one.version for one in stable.replicas} == {release("two").version}
            assert platform.observe().services["web"].former == former[1:]
        assert platform.undo("web", token="b") == former[1]
        assert self.settled(platform, clock).release == former[1]
        with pytest.raises(NotFound):
            platform.undo("web", token="c")
        assert platform.undo("web", token="a") == former[0], "a token keeps its answer"
        assert self.settled(platform, clock).release == former[1]

    def test_undo_of_a_release_that_never_started_keeps_the_replicas_that_serve(
        self,
        platform: Platform,
        clock: Clock,
        spec: Callable[[int], Service],
        release: Callable[[str], Release],
    ) -> None:
        platform.apply("web", spec(2), release("one"))
        before = self.settled(platform, clock)
        platform.apply("web", spec(2), release("broken"))
        self.until(platform, clock, lambda state: bool(state.stable.failure))
        platform.undo("web", token="back")
        after = self.settled(platform, clock)
        assert _ids(after) == _ids(before)
        assert after.failure is None

    # ── The rest ────────────────────────────────────────────────────────────────────────────────────────

    def test_a_service_that_was_never_applied_is_not_found(
        self,
        platform: Platform,
        spec: Callable[[int], Service],
        release: Callable[[str], Release],
    ) -> None:
        for known in (False, True):
            if known:
                platform.apply("other", spec(0), release("one"))
            for write in (
                lambda: platform.restart("web", token="t"),
                lambda: platform.scale("web", 1),
                lambda: platform.shift("web", 0.5),
                lambda: platform.promote("web"),
                lambda: platform.withdraw("web"),
                lambda: platform.undo("web", token="t"),
                lambda: platform.apply("web", spec(1), release("one"), canary=True),
                lambda: platform.logs("web"),
                lambda: platform.replica_addresses("web"),
            ):
                with pytest.raises(NotFound, match="web"):
                    write()
            platform.remove("web")

    def test_shift_without_a_canary_is_not_found(
        self, platform: Platform, spec: Callable[[int], Service], release: Callable[[str], Release]
    ) -> None:
        platform.apply("web", spec(0), release("one"))
        with pytest.raises(NotFound, match="canary"):
            platform.shift("web", 0.5)

    def test_remove_forgets_the_service(
        self,
        platform: Platform,
        clock: Clock,
        spec: Callable[[int], Service],
        release: Callable[[str], Release],
    ) -> None:
        platform.apply("web", spec(1), release("one"))
        self.settled(platform, clock)
        for _ in range(2):
            platform.remove("web")
            assert dict(platform.observe().services) == {}

    def test_addresses_are_those_of_ready_replicas_by_track(
        self,
        platform: Platform,
        clock: Clock,
        spec: Callable[[int], Service],
        release: Callable[[str], Release],
    ) -> None:
        platform.apply("web", spec(2), release("one"))
        self.settled(platform, clock)
        assert list(platform.replica_addresses("web", canary=True)) == []
        platform.apply("web", spec(2), release("two"), canary=True)
        self._canary_settled(platform, clock)
        stable, canary = platform.replica_addresses("web"), platform.replica_addresses("web", canary=True)
        assert (len(set(stable)), len(set(canary))) == (2, 1)
        assert not set(stable) & set(canary)

    def _canary_settled(self, platform: Platform, clock: Clock) -> ServiceState:
        return self.until(platform, clock, lambda state: bool(state.canary and state.canary.settled))


def _ids(track: TrackState) -> set[str]:
    return {one.id for one in track.replicas}
