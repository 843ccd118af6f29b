"""One namespace of a cluster: the services' workloads in it, how they are found, and how one of them is written."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from dreamnet_actions.adapters.kubernetes import batch, canaries, constraints, runs
from dreamnet_actions.adapters.kubernetes.api import Api, Object
from dreamnet_actions.adapters.kubernetes.holds import Holds
from dreamnet_actions.adapters.kubernetes.informer import Informers
from dreamnet_actions.adapters.kubernetes.options import KubernetesWorkload
from dreamnet_actions.adapters.kubernetes.record import (
    OURS,
    RECORD,
    RUN,
    SERVICE,
    VERSION,
    Record,
    Revision,
    Revisions,
    record_of,
)  # fmt: skip
from dreamnet_actions.adapters.kubernetes.references import template_of
from dreamnet_actions.adapters.kubernetes.rendering import image_only, kind_and_name
from dreamnet_actions.adapters.kubernetes.routing import Routes
from dreamnet_actions.adapters.kubernetes.troubles import ApplyConflict, Invalid
from dreamnet_actions.adapters.kubernetes.workloads import Objects
from dreamnet_actions.domain.release import Release
from dreamnet_actions.errors import Conflict, NotFound, PlatformFailed
from dreamnet_actions.errors.configuration import ConfigLacks
from dreamnet_actions.ports.system import Clock

if TYPE_CHECKING:
    from kubernetes.client import Configuration

APPS = "apps/v1"
KINDS = ("Deployment", "StatefulSet", "DaemonSet", "CronJob")
TRIES = 20
"""How often a write is begun anew because the workload's status changed between reading and writing it."""


class Namespace:
    """The namespace ``name``. ``reach`` answers how the cluster is reached, once that is needed; ``known`` are the keys
    of the configured services."""

    def __init__(
        self,
        name: str,
        reach: Callable[[], Configuration],
        known: Mapping[str, KubernetesWorkload],
        clock: Clock,
        who: str,
    ) -> None:
        self.name, self._reach, self._known = name, reach, known
        self._lock = threading.Lock()
        self._api: Api | None = None
        self._revisions: Revisions | None = None
        self.batch = any(kind_and_name(one)[0] in batch.KINDS for one in known.values() if one.workload)
        """Whether a service is a Job or a CronJob."""
        self.informers = Informers(lambda: self.api, batch=self.batch)
        self.holds = Holds(lambda: self.api, clock, who)
        self.routes = Routes(self)

    @property
    def api(self) -> Api:
        """The connection to the cluster, made at its first use."""
        with self._lock:
            if self._api is None:
                self._api = Api(self._reach(), self.name)
                self._api.before_write = self.holds.still
            return self._api

    @property
    def revisions(self) -> Revisions:
        """What the releases consist of."""
        if self._revisions is None:
            self._revisions = Revisions(self.api)
        return self._revisions

    def close(self) -> None:
        """End the watches and let go of the connections."""
        self.informers.close()
        if self._api is not None:
            self._api.close()

    # ── Finding ─────────────────────────────────────────────────────────────────────────────────────────

    def services(self, objects: Objects) -> dict[str, Object]:
        """Answer the workload of each service: of those that the configuration names, and of those with our record."""
        found: dict[str, Object] = {}
        configured = {kind_and_name(keys): one for one, keys in self._known.items() if keys.workload}
        for kind in KINDS:
            for name, workload in objects.get(kind, {}).items():
                if canaries.is_canary(workload):
                    continue
                labels = workload["metadata"].get("labels") or {}
                ours = labels.get(SERVICE) if record_of(workload) is not None else None
                if service := configured.get((kind, name), ours):
                    found[service] = workload
                    if ours not in (None, service):
                        self.revisions.called(service, str(ours))
        for name, job in batch.holders(objects.get("Job", {}).values()).items():
            if service := configured.get(("Job", name), job["metadata"]["labels"].get(SERVICE)):
                found[service] = job
        return found

    def workload(self, service: str, objects: Objects | None = None) -> Object:
        """Answer a service's workload as it was seen last. Raises NotFound."""
        found = self.services(self.informers.read() if objects is None else objects)
        if service not in found:
            raise NotFound("service", service, found)
        return found[service]

    def keys(self, service: str) -> KubernetesWorkload:
        """Answer where a service's workload is: by the configuration, else by what is there. Raises NotFound."""
        if service in self._known:
            return self._known[service]
        workload = self.workload(service)
        name = (workload["metadata"].get("annotations") or {}).get(batch.JOB, workload["metadata"]["name"])
        return KubernetesWorkload(workload=f"{workload['kind'].lower()}/{name}")

    @property
    def configured(self) -> Mapping[str, KubernetesWorkload]:
        """The keys of the configured services, by name."""
        return self._known

    @property
    def has_routes(self) -> bool:
        """Whether the configuration gives any service an HTTPRoute."""
        return any(one.http_route for one in self._known.values())

    def route_of(self, service: str) -> str | None:
        """Answer the name of the HTTPRoute that the configuration gives a service."""
        return self._known[service].http_route if service in self._known else None

    def live(self, keys: KubernetesWorkload) -> Object | None:
        """Ask the server for a workload as it is now."""
        kind, name = kind_and_name(keys)
        if kind == "Job":
            return runs.live(self, name)
        return self.api.get(batch.BATCH if kind == "CronJob" else APPS, kind, name)

    def seen(self, keys: KubernetesWorkload, within: float) -> bool:
        """Wait until a workload's controller has taken note of what is wanted of it, at most ``within`` seconds."""
        kind, name = kind_and_name(keys)
        return self.informers.until(
            lambda objects: (
                (found := objects[kind].get(name)) is None
                or int((found.get("status") or {}).get("observedGeneration", 0))
                >= int(found["metadata"].get("generation", 0))
            ),
            within,
        )

    def live_or_lacking(self, service: str, keys: KubernetesWorkload) -> Object:
        """Answer a workload that has to be there. Raises ConfigLacks with what to write."""
        live = None if kind_and_name(keys)[0] == "Job" else self.live(keys)
        if live is None:
            raise ConfigLacks(
                f"manifests for the service {service!r}, and the cluster has no {keys.workload}",
                (),
                lines=f"services:\n  {service}:\n    workload: {keys.workload}\n    manifests: deploy",
                section=f"services.{service}",
            )
        return live

    def before_us(self, service: str, live: Object) -> Revision:
        """Answer the revision that stands for what was there before DreamNet's first release."""
        template = json.dumps(template_of(live), sort_keys=True)
        digest = hashlib.sha256(template.encode()).hexdigest()[:40]
        release = Release(service=service, version=f"found:{digest}")
        keys = replace(self.keys(service), image=None)
        return image_only(keys, release, live)

    # ── Writing ─────────────────────────────────────────────────────────────────────────────────────────

    def write(
        self, service: str, keys: KubernetesWorkload, want: Callable[[Object | None, Record | None], Record]
    ) -> Record:
        """Read the workload and its record, let ``want`` say what is wanted, and apply both at once; anew where
        somebody else was first. Answers the record as it is then. Raises Conflict, ApplyConflict.

        Somebody may change the workload faster than we read and write (an autoscaler gone wild, an operator): where we
        hold the service (``Holds``), the record is nobody else's to change, and the last tries ask for the same object
        only, not for the same state of it.
        """
        kind, name = kind_and_name(keys)
        if kind == "Job":
            return runs.write(self, service, name, want)
        for tries in range(TRIES):
            live = self.live(keys)
            before = record_of(live)
            after = want(live, before)
            if live is not None and after == before:
                self.informers[kind].put(live)
                return after
            wanted = self.noted(service, after)
            if live is not None and tries >= TRIES // 2 and self.holds.mine(kind, name):
                wanted["metadata"]["uid"] = live["metadata"]["uid"]
            elif live is not None:
                wanted["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
            try:
                applied = self.applied(wanted, keys)
            except Conflict:
                continue
            self.informers[kind].put(applied)
            return after
        raise Conflict(f"{kind} {name}")

    def noted(self, service: str, record: Record) -> Object:
        """Answer the workload's manifest of the release that a record wants, with the record and our marks."""
        return with_notes(self.revisions.get(service, record.stable.revision), record, service)

    def applied(self, wanted: Object, keys: KubernetesWorkload, *, dry_run: bool = False) -> Object:
        """Apply an object; the image is taken over from others where the configuration says so, and nothing else.
        ``dry_run``: the server does all but keep it."""
        try:
            return self.api.apply(wanted, dry_run=dry_run)
        except ApplyConflict as error:
            if "image" in keys.adopt and error.fields and all(one.endswith(".image") for one in error.fields):
                return self.api.apply(wanted, force=True, dry_run=dry_run)
            raise

    def apply_others(
        self, service: str, revision: str, keys: KubernetesWorkload, *, ask: bool = True
    ) -> None:
        """Apply what a revision has beside its workload and its Jobs (``jobs.py``), in order.

        With ``ask`` the server is asked first whether it would take the workload: a Service that leads to what cannot
        be changed (a selector) would lead nowhere. Raises Invalid and ApplyConflict before anything is written.
        """
        *others, workload = self.revisions.get(service, revision).objects
        if ask and workload["kind"] == "Job":
            workload = runs.to_be(self, workload, revision)
        if ask and (others or workload["kind"] == "Job"):
            try:
                self.applied(workload, keys, dry_run=True)
            except (Invalid, ApplyConflict):
                raise
            except PlatformFailed:
                pass  # a webhook that knows no dry runs says so (400): then the real one tells
        for one in others:
            if one["kind"] == "Job" or self.routes.stays(one, service):
                continue
            seen = self.applied(one, keys)
            if seen["kind"] == "Service":
                self.informers["Service"].put(seen)

    def scale(self, keys: KubernetesWorkload, replicas: int, *, asked: bool = False) -> None:
        """Let so many replicas of a workload run; the next look sees that they are wanted. Where an HPA owns the
        number, its bounds are moved if somebody ``asked`` for it, and else (a release's first start) the number is one
        that it allows. Raises PlatformFailed for a DaemonSet, which has no such number."""
        kind, name = kind_and_name(keys)
        if kind in batch.KINDS:
            raise runs.no_scale(kind, name)
        if kind == "DaemonSet":
            raise PlatformFailed(
                f"The DaemonSet {name!r} runs one pod on each node; it cannot be scaled.",
                hint="Change its nodeSelector, or make it a Deployment.",
            )
        before = self.live(keys)
        if before is not None and replicas > 0:
            if (
                asked
                and constraints.scale(self, before, replicas)
                and int(before["spec"].get("replicas", 1)) > 0
            ):
                return
            if not asked:
                replicas = constraints.allowed(self.api, before, replicas)
        self.api.patch(self.api.path(APPS, kind, name, "scale"), {"spec": {"replicas": replicas}})
        if (live := self.live(keys)) is not None:
            self.informers[kind].put(live)


def with_notes(revision: Revision, record: Record, service: str) -> Object:
    """Answer the workload's manifest with the record, and with the marks by which its pods are known."""
    wanted: Object = json.loads(json.dumps(revision.workload))
    meta, template = wanted["metadata"], template_of(wanted).setdefault("metadata", {})
    meta["annotations"] = {**(meta.get("annotations") or {}), RECORD: record.text()}
    meta["labels"] = {**(meta.get("labels") or {}), **OURS, SERVICE: service}
    notes = {RUN: record.stable.mark, VERSION: revision.release.version}
    template["annotations"] = {**(template.get("annotations") or {}), **notes}
    return wanted
