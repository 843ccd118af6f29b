"""Random flags, rules and contexts; and what the official flagd provider answers for them in its FILE mode."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from openfeature.evaluation_context import EvaluationContext

from dreamnet_actions.domain.flag import FlagType

WORDS = (
    "on",
    "off",
    "a",
    "b",
    "ab",
    "1",
    "2.0",
    "true",
    "false",
    "",
    " ",
    "null",
    "Grüße",
    "🌙",
    "inf",
    "1e3",
    "0x1",
)
VERSIONS = (
    "1.0.0", "1.2.3", "v2.0.0", "1.0", "2", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta.11", "1.0.0-beta.2",
    "1.0.0+build", "1.0.0-", "01.0.0", "1.2.3.4", "x",
)  # fmt: skip
NUMBERS = (0, 1, -1, 2, 3, 10, 0.5, 1.5, -2.5, 100, 2**31, 2**53 + 1, 2**70, 1e300, 3.0, -0.0)
NAMES = (
    "email",
    "plan",
    "age",
    "version",
    "list",
    "user",
    "user.name",
    "user.tags.0",
    "none",
    "targetingKey",
)
ORDERS = ("<", "<=", ">", ">=")
FALLBACKS: Mapping[FlagType, Any] = {
    "boolean": True, "string": "fallback", "integer": 42, "float": 4.25, "object": {"fall": "back"},
}  # fmt: skip
"""A caller's own default by type: no variant has it."""
VALUES: Mapping[FlagType, tuple[Any, ...]] = {
    "boolean": (True, False), "string": ("", "x", "y z", "ü"), "integer": (0, 1, -7), "float": (0.0, 0.5, 1e9),
    "object": ({}, {"a": 1}, {"a": {"b": [1, "2"]}}),
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One evaluation: a flag, the type that its caller wants, and what is known of the caller."""

    flag: str
    wanted: FlagType
    context: dict[str, Any]


class Maker:
    """Makes a file of flags and evaluations of them, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def file(self, size: int) -> dict[str, Any]:
        """A file of flagd's format with so many flags; its rules make sense as little as people's sometimes do."""
        shared = {f"shared-{number}": self.ascii(self.rule(2, ("on", "off"))) for number in range(4)}
        # One that refers to one after it, as flagd allows.
        shared["shared-0"] = {"if": [{"$ref": "shared-1"}, {"$ref": "shared-2"}, shared["shared-0"]]}
        flags = {f"flag-{number}": self.flag() for number in range(size)}
        return {"flags": flags, "$evaluators": shared, "metadata": {"team": "t"}}

    def flag(self) -> dict[str, Any]:
        """One flag, with targeting most of the time."""
        pick = self.chance.choice
        kind: FlagType = pick(list(VALUES))
        names = self.chance.sample(
            ("on", "off", "a", "b", "true", "false", "1", "Grüße"), self.chance.randint(1, 6)
        )
        flag: dict[str, Any] = {
            "state": "DISABLED" if self.chance.random() < 0.05 else "ENABLED",
            "variants": {name: pick(VALUES[kind]) for name in names},
        }
        if self.chance.random() < 0.85:
            flag["defaultVariant"] = pick(names)
        elif self.chance.random() < 0.5:
            flag["defaultVariant"] = None
        if self.chance.random() < 0.9:
            rule = self.rule(self.chance.randint(1, 4), tuple(names))
            sensible = isinstance(rule, dict) or self.chance.random() < 0.2
            flag["targeting"] = rule if sensible else {"if": [rule, *names[:2]]}
        return flag

    def case(self, name: str, flag: Mapping[str, Any]) -> Case:
        """One evaluation of a flag, mostly with the type that it has."""
        value = next(iter(flag["variants"].values()))
        own: FlagType = next(
            kind for kind, some in VALUES.items() if value in some and type(value) is type(some[0])
        )
        wanted = self.chance.choice(list(VALUES)) if self.chance.random() < 0.1 else own
        context = {}
        for key in ("email", "plan", "age", "version", "list", "user"):
            if self.chance.random() < 0.8:
                context[key] = self.known(key)
        if self.chance.random() < 0.8:
            context["targetingKey"] = f"user-{self.chance.randrange(10**6)}"
        return Case(name, wanted, context)

    # ── rules ───────────────────────────────────────────────────────────────────────────────────────────

    def rule(self, depth: int, answers: tuple[str, ...]) -> Any:
        """A rule whose branches answer variants most of the time."""
        if depth <= 0:
            return self.chance.choice((*answers * 4, None, None, True, "no such", 1))
        pick, inner = self.chance.random(), depth - 1
        if pick < 0.4:
            branches = [
                one
                for _ in range(self.chance.randint(1, 3))
                for one in (self.value(inner), self.rule(inner, answers))
            ]
            return {"if": branches + ([self.rule(inner, answers)] if self.chance.random() < 0.6 else [])}
        if pick < 0.7:
            return {"fractional": self.fractional(inner, answers)}
        if pick < 0.75:
            return {"$ref": f"shared-{self.chance.randrange(5)}"}
        return self.value(depth) if pick < 0.8 else self.rule(0, answers)

    def fractional(self, depth: int, answers: tuple[str, ...]) -> list[Any]:
        """A split: by targetingKey, by what a rule answers, or by what cannot be."""
        first = [] if self.chance.random() < 0.5 else [self.value(min(depth, 1))]
        buckets: list[Any] = []
        for _ in range(self.chance.randint(1, 5)):
            bucket = [self.rule(depth - 2, answers)]
            if self.chance.random() < 0.8:
                weight = self.chance.choice((0, 1, 5, 10, 50, 100, 10**6, -5, {"+": [1, {"var": "age"}]}))
                bucket.append(
                    weight
                    if self.chance.random() < 0.95
                    else self.chance.choice((1.5, "1", None, True, 2**31))
                )
            buckets.append(
                bucket if self.chance.random() < 0.98 else self.chance.choice(([], "x", None, ["a", 1, 2]))
            )
        return first + buckets

    def value(self, depth: int) -> Any:
        """An expression: anything that JsonLogic and flagd know, on values that fit or do not."""
        if depth <= 0 or self.chance.random() < 0.15:
            return self.leaf()
        kinds = (self._simple, self._simple, self._texts, self._lists, self._odd)
        return self.chance.choice(kinds)(depth - 1)

    def inner(self, count: int, depth: int) -> list[Any]:
        """So many expressions."""
        return [self.value(depth) for _ in range(count)]

    def _simple(self, depth: int) -> Any:
        pick, some = self.chance.choice, self.chance.randint
        names, count = pick(
            (
                (("==", "!=", "===", "!=="), 2),
                (ORDERS, some(2, 3)),
                (("+", "*", "min", "max", "and", "or"), some(1, 3)),
                (("-", "/", "%"), 2),
                (("!", "!!"), 1),
            )
        )
        return {pick(names): self.inner(count, depth)}

    def _texts(self, depth: int) -> Any:
        pick, some = self.chance.choice, self.chance.randint
        signs = ("=", "!=", "<", "<=", ">", ">=", "^", "~", "!")
        version = pick(({"var": "version"}, pick(VERSIONS), self.leaf()))
        return pick(
            (
                {"cat": self.inner(some(1, 3), depth)},
                {"substr": [*self.inner(1, depth), pick(NUMBERS[:5]), pick(NUMBERS[:5])]},
                {"sem_ver": [version, pick(signs), pick(VERSIONS)]},
                {pick(("starts_with", "ends_with")): [{"var": pick(NAMES)}, *self.inner(some(1, 2), depth)]},
            )
        )

    def _lists(self, depth: int) -> Any:
        pick, some = self.chance.choice, self.chance.randint
        item: Any = {"var": pick(("", "name", "0", "length"))}
        source = pick(({"var": "list"}, self.inner(some(0, 3), depth), {"merge": self.inner(2, depth)}))
        test = pick((item, {pick(ORDERS): [item, 1]}, {"==": [item, self.leaf()]}))
        total = {"+": [{"var": "current"}, {"var": "accumulator"}]}
        hay = pick((list(WORDS[:6]), {"var": "list"}, {"var": "email"}, "a long text"))
        return pick(
            (
                {pick(("map", "filter", "all", "some", "none")): [source, test]},
                {"reduce": [source, total, pick(NUMBERS[:5])]},
                {"in": [self.leaf(), hay]},
            )
        )

    def _odd(self, depth: int) -> Any:
        pick = self.chance.choice
        names = [pick(NAMES), pick(NAMES)]
        return pick(
            (
                {"missing": names},
                {"missing_some": [self.chance.randint(0, 2), names]},
                {"nonsense": self.inner(1, depth)},
                {"var": [pick(NAMES), self.leaf()]},
                {"two": 1, "keys": 2},
                self.inner(2, depth),
                {},
            )
        )

    def leaf(self) -> Any:
        """A constant, or something of the context."""
        pick = self.chance.choice
        if self.chance.random() < 0.5:
            return {"var": pick((*NAMES, "$flagd.flagKey", "list.length", "list.1", 1))}
        return pick((pick(WORDS), pick(NUMBERS), None, True, False, pick(VERSIONS)))

    def known(self, key: str) -> Any:
        """What a caller may say of itself."""
        pick = self.chance.choice
        given: Any = {
            "email": lambda: f"{pick(WORDS)}@example.com",
            "plan": lambda: pick(WORDS),
            "age": lambda: pick(NUMBERS),
            "version": lambda: pick(VERSIONS),
            "list": lambda: [
                pick((pick(WORDS), pick(NUMBERS), None, True, {"name": "a"}))
                for _ in range(self.chance.randint(0, 4))
            ],
            "user": lambda: {"name": pick(WORDS), "tags": [pick(WORDS)]},
        }[key]()
        return given if self.chance.random() < 0.9 else pick((pick(NUMBERS), pick(WORDS), True, [], {"x": 1}))

    @staticmethod
    def ascii(rule: Any) -> Any:
        """A shared rule is put in by a regular expression on escaped text there, which letters beyond ASCII break."""
        return json.loads(json.dumps(rule).replace("\\", ""))


@contextlib.contextmanager
def official(file: Path) -> Iterator[OpenFeatureClient]:
    """Open a file with the official provider, as a service does that has no flagd beside it."""
    provider = FlagdProvider(
        resolver_type=ResolverType.FILE, offline_flag_source_path=str(file), deadline_ms=50
    )
    api.set_provider_and_wait(provider)
    try:
        yield api.get_client()
    finally:
        api.shutdown()


def answered(client: OpenFeatureClient, case: Case) -> dict[str, Any]:
    """Ask the official provider: value, variant, reason and error code."""
    rest = {key: value for key, value in case.context.items() if key != "targetingKey"}
    context = EvaluationContext(case.context.get("targetingKey"), rest)
    ask = getattr(client, f"get_{case.wanted}_details")
    found = ask(case.flag, FALLBACKS[case.wanted], context)
    code = found.error_code.value if found.error_code else None
    return {"value": found.value, "variant": found.variant, "reason": str(found.reason), "code": code}
