"""How many replicas a load asks for: the Horizontal Pod Autoscaler's rules (bounds, tolerance, windows, pace), and
KEDA's way to nothing.

https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details, KEP-853 for windows and
pace, https://keda.sh/docs/latest/reference/scaledobject-spec/ for the cool-down. ``scripts/prove scaling`` holds these
rules against the code of Kubernetes' own controller (pkg/controller/podautoscaler/horizontal.go).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dreamnet_actions.domain.spec.scale import Pace, Scale, Step


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """What one measurement asked for: ``at`` in seconds since 1970."""

    at: float
    replicas: int


@dataclass(frozen=True, kw_only=True)
class Move:
    """A change of the number of replicas that was made: ``at`` in seconds since 1970, ``by`` below 0 for fewer."""

    at: float
    by: int


def recommend(load: float, current: int, scale: Scale) -> int:
    """Answer the replicas that ``load`` (of the whole service) asks for, within bounds.

    ``ceil(load / target)`` is the HPA's ``ceil(current × (load / current) / target)``; within the tolerance around
    the target the current number stays. No load at all asks for none, where the bounds allow that.
    """
    if current > 0 and load > 0:
        ratio = load / current / scale.target
        if abs(ratio - 1) <= scale.tolerance:
            return min(max(current, scale.min), scale.max)
    return min(max(math.ceil(load / scale.target - 1e-9), scale.min), scale.max)


def overloaded(load: float, scale: Scale) -> bool:
    """Say whether a load is more than the most replicas should carry."""
    return load > scale.target * scale.max * (1 + scale.tolerance)


def out_of_bounds(current: int, scale: Scale) -> int | None:
    """Answer the bound that a number is beyond, which needs no load to be known; None where it is within.

    A service that somebody scaled to 0 is left alone, as the HPA leaves it, unless 0 is within the bounds.
    """
    if current > scale.max:
        return scale.max
    return scale.min if 0 < current < scale.min else None


def decide(
    history: Sequence[Recommendation], moves: Sequence[Move], current: int, now: float, scale: Scale
) -> int:
    """Answer the replicas to run now: what the windows let through, as far as the pace allows."""
    if (bound := out_of_bounds(current, scale)) is not None:
        return bound
    if current == 0 and scale.min > 0:
        return 0
    return paced(stabilise(history, current, now, scale), moves, current, now, scale)


def stabilise(history: Sequence[Recommendation], current: int, now: float, scale: Scale) -> int:
    """Answer what the windows let through: up only to the least asked for in ``up_after``, down only to the most asked
    for in ``down_after`` (KEP-853), and to 0 only where nothing was asked for in ``cool_down``. A window that history
    does not yet cover holds the current number. Who looks more seldom than the longest window is long (a schedule of
    GitHub's) never fills one: then two looks in a row have to agree.
    """
    if not history:
        return current
    seldom = _seldom(history, scale)
    up = _window(history, now, scale.up_after, seldom=seldom)
    down = _window(history, now, scale.down_after, seldom=seldom)
    if (floor := min(up)) > current and (current == 0 or _covered(history, now, scale.up_after)):
        return floor
    if (ceiling := max(down)) < current and _covered(history, now, scale.down_after):
        return ceiling if ceiling or _idle(history, now, scale) else 1
    return current


def paced(wanted: int, moves: Sequence[Move], current: int, now: float, scale: Scale) -> int:
    """Answer how far towards ``wanted`` the number may go now, by what it moved already; never back."""
    if wanted > current:
        allowed = _limit(scale.up, moves, current, now, up=True)
        return min(wanted, max(allowed, current))
    if wanted < current:
        allowed = _limit(scale.down, moves, current, now, up=False)
        return max(wanted, min(allowed, current))
    return wanted


def trim(history: Sequence[Recommendation], now: float, scale: Scale) -> list[Recommendation]:
    """Drop what no window needs any more; the newest one before the windows stays, as their left edge.

    After a silence longer than the longest window history begins anew with the look after the next: what the load was
    meanwhile is not known, so that the windows have to fill up again.
    """
    longest = longest_window(scale)
    inside = [one for one in history if now - one.at <= longest]
    older = [one for one in history if now - one.at > longest]
    if older and len(inside) > 1 and inside[0].at - older[-1].at > longest:
        return inside
    return older[-1:] + inside


def longest_window(scale: Scale) -> float:
    """Answer for how many seconds a recommendation counts."""
    return max(scale.up_after, scale.down_after, scale.cool_down if scale.min == 0 else 0.0)


def longest_pace(scale: Scale) -> float:
    """Answer for how many seconds a move that was made counts."""
    return max((one.per for one in (*scale.up.by, *scale.down.by)), default=0.0)


def _limit(pace: Pace, moves: Sequence[Move], current: int, now: float, *, up: bool) -> int:
    if pace.select == "off":
        return current
    if not pace.by:
        return 2**31 if up else 0
    reached = [_reached(one, current - _moved(moves, now, one.per), up=up) for one in pace.by]
    # The limit that allows the most is the highest on the way up, and the lowest on the way down.
    return max(reached) if (pace.select == "max") == up else min(reached)


def _moved(moves: Sequence[Move], now: float, seconds: float) -> int:
    return sum(one.by for one in moves if now - one.at < seconds)


def _reached(step: Step, began: int, *, up: bool) -> int:
    """Answer how far one limit lets the number go from where it began. Rounded away from what it was: a small share of
    a small number still moves."""
    if step.pods is not None:
        return began + step.pods if up else began - step.pods
    share = (step.percent or 0) / 100
    return math.ceil(began * (1 + share)) if up else int(began * (1 - share))


def _idle(history: Sequence[Recommendation], now: float, scale: Scale) -> bool:
    asked = _window(history, now, scale.cool_down, seldom=_seldom(history, scale))
    return max(asked) == 0 and _covered(history, now, scale.cool_down)


def _seldom(history: Sequence[Recommendation], scale: Scale) -> bool:
    """Say whether the look before the newest is so long ago that no window can hold both."""
    return len(history) == 2 and history[1].at - history[0].at > longest_window(scale)


def _window(
    history: Sequence[Recommendation], now: float, seconds: float, *, seldom: bool = False
) -> list[int]:
    if seldom and seconds > 0:
        return [one.replicas for one in history]
    inside = [one.replicas for one in history if now - one.at <= seconds]
    return inside or [history[-1].replicas]


def _covered(history: Sequence[Recommendation], now: float, seconds: float) -> bool:
    return now - history[0].at >= seconds
