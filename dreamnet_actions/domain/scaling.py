"""How many replicas a load asks for: the Horizontal Pod Autoscaler's rule, with its tolerance and windows.

https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dreamnet_actions.domain.spec.models import Scale


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """What one measurement asked for: ``at`` in seconds since 1970."""

    at: float
    replicas: int


def recommend(load: float, current: int, scale: Scale) -> int:
    """Answer the replicas that ``load`` (of the whole service) asks for, within bounds.

    ``ceil(load / target)`` is the HPA's ``ceil(current × (load / current) / target)``; within the tolerance around
    the target the current number stays.
    """
    if current > 0:
        ratio = load / current / scale.target
        if abs(ratio - 1) <= scale.tolerance:
            return min(max(current, scale.min), scale.max)
    return min(max(math.ceil(load / scale.target - 1e-9), scale.min), scale.max)


def stabilise(history: Sequence[Recommendation], current: int, now: float, scale: Scale) -> int:
    """Answer the replicas to run now: up only to the least asked for in ``up_after``, down only to the most asked
    for in ``down_after`` (KEP-853). A window that history does not yet cover holds the current number.
    """
    if not history:
        return current
    up = _window(history, now, scale.up_after)
    down = _window(history, now, scale.down_after)
    if (floor := min(up)) > current and _covered(history, now, scale.up_after):
        return floor
    if (ceiling := max(down)) < current and _covered(history, now, scale.down_after):
        return ceiling
    return current


def trim(history: Sequence[Recommendation], now: float, scale: Scale) -> list[Recommendation]:
    """Drop what no window needs any more; the newest one before the windows stays, as their left edge.

    After a silence longer than the longest window (nobody measured, or nothing answered) history begins anew: what
    the load was meanwhile is not known, so that the windows have to fill up again.
    """
    longest = max(scale.up_after, scale.down_after)
    inside = [one for one in history if now - one.at <= longest]
    older = [one for one in history if now - one.at > longest]
    if older and inside and inside[0].at - older[-1].at > longest:
        return inside
    return older[-1:] + inside


def _window(history: Sequence[Recommendation], now: float, seconds: float) -> list[int]:
    inside = [one.replicas for one in history if now - one.at <= seconds]
    return inside or [history[-1].replicas]


def _covered(history: Sequence[Recommendation], now: float, seconds: float) -> bool:
    return now - history[0].at >= seconds
