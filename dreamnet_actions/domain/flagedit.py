"""Changing a flag: its default variant, its state, and the share of callers that a roll-out gives a variant to. Pure.

A roll-out is one rule around whatever targeting there is::

    {"if": [{"fractional": [["on", 25], ["", 75]]}, "on", …]}

(The empty text is as false as null, and flagd before 2026 has no bucket without a text: with null nobody is in it.)

It is sticky: who is in 25 % by their ``targetingKey`` is in 50 % too. Who is not in it, or has none of that, gets
what the other targeting says, else the default variant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from dreamnet_actions.domain.flag import Flag, FlagState
from dreamnet_actions.errors import NotFound, RefusedError

STATES: tuple[FlagState, ...] = ("ENABLED", "DISABLED")
_TOTALS = (100, 1_000, 10_000, 100_000)


@dataclass(frozen=True, kw_only=True)
class Share:
    """``weight`` of ``total`` callers get ``variant``; a weight of 0 takes the rule out."""

    variant: str
    weight: int
    total: int = 100

    @classmethod
    def of(cls, variant: str, share: float) -> Share:
        """Write a share between 0 and 1 in whole weights. Raises ValueError for more than three decimals."""
        for total in _TOTALS:
            weight = round(share * total)
            if abs(weight / total - share) < 1e-9:
                return cls(variant=variant, weight=weight, total=total)
        raise ValueError(f"{share * 100}% has more than three decimals")

    @property
    def part(self) -> float:
        """The share between 0 and 1."""
        return self.weight / self.total

    def __str__(self) -> str:
        return f"{self.variant} for {percent(self.part)}"


def percent(part: float) -> str:
    """Write a share as people do: ``25%``, ``0.5%``."""
    return f"{part * 100:.3f}".rstrip("0").rstrip(".") + "%"


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What is to change in a flag; None stays as it is."""

    variant: str | None = None
    state: FlagState | None = None
    share: Share | None = None

    @property
    def state_only(self) -> bool:
        """Whether it turns the flag on or off and does nothing else: that must work however wrong the file is."""
        return self.state is not None and self.variant is None and self.share is None


def share_of(targeting: Any) -> tuple[Share, Any] | None:
    """Read the roll-out off a flag's targeting: the share, and the other targeting (None where there is none)."""
    match targeting:
        case {"if": [{"fractional": [[str(name), int(weight)], [None | "", int(rest)]]}, str(then), *others]}:
            whole = len(targeting) == 1 and len(others) <= 1 and name == then
            if whole and weight >= 0 and rest >= 0 and weight + rest > 0:
                return Share(variant=name, weight=weight, total=weight + rest), others[0] if others else None
    return None


def shared(targeting: Any, share: Share) -> Any:
    """Answer the targeting with the roll-out in it, in the place of the one that was there."""
    found = share_of(targeting)
    other = found[1] if found else targeting or None
    if share.weight == 0:
        return other or {}
    split = {"fractional": [[share.variant, share.weight], ["", share.total - share.weight]]}
    return {"if": [split, share.variant, *([other] if other else [])]}


def edited(flag: Flag, edit: Edit) -> Flag:
    """Answer the flag as it is after the change.

    Raises NotFound for a variant or state that there is not; RefusedError where another variant is rolled out already.
    """
    for variant in (edit.variant, edit.share.variant if edit.share else None):
        if variant is not None and variant not in flag.variants:
            raise NotFound(f"variant of {flag.name}", variant, flag.variants)
    if edit.state is not None and edit.state not in STATES:
        raise NotFound("state", edit.state, STATES)
    if edit.share is not None:
        rolled = share_of(flag.targeting)
        if rolled is not None and rolled[0].variant != edit.share.variant and rolled[0].weight:
            raise RefusedError(
                f"{flag.name} is rolled out already: {rolled[0]}.",
                hint=f"End that first: dreamnet roll-out {flag.name} {rolled[0].variant} 0%",
            )
    changes: Mapping[str, Any] = {
        "default_variant": edit.variant,
        "state": edit.state,
        "targeting": None if edit.share is None else shared(flag.targeting, edit.share),
    }
    return replace(flag, **{key: value for key, value in changes.items() if value is not None})


def standing(flag: Flag) -> str:
    """Say how a flag stands: its default variant, its state, and its roll-out."""
    found = share_of(flag.targeting)
    said = f"{flag.default_variant}, {flag.state}"
    return said if found is None else f"{said}, {found[0]}"
