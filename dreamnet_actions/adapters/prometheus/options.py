"""What the configuration says of Prometheus. Models only; no client is imported from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from dreamnet_actions.domain.spec.forms import HttpAddress, Variable
from dreamnet_actions.domain.spec.metrics import MeasuredCheck
from dreamnet_actions.domain.spec.values import STRICT, Len, PositiveSeconds


@dataclass(frozen=True, kw_only=True)
class PrometheusOptions:
    """A Prometheus server, or another that answers its query API."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    url: HttpAddress
    """Where it is; ``/api/v1/query`` is added."""
    token_variable: Variable | None = None
    """The environment variable that holds the token to send; left out, none is sent."""
    user: Annotated[str, Len(1, 256)] | None = None
    """The user's name where the token is a password (HTTP Basic); left out, it is a bearer token."""
    ca_file: Annotated[str, Len(1)] | None = None
    """A file of certificates to trust instead of the system's, as a path from the configuration's root."""
    timeout: PositiveSeconds = 5.0
    """The longest that one question may take."""


@dataclass(frozen=True, kw_only=True)
class PrometheusCheck(MeasuredCheck):
    """A number that Prometheus answers: within bounds, to scale by, or both."""

    prometheus: Annotated[str, Len(1, 4096)]
    """The expression in PromQL; it must answer one number."""

    @property
    def expression(self) -> str:
        return self.prometheus
