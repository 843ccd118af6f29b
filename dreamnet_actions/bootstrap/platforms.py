"""Platforms of a configuration, made for work or for the doctor's look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from dreamnet_actions.bootstrap.late import adapter, has_adapter
from dreamnet_actions.config.load import Loaded
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.domain.spec.models import Chosen
from dreamnet_actions.errors import DreamNetError
from dreamnet_actions.ports.cluster import Seen
from dreamnet_actions.ports.platform import Platform
from dreamnet_actions.ports.site import Site

Mask = Callable[[SecretValue], None]


def platform_at(name: str, chosen: Chosen, site: Site, mask: Mask) -> Platform:
    """Make one platform. A provider's cluster is reached as the provider's family says; the rest is the business of the
    family of its workloads."""
    made: Platform
    if has_adapter("ClusterAccess", chosen.kind):
        access = adapter("ClusterAccess", chosen.kind).at(chosen.options, site, mask)
        made = adapter("Platform", chosen.kind).at(name, chosen.options, site, access)
    else:
        made = adapter("Platform", chosen.kind).at(name, chosen.options, site)
    return made


def clusters(loaded: Loaded) -> list[str]:
    """Answer the platforms that are clusters, by name."""
    found = loaded.config.platforms.items()
    return [name for name, one in found if hasattr(adapter("Platform", one.kind), "inspect")]


def inspected(
    loaded: Loaded, environ: Mapping[str, str], mask: Mask
) -> Iterator[tuple[str, Seen | DreamNetError]]:
    """Look at each cluster: what was seen, or what stood in the way. Temporary trouble says nothing of the set-up."""
    site = Site(
        root=loaded.root,
        state=loaded.root,
        environ=environ,
        clock=adapter("Clock", "system")(),
        config=loaded.config,
        hash_key=lambda: b"",
    )
    for name in clusters(loaded):
        platform = platform_at(name, loaded.config.platforms[name], site, mask)
        try:
            for one in platform.inspect():  # type: ignore[attr-defined]
                yield name, one
        except DreamNetError as error:
            yield name, error
        finally:
            platform.close()  # type: ignore[attr-defined]
