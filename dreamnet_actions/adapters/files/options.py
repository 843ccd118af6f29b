"""What the configuration says to sources and sinks that are files. Models only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from dreamnet_actions.domain.spec.forms import FileInside
from dreamnet_actions.domain.spec.values import STRICT


@dataclass(frozen=True, kw_only=True)
class DotenvSourceOptions:
    """A source of kind ``dotenv``: a file of ``NAME=value`` lines."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    dotenv: FileInside
    """The file, as a path from the configuration's root."""


@dataclass(frozen=True, kw_only=True)
class FlagCopyOptions:
    """A place to publish flags to of kind ``file``: a file that DreamNet owns and rewrites."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    file: FileInside
    """The file, as a path from the configuration's root."""


@dataclass(frozen=True, kw_only=True)
class DotenvSinkOptions:
    """A sink of kind ``dotenv``: a file that DreamNet owns and rewrites."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    dotenv: FileInside
    """The file, as a path from the configuration's root."""
