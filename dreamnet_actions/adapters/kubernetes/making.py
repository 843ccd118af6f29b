"""From a release and the configuration to its revision: all objects, with every image by its digest.

What ``rendering`` makes of the manifests is completed here by what others know: registries (which digest a tag means),
the cluster (which kinds there are, what Secrets and ConfigMaps hold).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from dreamnet_actions.adapters.kubernetes.api import Object
from dreamnet_actions.adapters.kubernetes.copies import point_at_copies
from dreamnet_actions.adapters.kubernetes.namespace import Namespace
from dreamnet_actions.adapters.kubernetes.options import KubernetesWorkload
from dreamnet_actions.adapters.kubernetes.record import Revision
from dreamnet_actions.adapters.kubernetes.references import containers_of, pods_in
from dreamnet_actions.adapters.kubernetes.rendering import image_only, name_by_content, rendered
from dreamnet_actions.adapters.registry import NoSuchImage, Reference, Registry
from dreamnet_actions.domain.release import Release
from dreamnet_actions.errors.configuration import ConfigLacks

FRESH = 60.0
"""Seconds for which the digest of a tag is taken for known: one release asks several times, and is to hear the same."""


class Making:
    """Makes the revisions of one platform. ``root`` is the configuration's, ``environ`` what programs get; ``registry``
    is asked for digests; ``now`` answers monotonic seconds."""

    def __init__(
        self,
        space: Namespace,
        *,
        root: Path,
        environ: Mapping[str, str],
        registry: Registry,
        now: Callable[[], float],
    ) -> None:
        self._space, self._root, self._environ = space, root, environ
        self._registry, self._now = registry, now
        self._digests: dict[str, tuple[float, str]] = {}

    def revision(
        self,
        service: str,
        keys: KubernetesWorkload,
        release: Release,
        *,
        write: bool = False,
        unbuilt: bool = False,
    ) -> Revision:
        """Make the revision of a release. ``write``: copies of Secrets and ConfigMaps are made; ``unbuilt``: the
        release's own image may be one that no registry has yet.

        Raises ConfigInvalid, ConfigLacks, PlatformFailed, and what a registry answers (``Registry.digest``).
        """
        image = release.image or keys.image
        if image:
            image = self._pinned(image, unbuilt=unbuilt)
        release = replace(release, image=image)
        if keys.manifests is None:
            self._needs_manifests(service, keys)
            return image_only(keys, release, self._space.live_or_lacking(service, keys))
        root = Path(release.directory) if release.directory else self._root
        made = rendered(service, keys, release, root, self._space.name, self._environ)
        # Of a former render nothing may be shared: what follows writes into it.
        objects: list[Object] = json.loads(json.dumps(list(made.objects)))
        for one in objects:
            self._space.api.path(
                one["apiVersion"], one["kind"]
            )  # a kind that may not go out is told before any does
            for pod in pods_in(one):
                for container in containers_of(pod):
                    if isinstance(container.get("image"), str) and container["image"] != image:
                        container["image"] = self._pinned(container["image"])
        if keys.copy:
            point_at_copies(self._space.api, service, objects, keys.copy, write=write)
        for one in objects[:-1]:
            if one["kind"] == "Job":
                name_by_content(one)
        return replace(made, objects=objects)

    def manifests(self, service: str) -> Sequence[Object]:
        """Answer what the manifests of a configured service hold; nothing where it has none. Raises ConfigInvalid."""
        keys = self._space.configured[service]
        if keys.manifests is None:
            return ()
        release = Release(service=service, version="")
        return rendered(service, keys, release, self._root, self._space.name, self._environ).objects

    def _pinned(self, image: str, *, unbuilt: bool = False) -> str:
        """Answer an image by its digest."""
        reference = Reference.parse(image)
        if reference.digest:
            return image
        known = self._digests.get(image)
        if known is None or self._now() - known[0] > FRESH:
            try:
                known = (self._now(), self._registry.digest(image))
            except NoSuchImage:
                if unbuilt:
                    return image
                raise
            self._digests[image] = known
        return reference.at(known[1])

    def _needs_manifests(self, service: str, keys: KubernetesWorkload) -> None:
        if not keys.copy:
            return
        raise ConfigLacks(
            f"manifests for the service {service!r}: 'copy' points the pods of manifests at copies",
            (),
            lines=f"services:\n  {service}:\n    manifests: deploy",
            section=f"services.{service}",
        )
