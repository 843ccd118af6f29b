"""Watching a platform until a track is as it was wanted, has failed, or its time is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dreamnet_actions.domain.release import ServiceState, TrackState
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.ports.platform import Platform

POLL = 0.1
"""Seconds between two looks at a platform."""
PATIENCE = 3.0
"""Seconds for which a track's failure must last before it counts: a first start may stumble over a busy port."""

End = Literal["settled", "failed", "timeout"]


@dataclass(frozen=True, kw_only=True)
class Watched:
    """How a wait ended, with the words for it and the platform's last view."""

    end: End
    why: str
    state: ServiceState | None

    @property
    def settled(self) -> bool:
        """True when all that was wanted is there and ready."""
        return self.end == "settled"


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
    ) -> Watched:
        """Watch one track of a service for at most ``within`` seconds; a failure that lasts ends the wait at once."""
        clock = self.context.clock
        began = clock.monotonic()
        failing_since: float | None = None
        with self.context.reporter.waiting(
            f"{service}{' (canary)' if canary else ''} to be ready", within
        ) as tell:
            while True:
                state = platform.observe().services.get(service)
                track = _track(state, canary)
                now = clock.monotonic()
                if track is not None and track.settled:
                    return Watched(
                        end="settled", why=f"{track.ready} of {track.desired} replicas ready", state=state
                    )
                if (
                    track is not None and track.failure
                ):  # also while replicas of the release before still serve
                    failing_since = now if failing_since is None else failing_since
                    if now - failing_since >= patience:
                        return Watched(end="failed", why=track.failure, state=state)
                else:
                    failing_since = None
                if now - began >= within:
                    why = (track.failure if track else None) or _standing(track)
                    return Watched(end="timeout", why=f"not ready within {within:g} s: {why}", state=state)
                tell(_standing(track))
                clock.sleep(POLL)


def _track(state: ServiceState | None, canary: bool) -> TrackState | None:
    if state is None:
        return None
    return state.canary if canary else state.stable


def _standing(track: TrackState | None) -> str:
    return f"{track.ready} of {track.desired} replicas ready" if track else "nothing runs yet"
