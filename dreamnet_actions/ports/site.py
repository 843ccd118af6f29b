"""Site: where DreamNet stands, as an adapter needs to know it that is made from the configuration's options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dreamnet_actions.domain.spec.models import Config
from dreamnet_actions.ports.system import Clock


@dataclass(frozen=True, kw_only=True)
class Site:
    """What an adapter is made from. Its class offers ``at(options, site)``; a platform, ``at(name, options, site)``.

    ``root`` is the configuration's root, ``state`` DreamNet's own directory, ``environ`` the environment's variables.
    ``hash_key()`` answers the key under which values are hashed, so that equal ones can be told without keeping them.
    """

    root: Path
    state: Path
    environ: Mapping[str, str]
    clock: Clock
    config: Config
    hash_key: Callable[[], bytes]
