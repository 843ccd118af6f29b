"""flagd's targeting: JsonLogic with ``fractional``, ``sem_ver``, ``starts_with``, ``ends_with`` and ``$ref``. Pure.

https://flagd.dev/reference/flag-definitions/ and https://flagd.dev/reference/custom-operations/. An operator that is
given what it cannot use answers null, and null means the default variant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from itertools import zip_longest
from typing import Any

from dreamnet_actions.domain import jsonlogic
from dreamnet_actions.domain.bucketing import MOST_WEIGHT, Bucketing, share

VERSION_SIGNS = ("=", "!=", "<", "<=", ">", ">=", "~", "^")
"""What ``sem_ver`` compares by; ``^`` is the same major version, ``~`` the same minor one."""
CUSTOM = ("fractional", "sem_ver", "starts_with", "ends_with")
"""The operators that flagd adds to JsonLogic's."""
OPERATORS: frozenset[str] = jsonlogic.OPERATORS | frozenset(CUSTOM)
_IDENTIFIER = r"(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
VERSION = re.compile(
    rf"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?"
    r"(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?"
)
"""A semantic version (https://semver.org): major, minor, patch, and what is before a release."""
_LONGEST = 4000
"""Longer than this no version is one: Python reads no number of more digits."""


def target(rule: Any, flag: str, context: Mapping[str, Any], *, now: int, bucketing: Bucketing = "v3") -> Any:
    """Answer what a flag's targeting answers for a caller's context: a variant's name, or null for the default one.

    ``context`` holds ``targetingKey`` and whatever else is known of the caller; ``now`` is in seconds since 1970.
    Raises what ``jsonlogic.apply`` raises.
    """
    data = {"targetingKey": None, **context, "$flagd": {"flagKey": flag, "timestamp": now}}
    operators: dict[str, jsonlogic.Operator] = {**_OPERATORS, "fractional": partial(_fractional, bucketing)}
    return jsonlogic.apply(rule, data, operators)


def expand(rule: Any, evaluators: Mapping[str, Any]) -> Any:
    """Answer a rule with each ``{"$ref": NAME}`` put in the place of what it names.

    As flagd does it: evaluator by evaluator in the order of the file, so one may refer to those that come after it.
    What refers to nothing stays, and is an unknown operator when it is evaluated.
    """
    for name, named in evaluators.items():
        rule = _replaced(rule, name, named)
    return rule


def _replaced(rule: Any, name: str, named: Any) -> Any:
    if isinstance(rule, dict):
        if rule == {"$ref": name}:
            return named
        return {key: _replaced(one, name, named) for key, one in rule.items()}
    return [_replaced(one, name, named) for one in rule] if isinstance(rule, list) else rule


# ── fractional ──────────────────────────────────────────────────────────────────────────────────────────


def _fractional(by: Bucketing, data: Any, *args: Any) -> Any:
    """Choose a bucket by the caller's place: the first argument where it is no bucket, else flag and targetingKey."""
    if not args:
        return None
    value, buckets = (_sticky(by, data), args) if _shorthand(by, args[0]) else (args[0], args[1:])
    split = _split(buckets)
    total = sum(weight for _, weight in split or ())
    if value is None or split is None or not 0 < total <= MOST_WEIGHT:
        return None
    try:
        place = share(value, total, by=by)
    except ValueError:
        return None
    for answer, weight in split:
        place -= weight
        if place < 0:
            return answer
    return None


def _shorthand(by: Bucketing, first: Any) -> bool:
    return isinstance(first, list) if by == "v3" else not isinstance(first, str)


def _sticky(by: Bucketing, data: Any) -> Any:
    key, flag = data.get("targetingKey"), data.get("$flagd", {}).get("flagKey", "")
    if not isinstance(key, str) or not key:
        return None
    return [flag, key] if by == "v3" else f"{flag}{key}"


def _split(buckets: tuple[Any, ...]) -> list[tuple[Any, int]] | None:
    """Read the buckets with their weights; None where one is none. A weight below zero is zero."""
    found = []
    for one in buckets:
        if not isinstance(one, list) or not 1 <= len(one) <= 2:
            return None
        answer, weight = (*one, 1)[:2]
        if isinstance(weight, bool) or not isinstance(weight, int):
            return None
        found.append((answer, max(0, weight)))
    return found


# ── sem_ver, starts_with, ends_with ─────────────────────────────────────────────────────────────────────


def _sem_ver(_: Any, *args: Any) -> bool | None:
    if len(args) != 3:
        return None
    a, b, sign = _version(args[0]), _version(args[2]), args[1]
    if a is None or b is None or sign not in VERSION_SIGNS:
        return None
    if sign == "^":
        return a[0] == b[0]
    if sign == "~":
        return a[:2] == b[:2]
    order = _order(a, b)
    return {
        "=": order == 0,
        "!=": order != 0,
        "<": order < 0,
        "<=": order <= 0,
        ">": order > 0,
        ">=": order >= 0,
    }[sign]


_Version = tuple[int, int, int, str]


def _version(given: Any) -> _Version | None:
    """Read a version: a ``v`` before it is passed over, and ``1`` and ``1.2`` stand for ``1.0.0`` and ``1.2.0``."""
    said = str(given)
    if said[:1] in ("v", "V"):
        said = said[1:]
    numbers = re.split("[-+]", said, maxsplit=1)[0]
    said = numbers + ".0" * (2 - numbers.count(".")) + said[len(numbers) :]
    found = VERSION.fullmatch(said)
    if found is None or len(said) > _LONGEST:
        return None
    major, minor, patch, before = found.groups(default="")
    return int(major), int(minor), int(patch), before


def _order(a: _Version, b: _Version) -> int:
    """Answer -1, 0 or 1: the order that semver.org gives. What is behind ``+`` counts for nothing."""
    if a[:3] != b[:3]:
        return -1 if a[:3] < b[:3] else 1
    if a[3] == b[3] or not a[3] or not b[3]:
        return (not a[3]) - (not b[3])  # a release comes after all that is before it
    for one, other in zip_longest(a[3].split("."), b[3].split(".")):
        if one != other:
            return -1 if _rank(one) < _rank(other) else 1
    return 0


def _rank(part: str | None) -> tuple[int, int, str]:
    """Order the parts of a pre-release: none, then numbers by size, then words by letters."""
    if part is None:
        return 0, 0, ""
    return (1, int(part), "") if part.isdigit() else (2, 0, part)


def _begins_or_ends(holds: Callable[[str, str], bool]) -> jsonlogic.Operator:
    def operator(_: Any, *args: Any) -> bool | None:
        if len(args) != 2 or not all(isinstance(one, str) for one in args):
            return None
        return holds(*args)

    return operator


_OPERATORS: Mapping[str, jsonlogic.Operator] = {
    "sem_ver": _sem_ver,
    "starts_with": _begins_or_ends(str.startswith),
    "ends_with": _begins_or_ends(str.endswith),
}
