"""What is wrong with a flag's targeting: operators, arguments, references and answers that lead nowhere. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dreamnet_actions.domain.bucketing import MOST_WEIGHT
from dreamnet_actions.domain.jsonlogic import truth
from dreamnet_actions.domain.targeting import OPERATORS, VERSION, VERSION_SIGNS
from dreamnet_actions.errors.words import nearest

Path = tuple[str | int, ...]
Found = tuple[Path, str]

COUNTS: Mapping[str, tuple[int, int]] = {
    **dict.fromkeys(
        ("==", "===", "!=", "!==", ">", ">=", "%", "/", "in", "starts_with", "ends_with"), (2, 2)
    ),
    **dict.fromkeys(("map", "filter", "all", "none", "some", "missing_some"), (2, 2)),
    **dict.fromkeys(("<", "<=", "substr"), (2, 3)),
    **dict.fromkeys(("reduce", "sem_ver"), (3, 3)),
    **dict.fromkeys(("if", "or", "and", "+", "-", "max", "min", "merge", "cat", "fractional"), (1, 10**6)),
    "*": (2, 10**6),
    "missing": (0, 10**6),
    "!": (1, 1),
    "!!": (1, 1),
}
"""How many arguments an operator takes, at least and at most, by flagd's schema. ``var`` is apart."""
ALONE = frozenset({"!", "!!", "var"})
"""Operators whose one argument may stand without a list."""
KNOWN = frozenset(COUNTS) | {"var"}
"""The operators of the schema. It leaves out ``log`` and ``?:``, which flagd's evaluators know."""
_SAYS_YES_OR_NO = frozenset(
    {"==", "===", "!=", "!==", "<", "<=", ">", ">=", "!", "!!", "in", "all", "none", "some"}
    | {"starts_with", "ends_with", "sem_ver"}
)
_OWN = re.compile(r"\$flagd\.(timestamp|flagKey)|(?!\$flagd\.).*", re.DOTALL)


def rule_mistakes(
    where: Path, rule: Any, evaluators: Mapping[str, Any], *, within: str | None = None
) -> Iterator[Found]:
    """Tell the mistakes of a whole rule; ``within`` is the name of the shared rule that it is, if it is one."""
    if not isinstance(rule, dict):
        yield where, "targeting is an object: a rule, or {} for none"
    elif "$ref" in rule and len(rule) == 1:
        yield where, 'flagd\'s schema takes no reference for a whole rule; write {"if": [{"$ref": …}, …]}'
    elif rule:
        yield from _Rules(evaluators, within).argument(where, rule)


class _Rules:
    """Looks through one rule."""

    def __init__(self, evaluators: Mapping[str, Any], within: str | None) -> None:
        self._evaluators, self._within = evaluators, within
        self._own: Mapping[str, Callable[[Path, Any], Iterator[Found]]] = {
            "var": self._var,
            "missing": self._missing,
            "missing_some": self._missing_some,
            "starts_with": self._texts,
            "ends_with": self._texts,
            "sem_ver": self._versions,
            "fractional": self._fractional,
            "if": self._branches,
        }

    def argument(self, where: Path, given: Any) -> Iterator[Found]:
        """Tell the mistakes of whatever may stand as an argument: a value, a reference or a rule."""
        if isinstance(given, list):
            for number, one in enumerate(given):
                yield from self.argument((*where, number), one)
        elif isinstance(given, dict):
            yield from self._rule(where, given)

    def _rule(self, where: Path, rule: Mapping[str, Any]) -> Iterator[Found]:
        if len(rule) != 1:
            said = ", ".join(map(repr, rule)) or "none"
            yield where, f"a rule is an object with one operator, not with {said}"
            return
        ((name, given),) = rule.items()
        here: Path = (*where, name)
        if name == "$ref":
            yield from self._reference(here, given)
            return
        if name not in KNOWN:
            near = nearest(name, KNOWN)
            hint = f"; did you mean {near!r}?" if near else ""
            if name in OPERATORS:
                hint = "; evaluators know it, flagd's schema does not"
            yield here, f"unknown operator {name!r}{hint}"
            return
        if name != "var" and (wrong := _miscounted(name, given)):
            yield here, wrong
            return
        yield from self._own.get(name, self.argument)(here, given)

    def _reference(self, where: Path, name: Any) -> Iterator[Found]:
        if not isinstance(name, str) or name not in self._evaluators:
            near = nearest(name, self._evaluators) if isinstance(name, str) else None
            hint = f"; did you mean {near!r}?" if near else ""
            yield where, f"there is no shared rule {name!r} in '$evaluators'{hint}"
        elif self._within is not None:
            order = list(self._evaluators)
            if order.index(name) <= order.index(self._within):
                said = "itself" if name == self._within else f"{name!r}, which stands before it"
                yield where, f"{self._within!r} refers to {said}; a shared rule may refer to those after it"

    # ── operators with rules of their own ───────────────────────────────────────────────────────────────

    def _var(self, where: Path, given: Any) -> Iterator[Found]:
        name = given[0] if isinstance(given, list) and given else given
        at = (*where, 0) if isinstance(given, list) and given else where
        if isinstance(name, str) and not _OWN.fullmatch(name):
            yield at, "flagd itself knows '$flagd.flagKey' and '$flagd.timestamp' only"
        yield from self.argument(where, given)

    def _missing(self, where: Path, given: Any) -> Iterator[Found]:
        for number, one in enumerate(given):
            if not isinstance(one, str):
                yield (*where, number), "'missing' takes names of what is to be there"

    def _missing_some(self, where: Path, given: Any) -> Iterator[Found]:
        if isinstance(given[0], bool) or not isinstance(given[0], int | float):
            yield (*where, 0), "'missing_some' begins with how many must be there"
        if not isinstance(given[1], list):
            yield (*where, 1), "'missing_some' ends with a list of names"
        else:
            yield from self._missing((*where, 1), given[1])

    def _texts(self, where: Path, given: Any) -> Iterator[Found]:
        for number, one in enumerate(given):
            if not isinstance(one, str | dict) or (isinstance(one, dict) and "$ref" in one):
                yield (*where, number), f"{where[-1]!r} compares texts: a text or a rule"
            else:
                yield from self.argument((*where, number), one)

    def _versions(self, where: Path, given: Any) -> Iterator[Found]:
        for number in (0, 2):
            one = given[number]
            if isinstance(one, dict) and one.keys() == {"var"}:
                yield from self.argument((*where, number), one)
            elif not isinstance(one, str) or not VERSION.fullmatch(one):
                yield (*where, number), "a version is as '1.2.3', or what 'var' answers"
        if given[1] not in VERSION_SIGNS:
            yield (*where, 1), f"versions are compared by one of {' '.join(VERSION_SIGNS)}"

    def _fractional(self, where: Path, given: Any) -> Iterator[Found]:
        start = 1 if isinstance(given[0], dict) else 0
        if start:
            yield from self.argument((*where, 0), given[0])
            if "$ref" in given[0]:
                yield (*where, 0), "a split is by a rule, not by a reference"
        if len(given) == start:
            yield where, 'a split needs at least one bucket, as ["on", 50]'
        total: int | None = 0
        for number, bucket in enumerate(given[start:], start):
            here: Path = (*where, number)
            if not isinstance(bucket, list) or not 1 <= len(bucket) <= 2:
                yield here, 'a bucket is a variant and its weight, as ["on", 50]'
                return
            yield from self.argument((*here, 0), bucket[0])
            weight = bucket[1] if len(bucket) == 2 else 1
            if isinstance(weight, dict) and "$ref" not in weight:
                yield from self.argument((*here, 1), weight)
                total = None
            elif isinstance(weight, bool) or not isinstance(weight, int) or weight < 0:
                yield (*here, 1), "a weight is a whole number, 0 or more, or a rule"
                return
            elif total is not None:
                total += weight
        if total is not None and not 0 < total <= MOST_WEIGHT and len(given) > start:
            yield where, f"the weights are {total:,} together; they must be 1 to {MOST_WEIGHT:,}"

    def _branches(self, where: Path, given: Any) -> Iterator[Found]:
        """Look for conditions that are never asked, and branches that are never taken."""
        yield from self.argument(where, given)
        seen: list[Any] = []
        for at in range(0, len(given) - 1, 2):
            condition = given[at]
            if condition in seen:
                yield (*where, at), "this condition stands before: its branch is never reached"
            seen.append(condition)
            if isinstance(condition, dict | list):
                continue
            if not truth(condition):
                yield (*where, at), f"{_said(condition)} is never true: its branch is never reached"
            elif at + 2 < len(given):
                yield (*where, at), f"{_said(condition)} is always true: what follows is never reached"
                return


def _miscounted(name: str, given: Any) -> str | None:
    """Say so where an operator has too few arguments or too many."""
    least, most = COUNTS[name]
    if not isinstance(given, list):
        return None if name in ALONE else f"{name!r} takes its arguments as a list"
    if least <= len(given) <= most:
        return None
    wanted = f"{least}" if least == most else f"at least {least}" if most > 9 else f"{least} to {most}"
    return f"{name!r} takes {wanted} argument{'' if wanted.endswith('1') else 's'}, not {len(given)}"


# ── what a rule answers ─────────────────────────────────────────────────────────────────────────────────


def answer_mistakes(
    where: Path, rule: Any, evaluators: Mapping[str, Any], variants: Mapping[str, Any]
) -> Iterator[Found]:
    """Tell each answer of a flag's targeting that is none of its variants, as far as it stands in the file.

    What only the caller's context decides (``var``, ``cat``) is not looked at.
    """
    for at, answer in _answers(where, rule, evaluators, ()):
        if isinstance(answer, _YesOrNo):
            lacking = [one for one in ("true", "false") if one not in variants]
            if lacking:
                said = " or ".join(repr(one) for one in lacking)
                yield at, f"{answer.operator!r} answers true or false, and there is no variant {said}"
            continue
        name = str(answer).lower() if isinstance(answer, bool) else str(answer)
        if answer is None or name in variants:
            continue
        near = nearest(name, variants)
        hint = f"; did you mean {near!r}?" if near else ""
        yield at, f"{_said(answer)} is none of the variants {', '.join(variants)}{hint}"


class _YesOrNo:
    """The answer of an operator that says yes or no."""

    def __init__(self, operator: str) -> None:
        self.operator = operator


def _answers(
    where: Path, rule: Any, evaluators: Mapping[str, Any], inside: tuple[str, ...]
) -> Iterator[tuple[Path, Any]]:
    if not isinstance(rule, dict):
        yield where, rule
        return
    ((name, given),) = rule.items()
    here: Path = (*where, name)
    if name == "$ref":
        if given not in inside:
            for _, answer in _answers(here, evaluators[given] or None, evaluators, (*inside, given)):
                yield here, answer
    elif name == "if":
        taken = range(1, len(given), 2)
        ends = [*taken, len(given) - 1] if len(given) % 2 else [*taken]
        for at in ends:
            yield from _answers((*here, at), given[at], evaluators, inside)
    elif name == "fractional":
        for at, bucket in enumerate(given):
            if isinstance(bucket, list):
                yield from _answers((*here, at, 0), bucket[0], evaluators, inside)
    elif name in _SAYS_YES_OR_NO:
        yield here, _YesOrNo(name)


def _said(value: Any) -> str:
    """Write a value as people read it: true, null, 'a text'."""
    return repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
