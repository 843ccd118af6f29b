"""How a release's image is built: the part ``image`` of a service's ``release``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from dreamnet_actions.domain.spec.forms import DirectoryInside, FileInside, Variable
from dreamnet_actions.domain.spec.values import STRICT, Len, Written, shown

BuilderName = Literal["buildah", "buildx", "cloud-build"]
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = rf"(?:[a-zA-Z0-9.-]+(?::[0-9]{{1,5}})?/)?{_PART}(?:/{_PART})*"
_PLATFORM = r"[a-z0-9]+/[a-z0-9]+(?:/[a-z0-9.]+)?"


def _repository(value: object) -> str:
    if isinstance(value, str) and len(value) <= 255 and re.fullmatch(_REPOSITORY, value):
        return value
    raise ValueError(
        f"{shown(value)} is no place for an image; write registry/path without a tag, as in "
        "'registry.example.com/web': each commit is its own tag"
    )


def _platform(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(_PLATFORM, value):
        return value
    raise ValueError(f"{shown(value)} is no platform; write system and architecture, as in 'linux/amd64'")


Repository = Annotated[str, Written(_repository, f"^{_REPOSITORY}$", "registry.example.com/web")]
"""The name of an image without tag and digest."""

ImagePlatform = Annotated[str, Written(_platform, f"^{_PLATFORM}$", "linux/amd64")]
"""A platform that an image is built for."""


@dataclass(frozen=True, kw_only=True)
class CloudBuild:
    """Where Google Cloud Build builds, and what it reads the files from: one of ``bucket`` and ``repository``."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    project: Annotated[str, Len(1, 64)]
    """The project that builds run in."""
    region: Annotated[str, Len(1, 64)] = "global"
    """The region that builds run in."""
    bucket: Annotated[str, Len(3, 222)] | None = None
    """A Cloud Storage bucket: DreamNet puts the commit's files there, as ``dreamnet/SERVICE/COMMIT.tar.gz``."""
    repository: Annotated[str, Len(1, 1000)] | None = None
    """A repository that Cloud Build can read itself: ``https://…``, or a connected one as
    ``projects/P/locations/L/connections/C/repositories/R``."""
    service_account: Annotated[str, Len(1, 300)] | None = None
    """The account that builds run as; left out, the project's own."""


@dataclass(frozen=True, kw_only=True)
class ImageBuild:
    """How the image of each commit is built and where it goes; it is built once, and deployed by its digest."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    push: Repository
    """Where the image goes, without a tag: each commit is a tag of its own."""
    build: DirectoryInside = "."
    """The folder that is built, as a path from the repository's root."""
    file: FileInside | None = None
    """The Dockerfile, as a path from that folder; left out, ``Containerfile`` or ``Dockerfile`` there."""
    target: Annotated[str, Len(1, 128)] | None = None
    """The stage of the Dockerfile that is built; left out, the last."""
    args: dict[Variable, Annotated[str, Len(0, 4096)]] = field(default_factory=dict)
    """Build arguments. They stay readable in the image: no place for secrets."""
    platforms: Annotated[tuple[ImagePlatform, ...], Len(0, 8)] = ()
    """The platforms that it is built for; left out, that of the machine that builds."""
    with_: BuilderName | None = None
    """What builds it; left out, ``cloud-build`` where that is configured, else ``buildah`` or ``buildx``, whichever is
    installed."""
    plain_http: bool = False
    """Whether the registry speaks no TLS; for one in a network of your own. This machine's own needs no word."""
    cloud_build: CloudBuild | None = None
    """Where Google Cloud Build builds it."""
