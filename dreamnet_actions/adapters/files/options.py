"""What the configuration says to sources and sinks that are files. Models only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from dreamnet_actions.adapters.files.environment import FORM, variables
from dreamnet_actions.domain.spec.forms import FileInside
from dreamnet_actions.domain.spec.values import STRICT, Len, Written

Variables = Annotated[str, Written(variables, f"^{FORM}$", "APP_*")]
"""A variable's name, or the start of several with ``*`` behind it."""


@dataclass(frozen=True, kw_only=True)
class DotenvSourceOptions:
    """A source of kind ``dotenv``: a file of ``NAME=value`` lines."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    dotenv: FileInside
    """The file, as a path from the configuration's root."""


@dataclass(frozen=True, kw_only=True)
class YamlSourceOptions:
    """A source of kind ``yaml``: a file that is a mapping, or has one in it. A value is the text that stands there; a
    list or mapping is JSON."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    yaml: FileInside
    """The file, as a path from the configuration's root; at most 256 KiB."""
    at: Annotated[str, Len(1, 200)] | None = None
    """The way to the mapping that is meant, as in ``production.env``; left out, the whole file."""


@dataclass(frozen=True, kw_only=True)
class JsonSourceOptions:
    """A source of kind ``json``: a file that is an object, or has one in it. A value is the text that stands there; a
    list or object is JSON."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    json: FileInside
    """The file, as a path from the configuration's root; at most 256 KiB."""
    at: Annotated[str, Len(1, 200)] | None = None
    """The way to the object that is meant, as in ``production.env``; left out, the whole file."""


@dataclass(frozen=True, kw_only=True)
class EnvironmentSourceOptions:
    """A source of kind ``environment``: variables that the step has which runs DreamNet. Those of the runner and of
    DreamNet itself (``GITHUB_*``, ``ACTIONS_*``, ``RUNNER_*``, ``DREAMNET_*``) are never among them."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    environment: Annotated[tuple[Variables, ...], Len(1, 200)]
    """The variables, each by its name, or several by how they begin (``APP_*``). A name that is not set is an error,
    and in a workflow an empty one, too: so GitHub hands on a secret that there is not."""


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
    format: Literal["dotenv", "python-dotenv", "shell", "docker"] = "dotenv"
    """Who reads it. ``dotenv``: whoever puts nothing for ``${NAME}``. ``python-dotenv``: its ``load_dotenv()``.
    ``shell``: a shell's ``.``. ``docker``: ``docker run --env-file``. What the format cannot hold is refused."""
