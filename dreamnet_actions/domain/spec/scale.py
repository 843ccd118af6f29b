"""How many replicas a load asks for: what the configuration says of it, in the words of Kubernetes' autoscalers.

Bounds, tolerance, windows and pace are those of the Horizontal Pod Autoscaler (``behavior`` of autoscaling/v2),
``cool-down`` and ``fallback`` those of KEDA's ScaledObject.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from dreamnet_actions.domain.spec.values import STRICT, Ge, Le, PositiveSeconds, Seconds, Share


@dataclass(frozen=True, kw_only=True)
class Step:
    """How far the number of replicas may move within a time: by ``pods`` or by ``percent``."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    pods: Annotated[int, Ge(1)] | None = None
    """So many replicas."""
    percent: Annotated[int, Ge(1)] | None = None
    """So many percent of the replicas that there were when the time began."""
    per: PositiveSeconds = 15.0
    """The time."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast the number of replicas may move into one direction."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    by: tuple[Step, ...] = ()
    """The limits; left out, there are none."""
    select: Literal["max", "min", "off"] = "max"
    """Of several limits, the one that allows the most (``max``) or the least (``min``); ``off``: never this way."""


@dataclass(frozen=True, kw_only=True)
class Fallback:
    """How many replicas run at least while the load cannot be measured."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    replicas: Annotated[int, Ge(1)]
    """So many; where more run already, they stay."""
    failures: Annotated[int, Ge(1), Le(100)] = 3
    """Looks in a row that must have found no load."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How many replicas a measured load asks for (the Horizontal Pod Autoscaler's rules and names)."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    target: Annotated[float, Ge(0.000001)]
    """The load that one replica should carry, in the unit of the metric."""
    min: Annotated[int, Ge(0)] = 1
    """Never fewer replicas than this; at 0 none run while there is no load, and ``cool-down`` is over."""
    max: Annotated[int, Ge(1)] = 10
    """Never more replicas than this."""
    tolerance: Share = 0.1
    """No change while the load is within this share of the target (Kubernetes' default, 10%)."""
    up_after: Seconds = 0.0
    """Scale up only when the load asked for it all this time (Kubernetes' default, at once)."""
    down_after: Seconds = 300.0
    """Scale down only to the highest number asked for in this time (Kubernetes' default, 5m)."""
    cool_down: Seconds = 300.0
    """Scale to 0 only when there was no load at all for this time (KEDA's default, 5m)."""
    up: Pace = field(default_factory=Pace)
    """How fast it may go up; left out, at once."""
    down: Pace = field(default_factory=Pace)
    """How fast it may go down; left out, at once."""
    fallback: Fallback | None = None
    """How many run at least while the load cannot be measured; left out, as many as ran before."""
