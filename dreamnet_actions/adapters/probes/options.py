"""What the configuration says to each kind of probe. Models only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Le, Len

from dreamnet_actions.config.models import Check, Scale
from dreamnet_actions.config.values import STRICT, Seconds


@dataclass(frozen=True, kw_only=True)
class HttpExpect:
    """What an HTTP answer must be like."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    status: Annotated[int, Ge(100), Le(599)] | tuple[int, ...] = 200
    """The status, or several that are all right."""
    within: Seconds | None = None
    """Slower than this is degraded."""
    body_contains: str | None = None
    """Text that the body must hold (its first 64 KiB are read)."""
    body_missing: str | None = None
    """Text that the body must not hold."""


@dataclass(frozen=True, kw_only=True)
class HttpCheck(Check):
    """An HTTP request from outside."""

    http: Annotated[str, Len(1)]
    """The address, ``http://`` or ``https://``."""
    method: Literal["GET", "HEAD"] = "GET"
    """The request's method."""
    expect: HttpExpect = field(default_factory=HttpExpect)
    """What the answer must be like."""


@dataclass(frozen=True, kw_only=True)
class TcpCheck(Check):
    """A TCP connection."""

    tcp: Annotated[str, Len(3)]
    """``host:port``."""
    within: Seconds | None = None
    """Slower than this is degraded."""


@dataclass(frozen=True, kw_only=True)
class TlsCheck(Check):
    """A TLS handshake with a verified certificate."""

    tls: Annotated[str, Len(3)]
    """``host:port``."""
    expires_after: Seconds = 604800.0
    """The certificate must be valid for at least this long (7 days, as upptime)."""
    ca_file: str | None = None
    """A file of certificates to trust instead of the system's."""


@dataclass(frozen=True, kw_only=True)
class CommandCheck(Check):
    """A command whose exit status tells."""

    command: Annotated[tuple[str, ...], Len(1)]
    """The program and its arguments; no shell reads them."""
    exit_status: int = 0
    """The status that means well."""


@dataclass(frozen=True, kw_only=True)
class WorkloadCheck(Check):
    """The platform's own word on the service."""

    workload: Literal["ready"]
    """``ready``: as many replicas are ready as are wanted."""


@dataclass(frozen=True, kw_only=True)
class MetricCheck(Check):
    """A load that the platform measures, and how to scale by it."""

    metric: Literal["requests-per-second", "connections"]
    """What the service's address measured: new connections a second over the last 5 s, or open ones."""
    scale: Scale | None = None
    """How many replicas the load asks for."""
