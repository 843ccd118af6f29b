"""Loading a configuration: find the file, check it or take it from the cache, say where every value came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dreamnet_actions.config import cache
from dreamnet_actions.config.compose import Composed
from dreamnet_actions.config.source import find, load_bytes, root_of
from dreamnet_actions.domain.spec.models import Config

if TYPE_CHECKING:
    from dreamnet_actions.config.plain import Origin
    from dreamnet_actions.config.tree import Tree

__all__ = ["Loaded", "find", "load"]


@dataclass(frozen=True)
class Loaded:
    """A configuration that was checked: ``file`` it stands in (its bytes are ``data``), ``root`` that its paths start
    from."""

    config: Config
    file: Path
    root: Path
    from_cache: bool
    data: bytes = field(repr=False)

    @property
    def provenance(self) -> Mapping[str, Origin]:
        """Every single value by its path (``services.web.replicas``), with its place or ``default``.

        The bytes are read once more for it, since a configuration from the cache knows no places.
        """
        from dreamnet_actions.config.plain import provenance

        return provenance(self.config, self.tree)

    @property
    def tree(self) -> Tree:
        """The file as it was read, with the place of every key and value."""
        from dreamnet_actions.config.reader import read_bytes

        return read_bytes(self.data, str(self.file))


def load(path: Path, composed: Composed, *, cache_in: Path | None = None) -> Loaded:
    """Load the configuration file at ``path``; ``cache_in`` is a folder where it may be kept for the next start.

    Raises ConfigMissing, ConfigInvalid with every mistake at once, or ConfigTooNew.
    """
    data = load_bytes(path)
    key, place = "", None
    if cache_in is not None:
        key, place = cache.key_of(data, composed), cache.place_in(cache_in, path)
        kept = cache.read(place, key, composed)
        if kept is not None:
            return Loaded(kept, path, root_of(path), True, data)
    from dreamnet_actions.config.reader import read_bytes

    config = composed.validate(read_bytes(data, str(path)))
    if place is not None:
        cache.write(place, key, composed, config)
    return Loaded(config, path, root_of(path), False, data)
