"""Whether what the env entries read can be reached: for the doctor, who writes nothing and reads no value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dreamnet_actions.bootstrap.late import adapter
from dreamnet_actions.config.load import Loaded
from dreamnet_actions.domain.mapping import Mapper
from dreamnet_actions.errors import DreamNetError
from dreamnet_actions.ports.site import Site


def remote(loaded: Loaded) -> list[str]:
    """Answer the env entries whose source is asked over the network, by name."""
    found = loaded.config.env.items()
    return [name for name, one in found if hasattr(adapter("SecretSource", one.from_.kind), "reach")]


def reached(
    loaded: Loaded, environ: Mapping[str, str]
) -> Iterator[tuple[str, str, str, DreamNetError | None]]:
    """Look at each secret of each such entry: the entry, who asks, the secret, and what stands in the way. Where a
    whole entry cannot be looked at, the secret's name is empty."""
    site = Site(
        root=loaded.root,
        state=loaded.root,
        environ=environ,
        clock=adapter("Clock", "system")(),
        config=loaded.config,
        hash_key=lambda: b"",
    )
    for name in remote(loaded):
        spec = loaded.config.env[name]
        source: Any = adapter("SecretSource", spec.from_.kind).at(spec.from_.options, site)
        mapper = Mapper(spec)
        try:
            found = source.names(spec.find.labels if spec.find else {}) if mapper.lists else ()
            names = {ref.name for ref in mapper.wanted(found).refs}
            for secret, error in source.reach(names):
                yield name, source.who(), secret, error
        except DreamNetError as error:
            yield name, "", "", error
        finally:
            source.close()
