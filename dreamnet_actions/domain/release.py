"""Releases of a service and the platform's word on how it runs. Values and their rules only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from dreamnet_actions.domain.spec.models import ReleaseRules

Track = Literal["stable", "canary"]
ReplicaState = Literal["starting", "ready", "unready", "exited", "back-off"]


@dataclass(frozen=True, kw_only=True)
class Release:
    """One exact version of a service: enough to start it again just as it was.

    ``version`` names it: ``git:<40 hex>``, ``dir:<digest>``, ``cmd:<digest>`` or an image's digest. ``environment``
    is the id of the synced values that it runs with (EnvKeeper's), or None; the values themselves are never here.
    """

    service: str
    version: str
    command: tuple[str, ...] = ()
    directory: str | None = None
    revision: str | None = None
    image: str | None = None
    environment: str | None = None

    @property
    def short(self) -> str:
        """The version as people say it: 7 characters of the hash behind its kind."""
        kind, _, rest = self.version.partition(":")
        return rest[:7] if kind == "git" else f"{kind}:{rest[:7]}"

    def to_json(self) -> dict[str, Any]:
        """Answer plain data that ``from_json`` reads back."""
        return {
            "service": self.service,
            "version": self.version,
            "command": list(self.command),
            "directory": self.directory,
            "revision": self.revision,
            "image": self.image,
            "environment": self.environment,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Release:
        """Read what ``to_json`` wrote; raises KeyError where it lacks ``service`` or ``version``."""
        return cls(
            service=data["service"],
            version=data["version"],
            command=tuple(data.get("command") or ()),
            directory=data.get("directory"),
            revision=data.get("revision"),
            image=data.get("image"),
            environment=data.get("environment"),
        )


def rollout_time(rules: ReleaseRules) -> float:
    """Answer the seconds that a rollout may take once it is built: each step of a canary, getting ready, the proof by
    the service's checks, and some for the calls between."""
    steps = max(
        2, len(rules.strategy.canary or ())
    )  # one that is asked for has two where none are configured
    return steps * rules.strategy.soak + 2 * rules.ready_within + 30.0


@dataclass(frozen=True, kw_only=True)
class Replica:
    """One running copy of a service. ``address`` is ``host:port``; ``age`` is in seconds."""

    id: str
    track: Track
    version: str
    state: ReplicaState
    address: str | None = None
    pid: int | None = None
    restarts: int = 0
    exit_status: int | None = None
    age: float = 0.0
    waits: str | None = None
    """What it waits for while it is not ready, in words, where the platform knows."""


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What the service's address saw on one track since the release started: counts of connections.

    ``errors`` are answers of 500–599 and connections that no replica took. ``per_second`` is the rate of new
    connections over the last 5 s, ``open`` the connections open now.
    """

    connections: int = 0
    errors: int = 0
    per_second: float = 0.0
    open: int = 0


@dataclass(frozen=True, kw_only=True)
class TrackState:
    """One track (stable or canary) of a service: what should run and what does."""

    release: Release
    desired: int
    weight: float
    """The share of new connections that it shall have."""
    replicas: tuple[Replica, ...] = ()
    traffic: Traffic | None = field(default_factory=Traffic)
    """What its clients saw; None where the platform measures none (Kubernetes' Services do not)."""
    settled: bool = False
    """True when exactly the wanted replicas of the wanted release and restart run and are ready."""
    failure: str | None = None
    """Why it cannot become ready, in words, as soon as that is known (exit status and last log line)."""
    hopeless: int = 0
    """How many of the wanted replicas cannot become ready, however long one waits; where it is 0, a ``failure`` may
    still pass by itself (a first start that stumbles over a busy port)."""
    updated: int = 0
    """How many replicas of the wanted release and restart are ready."""
    waiting: str | None = None
    """What it waits for, in words, where that is no failure (a free node, a registry that does not answer)."""

    real_weight: float | None = None
    """The share that it has, where the platform can only come near to the one that is wanted (whole replicas behind one
    address); None where it is exact."""
    adrift: bool = False
    """Whether somebody else has changed what gives it its share; giving it again (``shift``) mends that."""
    told: str | None = None
    """How it stands, in words, where counts of replicas say nothing: a run that is complete, or is to come. It is well
    then unless there is a ``failure``."""
    stopped: str | None = None
    """Why it cannot go on, in words, where that says nothing about the release: it was paused, its node is gone."""

    @property
    def ready(self) -> int:
        """How many replicas are ready."""
        return sum(replica.state == "ready" for replica in self.replicas)

    @property
    def worst(self) -> Replica | None:
        """The replica of the wanted release that is least well: ended before unready before starting before started
        again, the one that was started again most often first. None where all are ready and always were."""
        order = ("exited", "back-off", "unready", "starting", "ready")
        wanted = [one for one in self.replicas if one.version == self.release.version]
        ill = [one for one in wanted if one.state != "ready" or one.restarts]
        return min(ill, key=lambda one: (order.index(one.state), -one.restarts, one.id), default=None)

    def enough(self, required: float) -> bool:
        """Say whether the share ``required`` (0–1) of the wanted replicas is ready; all of them have to be settled."""
        return self.settled or (required < 1.0 and self.updated >= needed(self.desired, required) > 0)


def needed(desired: int, required: float) -> int:
    """Answer how many of ``desired`` replicas the share ``required`` (0–1) is: rounded up, with room for the error of
    binary fractions, and at least one where any are wanted."""
    return max(min(1, desired), math.ceil(desired * required - 1e-9))


@dataclass(frozen=True, kw_only=True)
class ServiceState:
    """One consistent view of a service on its platform. ``former`` are earlier stable releases, newest first."""

    service: str
    address: str | None
    stable: TrackState
    canary: TrackState | None = None
    former: tuple[Release, ...] = ()

    @property
    def tracks(self) -> dict[str, TrackState]:
        """The tracks that exist, by name."""
        return {"stable": self.stable} | ({"canary": self.canary} if self.canary else {})


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One consistent view of a platform: the services that it knows, by name."""

    platform: str
    services: Mapping[str, ServiceState] = field(default_factory=dict)
    mark: int = 0
    """Of a platform that notices changes by itself: which of them this view has seen."""
