"""One deployer a service at a time, from whatever home: a Lease (coordination.k8s.io/v1) beside each workload.

The lease of DreamNet's own home is known in that home only; two repositories, or a laptop and a workflow, may deploy
the same workload. A lease is taken, renewed and given back by compare-and-set on its ``resourceVersion``. One that is
not renewed for its duration is free, and that is measured as client-go does it (tools/leaderelection): by our own
clock, from when we saw it last change. So clocks that differ, and an API server that was away, free nothing too early.
One whose process died on this machine is free at once.

A holder that could not renew in time may have lost it without a word (a laptop that slept). So each write of its thread
first sees to it that the lease is still its own (``still``), and is refused where it is not.
"""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from dreamnet_actions.adapters.kubernetes.api import Api, Object
from dreamnet_actions.adapters.kubernetes.record import OURS, SERVICE
from dreamnet_actions.adapters.kubernetes.troubles import Missing
from dreamnet_actions.adapters.owner import is_dead, this_process
from dreamnet_actions.errors import Conflict, DreamNetError, Leased
from dreamnet_actions.ports.system import Clock

DURATION = 15
"""Seconds for which a lease that is not renewed stays its holder's (client-go's default)."""
RENEW = 4.0
"""Seconds between two renewals."""
NOTE = 30.0
"""Seconds for which a note of who waits counts; one who still waits writes it again in a third of that."""
OWNER = "dreamnet.dev/owner"
"""The annotation that names the holder's process, so that its death can be seen on the same machine."""
WAITS = "dreamnet.dev/waits"
"""The annotation with who waited last: ``[owner, version, seconds since 1970]``."""
_KIND = ("coordination.k8s.io/v1", "Lease")


def named(environ: Mapping[str, str]) -> str:
    """Name this process for people: a workflow's run, else who runs it where."""
    if environ.get("GITHUB_ACTIONS") == "true" and "GITHUB_RUN_ID" in environ:
        where = environ.get("GITHUB_REPOSITORY", "a repository")
        attempt = environ.get("GITHUB_RUN_ATTEMPT", "1")
        return f"{where} run {environ['GITHUB_RUN_ID']} attempt {attempt}"[:200]
    user = environ.get("USER") or environ.get("LOGNAME") or "somebody"
    return f"{user}@{socket.gethostname()}"[:200]


@dataclass(eq=False)
class _Held:
    """A lease that this process has. ``renewed`` is by the monotonic clock."""

    name: str
    what: str
    owner: str
    version: str
    renewed: float
    lost: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)


class Holds:
    """The leases of one namespace. ``api`` answers the connection once it is needed; ``who`` names us for people."""

    def __init__(self, api: Callable[[], Api], clock: Clock, who: str) -> None:
        self._api, self._clock, self._who = api, clock, who
        self._guard = threading.Lock()
        self._count = 0
        self._seen: dict[str, tuple[str, float]] = {}
        self._thread = threading.local()

    @contextmanager
    def held(self, kind: str, name: str, service: str, wants: str = "") -> Iterator[str]:
        """Hold a workload for the block, which is given the version that somebody else waits to bring out, or nothing.
        Raises Leased; then ``wants`` is noted for whoever is next."""
        held, waits = self._take(kind, name, service, wants)
        renewing = threading.Thread(
            target=self._renew_on, args=(held,), name=f"lease-{held.name}", daemon=True
        )
        renewing.start()
        before = getattr(self._thread, "held", None)
        self._thread.held = held
        try:
            yield waits
        finally:
            self._thread.held = before
            held.over.set()
            renewing.join()
            # One that cannot be given back ends by time; what the block did is not undone by that.
            with suppress(DreamNetError):
                self._give(held)

    def still(self) -> None:
        """See to it that what this thread holds is still its own, if it holds anything. Raises Leased."""
        held: _Held | None = getattr(self._thread, "held", None)
        if held is None:
            return
        if self._clock.monotonic() - held.renewed > DURATION / 2:
            self._thread.held = None  # renewing is a write, too
            try:
                self._renew(held)
            finally:
                self._thread.held = held
        if held.lost:
            raise Leased(held.what, held.lost)

    def mine(self, kind: str, name: str) -> bool:
        """Say whether this thread holds that workload."""
        held: _Held | None = getattr(self._thread, "held", None)
        return held is not None and held.name == lease_of(kind, name)

    # ── Taking ──────────────────────────────────────────────────────────────────────────────────────────

    def _take(self, kind: str, name: str, service: str, wants: str) -> tuple[_Held, str]:
        lease, what = lease_of(kind, name), f"{kind.lower()}/{name} of the namespace {self._api().namespace}"
        with self._guard:
            self._count += 1
            owner = f"{this_process()}|{self._count}"
        while True:
            found = self._api().get(*_KIND, lease)
            if found is None:
                taken = self._create(lease, service, owner)
            elif self._free(lease, found):
                taken = self._change(found, owner)
            else:
                self._note(found, wants)
                raise Leased(what, _holder(found))
            if taken is not None:
                version = taken["metadata"]["resourceVersion"]
                held = _Held(lease, what, owner, version, self._clock.monotonic())
                return held, self._waiting(found or {}, wants)

    def _free(self, lease: str, found: Object) -> bool:
        spec = found.get("spec") or {}
        process = str((found["metadata"].get("annotations") or {}).get(OWNER, "")).rpartition("|")[0]
        if not spec.get("holderIdentity") or (process and is_dead(process)):
            return True
        now, change = self._clock.monotonic(), json.dumps([spec.get("holderIdentity"), spec.get("renewTime")])
        seen, since = self._seen.get(lease, ("", now))
        if seen != change:
            self._seen[lease] = (change, now)
            return False
        return now - since > float(spec.get("leaseDurationSeconds") or DURATION)

    def _create(self, lease: str, service: str, owner: str) -> Object | None:
        meta = {"name": lease, "labels": {**OURS, SERVICE: service}, "annotations": {OWNER: owner}}
        spec = self._spec() | {"acquireTime": self._now(), "leaseTransitions": 0}
        return self._api().create({"apiVersion": _KIND[0], "kind": _KIND[1], "metadata": meta, "spec": spec})

    def _change(self, found: Object, owner: str) -> Object | None:
        """Take a lease that is there and free; None where somebody was first."""
        times = int((found.get("spec") or {}).get("leaseTransitions") or 0)
        change = {
            "metadata": {
                "resourceVersion": found["metadata"]["resourceVersion"],
                "annotations": {OWNER: owner, WAITS: None},
            },
            "spec": self._spec() | {"acquireTime": self._now(), "leaseTransitions": times + 1},
        }
        try:
            return self._api().patch(self._path(found["metadata"]["name"]), change)
        except (Conflict, Missing):
            return None

    # ── Who waits ───────────────────────────────────────────────────────────────────────────────────────

    def _note(self, found: Object, wants: str) -> None:
        """Note what we wait for, where nobody else's note counts and ours is not fresh."""
        before = _waits(found)
        if not wants or (before is not None and abs(self._clock.now() - before[2]) < NOTE / 3):
            return
        note = json.dumps([this_process(), wants, self._clock.now()])
        with suppress(DreamNetError):  # a note is a courtesy
            self._api().patch(
                self._path(found["metadata"]["name"]), {"metadata": {"annotations": {WAITS: note}}}
            )

    def _waiting(self, found: Object, wants: str) -> str:
        noted = _waits(found)
        if noted is None or noted[1] == wants or is_dead(noted[0]):
            return ""
        return noted[1] if abs(self._clock.now() - noted[2]) < NOTE else ""

    # ── Renewing and giving back ────────────────────────────────────────────────────────────────────────

    def _renew_on(self, held: _Held) -> None:
        while not held.over.wait(RENEW):
            with suppress(DreamNetError):  # tried again; ``still`` says when that is too late
                self._renew(held)

    def _renew(self, held: _Held) -> None:
        with held.lock:
            while not held.lost:
                spec = {"renewTime": self._now()}
                change = {"metadata": {"resourceVersion": held.version}, "spec": spec}
                began = self._clock.monotonic()
                try:
                    changed = self._api().patch(self._path(held.name), change)
                except (Conflict, Missing):
                    self._look(held)
                    continue
                held.version, held.renewed = changed["metadata"]["resourceVersion"], began
                return

    def _look(self, held: _Held) -> None:
        """Somebody changed the lease: note the version where it is still ours, else that it is lost."""
        found = self._api().get(*_KIND, held.name)
        if found is not None and (found["metadata"].get("annotations") or {}).get(OWNER) == held.owner:
            held.version = found["metadata"]["resourceVersion"]
        else:
            held.lost = _holder(found) if found else "nobody any more: its Lease was deleted"

    def _give(self, held: _Held) -> None:
        with held.lock:
            while not held.lost:
                change = {
                    "metadata": {"resourceVersion": held.version, "annotations": {OWNER: None}},
                    "spec": {"holderIdentity": None},
                }
                try:
                    self._api().patch(self._path(held.name), change)
                except (Conflict, Missing):
                    self._look(held)
                    continue
                return

    # ── Parts ───────────────────────────────────────────────────────────────────────────────────────────

    def _spec(self) -> dict[str, Any]:
        return {"holderIdentity": self._who, "leaseDurationSeconds": DURATION, "renewTime": self._now()}

    def _now(self) -> str:
        return datetime.fromtimestamp(self._clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def _path(self, lease: str) -> str:
        return self._api().path(*_KIND, lease)


def lease_of(kind: str, name: str) -> str:
    """Answer the name of a workload's Lease: two homes may call the service by different names."""
    whole = f"dreamnet-{kind.lower()}-{name}"
    return whole if len(whole) <= 253 else f"{whole[:200]}-{hashlib.sha256(whole.encode()).hexdigest()[:16]}"


def _holder(found: Object) -> str:
    """Say who holds a lease, since when, and until when if nothing is heard of them."""
    spec = found.get("spec") or {}
    since, renewed = (str(spec.get(one) or "?").partition(".")[0] for one in ("acquireTime", "renewTime"))
    until = f"{renewed}Z and {spec.get('leaseDurationSeconds', DURATION)} s"
    return f"{spec.get('holderIdentity') or 'nobody any more'} since {since}Z; free at {until} if it has died"


def _waits(found: Object) -> tuple[str, str, float] | None:
    text = ((found.get("metadata") or {}).get("annotations") or {}).get(WAITS)
    try:
        owner, version, at = json.loads(text or "")
        return str(owner), str(version), float(at)
    except (ValueError, TypeError):
        return None
