"""KubernetesSink: a Secret or ConfigMap that is kept in step (the port ``SecretSink``).

NAME, which pods name, changes by one request: values and record (``sets.py``) together, and only where the object is
still as it was read. Beside it each set is kept as an object of its own that cannot change, so that a former one comes
back byte for byte. Keys of others in the same object are left alone, and one of theirs is never taken over.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

from dreamnet_actions.adapters.kubernetes import sets
from dreamnet_actions.adapters.kubernetes.api import Api, Object
from dreamnet_actions.adapters.kubernetes.choosing import cluster_of
from dreamnet_actions.adapters.kubernetes.options import KubernetesConfigMapOptions, KubernetesSecretOptions
from dreamnet_actions.adapters.kubernetes.readers import live_names, readers
from dreamnet_actions.adapters.kubernetes.record import OURS
from dreamnet_actions.adapters.kubernetes.sets import Held
from dreamnet_actions.domain.secret import SecretValue, SinkState, Versioned, with_kept
from dreamnet_actions.errors import Conflict, NotFound, PlatformFailed, StateDamaged, TemporaryError
from dreamnet_actions.ports.secrets import SecretSink
from dreamnet_actions.ports.site import Site

if TYPE_CHECKING:
    from dreamnet_actions.adapters.kubernetes.namespace import Namespace
    from dreamnet_actions.adapters.kubernetes.platform import KubernetesPlatform
    from dreamnet_actions.ports.system import Clock

Kind = Literal["Secret", "ConfigMap"]
TRIES = 20
"""How often a write is begun anew because somebody else changed the object between reading and writing it."""
PAUSE = 0.05
"""Seconds before the second half of the tries, each time one more of them."""


def _by_chance() -> bytes:
    return secrets.token_bytes(32)


class KubernetesSink(SecretSink):
    """The object ``name`` of one platform's namespace. Nothing is sent before the first call."""

    WRITES: ClassVar[frozenset[str]] = SecretSink.WRITES
    kind: ClassVar[Kind]

    def __init__(
        self,
        name: str,
        platform: KubernetesPlatform,
        clock: Clock,
        *,
        creation: str = "owner",
        type_: str = "Opaque",
        hash_key: Callable[[], bytes] = _by_chance,
    ) -> None:
        self.name = f"{platform.name}/{self.kind.lower()}/{name}"
        self._object, self._clock = name, clock
        self._platform, self._creation, self._type = platform, creation, type_
        self._hash_key = hash_key

    @classmethod
    def on(
        cls,
        options: KubernetesSecretOptions | KubernetesConfigMapOptions,
        site: Site,
        platforms: Mapping[str, KubernetesPlatform],
    ) -> KubernetesSink:
        """Make the sink on the platform that the options name, else on the only one that is a cluster."""
        key = "kubernetes-secret" if cls.kind == "Secret" else "kubernetes-configmap"
        lines = f"env:\n  app:\n    to: [{{{key}: {options.object}, platform: PLATFORM}}]"
        platform = cluster_of(platforms, options.platform, key, lines)
        kind = getattr(options, "type", "Opaque")
        return cls(
            options.object,
            platform,
            site.clock,
            creation=options.creation,
            type_=kind,
            hash_key=site.hash_key,
        )

    @property
    def services(self) -> Collection[str]:  # type: ignore[override]  # asked anew each time, and never set
        """The configured services whose pods read it, as they are now."""
        return readers(self._platform, self.kind, self._object)

    # ── Reading ─────────────────────────────────────────────────────────────────────────────────────────

    def state(self) -> SinkState:
        live = self._live()
        if live is None:
            gone = self._gone()
            return SinkState(former=gone.former if gone else None, key=self._key(gone))
        held = self._held(live)
        if held is None or held.revision is None:
            return SinkState(key=self._key(held))
        now = sets.values_in(live, held.versions)
        drifted: set[str] = set()
        if sets.revision_of(held.salt, now) != held.revision:
            written = self._set(held, held.revision)
            before = sets.values_in(written) if written else {}
            drifted = {name for name in held.versions if name not in now or before.get(name) != now[name]}
        return SinkState(
            versions=held.versions,
            revision=held.revision,
            former=held.former,
            drifted=frozenset(drifted),
            key=self._key(held),
        )

    def read_back(self) -> Mapping[str, SecretValue]:
        live = self._live()
        held = self._held(live)
        return sets.values_in(live, held.versions) if held else {}

    # ── Writing ─────────────────────────────────────────────────────────────────────────────────────────

    def write(self, values: Mapping[str, Versioned], keep: Mapping[str, str] | None = None) -> str:
        def wanted(live: Object | None, held: Held) -> tuple[dict[str, SecretValue], dict[str, str]]:
            ours = with_kept(values, keep, lambda: sets.values_in(live, held.versions), self.name)
            return (
                {name: one.value for name, one in ours.items()},
                {name: one.version for name, one in ours.items()},
            )

        return self._write(wanted)

    def restore(self, revision: str) -> None:
        self._write(lambda _, held: self._kept(held, revision))

    def former_set(self, revision: str) -> Mapping[str, Versioned]:
        live = self._live()
        held = self._held(live) or (self._gone() if live is None else None)
        values, versions = self._kept(held or Held(salt="", made=False), revision)
        return {name: Versioned(value=one, version=versions[name]) for name, one in values.items()}

    def remove(self) -> None:
        """Take all that is ours out: delete the object where we made it and nobody else has values in it (and
        ``creation`` lets us), else only our names. It can come back by ``restore``."""
        live = self._live()
        held = self._held(live)
        if live is None or held is None:
            return
        others = sets.values_in(live).keys() - held.versions.keys()
        if others or not held.made or self._creation not in ("owner", "create-or-merge"):
            self.write({})
            return
        self._keep_current(live, held)
        after = held.moved(None, {})
        meta = {"name": self._removed, "labels": dict(OURS), "annotations": {sets.VALUES: after.text()}}
        note = {"apiVersion": "v1", "kind": self.kind, "metadata": meta}
        if self._api.create(note) is None:
            self._api.patch(self._api.path("v1", self.kind, self._removed), {"metadata": meta})
        only = {one: live["metadata"][one] for one in ("uid", "resourceVersion")}
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": only}
        self._api.request("DELETE", self._api.path("v1", self.kind, self._object), body=body)

    # ── One write ───────────────────────────────────────────────────────────────────────────────────────

    def _write(
        self, want: Callable[[Object | None, Held], tuple[dict[str, SecretValue], dict[str, str]]]
    ) -> str:
        """Read the object and its record, let ``want`` say what is to be ours, and write it; anew where somebody else
        was first."""
        for turn in range(TRIES):
            if turn > TRIES // 2:
                self._clock.sleep(PAUSE * (turn - TRIES // 2))
            live = self._live()
            gone = self._gone() if live is None else None
            found = self._held(live) or gone
            before = found or Held(salt=self._new_salt, made=live is None)
            values, versions = want(live, before)
            self._check(live, before, values)
            after = before.moved(sets.revision_of(before.salt, values), versions)
            if live is not None and found is not None:
                self._keep_current(live, found)
            self._check_notes(live, after)
            if live is not None:  # what refuses the set is to refuse it before the values are changed
                made = sets.a_set(self.kind, self._object, str(after.revision), values, versions)
                self._api.create(made, dry_run=True)
            after = self._without_old(after)
            try:
                done = self._put(live, before, after, values)
            except Conflict:
                continue
            if not done:
                continue
            # The record knows of the set before it is there: a run that is cut off here leaves no value behind that
            # nothing speaks of, and whoever replaces the set keeps it first.
            self._keep(after, values)
            if gone is not None:
                self._api.delete("v1", self.kind, self._removed)
            return str(after.revision)
        raise TemporaryError(
            f"{self.name} is changed by others faster than it can be read and written ({TRIES} tries).",
            hint="Nothing was written. Its managedFields say who writes to it.",
        )

    def _put(self, live: Object | None, before: Held, after: Held, values: Mapping[str, SecretValue]) -> bool:
        """Write values and record at once; False where somebody made the object meanwhile. Raises Conflict."""
        meta: Object = {"annotations": {sets.VALUES: after.text()}}
        if live is None:
            meta |= {"name": self._object, "labels": dict(OURS)}
            made: Object = {"apiVersion": "v1", "kind": self.kind, "metadata": meta}
            made |= sets.content(self.kind, values)
            if self.kind == "Secret":
                made["type"] = self._type
            return self._api.create(made) is not None
        now = sets.values_in(live, before.versions)
        if now == values and self._held(live) == after:
            return True
        gone = [name for name in before.versions if name not in values]
        meta |= {one: live["metadata"][one] for one in ("resourceVersion", "uid")}
        changed = {"metadata": meta, **sets.change(self.kind, values, gone)}
        self._api.patch(self._api.path("v1", self.kind, self._object), changed)
        return True

    # ── Sets ────────────────────────────────────────────────────────────────────────────────────────────

    def _set(self, held: Held, revision: str) -> Object | None:
        """Read a set that is kept. Raises StateDamaged where it is not what was written."""
        name = sets.set_name(self._object, revision)
        found = self._api.get("v1", self.kind, name)
        if found is not None and sets.revision_of(held.salt, sets.values_in(found)) != revision:
            raise StateDamaged(f"the {self.kind} {name}", "its values are not the ones that were written")
        return found

    def _kept(self, held: Held, revision: str) -> tuple[dict[str, SecretValue], dict[str, str]]:
        """Answer a set's values and their versions. Raises NotFound where it is not kept."""
        kept = self._set(held, revision) if revision in held.kept else None
        if kept is None:
            raise NotFound(f"set of values of {self.name}", revision, held.kept)
        values, versions = sets.values_in(kept), sets.versions_of(kept)
        return values, {name: versions.get(name, "unknown") for name in values}

    def _keep(self, held: Held, values: Mapping[str, SecretValue]) -> None:
        """Keep what the record calls current as a set, unless it is there; its versions are the record's then."""
        revision = str(held.revision)
        made = sets.a_set(self.kind, self._object, revision, values, held.versions)
        if self._api.create(made) is not None:
            return
        there = self._set(held, revision)
        if there is not None and sets.versions_of(there) != held.versions:
            notes = {"metadata": {"annotations": made["metadata"]["annotations"]}}
            self._api.patch(self._api.path("v1", self.kind, made["metadata"]["name"]), notes)

    def _keep_current(self, live: Object, held: Held) -> None:
        """See that what is replaced is kept: a run may have been cut off before it was, or a hand deleted it."""
        values = sets.values_in(live, held.versions)
        if held.revision is None or sets.revision_of(held.salt, values) != held.revision:
            return
        if self._api.get("v1", self.kind, sets.set_name(self._object, held.revision)) is None:
            self._keep(held, values)

    def _without_old(self, held: Held) -> Held:
        """Delete the oldest sets over the number that is kept, but for those that a workload names; answer the record
        without them."""
        old = [
            one
            for one in held.kept[: max(0, len(held.kept) - sets.KEPT)]
            if one not in (held.revision, held.former)
        ]
        if not old:
            return held
        named = live_names(self._space, self.kind)
        dropped = [one for one in old if sets.set_name(self._object, one) not in named]
        for one in dropped:
            self._api.delete("v1", self.kind, sets.set_name(self._object, one))
        return replace(held, kept=tuple(one for one in held.kept if one not in dropped))

    # ── What stands in the way ──────────────────────────────────────────────────────────────────────────

    def _check(self, live: Object | None, held: Held, values: Mapping[str, SecretValue]) -> None:
        """Raise PlatformFailed for what cannot be written, before anything is."""
        others = {name: one for name, one in sets.values_in(live).items() if name not in held.versions}
        theirs = {name: one for name, one in others.items() if name in values and one != values[name]}
        if wrong := sets.unfit(self.kind, values, {n: one for n, one in others.items() if n not in values}):
            raise PlatformFailed(
                f"{self.name} cannot hold this: {'; '.join(wrong)}.",
                hint="Nothing was written. Mend 'keys', 'rename' or 'names' of the entry, or the source.",
            )
        if live is None and self._creation == "merge":
            raise PlatformFailed(
                f"{self.name} is not there, and 'creation: merge' makes none.",
                hint="Make it first, or write 'creation: create-or-merge'.",
            )
        if live is None:
            return
        if self._held(live) is None and self._creation in ("owner", "orphan"):
            raise PlatformFailed(
                f"{self.name} is there already and was not made by DreamNet: it is of {sets.owner_of(live)}.",
                hint="Delete it, name another one, or write 'creation: create-or-merge' to add names to it.",
            )
        if live.get("immutable"):
            raise PlatformFailed(
                f"{self.name} is immutable, so nothing can be written to it.",
                hint="Delete it, and sync again; or name another one.",
            )
        if self.kind == "Secret" and (held.made and live.get("type", "Opaque") != self._type):
            raise PlatformFailed(
                f"{self.name} is of the type {live.get('type')}, not {self._type}; a Secret's type cannot change.",
                hint="Delete it, and sync again; or write its type into the configuration.",
            )
        if theirs:
            named = "; ".join(f"{one} of {_who(live, one)}" for one in sorted(theirs))
            raise PlatformFailed(
                f"{self.name} holds names of others that this would change: {named}.",
                hint="Nothing was written. Take them out there, or sync under other names.",
            )

    def _check_notes(self, live: Object | None, held: Held) -> None:
        notes = {**(((live or {}).get("metadata") or {}).get("annotations") or {}), sets.VALUES: held.text()}
        size = sum(len(one.encode()) + len(value.encode()) for one, value in notes.items())
        if size > sets.NOTES_LIMIT:
            raise PlatformFailed(
                f"{self.name} has too many names: what is remembered of them is {size} bytes, and {sets.NOTES_LIMIT} "
                "fit.",
                hint="Nothing was written. Sync them into more than one object.",
            )

    # ── Parts ───────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _new_salt(self) -> str:
        return sets.new_salt(self._hash_key(), f"{self.name} in {self._space.name}")

    def _key(self, held: Held | None) -> bytes:
        return sets.key_of(held.salt if held else self._new_salt)

    @property
    def _space(self) -> Namespace:
        return self._platform.space

    @property
    def _api(self) -> Api:
        return self._space.api

    @property
    def _removed(self) -> str:
        return f"{self._object}-removed"

    def _live(self) -> Object | None:
        return self._api.get("v1", self.kind, self._object)

    def _gone(self) -> Held | None:
        """Answer what is remembered of an object that we deleted."""
        return sets.held_in(self._api.get("v1", self.kind, self._removed), self.kind, self._removed)

    def _held(self, live: Object | None) -> Held | None:
        return sets.held_in(live, self.kind, self._object)


class KubernetesSecretSink(KubernetesSink):
    """A Secret."""

    kind: ClassVar[Kind] = "Secret"


class KubernetesConfigMapSink(KubernetesSink):
    """A ConfigMap."""

    public = True

    kind: ClassVar[Kind] = "ConfigMap"


def _who(live: Object, name: str) -> str:
    return ", ".join(sets.managers(live, name)) or sets.owner_of(live)
