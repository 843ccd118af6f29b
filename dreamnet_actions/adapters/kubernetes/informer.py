"""Watches: what the API server has of one kind, kept up to date by LIST and WATCH (kubernetes.io, "API concepts").

A stream that ends is taken up where it ended; one whose place is gone (410, 504) begins with a new LIST. While the
server cannot be reached what was seen last stays, with how long that is: whoever reads decides when it is too old.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from dreamnet_actions.adapters.kubernetes.api import Api, Object
from dreamnet_actions.adapters.kubernetes.troubles import Expired
from dreamnet_actions.errors import DreamNetError, TemporaryError

WINDOW = 240
"""Seconds that one stream lasts at most; the server ends it, and the next goes on from there."""
PAUSE = 0.5
"""Seconds before a broken stream is begun anew; doubled up to PAUSE_MOST."""
PAUSE_MOST = 8.0
TOGETHER = 0.02
"""Seconds within which changes are looked at together."""


class Changes(threading.Condition):
    """Held while objects change, and told of each change; counts them."""

    count = 0

    def notify_all(self) -> None:
        """Count one more change, and wake whoever waits for one."""
        self.count += 1
        super().notify_all()


class Informer:
    """The objects of one kind in the namespace, by name. Its thread ends with ``close`` (or the process)."""

    def __init__(self, api: Api, version: str, kind: str, changed: Changes, path: str = "") -> None:
        self._api, self.kind = api, kind
        self._path = path or api.path(version, kind)
        self._version, self._group = "", version
        self._changed = changed
        """Shared by the informers that are read together."""
        self.objects: dict[str, Object] = {}
        self.synced = False
        self.trouble: DreamNetError | None = None
        """What stands in the way now, if anything."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"watch-{kind}", daemon=True)

    def start(self) -> None:
        """Begin to list and watch."""
        self._thread.start()

    def close(self) -> None:
        """Let the thread end; the api's own ``close`` ends what it reads from."""
        self._stop.set()

    def put(self, thing: Object) -> None:
        """Take in an object that a write of ours answered, so that the next look sees it."""
        with self._changed:
            self._take("MODIFIED", thing)
            self._changed.notify_all()

    def drop(self, name: str) -> None:
        """Forget an object that we have deleted."""
        with self._changed:
            self.objects.pop(name, None)
            self._changed.notify_all()

    def _run(self) -> None:
        pause = PAUSE
        while not self._stop.is_set():
            try:
                if not self._version:
                    self._list()
                pause = PAUSE
                for event in self._api.watch(self._path, self._version, WINDOW, opened=self._opened):
                    self._handle(event)
                    if self._stop.is_set():
                        return
            except Expired:
                self._version = ""
            except DreamNetError as error:
                if self._api.closed:
                    return
                with self._changed:
                    self.trouble = error
                    self._changed.notify_all()
                self._version = ""  # whether an event was lost with the stream is not known
                self._stop.wait(pause)
                pause = min(PAUSE_MOST, 2 * pause)

    def _list(self) -> None:
        found = self._api.request("GET", self._path)
        # The objects of a list do not say of which kind they are.
        said = {"apiVersion": self._group, "kind": self.kind}
        fresh = {one["metadata"]["name"]: {**said, **one} for one in found.get("items", [])}
        with self._changed:
            for name, one in list(self.objects.items()):
                # A write of ours may be newer than this list.
                if name in fresh and _newer(one, fresh[name]):
                    fresh[name] = one
            self.objects = fresh
            self._version = found["metadata"]["resourceVersion"]

    def _opened(self) -> None:
        """The server watches for us: from here on what is known is of now. A list alone may be one that nobody keeps up
        to date, since watching may be refused."""
        with self._changed:
            self.synced, self.trouble = True, None
            self._changed.notify_all()

    def _handle(self, event: Mapping[str, Any]) -> None:
        thing = event["object"]
        with self._changed:
            self._version = thing["metadata"]["resourceVersion"]
            self.trouble = None
            if event["type"] != "BOOKMARK":
                self._take(event["type"], thing)
                self._changed.notify_all()

    def _take(self, kind: str, thing: Object) -> None:
        name = thing["metadata"]["name"]
        known = self.objects.get(name)
        if kind == "DELETED":
            # One of that name that was made since is another.
            if known is None or known["metadata"]["uid"] == thing["metadata"]["uid"]:
                self.objects.pop(name, None)
        elif known is None or not _newer(known, thing):
            self.objects[name] = thing


def _newer(one: Object, other: Object) -> bool:
    """Say whether ``one`` is a later state of the same object than ``other``: resource versions of one kind can be
    compared as numbers (KEP-5504, since Kubernetes 1.35; etcd's revisions always were)."""
    mine, its = one["metadata"], other["metadata"]
    if mine["uid"] != its["uid"]:
        return False
    try:
        return int(mine["resourceVersion"]) > int(its["resourceVersion"])
    except ValueError:
        return False


class Informers:
    """The informers that are read together, begun at the first look."""

    KINDS = (
        ("apps/v1", "Deployment"),
        ("apps/v1", "StatefulSet"),
        ("apps/v1", "DaemonSet"),
        ("apps/v1", "ReplicaSet"),
        ("v1", "Pod"),
        ("v1", "Service"),
    )

    BATCH = (("batch/v1", "Job"), ("batch/v1", "CronJob"))
    """Watched only where a service is one of them: nobody else has to allow it."""

    def __init__(self, make: Callable[[], Api], *, batch: bool = False, within: float = 30.0) -> None:
        self._make, self._within = make, within
        self._kinds = (*self.KINDS, *self.BATCH) if batch else self.KINDS
        self.changed = Changes()
        self._by_kind: dict[str, Informer] = {}
        self._beside: dict[str, Informer] = {}
        self._together = threading.Event()  # set by ``close``: a pause that it ends

    def __getitem__(self, kind: str) -> Informer:
        return self._started()[kind]

    def read(self) -> dict[str, dict[str, Object]]:
        """Answer all objects of now, as ``view`` does."""
        return self.view()[1]

    def wait(self, mark: int, seconds: float) -> None:
        """Return once something has changed since the view with this mark, after ``seconds`` at the latest. Changes
        come in flocks, so it lets those that are close behind come too."""
        with self.changed:
            self.changed.wait_for(lambda: self.changed.count != mark, timeout=seconds)
        self._together.wait(TOGETHER)

    def until(self, holds: Callable[[Mapping[str, Mapping[str, Object]]], bool], seconds: float) -> bool:
        """Wait until the objects of now are so, at most ``seconds``; answer whether they are."""
        informers = self._started()
        with self.changed:
            return self.changed.wait_for(
                lambda: holds({kind: one.objects for kind, one in informers.items()}), timeout=seconds
            )

    def view(self) -> tuple[int, dict[str, dict[str, Object]]]:
        """Answer all objects of now, by kind and name, and the mark of this view: of one moment, as far as this process
        has heard.

        Raises TemporaryError (or what the server refused) where a kind could not be listed within the limit, or cannot
        be watched now: what was seen before a stream broke may be untrue since.
        """
        informers = self._started()
        with self.changed:
            self.changed.wait_for(
                lambda: (
                    all(one.synced and not one.trouble for one in informers.values())
                    or any(
                        one.trouble and not isinstance(one.trouble, TemporaryError)
                        for one in informers.values()
                    )
                ),
                timeout=self._within,
            )
            # What was refused for good says more than that another kind is not listed yet.
            troubles = [one.trouble for one in informers.values() if one.trouble is not None]
            if troubles:
                raise min(troubles, key=lambda trouble: isinstance(trouble, TemporaryError))
            for one in informers.values():
                if not one.synced:
                    raise TemporaryError(
                        f"The cluster did not list its {one.kind}s within {self._within:g} s."
                    )
            return self.changed.count, {kind: dict(one.objects) for kind, one in informers.items()}

    def beside(self, version: str, kind: str, path: str) -> Informer:
        """Answer the informer of a kind that no view needs (a cluster may not have it), begun at its first use. Its
        changes end ``wait``, too."""
        with self.changed:
            if kind not in self._beside:
                self._beside[kind] = Informer(self._make(), version, kind, self.changed, path)
                self._beside[kind].start()
            return self._beside[kind]

    def settle(
        self, informer: Informer, holds: Callable[[Mapping[str, Object]], bool], seconds: float
    ) -> None:
        """Wait until an informer knows the objects of now, and then until they are so, at most ``seconds``. Raises what
        keeps it from knowing them."""
        with self.changed:
            self.changed.wait_for(lambda: informer.synced or informer.trouble, timeout=self._within)
            if informer.trouble is not None:
                raise informer.trouble
            self.changed.wait_for(lambda: holds(informer.objects), timeout=seconds)

    def close(self) -> None:
        """Let all threads end."""
        self._together.set()
        for one in (*self._by_kind.values(), *self._beside.values()):
            one.close()

    def _started(self) -> dict[str, Informer]:
        with self.changed:
            if not self._by_kind:
                api = self._make()
                self._by_kind = {
                    kind: Informer(api, group, kind, self.changed) for group, kind in self._kinds
                }
                for one in self._by_kind.values():
                    one.start()
            return self._by_kind
