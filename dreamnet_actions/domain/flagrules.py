"""What is wrong with a file of flags: the rules of flagd's published schema, and what it cannot say. Pure.

The schema is https://flagd.dev/schema/v0/flags.json with ``targeting.json``. Beyond it: names of variants that are not
there, references that lead nowhere, branches that are never reached, and keys that flagd's Python provider refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dreamnet_actions.domain.flagtargeting import answer_mistakes, rule_mistakes
from dreamnet_actions.errors.words import nearest

Path = tuple[str | int, ...]
Found = tuple[Path, str]
TOP = frozenset({"$schema", "flags", "$evaluators", "metadata", "version"})
KEYS = frozenset({"state", "variants", "defaultVariant", "targeting", "metadata"})
STATES = ("ENABLED", "DISABLED")


def mistakes(data: Any) -> Iterator[Found]:
    """Tell every mistake of a file of flags, each with the path of the value that is wrong."""
    if not isinstance(data, dict):
        yield (), 'a file of flags is an object, as in {"flags": {}}'
        return
    for key in data.keys() - TOP:
        yield (key,), _unknown(key, TOP)
    yield from _metadata_mistakes(("metadata",), data.get("metadata", {}), own=True)
    evaluators = data.get("$evaluators", {})
    if not isinstance(evaluators, dict):
        yield ("$evaluators",), "'$evaluators' must be an object of rules by name"
        evaluators = {}
    for name, rule in evaluators.items():
        if not name:
            yield ("$evaluators", name), "a shared rule needs a name"
        if rule == {}:
            yield ("$evaluators", name), "an empty shared rule: flagd's daemon takes no file that has one"
        yield from rule_mistakes(("$evaluators", name), rule, evaluators, within=name)
    flags = data.get("flags")
    if isinstance(flags, list):
        yield ("flags",), "a list of flags is read by the flagd daemon only; write an object of flags by name"
    elif not isinstance(flags, dict):
        yield ("flags",), "'flags' must be an object of flags by name"
    else:
        for name, flag in flags.items():
            yield from _flag_mistakes(("flags", name), flag, evaluators)


def _flag_mistakes(where: Path, flag: Any, evaluators: Mapping[str, Any]) -> Iterator[Found]:
    if not where[-1]:
        yield where, "a flag needs a name"
    if not isinstance(flag, dict):
        yield where, "a flag is an object with 'state', 'variants' and 'defaultVariant'"
        return
    for key in flag.keys() - KEYS:
        hint = f"{_unknown(key, KEYS)}; what is to be noted goes into 'metadata'"
        yield (*where, key), hint
    if flag.get("state") not in STATES:
        yield (*where, "state"), '\'state\' must be "ENABLED" or "DISABLED"'
    yield from _metadata_mistakes((*where, "metadata"), flag.get("metadata", {}))
    yield from _variant_mistakes(where, flag)
    targeting, variants = flag.get("targeting", {}), flag.get("variants")
    wrong = list(rule_mistakes((*where, "targeting"), targeting, evaluators))
    yield from wrong
    if not wrong and targeting and isinstance(variants, dict):
        yield from answer_mistakes((*where, "targeting"), targeting, evaluators, variants)


def _metadata_mistakes(where: Path, given: Any, *, own: bool = False) -> Iterator[Found]:
    if not isinstance(given, dict):
        yield where, "'metadata' must be an object"
        return
    for key, value in given.items():
        if own and key in ("flagSetId", "version") and not isinstance(value, str):
            yield (*where, key), f"{key!r} must be a text"
        elif not isinstance(value, str | int | float):
            yield (*where, key), "metadata is a text, number or boolean"


def _variant_mistakes(where: Path, flag: Mapping[str, Any]) -> Iterator[Found]:
    variants, default = flag.get("variants"), flag.get("defaultVariant")
    if not isinstance(variants, dict) or not variants:
        yield (*where, "variants"), "'variants' must be an object of values by name, at least one"
        return
    first = next(iter(variants))
    wanted = _type(variants[first])
    for name, value in variants.items():
        if not name:
            yield (*where, "variants", name), "a variant needs a name"
        if _type(value) is None:
            yield (*where, "variants", name), "a variant is a boolean, string, number or object"
        elif wanted is not None and _type(value) != wanted:
            said = f"a {_type(value)}, while {first!r} is a {wanted}; all must be of one type"
            yield (*where, "variants", name), said
    if default is not None and (not isinstance(default, str) or default not in variants):
        near = nearest(default, variants) if isinstance(default, str) else None
        hint = f"; did you mean {near!r}?" if near else ""
        yield (*where, "defaultVariant"), f"{default!r} is none of the variants {', '.join(variants)}{hint}"


def _type(value: Any) -> str | None:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, dict) else None


def _unknown(key: str, known: Iterable[str]) -> str:
    near = nearest(key, known)
    return f"unknown key {key!r}" + (f"; did you mean {near!r}?" if near else "")
