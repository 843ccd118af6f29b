"""Watching a platform until a track is as it was wanted, has failed, or its time is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dreamnet_actions.domain.release import ServiceState, Snapshot, TrackState, needed
from dreamnet_actions.errors import PlatformFailed, TemporaryError
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.ports.platform import Platform

POLL = 0.1
"""Seconds between two looks at a platform that does not notice changes by itself."""
TELL = 1.0
"""Seconds after which a platform that does is looked at anyhow: progress is shown, and time may be over."""
PATIENCE = 3.0
"""Seconds for which a failure that may pass must last before it counts: a first start may stumble over a busy port."""
STALE = 15.0
"""Seconds after which a failure counts that was there before this rollout began: what was mended since (a Secret that
was missing) is tried again by the kubelet within ten seconds."""

End = Literal["settled", "failed", "timeout"]


@dataclass(frozen=True, kw_only=True)
class Watched:
    """How a wait ended, with the words for it and the platform's last view."""

    end: End
    why: str
    state: ServiceState | None

    @property
    def settled(self) -> bool:
        """True when all that was wanted is there and ready, or as much of it as is required."""
        return self.end == "settled"


@dataclass(kw_only=True)
class Failing:
    """Decides when a track's failure counts: one that no waiting mends at once, any other once it has lasted.

    ``known`` is the failure that was there before the rollout began, and ``required`` the share of replicas without
    which nothing has failed.
    """

    patience: float = PATIENCE
    required: float = 1.0
    known: str | None = None
    _since: float | None = None

    def counts(self, track: TrackState, now: float) -> bool:
        """Say whether the failure that this look shows counts now; ``now`` is in seconds."""
        spare = track.desired - needed(track.desired, self.required)
        down = sum(one.state in ("back-off", "exited") for one in track.replicas)
        if not track.failure or max(track.hopeless, down) <= spare > 0:
            self._since = None
            return False
        self._since = now if self._since is None else self._since
        return now - self._since >= self._lasting(track, spare)

    def _lasting(self, track: TrackState, spare: int) -> float:
        if self.known is not None and track.failure == self.known:
            return max(STALE, self.patience)
        return 0.0 if track.hopeless > spare else self.patience


@dataclass(frozen=True, kw_only=True)
class Watching:
    """Waits for platforms."""

    context: Context

    def until_settled(
        self,
        platform: Platform,
        service: str,
        *,
        within: float,
        canary: bool = False,
        patience: float = PATIENCE,
        required: float = 1.0,
        known: str | None = None,
    ) -> Watched:
        """Watch one track of a service for at most ``within`` seconds; a failure that counts ends the wait at once.

        ``required`` is the share (0–1) of its replicas that has to be ready, ``known`` the failure that was there
        before.

        Raises TemporaryError where it is no word on the release (``TrackState.stopped``), and PlatformFailed where
        the service is there no longer.
        """
        clock = self.context.clock
        began, failing = clock.monotonic(), Failing(patience=patience, required=required, known=known)
        with self.context.reporter.waiting(
            f"{service}{' (canary)' if canary else ''} to be ready", within
        ) as tell:
            there = False
            while True:
                seen = platform.observe()
                state = seen.services.get(service)
                track = track_of(state, canary)
                now = clock.monotonic()
                if track is not None and track.enough(required):
                    return Watched(end="settled", why=_settled(track, required), state=state)
                # Also while replicas of the release before still serve.
                if track is not None and track.failure and failing.counts(track, now):
                    stands(service, track)
                    return Watched(end="failed", why=track.failure, state=state)
                there = there or state is not None
                if state is None and there:
                    raise PlatformFailed(
                        f"{service} is gone: somebody deleted it meanwhile.",
                        hint="Find out who, and deploy again: that makes it anew.",
                    )
                if (left := within - (now - began)) <= 0:
                    stands(service, track)
                    return Watched(
                        end="timeout", why=f"not ready within {within:g} s: {standing(track)}", state=state
                    )
                tell(_counts(track))
                self.pause(platform, seen, left)

    def pause(self, platform: Platform, seen: Snapshot, left: float) -> None:
        """Wait until it is worth looking again, ``left`` seconds at the most."""
        if not platform.wait(seen, min(TELL, left)):
            self.context.clock.sleep(min(POLL, left))


def stands(service: str, track: TrackState | None) -> None:
    """Raise TemporaryError where a track stands still for a reason that says nothing about its release."""
    if track is not None and track.stopped:
        raise TemporaryError(
            f"{service} cannot go on: {track.stopped}.",
            hint="That is no fault of the release, so nothing is taken back. Ask again once it is mended.",
            retry_after=60.0,
        )


def track_of(state: ServiceState | None, canary: bool) -> TrackState | None:
    """Answer one track of a service, where there is one."""
    if state is None:
        return None
    return state.canary if canary else state.stable


def standing(track: TrackState | None) -> str:
    """Say how far a track is, and what it waits for."""
    why = (track.failure or track.waiting) if track and track.told is None else None
    return f"{_counts(track)}; {why}" if why else _counts(track)


def _settled(track: TrackState, required: float) -> str:
    if track.settled:
        return _counts(track)
    return f"{track.updated} of {track.desired} replicas ready, {required:.0%} are required"


def _counts(track: TrackState | None) -> str:
    if track is not None and track.told is not None:
        return track.told
    return f"{track.ready} of {track.desired} replicas ready" if track else "nothing runs yet"
