"""Feature flags in flagd's terms, and what one evaluates to for a caller's context. Pure.

Reasons and error codes are OpenFeature's (https://openfeature.dev/specification/types).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from dreamnet_actions.domain.bucketing import Bucketing
from dreamnet_actions.domain.jsonlogic import UnknownOperator
from dreamnet_actions.domain.targeting import expand, target

FlagState = Literal["ENABLED", "DISABLED"]
FlagType = Literal["boolean", "string", "integer", "float", "object"]
Reason = Literal["STATIC", "DEFAULT", "TARGETING_MATCH", "DISABLED", "ERROR"]
ErrorCode = Literal["PARSE_ERROR", "TYPE_MISMATCH", "GENERAL"]
_FAULTS = (ArithmeticError, AttributeError, RecursionError, TypeError, ValueError)
"""What a rule raises that cannot be evaluated with this context."""


@dataclass(frozen=True, kw_only=True)
class Flag:
    """One flag: its named values (all of one JSON type) and which of them it has.

    ``default_variant`` is None where the caller's own default counts (flagd allows that). ``targeting`` is JsonLogic,
    its references to shared rules resolved; ``metadata`` is the file's and the flag's own.
    """

    name: str
    state: FlagState
    variants: Mapping[str, Any]
    default_variant: str | None
    targeting: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What a caller gets: a value with the variant that it is of and OpenFeature's reason. ``variant`` is None where
    the caller's own default counts (``DISABLED``, ``DEFAULT`` without a default variant, ``ERROR``), and so is
    ``value``. ``code`` and ``message`` tell what is wrong with an ``ERROR``."""

    value: Any
    variant: str | None
    reason: Reason
    code: ErrorCode | None = None
    message: str = ""


def flags_of(data: Mapping[str, Any]) -> dict[str, Flag]:
    """Read the flags out of a file of flagd's format that has the right shape."""
    shared, evaluators = data.get("metadata") or {}, data.get("$evaluators") or {}
    return {
        name: Flag(
            name=name,
            state=one["state"],
            variants=one["variants"],
            default_variant=one.get("defaultVariant") or None,
            targeting=expand(one.get("targeting") or {}, evaluators),
            metadata={**shared, **(one.get("metadata") or {})},
        )
        for name, one in data["flags"].items()
    }


def evaluate(
    flag: Flag,
    context: Mapping[str, Any] | None = None,
    *,
    now: int = 0,
    wanted: FlagType | None = None,
    bucketing: Bucketing = "v3",
) -> Evaluation:
    """Answer what a caller gets of a flag.

    ``context`` is what is known of the caller: ``targetingKey`` and anything else. ``now`` is in seconds since 1970,
    for rules that ask the time. With ``wanted`` a value of another type is an ERROR with ``TYPE_MISMATCH``.

    ``STATIC``: the default variant, for everybody. ``TARGETING_MATCH``: its targeting chose the variant. ``DEFAULT``:
    it chose none. ``DISABLED``: the flag is off, callers use their own default.
    """
    if flag.state == "DISABLED":
        return Evaluation(value=None, variant=None, reason="DISABLED")
    reason: Reason = "STATIC"
    variant = flag.default_variant
    if flag.targeting:
        if not isinstance(flag.targeting, dict):
            return _failed("PARSE_ERROR", "the targeting is no rule")
        try:
            chosen = target(flag.targeting, flag.name, context or {}, now=now, bucketing=bucketing)
        except UnknownOperator as error:
            return _failed("PARSE_ERROR", f"unknown operator {error.args[0]!r}")
        except _FAULTS as error:
            return _failed("GENERAL", f"the targeting cannot be evaluated: {error}")
        reason = "DEFAULT" if chosen is None else "TARGETING_MATCH"
        if chosen is not None:
            variant = str(chosen).lower() if isinstance(chosen, bool) else str(chosen)
    if variant is None:
        return Evaluation(value=None, variant=None, reason="DEFAULT")
    if flag.variants.get(variant) is None:
        return _failed("GENERAL", f"{variant!r} is none of the variants {', '.join(flag.variants)}")
    value = flag.variants[variant]
    if wanted is not None and not _is(value, wanted):
        return _failed("TYPE_MISMATCH", f"{variant} is no {wanted}")
    return Evaluation(value=value, variant=variant, reason=reason)


def _failed(code: ErrorCode, message: str) -> Evaluation:
    return Evaluation(value=None, variant=None, reason="ERROR", code=code, message=message)


def _is(value: Any, wanted: FlagType) -> bool:
    if isinstance(value, bool):
        return wanted in (
            "boolean",
            "float",
        )  # the official provider takes a boolean for the number that it is
    kinds: Mapping[str, tuple[type, ...]] = {
        "boolean": (),
        "string": (str,),
        "integer": (int,),
        "float": (int, float),
        "object": (dict, list),
    }
    return isinstance(value, kinds[wanted])
