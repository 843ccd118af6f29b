"""What the configuration says to each kind of probe. Models only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from dreamnet_actions.domain.spec.forms import HostPort, HttpAddress
from dreamnet_actions.domain.spec.models import Check
from dreamnet_actions.domain.spec.values import STRICT, Ge, Le, Len, PositiveSeconds, Seconds

Status = Annotated[int, Ge(100), Le(599)]


@dataclass(frozen=True, kw_only=True)
class HttpExpect:
    """What an HTTP answer must be like."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    status: Status | Annotated[tuple[Status, ...], Len(1)] = 200
    """The status, or several that are all right."""
    within: PositiveSeconds | None = None
    """Slower than this is degraded."""
    body_contains: str | None = None
    """Text that the body must hold (its first 64 KiB are read)."""
    body_missing: str | None = None
    """Text that the body must not hold."""


@dataclass(frozen=True, kw_only=True)
class HttpCheck(Check):
    """An HTTP request from outside."""

    http: HttpAddress
    """The address, ``http://`` or ``https://``."""
    method: Literal["GET", "HEAD"] = "GET"
    """The request's method."""
    expect: HttpExpect = field(default_factory=HttpExpect)
    """What the answer must be like."""


@dataclass(frozen=True, kw_only=True)
class TcpCheck(Check):
    """A TCP connection."""

    tcp: HostPort
    """``host:port``."""
    within: PositiveSeconds | None = None
    """Slower than this is degraded."""


@dataclass(frozen=True, kw_only=True)
class TlsCheck(Check):
    """A TLS handshake with a verified certificate."""

    tls: HostPort
    """``host:port``."""
    expires_after: Seconds = 604800.0
    """The certificate must be valid for at least this long (7 days, as upptime)."""
    ca_file: Annotated[str, Len(1)] | None = None
    """A file of certificates to trust instead of the system's."""


@dataclass(frozen=True, kw_only=True)
class CommandCheck(Check):
    """A command whose exit status tells."""

    command: Annotated[tuple[str, ...], Len(1)]
    """The program and its arguments; no shell reads them."""
    exit_status: Annotated[int, Ge(0), Le(255)] = 0
    """The status that means well."""
