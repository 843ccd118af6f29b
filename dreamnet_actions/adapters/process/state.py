"""What is wanted of the platform, durably: one versioned JSON file, written whole before any write is answered.

A ``Run`` is one release with all that is needed to start it again just as it was: the release, and the workload of
the configuration at that time. Its ``generation`` never changes and is never given out twice, so that replicas of a
run that comes back (``undo``) are known as its own and keep serving. ``restarts`` counts how often it was to be
restarted; a replica is as wanted when both match.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from dreamnet_actions.adapters.process.durable import private_directory, write_atomic
from dreamnet_actions.domain.release import Release
from dreamnet_actions.errors import StateDamaged

VERSION = 1
FORMER_KEPT = 20
TOKENS_KEPT = 64


@dataclass(frozen=True, kw_only=True)
class Workload:
    """How replicas of a service are run; the keys of ``ProcessWorkload`` made flat. Times are in seconds."""

    command: tuple[str, ...]
    directory: str
    """Absolute: the release's own checkout, or the configured directory below the root."""
    port: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    ready_http: str | None = None
    ready_within: float = 1.0
    start_within: float = 30.0
    stop_grace: float = 5.0
    restart_policy: str = "always"
    back_off: float = 1.0

    @property
    def recipe(self) -> tuple[object, ...]:
        """What a running process cannot change: another recipe needs other processes."""
        return self.command, self.directory, tuple(sorted(self.environment.items()))

    @property
    def listens(self) -> bool:
        """True when each replica gets a port of its own."""
        return self.port is not None or any("{port}" in part for part in self.command)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Workload:
        """Read what ``asdict`` made."""
        return cls(**{**data, "command": tuple(data["command"]), "environment": dict(data["environment"])})


@dataclass(frozen=True, kw_only=True)
class Run:
    """One release as it is (or was) run."""

    generation: int
    release: Release
    workload: Workload
    restarts: int = 0

    @property
    def key(self) -> tuple[int, int]:
        """What a replica must have to be as wanted."""
        return self.generation, self.restarts

    def to_json(self) -> dict[str, Any]:
        """Answer plain data that ``from_json`` reads back."""
        return {
            "generation": self.generation,
            "restarts": self.restarts,
            "release": self.release.to_json(),
            "workload": asdict(self.workload),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Run:
        """Read what ``to_json`` wrote."""
        return cls(
            generation=int(data["generation"]),
            restarts=int(data["restarts"]),
            release=Release.from_json(data["release"]),
            workload=Workload.from_json(data["workload"]),
        )


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is wanted of one service. ``share`` is the canary's part of new connections, 0–1."""

    stable: Run
    replicas: int
    canary: Run | None = None
    canary_replicas: int = 1
    share: float = 0.0
    former: tuple[Run, ...] = ()
    restarted: tuple[str, ...] = ()
    """Tokens of restarts that were recorded, newest first."""
    undone: tuple[tuple[str, Release], ...] = ()
    """Tokens of undos with what each went back to, newest first."""

    def to_json(self) -> dict[str, Any]:
        """Answer plain data that ``from_json`` reads back."""
        return {
            "stable": self.stable.to_json(),
            "replicas": self.replicas,
            "canary": self.canary.to_json() if self.canary else None,
            "canary_replicas": self.canary_replicas,
            "share": self.share,
            "former": [run.to_json() for run in self.former],
            "restarted": list(self.restarted),
            "undone": [[token, release.to_json()] for token, release in self.undone],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Wanted:
        """Read what ``to_json`` wrote."""
        return cls(
            stable=Run.from_json(data["stable"]),
            replicas=int(data["replicas"]),
            canary=Run.from_json(data["canary"]) if data["canary"] else None,
            canary_replicas=int(data["canary_replicas"]),
            share=float(data["share"]),
            former=tuple(Run.from_json(one) for one in data["former"]),
            restarted=tuple(data["restarted"]),
            undone=tuple((token, Release.from_json(release)) for token, release in data["undone"]),
        )


@dataclass(frozen=True, kw_only=True)
class PlatformState:
    """The whole file. ``instance`` is 128 random bits that mark this platform's processes; ``epoch`` counts the runs
    of its supervisor; ``generation`` is the last one given out."""

    instance: str
    epoch: int = 0
    generation: int = 0
    services: Mapping[str, Wanted] = field(default_factory=dict)

    def with_service(self, service: str, wanted: Wanted | None) -> PlatformState:
        """Answer the state with this service changed (None: without it)."""
        services = {name: one for name, one in self.services.items() if name != service}
        if wanted is not None:
            services[service] = wanted
        return replace(self, services=services)


def fresh() -> PlatformState:
    """Answer the state of a platform on which nothing was ever applied."""
    return PlatformState(instance=secrets.token_hex(16))


def load(path: Path) -> PlatformState | None:
    """Read the state; None when there is none yet. Raises StateDamaged for anything that ``save`` did not write."""
    try:
        data = json.loads(path.read_bytes())
        if data["version"] != VERSION:
            raise StateDamaged(
                str(path), f"it has version {data['version']!r}, this DreamNet reads {VERSION}"
            )
        return PlatformState(
            instance=str(data["instance"]),
            epoch=int(data["epoch"]),
            generation=int(data["generation"]),
            services={name: Wanted.from_json(one) for name, one in data["services"].items()},
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise StateDamaged(str(path), f"{type(error).__name__}: {error}") from error


def save(path: Path, state: PlatformState) -> None:
    """Write the state durably: it is on the disk when this returns. Raises OSError with the former state intact."""
    data = {
        "version": VERSION,
        "instance": state.instance,
        "epoch": state.epoch,
        "generation": state.generation,
        "services": {name: one.to_json() for name, one in state.services.items()},
    }
    private_directory(path.parent)
    write_atomic(path, json.dumps(data, indent=1, sort_keys=True).encode() + b"\n")
