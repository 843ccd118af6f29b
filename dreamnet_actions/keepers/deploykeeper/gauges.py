"""The numbers of a metric source that a canary is judged by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from dreamnet_actions.domain.canary import Tally
from dreamnet_actions.domain.release import ServiceState
from dreamnet_actions.domain.spec.strategies import CanaryMetric
from dreamnet_actions.errors.configuration import ConfigLacks
from dreamnet_actions.ports.metrics import MetricSource

BROKEN = 3
"""How often in a row a number must be out of its bounds: one reading may be an outlier, and readings that follow each
other are of the same requests in part, so that no chance of error can be stated for them."""
FINE = 2
"""How often in a row it must be within them before a step may be over."""
EVERY = 5.0
"""Seconds between two readings at most; a step has at least six of them."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the numbers say: the ``fault`` that they show, if any, and the requests counted since the last time."""

    fault: str | None = None
    canary: Tally = field(default_factory=Tally)
    stable: Tally = field(default_factory=Tally)


@dataclass(kw_only=True)
class Gauges:
    """Reads all metrics of a strategy for one step of a canary."""

    metrics: Mapping[str, CanaryMetric]
    source: MetricSource | None
    service: str
    counting: bool = False
    """Whether the source is seen to count the canary's requests. From then on ours are among them; what moved its
    counter first may be of requests that were counted as ours already, and is left out."""
    _broken: dict[str, int] = field(default_factory=dict)
    _fine: dict[str, int] = field(default_factory=dict)
    _counted: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise ConfigLacks where there are metrics and nobody to ask for them."""
        if self.metrics:
            _ = self._source

    @property
    def _source(self) -> MetricSource:
        if self.source is None:
            raise ConfigLacks(
                "metric source, and the canary is to be judged by metrics",
                (),
                lines="metrics: {prometheus: {url: 'http://prometheus.monitoring:9090'}}",
                section="metrics",
            )
        return self.source

    @property
    def lacking(self) -> str | None:
        """Say which bounded number was not fine in its last readings; None where all were."""
        for name, metric in self.metrics.items():
            if metric.query is not None and self._fine.get(name, 0) < FINE:
                return f"the metric {name!r} " + (
                    "is out of its bounds" if self._broken.get(name) else "has no data yet"
                )
        return None

    @property
    def bounded(self) -> bool:
        """Say whether there is a number with a bound."""
        return any(one.query is not None for one in self.metrics.values())

    @property
    def counters(self) -> bool:
        """Say whether there are counters of requests."""
        return any(one.query is None for one in self.metrics.values())

    def read(self, state: ServiceState) -> Reading:
        """Ask for every number once. Raises TemporaryError where the source cannot be reached, and what it raises for a
        wrong expression."""
        canary, stable = Tally(), Tally()
        for name, metric in self.metrics.items():
            if metric.query is not None:
                if (fault := self._bounds(name, metric, state)) is not None:
                    return Reading(fault=fault, canary=canary, stable=stable)
            else:
                canary = _plus(canary, self._count(name, metric, "canary", state))
                stable = _plus(stable, self._count(name, metric, "stable", state))
        if not self.counting:
            self.counting = canary.requests > 0
            return Reading()
        return Reading(canary=canary, stable=stable)

    def _bounds(self, name: str, metric: CanaryMetric, state: ServiceState) -> str | None:
        number = self._ask(metric.query or "", "canary", state)
        if number is None:
            self._fine[name] = 0
            return None
        wrong = None
        if metric.max is not None and number > metric.max:
            wrong = f"its metric {name!r} is {number:g}, more than {metric.max:g}"
        if metric.min is not None and number < metric.min:
            wrong = f"its metric {name!r} is {number:g}, less than {metric.min:g}"
        if metric.worse_than_stable is not None:
            beside = self._ask(metric.query or "", "stable", state)
            if beside is None:
                self._fine[name] = 0
                return None
            if number > beside + abs(beside) * metric.worse_than_stable:
                wrong = (
                    f"its metric {name!r} is {number:g}, and that of stable {beside:g}: more than "
                    f"{metric.worse_than_stable:.0%} worse"
                )
        self._fine[name] = 0 if wrong else self._fine.get(name, 0) + 1
        self._broken[name] = self._broken.get(name, 0) + 1 if wrong else 0
        return f"{wrong}, {BROKEN} times in a row" if self._broken[name] >= BROKEN else None

    def _count(self, name: str, metric: CanaryMetric, track: str, state: ServiceState) -> Tally:
        """Answer what a track's counters grew by; a counter that began anew counts from the next reading on."""
        requests = self._ask(metric.requests or "", track, state)
        errors = self._ask(metric.errors or "", track, state)
        if requests is None:
            return Tally()
        now = (requests, errors or 0.0)  # a counter of errors appears with the first one
        before = self._counted.get((name, track), now)
        self._counted[name, track] = now
        return Tally().plus(round(now[0] - before[0]), round(now[1] - before[1]))

    def _ask(self, query: str, track: str, state: ServiceState) -> float | None:
        found = state.canary if track == "canary" else state.stable
        pods = "|".join(re.escape(one.id) for one in (found.replicas if found else ()))
        return self._source.value(query.replace("{track}", track).replace("{pods}", pods))


def _plus(one: Tally, other: Tally) -> Tally:
    return one.plus(other.requests, other.errors)
