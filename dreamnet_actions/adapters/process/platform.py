"""ProcessPlatform: the Platform port over local processes, a thin client of the supervisor.

A write starts the supervisor where none runs; so does ``revive``, which whoever runs DreamNet for long calls at its
start. Reading starts nothing: without a supervisor ``observe`` answers what is wanted, with no replica running and that
as the failure of every track, so that a check of a machine that was restarted (or whose supervisor was killed) sees
what is down, and the first remedy (``restart``, or any other write) brings all services back.

Synced values: a release's ``environment`` names a set that the sink of the same service keeps (``environment.py``). A
release that names none gets the current set when it is applied; ``restart`` moves the stable release to the
set that is current then, as a run of its own, so ``undo`` goes back to the former values too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, ClassVar

from dreamnet_actions.adapters.process import launch, state
from dreamnet_actions.adapters.process.control import NoSupervisor
from dreamnet_actions.adapters.process.environment import current_environment
from dreamnet_actions.adapters.process.holding import held
from dreamnet_actions.adapters.process.logs import read_lines
from dreamnet_actions.adapters.process.loopback import HOST
from dreamnet_actions.adapters.process.options import ProcessPlatformOptions, ProcessWorkload
from dreamnet_actions.adapters.process.places import Places
from dreamnet_actions.domain.evidence import LINES, Evidence, evidence
from dreamnet_actions.domain.release import (
    Release,
    Replica,
    ServiceState,
    Snapshot,
    TrackState,
    Traffic,
)
from dreamnet_actions.domain.spec.models import Service
from dreamnet_actions.errors import NotFound, TemporaryError
from dreamnet_actions.errors.configuration import ConfigLacks
from dreamnet_actions.ports.platform import Platform
from dreamnet_actions.ports.site import Site

DOWN = "nothing runs: the platform's supervisor is down (any write, or 'dreamnet watch', brings all services back)"


class ProcessPlatform(Platform):
    """The platform ``name`` of this machine. ``state_directory`` is DreamNet's; ``root`` is what the configuration's
    directories are relative to."""

    WRITES: ClassVar[frozenset[str]] = Platform.WRITES
    kind = "process"

    def __init__(
        self, name: str, state_directory: Path, root: Path, options: ProcessPlatformOptions | None = None
    ) -> None:
        self.name = name
        self.options = options or ProcessPlatformOptions()
        self._root = root.resolve()
        self._places = Places(state_directory.resolve(), name)

    # ── Reading ─────────────────────────────────────────────────────────────────────────────────────────

    @classmethod
    def at(cls, name: str, options: ProcessPlatformOptions, site: Site) -> ProcessPlatform:
        """Make the platform of the configuration that has this name."""
        return cls(name, site.state, site.root, options)

    def observe(self) -> Snapshot:
        try:
            seen = launch.ask(self._places, {"do": "observe"})["services"]
        except NoSupervisor:
            wanted = state.load(self._places.wanted)
            found = {name: _down(name, one) for name, one in (wanted.services if wanted else {}).items()}
            return Snapshot(platform=self.name, services=found)
        return Snapshot(platform=self.name, services={name: _service(one) for name, one in seen.items()})

    def logs(self, service: str, lines: int = 50) -> list[str]:
        try:
            answer: list[str] = launch.ask(self._places, {"do": "logs", "service": service, "lines": lines})
        except NoSupervisor:
            wanted = state.load(self._places.wanted)
            if wanted is None or service not in wanted.services:
                raise NotFound("service", service, wanted.services if wanted else ()) from None
            return read_lines(self._places.logs / service, lines)
        return answer

    def replica_addresses(self, service: str, *, canary: bool = False) -> Collection[str]:
        services = self.observe().services
        if service not in services:
            raise NotFound("service", service, services)
        track = services[service].canary if canary else services[service].stable
        replicas = track.replicas if track else ()
        return [one.address for one in replicas if one.state == "ready" and one.address]

    def evidence(self, service: str, *, canary: bool = False) -> Evidence | None:
        services = self.observe().services
        if service not in services:
            raise NotFound("service", service, services)
        track = services[service].canary if canary else services[service].stable
        if track is None or (worst := track.worst) is None:
            return None
        return evidence(worst.id, lines=read_lines(self._places.logs / service, LINES, worst.id))

    def configured(self, service: str, spec: Service) -> Release:
        workload = self._workload(service, spec, None)
        directory = str(_keys(spec).directory)
        recipe = json.dumps([workload.command, directory, dict(workload.environment)], sort_keys=True)
        digest = hashlib.sha256(recipe.encode()).hexdigest()[:40]
        return Release(service=service, version=f"cmd:{digest}", command=workload.command)

    def current_environment(self, service: str) -> str | None:
        """Answer the id of the set of synced values that the next restart of the service takes, if any."""
        return current_environment(self._places.environments / service)

    def hold(self, service: str, *, wants: str = "") -> AbstractContextManager[str]:
        return held(self._places.hold, service, f"{self.name}/{service}", wants)

    # ── Writing ─────────────────────────────────────────────────────────────────────────────────────────

    def apply(
        self, service: str, spec: Service, release: Release, *, canary: bool = False, replicas: int = 0
    ) -> None:
        self._write(
            "apply",
            service,
            release=release.to_json(),
            workload=asdict(self._workload(service, spec, release)),
            canary=canary,
            replicas=replicas,
            configured=spec.replicas,
        )

    def restart(self, service: str, *, token: str) -> None:
        self._write("restart", service, token=token)

    def scale(self, service: str, replicas: int) -> None:
        self._write("scale", service, replicas=replicas)

    def shift(self, service: str, share: float) -> None:
        self._write("shift", service, share=share)

    def promote(self, service: str) -> None:
        self._write("promote", service)

    def withdraw(self, service: str) -> None:
        self._write("withdraw", service)

    def undo(self, service: str, *, token: str, skip: Collection[str] = ()) -> Release:
        more = {"skip": sorted(skip)} if skip else {}
        return Release.from_json(self._write("undo", service, token=token, **more))

    def remove(self, service: str) -> None:
        try:
            self._write("remove", service)
        except NotFound:
            return

    def revive(self) -> None:
        """Bring back the services of this platform where their supervisor is gone; changes nothing where it runs, and
        where nothing was ever applied."""
        wanted = state.load(self._places.wanted)
        if wanted and wanted.services and not launch.answers(self._places):
            launch.start(self._places)

    def shutdown(self) -> None:
        """End the supervisor and all services, and wait until they are gone. What is wanted stays recorded: ``revive``
        or any write brings it back. Raises DeadlineExceeded when they do not end."""
        wanted = state.load(self._places.wanted)
        runs = [one.stable for one in wanted.services.values()] if wanted else []
        grace = max((run.workload.stop_grace for run in runs), default=0.0)
        try:
            launch.ask(self._places, {"do": "shutdown"})
        except NoSupervisor:
            pass
        except TemporaryError:  # it does not answer: it is stopped, or hangs
            launch.end_by_force(self._places)
        launch.wait_until_gone(self._places, 2 * grace + 20)

    def _write(self, do: str, service: str, **arguments: Any) -> Any:
        request = {"do": do, "service": service, **arguments}
        if do != "apply" and not self._places.wanted.exists():
            raise NotFound("service", service)
        return launch.ask_started(self._places, request)

    def _workload(self, service: str, spec: Service, release: Release | None) -> state.Workload:
        """Make the configuration's keys flat, with absolute paths. Raises ConfigLacks without any command."""
        keys = _keys(spec)
        command = (release.command if release else ()) or keys.command
        if not command:
            raise ConfigLacks(
                f"command for the service {service!r}",
                (),
                lines=f'services:\n  {service}:\n    command: [python, -m, http.server, "{{port}}"]',
                section=f"services.{service}",
            )
        directory = release.directory if release and release.directory else keys.directory
        return state.Workload(
            command=tuple(command),
            directory=str((self._root / directory).resolve()),
            port=keys.port,
            environment=dict(keys.environment),
            ready_http=keys.ready.http,
            ready_within=keys.ready.within,
            start_within=keys.ready.start_within,
            stop_grace=keys.stop_grace,
            restart_policy=keys.restart_policy,
            back_off=keys.back_off,
        )


def _keys(spec: Service) -> ProcessWorkload:
    """Answer the process platform's keys of a service: the composed model has both, side by side."""
    names = [one.name for one in fields(ProcessWorkload)]
    return ProcessWorkload(**{name: getattr(spec, name) for name in names if hasattr(spec, name)})


def _service(data: Mapping[str, Any]) -> ServiceState:
    return ServiceState(
        service=data["service"],
        address=data["address"],
        stable=_track(data["stable"]),
        canary=_track(data["canary"]) if data["canary"] else None,
        former=tuple(Release.from_json(one) for one in data["former"]),
    )


def _track(data: Mapping[str, Any]) -> TrackState:
    return TrackState(
        release=Release.from_json(data["release"]),
        desired=data["desired"],
        weight=data["weight"],
        replicas=tuple(Replica(**one) for one in data["replicas"]),
        traffic=Traffic(**data["traffic"]),
        settled=data["settled"],
        failure=data["failure"],
        hopeless=data.get("hopeless", 0),  # a supervisor that was started before an update does not say it
        updated=data.get("updated", 0),
    )


def _down(name: str, wanted: state.Wanted) -> ServiceState:
    """Tell of a service whose supervisor is gone: what is wanted of it, and that nothing of it runs."""
    port = wanted.stable.workload.port
    share = wanted.share if wanted.canary else 0.0
    stable = TrackState(
        release=wanted.stable.release, desired=wanted.replicas, weight=1.0 - share, failure=DOWN
    )
    canary = None
    if wanted.canary:
        canary = TrackState(
            release=wanted.canary.release, desired=wanted.canary_replicas, weight=share, failure=DOWN
        )
    return ServiceState(
        service=name,
        address=f"{HOST}:{port}" if port else None,
        stable=stable,
        canary=canary,
        former=tuple(run.release for run in wanted.former),
    )
