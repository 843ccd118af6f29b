"""Which platform of the configuration an object is on that is kept beside the services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dreamnet_actions.errors.configuration import ConfigLacks

if TYPE_CHECKING:
    from dreamnet_actions.adapters.kubernetes.platform import KubernetesPlatform


def cluster_of(
    platforms: Mapping[str, KubernetesPlatform], named: str | None, key: str, lines: str
) -> KubernetesPlatform:
    """Answer the platform that is ``named``, else the only one that is a cluster.

    Raises ConfigLacks where there is none, or more than one; ``key`` is what the configuration calls the object,
    ``lines`` would name a platform.
    """
    clusters = {name: one for name, one in platforms.items() if hasattr(one, "space")}
    chosen = named or (next(iter(clusters)) if len(clusters) == 1 else None)
    if chosen in clusters:
        return clusters[chosen]
    what = (
        f"platform that is a cluster and is called {chosen!r}" if chosen else f"one cluster that {key} means"
    )
    raise ConfigLacks(what, clusters, lines=lines, section="platforms")
