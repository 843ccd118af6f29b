"""Feature flags in flagd's terms, and what one evaluates to without a caller's context. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

FlagState = Literal["ENABLED", "DISABLED"]
Reason = Literal["STATIC", "DEFAULT", "DISABLED"]


@dataclass(frozen=True, kw_only=True)
class Flag:
    """One flag: its named values (all of one JSON type) and which of them it has.

    ``default_variant`` is None where the caller's own default counts (flagd allows that). ``targeting`` is JsonLogic
    that is kept as it is: opaque here.
    """

    name: str
    state: FlagState
    variants: Mapping[str, Any]
    default_variant: str | None
    targeting: Mapping[str, Any] = field(default_factory=dict)


def evaluate(flag: Flag) -> tuple[Any, str | None, Reason]:
    """Answer a flag's value, its variant and OpenFeature's reason for it.

    ``STATIC``: the default variant, for everybody. ``DISABLED``: the flag is off, callers use their own default
    (value and variant are None). ``DEFAULT``: the same without a default variant; and also for a flag with targeting,
    whose rules are **not evaluated** in this version: the answer is then its default variant, which some callers
    of flagd would not get. ``TARGETING_MATCH`` is for that reason never answered.
    """
    if flag.state == "DISABLED":
        return None, None, "DISABLED"
    if flag.default_variant is None:
        return None, None, "DEFAULT"
    return (
        flag.variants[flag.default_variant],
        flag.default_variant,
        "DEFAULT" if flag.targeting else "STATIC",
    )
