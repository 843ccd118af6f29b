"""What else has a say in how many replicas of a service run, and in whether some may be gone for a while."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Scaler:
    """Something else that decides how many replicas run, by its ``kind`` and ``name``, within ``low`` and ``high``.

    ``refused`` says why its bounds cannot be moved by us; None where they can.
    """

    kind: str
    name: str
    low: int
    high: int
    refused: str | None = None

    @property
    def title(self) -> str:
        """Its kind and name."""
        return f"{self.kind} {self.name}"

    def moved(self, replicas: int, current: int) -> tuple[int, int]:
        """Answer the bounds that let ``replicas`` run where ``current`` do: the least is that number, and the most is
        raised where it has to be. Fewer are allowed so, and run once the scaler itself wants no more."""
        if replicas >= current:
            return replicas, max(self.high, replicas)
        return min(self.low, replicas), self.high


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A disruption budget, by its ``name``: ``least`` replicas are to be healthy."""

    name: str
    least: int


@dataclass(frozen=True, kw_only=True)
class Constraints:
    """All of it for one service. ``restart`` says why a restart must not be begun, if that is so."""

    scaler: Scaler | None = None
    budget: Budget | None = None
    restart: str | None = None
