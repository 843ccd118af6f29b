"""How a release takes over: at once or by canary, and what a canary is judged by. Models only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from dreamnet_actions.domain.spec.forms import Label
from dreamnet_actions.domain.spec.values import STRICT, Len, PositiveSeconds, Seconds, Share

Query = Annotated[str, Len(1, 2000)]
"""An expression in the language of the metric source; ``{track}`` in it stands for ``stable`` or ``canary``, ``{pods}``
for the names of that track's replicas, joined by ``|``."""


@dataclass(frozen=True, kw_only=True)
class CanaryMetric:
    """A number that a canary is judged by: either ``query`` with a bound, or ``requests`` and ``errors``."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    query: Query | None = None
    """What is asked for; `{track}` stands for `stable` or `canary`, `{pods}` for the names of that track's replicas,
    joined by `|`."""
    max: float | None = None
    """The canary's number may not be above this."""
    min: float | None = None
    """The canary's number may not be under this."""
    worse_than_stable: Share | None = None
    """The canary's number may not be above stable's by more than this share of it."""
    requests: Query | None = None
    """A counter of all requests that a track answered. With `errors` it counts as its clients' requests, like those
    that the platform sees."""
    errors: Query | None = None
    """A counter of those that failed."""


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """How a release takes over from the one before it."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    canary: Annotated[tuple[Share, ...], Len(1, 20)] | None = None
    """Shares of the traffic that the new version gets, step by step; left out, it takes over at once."""
    soak: Seconds = 30.0
    """How long each step is watched at most; clear evidence ends it sooner."""
    max_error_rate: Share = 0.05
    """By how much more often than the stable version the canary may fail: once it is shown to be under this, a step is
    over. Less needs more requests: about 100 for `5%`, 500 for `1%`."""
    metrics: dict[Label, CanaryMetric] = field(default_factory=dict)
    """Numbers of the metric source that the canary is judged by, too, by name."""
    wait_for_metrics: PositiveSeconds = 600.0
    """How long a canary keeps its share while the metric source is away; then the release waits for a person."""
    approve_within: PositiveSeconds = 86400.0
    """How long a canary with too little evidence serves on and waits for a person's word (`approve`)."""
