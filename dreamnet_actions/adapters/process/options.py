"""What the configuration says to the process platform. Models only; nothing is started from here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from dreamnet_actions.domain.keynames import VARIABLES, KeyNames
from dreamnet_actions.domain.spec.forms import DirectoryInside, UrlPath, Variable
from dreamnet_actions.domain.spec.values import STRICT, Ge, Le, Len, NameIn, PositiveSeconds, Seconds

OWN_NAMES = frozenset({"DREAMNET_PLATFORM", "DREAMNET_REPLICA", "PORT"})
"""Variables that the platform itself sets for each replica."""


@dataclass(frozen=True, kw_only=True)
class ProcessPlatformOptions:
    """A platform of kind ``process``: services are processes on this machine."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    cluster: str | None = None
    """The cluster's name that requests may ask for; it only has to match."""


@dataclass(frozen=True, kw_only=True)
class Ready:
    """When a replica may receive traffic."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    http: UrlPath | None = None
    """A path that must answer 200–399; left out, the port must take a connection."""
    within: PositiveSeconds = 1.0
    """The longest that one look may take."""
    start_within: PositiveSeconds = 30.0
    """How long a replica has from its start until it is ready; then it is ended and started again."""


@dataclass(frozen=True, kw_only=True)
class ProcessWorkload:
    """The keys of a service that runs on the process platform."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    needed_keys: ClassVar[tuple[str, ...]] = ("command",)

    command: Annotated[tuple[str, ...], Len(1)] | None = None
    """The program and its arguments; ``{port}`` becomes the port that the replica must listen on (also ``$PORT``). It
    has to stay in the foreground: one that puts itself into the background counts as ended."""
    directory: DirectoryInside = "."
    """Where it starts, as a path from the configuration's root; a released revision starts in its own checkout."""
    port: Annotated[int, Ge(1), Le(65535)] | None = None
    """The address of the service, 127.0.0.1:port: it shares connections among the ready replicas by weight."""
    environment: dict[Variable, str] = field(default_factory=dict)
    """Variables that it starts with; what EnvKeeper syncs comes on top."""
    ready: Ready = field(default_factory=Ready)
    """When a replica may receive traffic."""
    stop_grace: Seconds = 5.0
    """The time from SIGTERM to SIGKILL."""
    restart_policy: Literal["always", "never"] = "always"
    """``always``: a replica that ends is started again with back-off. ``never``: that is left to DreamKeeper."""
    back_off: PositiveSeconds = 1.0
    """The first pause before an ended replica is started again; it doubles up to five minutes."""


@dataclass(frozen=True, kw_only=True)
class ProcessSinkOptions:
    """A sink of kind ``process``: the environment of one service on the process platform."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    key_names: ClassVar[KeyNames] = VARIABLES._replace(
        taken=re.compile("|".join(sorted(OWN_NAMES))),
        why="it is set by the process platform itself",
    )

    process: Annotated[str, NameIn("services")]
    """The service's name."""
