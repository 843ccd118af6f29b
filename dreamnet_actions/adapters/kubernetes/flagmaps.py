"""FlagConfigMap: the flags, published as one key of a ConfigMap (the port ``FlagTarget``).

Its name and its key stay the same, and it is changed in place: pods that mount it as a volume see the new file
without a restart, once the kubelet has looked again
(https://kubernetes.io/docs/concepts/configuration/configmap/#mounted-configmaps-are-updated-automatically). A copy
(``copies.py``) would never change, so none is made of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from dreamnet_actions.adapters.kubernetes import sets
from dreamnet_actions.adapters.kubernetes.api import Object
from dreamnet_actions.adapters.kubernetes.choosing import cluster_of
from dreamnet_actions.adapters.kubernetes.options import FlagConfigMapOptions
from dreamnet_actions.adapters.kubernetes.record import OURS
from dreamnet_actions.errors import Conflict, PlatformFailed, TemporaryError
from dreamnet_actions.ports.flags import FlagTarget
from dreamnet_actions.ports.site import Site

if TYPE_CHECKING:
    from dreamnet_actions.adapters.kubernetes.platform import KubernetesPlatform
    from dreamnet_actions.ports.system import Clock

FLAGS = "dreamnet.dev/flags"
"""The annotation of a ConfigMap that says which of its keys are the flags: it is ours to change, and no other."""
TRIES = 10
"""How often a write is begun anew because somebody else changed the object between reading and writing it."""
PAUSE = 0.05
"""Seconds before each further try, each time one more of them."""


def holds_flags(live: Mapping[str, Any]) -> bool:
    """Say whether an object is one that flags are published to."""
    return FLAGS in (live["metadata"].get("annotations") or {})


class FlagConfigMap:
    """One key of the ConfigMap ``object``. Nothing is sent before the first call."""

    WRITES: ClassVar[frozenset[str]] = FlagTarget.WRITES

    def __init__(
        self, platform: KubernetesPlatform, clock: Clock, object_: str, key: str, *, adopt: bool = False
    ) -> None:
        self.name = f"{platform.name}/configmap/{object_}"
        self._platform, self._clock = platform, clock
        self._object, self._key, self._adopt = object_, key, adopt

    @classmethod
    def on(
        cls, options: FlagConfigMapOptions, site: Site, platforms: Mapping[str, KubernetesPlatform]
    ) -> FlagConfigMap:
        """Make it on the platform that the options name, else on the only one that is a cluster."""
        name = options.kubernetes_configmap
        lines = f"flags:\n  publish: [{{kubernetes-configmap: {name}, platform: PLATFORM}}]"
        platform = cluster_of(platforms, options.platform, "kubernetes-configmap", lines)
        return cls(platform, site.clock, name, options.key, adopt=options.adopt)

    def current(self) -> str | None:
        """Answer what its key holds. Raises PlatformFailed where the object is somebody else's: what it holds is no
        business of ours."""
        live = self._live()
        self._see_that_it_is_ours(live)
        return None if live is None else self._held(live)

    def publish(self, text: str) -> None:
        for turn in range(TRIES):
            if turn:
                self._clock.sleep(PAUSE * turn)
            live = self._live()
            self._see_that_it_is_ours(live)
            self._see_that_it_fits(live, text)
            try:
                if self._put(live, text):
                    return
            except Conflict:
                continue
        raise TemporaryError(
            f"{self.name} is changed by others faster than it can be read and written ({TRIES} tries).",
            hint="Nothing was written. Its managedFields say who writes to it.",
        )

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    def _put(self, live: Object | None, text: str) -> bool:
        """Write the key over the object as it was read; False where somebody made it meanwhile. Raises Conflict."""
        api = self._platform.space.api
        meta: Object = {"annotations": {FLAGS: self._key}}
        if live is None:
            meta |= {"name": self._object, "labels": dict(OURS)}
            head = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
            return api.create({**head, "data": {self._key: text}}) is not None
        meta |= {one: live["metadata"][one] for one in ("uid", "resourceVersion")}
        change: Object = {"metadata": meta, "data": {self._key: text}}
        if self._key in (live.get("binaryData") or {}):
            change["binaryData"] = {self._key: None}
        former = self._key_of(live)
        if former not in (None, self._key):
            change["data"][former] = None  # the configuration calls it otherwise now
        api.patch(api.path("v1", "ConfigMap", self._object), change)
        return True

    def _live(self) -> Object | None:
        return self._platform.space.api.get("v1", "ConfigMap", self._object)

    def _held(self, live: Object) -> str | None:
        """Answer the text of our key; None where it is another key, or bytes: then it has to be written."""
        text = (live.get("data") or {}).get(self._key)
        return None if text is None or self._key_of(live) != self._key else str(text)

    @staticmethod
    def _key_of(live: Object) -> str | None:
        """Answer which key of an object holds flags of ours; None where it is not ours."""
        found = (live["metadata"].get("annotations") or {}).get(FLAGS)
        return None if found is None else str(found)

    def _see_that_it_is_ours(self, live: Object | None) -> None:
        if live is None:
            return
        if self._key_of(live) is None and not self._adopt:
            raise PlatformFailed(
                f"{self.name} is there already and was not made for flags: it is of {sets.owner_of(live)}.",
                hint="Nothing was written. Delete it, name another one, or write 'adopt: true' to take its key "
                f"{self._key!r} over.",
            )
        if live.get("immutable"):
            raise PlatformFailed(
                f"{self.name} is immutable, so nothing can be written to it.",
                hint="Delete it, and publish again; or name another one.",
            )

    def _see_that_it_fits(self, live: Object | None, text: str) -> None:
        ours = len(text.encode())
        rest = sets.values_in(live) if live else {}
        beside = sum(
            len(one.raw()) for name, one in rest.items() if name not in (self._key, self._key_of(live or {}))
        )
        if ours + beside > sets.LIMIT:
            others = f", beside {beside} of others" if beside else ""
            raise PlatformFailed(
                f"The flags do not fit into {self.name}: a ConfigMap holds {sets.LIMIT} bytes, and they are "
                f"{ours}{others}.",
                hint="Nothing was written. Take out flags that nobody asks for, or publish to a file or serve them.",
            )
