"""A source of numbers that answers what it was told."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from dreamnet_actions.errors import DreamNetError, RequestInvalid
from dreamnet_actions.ports.metrics import MetricSource

Number = float | None | Callable[[], float | None]


class MemoryMetrics(MetricSource):
    """Answers each expression by what ``tell`` said of it; ``asked`` are all expressions that were asked, oldest first.

    What nothing was told about has no data; an expression with an unpaired brace is wrong, as it would be in PromQL.
    """

    WRITES: ClassVar[frozenset[str]] = frozenset()

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._told: dict[str, list[Number]] = {}
        self._outage: DreamNetError | None = None

    def tell(self, expression: str, *numbers: Number) -> None:
        """From now on answer this number (or what a function answers); several are several series."""
        self._told[expression] = list(numbers)

    def fail(self, error: DreamNetError | None) -> None:
        """Raise this from now on; None: no more."""
        self._outage = error

    def value(self, expression: str, *, timeout: float | None = None) -> float | None:  # noqa: ARG002 - nothing takes time
        self.asked.append(expression)
        if self._outage is not None:
            raise self._outage
        if any(expression.count(left) != expression.count(right) for left, right in ("()", "{}", "[]")):
            raise RequestInvalid([f"{expression!r} is no expression: a bracket is not closed."])
        found = self._told.get(expression, [])
        if len(found) > 1:
            raise RequestInvalid([f"{expression!r} answers {len(found)} series; expected one number."])
        number = found[0] if found else None
        return number() if callable(number) else number
