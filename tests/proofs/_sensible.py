"""Random flags as people write them: what flagd's documentation describes, on values of the kinds that it is for.

Beyond that (a number added to a list, a version compared as a text) each implementation answers what its library of
JsonLogic happens to, and no two are alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dreamnet_actions.domain.flag import FlagType
from tests.proofs._flags import VALUES, Case, Maker

PLANS = ("free", "team", "enterprise", "Grüße")
MAILS = ("ada@shop.example", "bob@example.com", "Zoë@example.com")
RELEASES = ("1.0.0", "1.2.3", "2.0.0", "1.2.3-beta.2", "1.2.3-beta.11", "0.9.0", "10.0.1")
SIGNS = ("=", "!=", "<", "<=", ">", ">=", "^", "~")


class Sensible(Maker):
    """Makes files whose rules hold what they can hold, and callers that are known by it."""

    def file(self, size: int) -> dict[str, Any]:
        shared = {f"shared-{number}": self.condition(2) for number in range(3)}
        return {"flags": {f"flag-{number}": self.flag() for number in range(size)}, "$evaluators": shared}

    def flag(self) -> dict[str, Any]:
        pick = self.chance.choice
        kind: FlagType = pick(("boolean", "string", "integer", "float", "object"))
        names = self.chance.sample(("on", "off", "red", "green", "blue", "1"), self.chance.randint(2, 5))
        flag: dict[str, Any] = {
            "state": "DISABLED" if self.chance.random() < 0.05 else "ENABLED",
            "variants": {name: pick(VALUES[kind]) for name in names},
        }
        if self.chance.random() < 0.9:
            flag["defaultVariant"] = pick(names)
        if self.chance.random() < 0.9:
            flag["targeting"] = self.targeting(self.chance.randint(1, 3), tuple(names))
        return flag

    def case(self, name: str, flag: Mapping[str, Any]) -> Case:
        kind = super().case(name, flag).wanted
        value = next(iter(flag["variants"].values()))
        own = next(one for one, some in VALUES.items() if value in some and type(value) is type(some[0]))
        context: dict[str, Any] = {
            "email": self.chance.choice(MAILS),
            "plan": self.chance.choice(PLANS),
            "age": self.chance.randint(0, 90),
            "version": self.chance.choice(RELEASES),
            "roles": self.chance.sample(("admin", "buyer", "guest"), self.chance.randint(0, 3)),
            "user": {"name": self.chance.choice(PLANS), "paid": self.chance.random() < 0.5},
        }
        for key in list(context):
            if self.chance.random() < 0.1:
                del context[key]
        if self.chance.random() < 0.9:
            context["targetingKey"] = f"user-{self.chance.randrange(10**6)}"
        # A whole number asked for as a fraction is one to each, and the other way round is not.
        return Case(name, own if {kind, own} & {"integer", "float"} else kind, context)

    def targeting(self, depth: int, names: tuple[str, ...]) -> Any:
        """A rule that answers a variant, or null for the default one."""
        if depth <= 0 or self.chance.random() < 0.3:
            return {"fractional": self.split(names)}
        rule: list[Any] = []
        for _ in range(self.chance.randint(1, 2)):
            rule += [self.condition(2), self.answer(depth - 1, names)]
        return {"if": [*rule, self.answer(depth - 1, names)] if self.chance.random() < 0.7 else rule}

    def answer(self, depth: int, names: tuple[str, ...]) -> Any:
        """What stands behind a condition."""
        if depth > 0 and self.chance.random() < 0.4:
            return self.targeting(depth, names)
        return self.chance.choice((*names, None))

    def split(self, names: tuple[str, ...]) -> list[Any]:
        """A split by ``targetingKey``, or by something else that is a text."""
        by = self.chance.choice(
            (None, {"var": "targetingKey"}, {"cat": [{"var": "$flagd.flagKey"}, {"var": ["email", ""]}]})
        )
        some = self.chance.sample(names, self.chance.randint(1, len(names)))
        weights = [[one, self.chance.choice((1, 5, 10, 25, 50, 1000))] for one in some]
        return [*([by] if by else []), *weights]

    def condition(self, depth: int) -> Any:
        """What is true or false of a caller."""
        pick = self.chance.choice
        if depth > 0 and self.chance.random() < 0.35:
            inner = [self.condition(depth - 1) for _ in range(self.chance.randint(2, 3))]
            return pick(({"and": inner}, {"or": inner}, {"!": [inner[0]]}))
        return pick(
            (
                lambda: {pick(("==", "!=", "===", "!==")): [{"var": "plan"}, pick(PLANS)]},
                lambda: {pick(("<", "<=", ">", ">=")): [{"var": ["age", 30]}, self.chance.randint(0, 90)]},
                lambda: {"<": [10, {"var": ["age", 5]}, 60]},
                lambda: {
                    pick(("starts_with", "ends_with")): [{"var": "email"}, pick(("ada", "@example.com", "Z"))]
                },
                lambda: {"sem_ver": [{"var": "version"}, pick(SIGNS), pick(RELEASES)]},
                lambda: {"in": ["admin", {"var": ["roles", []]}]},
                lambda: {"in": [{"var": "plan"}, list(PLANS[:2])]},
                lambda: {"in": ["example", {"var": ["email", ""]}]},
                lambda: {"==": [{"%": [{"var": ["age", 4]}, 3]}, 1]},
                lambda: {"!!": [{"var": "user.paid"}]},
                lambda: {"==": [{"var": "user.name"}, pick(PLANS)]},
                lambda: {"if": [{"fractional": [["yes", 25], ["", 75]]}, True, False]},
                lambda: {">": [{"var": "$flagd.timestamp"}, pick((0, 4_000_000_000))]},
            )
        )()
