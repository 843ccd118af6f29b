"""KubernetesPlatform: the Platform port over workloads of one namespace.

What is wanted stands in the cluster: each write is one server-side apply of the workload, with DreamNet's record in its
annotations (``record.py``); the cluster's controllers bring it about, and ``observe`` reads watches (``informer.py``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from dreamnet_actions.adapters.kubernetes import (
    batch,
    canaries,
    constraints,
    routed,
    runs,
    standing,
    stuck,
    undoing,
)
from dreamnet_actions.adapters.kubernetes.access import configuration, reached_by
from dreamnet_actions.adapters.kubernetes.api import Object
from dreamnet_actions.adapters.kubernetes.events import Events
from dreamnet_actions.adapters.kubernetes.explaining import explain
from dreamnet_actions.adapters.kubernetes.holds import named
from dreamnet_actions.adapters.kubernetes.inspection import inspect
from dreamnet_actions.adapters.kubernetes.jobs import run_first
from dreamnet_actions.adapters.kubernetes.making import Making
from dreamnet_actions.adapters.kubernetes.namespace import Namespace
from dreamnet_actions.adapters.kubernetes.options import (
    KubernetesPlatformOptions,
    KubernetesWorkload,
    keeps,
    keys_of,
)
from dreamnet_actions.adapters.kubernetes.preview import previewed
from dreamnet_actions.adapters.kubernetes.pruning import Pruning
from dreamnet_actions.adapters.kubernetes.record import (
    KEPT,
    SERVICE,
    Record,
    Revision,
    Run,
    record_of,
)
from dreamnet_actions.adapters.kubernetes.rendering import kind_and_name
from dreamnet_actions.adapters.kubernetes.renewing import Renewed
from dreamnet_actions.adapters.kubernetes.strategies import check_canary, check_strategy
from dreamnet_actions.adapters.registry import Registry
from dreamnet_actions.adapters.registrylogins import Logins
from dreamnet_actions.domain.constraints import Constraints
from dreamnet_actions.domain.difference import Difference
from dreamnet_actions.domain.evidence import Evidence
from dreamnet_actions.domain.release import Release, Snapshot
from dreamnet_actions.domain.spec.models import ReleaseRules, Service
from dreamnet_actions.errors import NotFound
from dreamnet_actions.ports.cluster import ClusterAccess, Seen
from dreamnet_actions.ports.platform import Platform
from dreamnet_actions.ports.site import Site, for_commands
from dreamnet_actions.ports.system import Clock

if TYPE_CHECKING:
    from kubernetes.client import Configuration


class KubernetesPlatform(Platform):
    """The platform ``name``: one namespace of one cluster. ``root`` is what the configuration's paths are relative to;
    ``known`` are the configured services, by name; ``who`` names us to others who deploy there. Nothing is sent before
    the first call."""

    WRITES: ClassVar[frozenset[str]] = Platform.WRITES
    kind = "kubernetes"
    _keeps: Sequence[str] = ()

    def __init__(
        self,
        name: str,
        options: KubernetesPlatformOptions,
        *,
        reach: Callable[[], Configuration],
        root: Path,
        clock: Clock,
        known: Mapping[str, Service],
        environ: Mapping[str, str] | None = None,
        who: str = "DreamNet",
    ) -> None:
        self.name, self.options = name, options
        self._clock = clock
        keys = {one: keys_of(spec) for one, spec in known.items()}
        self._namespace = Namespace(options.namespace, reach, keys, clock, who)
        self._making = Making(
            self._namespace,
            root=root,
            environ=environ or {},
            registry=Registry(Logins(environ or {}), options.plain_http),
            now=clock.monotonic,
        )
        self._pruning = Pruning(self._namespace)
        self._events = Events(self._namespace, clock)

    @classmethod
    def at(
        cls, name: str, options: KubernetesPlatformOptions, site: Site, access: ClusterAccess | None = None
    ) -> KubernetesPlatform:
        """Make the platform of the configuration that has this name; ``access`` reaches the cluster where that is no
        matter of a kubeconfig."""
        kind = site.config.platforms[name].kind
        if access is not None:  # its options are the provider's, of which these are ours
            options = KubernetesPlatformOptions(namespace=options.namespace, cluster=options.cluster)

        def reach() -> Configuration:
            return reached_by(access) if access else configuration(options, site.environ, site.root)

        made = cls(
            name,
            options,
            reach=reach,
            root=site.root,
            clock=site.clock,
            known={one: spec for one, spec in site.config.services.items() if spec.platform == name},
            environ=for_commands(site.environ),
            who=named(site.environ),
        )
        made.kind = kind
        made._keeps = keeps(site.config, name)
        return made

    def close(self) -> None:
        """End the watches and let go of the connections."""
        self._namespace.close()

    @property
    def space(self) -> Namespace:
        """Its namespace, for the values that are kept there beside the services."""
        return self._namespace

    def manifests(self, service: str) -> Sequence[Object]:
        """Answer what the manifests of a configured service hold, images as they are written; nothing is asked."""
        return self._making.manifests(service)

    def inspect(self) -> Iterator[Seen]:
        """Look at the cluster for the doctor: whether it answers, and what we may do there."""
        space = self._namespace
        return inspect(space.api, self.name, routes=space.has_routes, batch=space.batch, more=self._keeps)

    # ── Reading ─────────────────────────────────────────────────────────────────────────────────────────

    def observe(self) -> Snapshot:
        mark, objects = self._namespace.informers.view()
        services = self._namespace.services(objects)
        found = {
            name: standing.state(self._namespace, self._events, name, workload, objects, self._clock.now())
            for name, workload in services.items()
        }
        return Snapshot(platform=self.name, services=found, mark=mark)

    def wait(self, since: Snapshot, seconds: float) -> bool:
        self._namespace.informers.wait(since.mark, seconds)
        return True

    def evidence(self, service: str, *, canary: bool = False) -> Evidence | None:
        objects = self._namespace.informers.read()
        workload = self._namespace.workload(service, objects)
        meant = canaries.of(service, objects) if canary else workload
        return explain(self._namespace, self._events, meant, objects) if meant else None

    def configured(self, service: str, spec: Service) -> Release:
        keys = keys_of(spec)
        release = Release(service=service, version="", image=keys.image)
        revision = self._making.revision(service, keys, release)
        recipe = json.dumps([list(revision.objects), revision.whole], sort_keys=True)
        digest = hashlib.sha256(recipe.encode()).hexdigest()[:40]
        return replace(revision.release, version=f"cmd:{digest}")

    def preview(self, service: str, spec: Service, release: Release) -> Sequence[Difference]:
        keys, space = keys_of(spec), self._namespace
        revision = self._making.revision(service, keys, release, unbuilt=True)
        record = record_of(space.live(keys))
        now = space.revisions.get(service, record.stable.revision).objects if record else []
        found = list(previewed(space, service, keys, revision, now))
        by_canary = spec.release is not None and spec.release.strategy.canary is not None
        if by_canary and (no := routed.objection(space, service, keys, revision.objects, space.live(keys))):
            found.append(Difference(object=f"HTTPRoute/{keys.http_route}", effect="refused", why=no))
        if record is not None and revision.whole and keys.prune:
            why = f"it left the manifests; its label {SERVICE} is {service}"
            left = self._pruning.left_by(service, record, revision.objects)
            found += [Difference(object=f"{one.kind}/{one.name}", effect="deleted", why=why) for one in left]
        return found

    def logs(self, service: str, lines: int = 50) -> list[str]:
        return standing.logs(self._namespace, service, lines)

    def replica_addresses(self, service: str, *, canary: bool = False) -> Collection[str]:
        services = self.observe().services
        if service not in services:
            raise NotFound("service", service, services)
        state = services[service].canary if canary else services[service].stable
        return [
            one.address for one in (state.replicas if state else ()) if one.state == "ready" and one.address
        ]

    def constraints(self, service: str) -> Constraints:
        space = self._namespace
        live = space.live(space.keys(service))
        if live is None:
            raise NotFound("service", service)
        return Constraints() if live["kind"] in batch.KINDS else constraints.constraints(space.api, live)

    def hold(self, service: str, *, wants: str = "") -> AbstractContextManager[str]:
        kind, name = kind_and_name(self._namespace.keys(service))
        return self._namespace.holds.held(kind, name, service, wants)

    # ── Writing ─────────────────────────────────────────────────────────────────────────────────────────

    def apply(
        self, service: str, spec: Service, release: Release, *, canary: bool = False, replicas: int = 0
    ) -> None:
        keys, space = keys_of(spec), self._namespace
        if canary:
            space.workload(service)  # NotFound before anything is written
        revision, live = self._making.revision(service, keys, release, write=True), space.live(keys)
        check_strategy(revision.workload, live)
        check_canary(revision.workload, (spec.release or ReleaseRules()).strategy)
        digest = space.revisions.keep(service, revision)
        if canary:
            self._before(service, spec, revision, keys, live)
            canaries.begin(space, service, keys, revision, digest, replicas or 1, live)
            return
        found = None
        if live is not None and record_of(live) is None:
            found = space.revisions.keep(service, space.before_us(service, live))
        self._before(service, spec, revision, keys, live)

        def want(_: Object | None, record: Record | None) -> Record:
            if record is None:
                return Record(stable=Run(digest), former=(Run(found),) if found else ())
            if record.stable.revision != digest:
                return record.pushed(Run(digest))
            return runs.anew(space, name, record) if kind == "Job" else record

        kind, name = kind_and_name(keys)
        record = space.write(service, keys, want)
        if replicas or (live is None and kind in ("Deployment", "StatefulSet")):
            space.scale(keys, replicas or spec.replicas)
        stuck.free(space, keys, record, self._clock)
        canaries.end_promoted(space, service)
        if record.stable.revision == digest:
            self._prune(service, keys, record)

    def tidy(self, service: str, spec: Service) -> Sequence[str]:
        keys, space = keys_of(spec), self._namespace
        record = record_of(space.live(keys))
        if record is None or not keys.prune:
            return ()
        present = space.revisions.get(service, record.stable.revision)
        left = self._pruning.left_by(service, record, present.objects) if present.whole else []
        for one in left:
            self._pruning.delete(one)
            if one.kind == "Service":
                space.informers["Service"].drop(one.name)
        return [f"{one.kind}/{one.name}" for one in left]

    def restart(self, service: str, *, token: str) -> None:
        keys, space = self._namespace.keys(service), self._namespace

        renewed = Renewed.of(space, service, keys, token)

        def want(live: Object | None, record: Record | None) -> Record:
            if live is None:
                raise NotFound("service", service)
            check_strategy(live, live)
            if record is None:
                record = Record(stable=Run(space.revisions.keep(service, space.before_us(service, live))))
            return record if token in record.restarted else renewed.put(record).restarted_by(token)

        record = space.write(service, keys, want)
        if kind_and_name(keys)[0] == "CronJob" and record.stable.restart == token:
            runs.once(space, self._namespace.live_or_lacking(service, keys), token)

    def scale(self, service: str, replicas: int) -> None:
        self._namespace.workload(service)
        self._namespace.scale(self._namespace.keys(service), replicas, asked=True)

    def shift(self, service: str, share: float) -> None:
        canaries.shift(self._namespace, self._namespace.workload(service), service, share)

    def promote(self, service: str) -> None:
        canaries.promote(self._namespace, service)

    def withdraw(self, service: str) -> None:
        self._namespace.workload(service)
        canaries.end(self._namespace, service)

    def undo(self, service: str, *, token: str, skip: Collection[str] = ()) -> Release:
        return undoing.undo(self._namespace, service, self._clock, token=token, skip=skip)

    def remove(self, service: str) -> None:
        undoing.remove(self._namespace, self._pruning, service)

    # ── Parts ───────────────────────────────────────────────────────────────────────────────────────────

    def _before(
        self, service: str, spec: Service, revision: Revision, keys: KubernetesWorkload, live: Object | None
    ) -> None:
        """Apply what a release has beside its workload, and run its Jobs, unless it is out already."""
        space, record = self._namespace, record_of(live)
        space.apply_others(service, revision.hash, keys)
        if record is None or record.stable.revision != revision.hash:
            within = (spec.release or ReleaseRules()).ready_within
            run_first(space, self._events, self._clock, revision, keys, within)

    def _prune(self, service: str, keys: KubernetesWorkload, record: Record) -> None:
        """Drop revisions that nothing can go back to, once there are many."""
        if len(record.former) >= KEPT:
            beside = record_of(canaries.of(service, self._namespace.informers.read()))
            kept = record.revisions() | (beside.revisions() if beside else set())
            self._pruning.forget(service, kept, prune=keys.prune)
