"""Checks of numbers that a source of metrics answers. Which source that is says the family of its adapter."""

from __future__ import annotations

from dataclasses import dataclass

from dreamnet_actions.domain.spec.models import LoadCheck, Service


@dataclass(frozen=True, kw_only=True)
class MeasuredCheck(LoadCheck):
    """A number that a source of metrics answers to an expression: within bounds, to scale by, or both."""

    max: float | None = None
    """More than this is a fault."""
    min: float | None = None
    """Less than this is a fault."""

    @property
    def expression(self) -> str:
        """What the source is asked."""
        raise NotImplementedError

    @property
    def what(self) -> str:
        """The expression, on one line."""
        return shortened(self.expression)

    @property
    def bounded(self) -> bool:
        """Whether the number says something about the service's health, and not only how much it has to do."""
        return self.max is not None or self.min is not None


def shortened(expression: str, most: int = 80) -> str:
    """Answer an expression on one line, cut where it is long."""
    line = " ".join(expression.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def only_load(spec: Service, check: str) -> bool:
    """Say whether a check of a service measures how much it has to do, and nothing of how well it does."""
    found = spec.checks.get(check)
    return isinstance(found, LoadCheck) and not (isinstance(found, MeasuredCheck) and found.bounded)


def bounds(spec: Service) -> tuple[int, int] | None:
    """Answer the fewest and the most replicas that the scaling of a service allows; None where it has none."""
    scales = [one.scale for one in spec.checks.values() if isinstance(one, LoadCheck) and one.scale]
    return (min(one.min for one in scales), max(one.max for one in scales)) if scales else None
