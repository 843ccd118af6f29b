"""Whether a release that has become ready stays so, and what is told where it does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dreamnet_actions.domain.evidence import Evidence
from dreamnet_actions.domain.release import Replica, ServiceState, TrackState
from dreamnet_actions.keepers.deploykeeper.watching import Watched, Watching, standing
from dreamnet_actions.ports.platform import Platform


@dataclass(kw_only=True)
class Steady:
    """Notices replicas of the release ``version`` that were ready and then end, are started again, or stop being ready.

    One that is gone altogether (a node that is emptied, fewer that are wanted) is no fault of the release: what takes
    its place has to become ready like any other. ``since`` is when the release was ready first, in seconds.
    """

    version: str
    since: float
    fault: str | None = None
    _ready: dict[str, int] = field(default_factory=dict)
    """How often each replica had been started again when it was seen ready first, by id."""

    def look(self, state: ServiceState | None, now: float) -> bool:
        """Take one look at time ``now``; answer whether a fault has been seen, now or before."""
        if self.fault is None and state is not None and state.stable.release.version == self.version:
            self.fault = self._seen(state.stable, max(0.0, now - self.since))
        return self.fault is not None

    def _seen(self, track: TrackState, after: float) -> str | None:
        for one in track.replicas:
            if one.version != self.version:
                continue
            if one.id in self._ready and (what := _fell(one, self._ready[one.id])) is not None:
                why = f": {track.failure or track.waiting}" if track.failure or track.waiting else ""
                return f"was ready, and {what} {after:.1f} s later{why}"
            if one.state == "ready":
                self._ready.setdefault(one.id, one.restarts)
        return None


def _fell(one: Replica, restarts: int) -> str | None:
    """Say what became of a replica that was ready, if it is so no longer."""
    if one.state in ("exited", "back-off") or one.restarts > restarts:
        code = f" with exit status {one.exit_status}" if (one.exit_status or 0) > 0 else ""
        return f"a replica ended{code},"
    return "a replica stopped being ready," if one.state == "unready" else None


def stays(
    watching: Watching,
    platform: Platform,
    service: str,
    steady: Steady,
    *,
    soak: float,
    within: float,
    required: float,
) -> Watched:
    """Watch a release that is ready until ``soak`` seconds after it became so. What has been replaced meanwhile has
    ``within`` seconds more to become ready."""
    clock = watching.context.clock
    with watching.context.reporter.waiting(f"{service} to stay ready", soak) as tell:
        while True:
            seen = platform.observe()
            state = seen.services.get(service)
            now = clock.monotonic()
            if steady.look(state, now):
                return Watched(end="failed", why=steady.fault or "", state=state)
            track = state.stable if state else None
            left = steady.since + soak - now
            if left <= 0 and track is not None and track.enough(required):
                return Watched(end="settled", why=standing(track), state=state)
            if left + within <= 0:
                why = f"was ready, and is not {soak + within:g} s later: {standing(track)}"
                return Watched(end="timeout", why=why, state=state)
            tell(standing(track))
            watching.pause(platform, seen, left if left > 0 else left + within)


def finding(service: str, why: str, seen: Evidence | None) -> dict[str, Any]:
    """Answer the finding that tells of a failure: why, the platform's notes, the last lines, and
    what of that may not be read. Untrusted text."""
    checks: list[dict[str, Any]] = [
        {"service": service, "check": "release", "status": "failed", "cause": None, "detail": why}
    ]
    for name, texts in (("event", seen.notes), ("log", seen.lines)) if seen else ():
        checks += [{"service": service, "check": name, "status": "seen", "detail": text} for text in texts]
    for text in seen.unread if seen else ():
        checks.append({"service": service, "check": "evidence", "status": "unknown", "detail": text})
    told: dict[str, Any] = {"service": service, "health": "failing", "checks": checks}
    return {**told, "replica": seen.replica} if seen else told
