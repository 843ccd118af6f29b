"""Replicas that are only imagined, and what is wanted of them: the inside of ``MemoryPlatform``."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

from dreamnet_actions.domain.release import (
    Release,
    Replica,
    ReplicaState,
    ServiceState,
    Track,
    TrackState,
    Traffic,
)

FORMER_KEPT = 20
_WORTH = {"ready": 0, "unready": 1, "starting": 2, "back-off": 3, "exited": 4}


@dataclass(frozen=True)
class Run:
    """One release as it is run; ``restarts`` counts how often it was to be restarted."""

    generation: int
    release: Release
    restarts: int = 0


@dataclass
class Imagined:
    """One imagined replica; ``born`` is the clock's time at which it was started."""

    id: str
    run: Run
    born: float
    state: ReplicaState = "starting"
    restarts: int = 0
    exit_status: int | None = None
    failure: str | None = None


@dataclass
class Known:
    """What is wanted of one service, and what is imagined of it."""

    stable: Run
    desired: int
    port: int | None
    canary: Run | None = None
    canary_desired: int = 1
    share: float = 0.0
    former: list[Run] = field(default_factory=list)
    replicas: list[Imagined] = field(default_factory=list)
    restarted: list[str] = field(default_factory=list)
    undone: dict[str, Release] = field(default_factory=dict)
    traffic: dict[int, Traffic] = field(default_factory=dict)
    gained: float = 0.0
    lines: list[str] = field(default_factory=list)

    def push(self, run: Run) -> None:
        """Make another run the stable one."""
        self.former = [self.stable, *self.former][:FORMER_KEPT]
        self.stable = run

    def promote(self) -> None:
        """Make the canary's run the stable one, where there is a canary."""
        if self.canary:
            canary, self.canary, self.share = self.canary, None, 0.0
            self.push(canary)

    def of(self, track: Track) -> list[Imagined]:
        """Answer the replicas of a track: the canary's are those of its run, and of canaries before it."""
        stable = {self.stable.generation, *(run.generation for run in self.former)}
        if self.canary:
            stable.discard(self.canary.generation)
        return [one for one in self.replicas if (one.run.generation in stable) == (track == "stable")]

    def ready(self) -> list[Imagined]:
        """Answer the replicas that are ready."""
        return [one for one in self.replicas if one.state == "ready"]


def take_over(known: Known, run: Run, desired: int, replicas: list[Imagined], fresh: list[Imagined]) -> None:
    """Let each ready one of ``fresh`` (the replicas of ``run``) take the place of an old one among ``replicas``."""
    fresh.sort(key=lambda one: _WORTH[one.state])
    ready = sum(one.state == "ready" for one in fresh)
    old = [one for one in replicas if one.run != run and one.state in ("ready", "unready")]
    old.sort(key=lambda one: _WORTH[one.state])
    kept = [*fresh[:desired], *old[: max(0, desired - ready)]]
    known.replicas = [one for one in known.replicas if one in kept or one not in [*replicas, *fresh]]


def same(run: Run, release: Release) -> bool:
    """Tell whether the run is what is asked for; a release that names no environment differs in none."""
    return run.release == (
        release if release.environment else replace(release, environment=run.release.environment)
    )


def view(name: str, known: Known, hopeless: Collection[str] = ()) -> ServiceState:
    """Answer the service as ``observe`` tells it. Replicas of the versions in ``hopeless`` never become ready."""
    share = known.share if known.canary else 0.0
    canary = None
    if known.canary:
        canary = _track(known, "canary", known.canary, known.canary_desired, share, hopeless)
    return ServiceState(
        service=name,
        address=f"127.0.0.1:{known.port}" if known.port else None,
        stable=_track(known, "stable", known.stable, known.desired, 1.0 - share, hopeless),
        canary=canary,
        former=tuple(run.release for run in known.former),
    )


def _track(
    known: Known, track: Track, run: Run, desired: int, weight: float, hopeless: Collection[str]
) -> TrackState:
    shown = known.of(track)
    fresh = [one for one in shown if one.run == run]
    failures = [one.failure for one in fresh if one.failure]
    return TrackState(
        release=run.release,
        desired=desired,
        weight=weight,
        replicas=tuple(_replica(one, track) for one in shown),
        traffic=known.traffic.get(run.generation, Traffic()),
        settled=len(shown) == len(fresh) == desired and all(one.state == "ready" for one in fresh),
        failure=failures[0] if failures else None,
        hopeless=len(failures) if run.release.version in hopeless else 0,
        updated=sum(one.state == "ready" for one in fresh),
    )


def _replica(one: Imagined, track: Track) -> Replica:
    number = int(one.id.rpartition("-")[2])
    running: dict[str, Any] = {}
    if one.state in ("starting", "ready", "unready"):
        running = {"address": f"127.0.0.1:{20000 + number}", "pid": 100000 + number}
    return Replica(
        id=one.id,
        track=track,
        version=one.run.release.version,
        state=one.state,
        restarts=one.restarts,
        exit_status=one.exit_status,
        **running,
    )
