"""A platform whose replicas are only imagined, for tests of what decides about platforms.

It brings about what is wanted within ``observe`` and the writes themselves: at once, or (with a clock) after
``starts_in`` seconds of it. It behaves as a real one does where the port says how: a release that is broken replaces
nothing, an undone one is exactly as before. Tests break it with ``kill``, ``freeze``, ``break_release``,
``fail_requests`` and ``fail_writes``, and send it clients with ``serve``; ``calls`` lists the writes that came.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import ClassVar

from dreamnet_actions.domain.constraints import Constraints
from dreamnet_actions.domain.difference import Difference
from dreamnet_actions.domain.evidence import Evidence, evidence
from dreamnet_actions.domain.release import Release, Snapshot, Traffic
from dreamnet_actions.domain.spec.models import Service
from dreamnet_actions.errors import DreamNetError, Leased, NotFound
from dreamnet_actions.ports.platform import Platform
from dreamnet_actions.ports.system import Clock
from dreamnet_actions.testing.memory.replicas import Imagined, Known, Run, same, take_over, view


class MemoryPlatform(Platform):
    """See the module. ``starts_in`` is how long a replica takes to become ready, in seconds of ``clock``."""

    WRITES: ClassVar[frozenset[str]] = Platform.WRITES

    def __init__(
        self,
        name: str = "memory",
        *,
        kind: str = "process",
        clock: Clock | None = None,
        starts_in: float = 0.0,
    ) -> None:
        self.name, self.kind, self.starts_in = name, kind, starts_in
        self.calls: list[tuple[str, str]] = []
        self.differences: list[Difference] = []
        """What a preview answers."""
        self.left: list[str] = []
        """What former releases have left."""
        self.stays: DreamNetError | None = None
        """Why nothing of that can be deleted, if so."""
        self.environments: dict[str, str] = {}
        """The current set of synced values, by service: what ``apply`` and ``restart`` take."""
        self.constrained: dict[str, Constraints] = {}
        """What else has a say in a service's replicas, by service."""
        self.room: dict[str, int] = {}
        """How many replicas of a service can be started at the most, by service."""
        self._clock = clock
        self._lock = threading.RLock()
        self._known: dict[str, Known] = {}
        self._broken: dict[str, str] = {}
        self._hopeless: set[str] = set()
        self._failing: dict[str, float] = {}
        self._refusal: DreamNetError | None = None
        self._outage: DreamNetError | None = None
        self._count = 0
        self._held: dict[str, str] = {}
        self._waits: dict[str, str] = {}

    # ── The port ────────────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def hold(self, service: str, *, wants: str = "") -> Iterator[str]:
        with self._lock:
            if service in self._held:
                if wants:
                    self._waits[service] = wants
                raise Leased(f"{self.name}/{service}", self._held[service])
            self._held[service] = "this process since it began"
            waits = self._waits.pop(service, "")
        try:
            yield "" if waits == wants else waits
        finally:
            with self._lock:
                del self._held[service]

    def observe(self) -> Snapshot:
        with self._lock:
            if self._outage:
                raise self._outage
            for name, known in self._known.items():
                self._bring_about(name, known)
            return Snapshot(
                platform=self.name,
                services={name: view(name, one, self._hopeless) for name, one in self._known.items()},
            )

    def configured(self, service: str, spec: Service) -> Release:
        keys = {name: getattr(spec, name, None) for name in ("command", "directory", "environment")}
        digest = hashlib.sha256(json.dumps(keys, sort_keys=True, default=str).encode()).hexdigest()[:40]
        return Release(service=service, version=f"cmd:{digest}", command=tuple(keys["command"] or ()))

    def apply(
        self, service: str, spec: Service, release: Release, *, canary: bool = False, replicas: int = 0
    ) -> None:
        with self._write("apply", service):
            known = self._known.get(service)
            if canary:
                self._apply_canary(self._get(service), release, replicas)
            elif known is None:
                known = Known(
                    stable=self._run(release),
                    desired=replicas or spec.replicas,
                    port=getattr(spec, "port", None),
                )
                self._known[service] = known
            else:
                known.desired = replicas or known.desired
                known.replicas = [one for one in known.replicas if one.state != "exited"]
                if known.canary and same(known.canary, release):
                    known.promote()
                elif not same(known.stable, release):
                    known.push(self._run(release))

    def restart(self, service: str, *, token: str) -> None:
        with self._write("restart", service):
            known = self._get(service)
            if token in known.restarted:
                return
            known.restarted.append(token)
            current = self.environments.get(service)
            if current in (None, known.stable.release.environment):
                known.stable = replace(known.stable, restarts=known.stable.restarts + 1)
            else:
                known.push(self._run(replace(known.stable.release, environment=current)))

    def constraints(self, service: str) -> Constraints:
        with self._lock:
            self._get(service)
            return self.constrained.get(service, Constraints())

    def scale(self, service: str, replicas: int) -> None:
        with self._write("scale", service):
            known = self._get(service)
            limits = self.constrained.get(service, Constraints())
            if limits.scaler is not None and replicas > 0:
                low, high = limits.scaler.moved(replicas, known.desired)
                moved = replace(limits.scaler, low=low, high=high)
                self.constrained[service] = replace(limits, scaler=moved)
                known.desired = min(max(known.desired, low), high)
                return
            known.desired = replicas
            known.replicas = [one for one in known.replicas if one.state != "exited"]

    def shift(self, service: str, share: float) -> None:
        with self._write("shift", service):
            known = self._get(service)
            if known.canary is None:
                raise NotFound("canary", service, [name for name, one in self._known.items() if one.canary])
            known.share, known.gained = share, 0.0

    def promote(self, service: str) -> None:
        with self._write("promote", service):
            self._get(service).promote()

    def withdraw(self, service: str) -> None:
        with self._write("withdraw", service):
            known = self._get(service)
            known.canary, known.share = None, 0.0

    def undo(self, service: str, *, token: str, skip: Collection[str] = ()) -> Release:
        with self._write("undo", service):
            known = self._get(service)
            if token in known.undone:
                return known.undone[token]
            left = [one for one in known.former if one.release.version not in skip]
            if not left:
                raise NotFound("former release of", service)
            known.stable = left[0]
            known.former = known.former[known.former.index(left[0]) + 1 :]
            known.undone[token] = known.stable.release
            return known.stable.release

    def preview(self, service: str, spec: Service, release: Release) -> Sequence[Difference]:  # noqa: ARG002
        return list(self.differences)

    def tidy(self, service: str, spec: Service) -> Sequence[str]:  # noqa: ARG002
        if self.stays is not None:
            raise self.stays
        if not self.left:
            return ()
        with self._write("tidy", service):
            gone, self.left = self.left, []
            return gone

    def remove(self, service: str) -> None:
        with self._write("remove", service):
            self._known.pop(service, None)

    def logs(self, service: str, lines: int = 50) -> list[str]:
        with self._lock:
            return self._get(service).lines[-lines:] if lines > 0 else []

    def evidence(self, service: str, *, canary: bool = False) -> Evidence | None:
        with self._lock:
            self._get(service)
            state = self.observe().services[service]
            track = state.canary if canary else state.stable
            worst = track.worst if track else None
            return evidence(worst.id, lines=self._get(service).lines) if worst else None

    def replica_addresses(self, service: str, *, canary: bool = False) -> Collection[str]:
        with self._lock:
            self._get(service)
            state = self.observe().services[service]
            track = state.canary if canary else state.stable
            replicas = track.replicas if track else ()
            return [one.address for one in replicas if one.state == "ready" and one.address]

    # ── What tests do to it ─────────────────────────────────────────────────────────────────────────────

    def kill(self, service: str, count: int = 1) -> None:
        """End ``count`` running replicas; they stay ended until a restart, apply or scale (policy ``never``)."""
        with self._lock:
            known = self._get(service)
            self._bring_about(service, known)
            for one in known.ready()[:count]:
                one.state, one.exit_status, one.failure = "exited", -9, "killed by SIGKILL"

    def freeze(self, service: str, count: int = 1) -> None:
        """Have ``count`` ready replicas answer no more, until they are replaced."""
        with self._lock:
            known = self._get(service)
            self._bring_about(service, known)
            for one in known.ready()[:count]:
                one.state, one.failure = "unready", "no longer ready: no answer within 1 s"

    def break_release(
        self,
        version: str,
        why: str = "exited with status 1: it is broken",
        *,
        running: bool = False,
        hopeless: bool = False,
    ) -> None:
        """Let no replica of this version start from now on; with ``running``, end those that run too. ``hopeless``: in
        a way that no waiting mends."""
        with self._lock:
            self._broken[version] = why
            (self._hopeless.add if hopeless else self._hopeless.discard)(version)
            for one in [one for known in self._known.values() for one in known.replicas] if running else ():
                if one.run.release.version == version:
                    one.state, one.failure, one.exit_status = "back-off", why, 1
                    one.restarts += 1

    def mend_release(self, version: str) -> None:
        """Let replicas of this version start again."""
        with self._lock:
            self._broken.pop(version, None)
            self._failing.pop(version, None)

    def fail_requests(self, version: str, share: float) -> None:
        """Let this share (0–1) of the requests that ``serve`` sends to this version fail."""
        with self._lock:
            self._failing[version] = share

    def serve(self, service: str, requests: int) -> None:
        """Let so many clients call the service: each is counted on the track that its share chooses."""
        with self._lock:
            known = self._get(service)
            self._bring_about(service, known)
            for _ in range(requests):
                known.gained += known.share if known.canary else 0.0
                chosen = known.canary if known.canary and known.gained > 1 - 1e-9 else known.stable
                known.gained -= 1.0 if chosen is known.canary else 0.0
                self._count_request(known, chosen)

    def fail_writes(self, error: DreamNetError | None) -> None:
        """Raise this from every write from now on; None: no more."""
        self._refusal = error

    def fail_observe(self, error: DreamNetError | None) -> None:
        """Raise this from ``observe`` from now on; None: no more."""
        self._outage = error

    def write_log(self, service: str, *lines: str) -> None:
        """Let its replicas have written these lines."""
        with self._lock:
            self._get(service).lines.extend(lines)

    # ── How it brings things about ──────────────────────────────────────────────────────────────────────

    @contextmanager
    def _write(self, name: str, service: str) -> Iterator[None]:
        with self._lock:
            self.calls.append((name, service))
            if self._refusal:
                raise self._refusal
            yield
            if known := self._known.get(service):
                self._bring_about(service, known)

    def _get(self, service: str) -> Known:
        if service not in self._known:
            raise NotFound("service", service, self._known)
        return self._known[service]

    def _run(self, release: Release) -> Run:
        self._count += 1
        filled = release.environment or self.environments.get(release.service)
        return Run(self._count, replace(release, environment=filled))

    def _apply_canary(self, known: Known, release: Release, replicas: int) -> None:
        if known.canary and same(known.canary, release):
            known.canary_desired = replicas or known.canary_desired
            return
        known.canary, known.canary_desired, known.share = self._run(release), replicas or 1, 0.0

    def _bring_about(self, service: str, known: Known) -> None:
        stable = known.of("stable")
        self._replace(service, known, known.stable, known.desired, stable)
        canary = known.of("canary")
        if known.canary:
            self._replace(service, known, known.canary, known.canary_desired, canary)
        else:
            known.replicas = [one for one in known.replicas if one not in canary]

    def _replace(self, service: str, known: Known, run: Run, desired: int, replicas: list[Imagined]) -> None:
        """Start what is missing, see what has become ready, and let that take over."""
        fresh = [one for one in replicas if one.run == run]
        for _ in range(min(desired, self.room.get(service, desired)) - len(fresh)):
            self._count += 1
            one = Imagined(f"{service}-{self._count}", run, self._now())
            fresh.append(one)
            known.replicas.append(one)
        for one in fresh:
            self._age(one)
        take_over(known, run, desired, replicas, fresh)

    def _age(self, one: Imagined) -> None:
        why = self._broken.get(one.run.release.version)
        if one.state == "back-off" and why is None:
            one.state = "starting"
        if one.state == "starting" and self._now() - one.born >= self.starts_in:
            if why is None:
                one.state, one.failure = "ready", None
            else:
                one.state, one.failure, one.exit_status = "back-off", why, 1
                one.restarts += 1

    def _count_request(self, known: Known, run: Run) -> None:
        before = known.traffic.get(run.generation, Traffic())
        # The n-th request fails where the share passes the next whole number: exact, without chance.
        share = self._failing.get(run.release.version, 0.0)
        passed = int((before.connections + 1) * share + 1e-9) > int(before.connections * share + 1e-9)
        up = any(one.state in ("ready", "unready") and one.run == run for one in known.replicas)
        known.traffic[run.generation] = replace(
            before, connections=before.connections + 1, errors=before.errors + int(passed or not up)
        )

    def _now(self) -> float:
        return self._clock.monotonic() if self._clock else 0.0
