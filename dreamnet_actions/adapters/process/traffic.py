"""Who gets the next connection, and what became of those before. No sockets here.

``Shares`` is smooth weighted round-robin (nginx's rule: each round everyone gains its weight, the highest is chosen and
pays the sum). It is exact and not random: in 100 connections a canary at 5 % gets 5, well spread.
"""

from __future__ import annotations

from collections.abc import Mapping

_SCALE = 1_000_000
WINDOW = 5.0
"""Seconds over which the rate of new connections is measured."""
_BUCKETS = 10


class Shares:
    """Chooses a track for each new connection by weight."""

    def __init__(self) -> None:
        self._weights: dict[str, int] = {}
        self._gained: dict[str, int] = {}

    def set(self, weights: Mapping[str, float]) -> None:
        """From now on choose by these weights (0–1); the same ones again change nothing."""
        exact = {name: round(weight * _SCALE) for name, weight in weights.items()}
        if exact != self._weights:
            self._weights = exact
            self._gained = dict.fromkeys(exact, 0)

    def next(self) -> str | None:
        """Choose; None where no track has any weight."""
        weighted = [name for name, weight in self._weights.items() if weight > 0]
        if not weighted:
            return None
        for name in weighted:
            self._gained[name] += self._weights[name]
        chosen = max(weighted, key=lambda name: self._gained[name])
        self._gained[chosen] -= sum(self._weights.values())
        return chosen

    def others(self, track: str) -> list[str]:
        """Answer the other tracks that have some weight: they take what ``track`` cannot."""
        return [name for name, weight in self._weights.items() if weight > 0 and name != track]


class Counter:
    """Counts the connections of one release on the service's address."""

    def __init__(self) -> None:
        self.connections = 0
        self.errors = 0
        self.open = 0
        self._buckets = [0] * _BUCKETS
        self._newest = 0

    def connected(self, now: float) -> None:
        """One more new connection. ``now`` is monotonic, in seconds."""
        self.connections += 1
        self._turn(now)
        self._buckets[self._newest % _BUCKETS] += 1

    def per_second(self, now: float) -> float:
        """Answer the rate of new connections over the last 5 s."""
        self._turn(now)
        return sum(self._buckets) / WINDOW

    def _turn(self, now: float) -> None:
        current = int(now * _BUCKETS / WINDOW)
        for step in range(min(_BUCKETS, current - self._newest)):
            self._buckets[(current - step) % _BUCKETS] = 0
        self._newest = max(self._newest, current)

    def to_json(self, now: float) -> dict[str, float]:
        """Answer the fields of ``Traffic``."""
        return {
            "connections": self.connections,
            "errors": self.errors,
            "per_second": round(self.per_second(now), 3),
            "open": self.open,
        }
