"""MetricSource: where numbers about services are asked for."""

from __future__ import annotations

from typing import ClassVar, Protocol


class MetricSource(Protocol):
    """Answers one number to one expression, in whatever language the source speaks (PromQL for Prometheus)."""

    WRITES: ClassVar[frozenset[str]] = frozenset()

    def value(self, expression: str) -> float | None:
        """The one number an expression answers now; None where there is no data; raises TemporaryError where the
        source cannot be reached, RequestInvalid/ConfigLacks where the expression is wrong or answers several series.
        """
