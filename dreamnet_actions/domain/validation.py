"""Whether the values of one env entry are as its rules say. Pure; names and forms, never a value.

``known`` are all names that there are, where the values at hand are only some of them (what did not change at a sink
that gives nothing back): such a name is there, was looked at when it was written, and is passed over wherever its value
would be needed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import urlsplit

from dreamnet_actions.domain.limited import TooSlow, fits
from dreamnet_actions.domain.secret import Versioned
from dreamnet_actions.domain.spec.models import EnvEntry
from dreamnet_actions.domain.spec.validation import Form, Rule
from dreamnet_actions.domain.units import counted
from dreamnet_actions.domain.valueforms import expiry, number_of, why_not
from dreamnet_actions.errors import RequestInvalid

SLOW = "slow-pattern"
"""The rule of a trouble that is no value's: its pattern is at fault, in the configuration."""
Level = Literal["error", "warning"]
NUMERIC: Collection[Form] = ("integer", "number", "port")
"""Forms whose values are numbers, with a least and a most."""
DATED: Collection[Form] = ("certificate", "jwt")
"""Forms that expire."""


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """One thing that is wrong with one name: ``rule`` is the lint, or the key of the rule (``type``, ``min``, …).

    ``text`` is a whole sentence. ``file``, ``line`` and ``column`` (from 1) are where to mend it, where that is known.
    """

    name: str
    rule: str
    level: Level
    text: str
    file: str = ""
    line: int = 0
    column: int = 0

    def at(self, file: str, line: int, column: int) -> Trouble:
        """Answer the same trouble at a place."""
        return replace(self, file=file, line=line, column=column)

    def __str__(self) -> str:
        where = f" ({self.file}:{self.line})" if self.file else ""
        return f"{self.text.removesuffix('.')}{where}." if where else self.text

    def to_json(self) -> dict[str, object]:
        """Write it as plain data."""
        return {key: value for key, value in vars(self).items() if value}


def troubles(
    entry: EnvEntry, values: Mapping[str, Versioned], known: Collection[str], now: float
) -> list[Trouble]:
    """Answer everything that breaks a rule, in the order of names. ``now`` is in seconds since 1970."""
    check = _Check(entry, values, frozenset({*values, *known}), now)
    found = [
        *check.required(),
        *check.unknown(),
        *check.groups(),
        *(one for name in sorted(values) for one in check.value(name)),
        *check.without_value(),
    ]
    return sorted(found, key=lambda one: one.name)


class _Check:
    """One entry's values at one moment."""

    def __init__(
        self, entry: EnvEntry, values: Mapping[str, Versioned], names: frozenset[str], now: float
    ) -> None:
        self._entry, self._values, self._names, self._now = entry, values, names, now
        self._texts = {name: one.value.reveal() for name, one in values.items()}
        self._required = {*entry.require, *(name for name, rule in entry.rules.items() if rule.required)}

    # ── names ────────────────────────────────────────────────────────────────────────────────────────────

    def required(self) -> Iterator[Trouble]:
        for name in self._required:
            if not self._is_there(name):
                yield _error(name, "required", f"is required and {self._how_absent(name)}")

    def unknown(self) -> Iterator[Trouble]:
        entry = self._entry
        if entry.strict:
            named = {*entry.keys, *entry.templates, *entry.rules, *entry.require}
            named |= {name for group in entry.one_of for name in group}
            for name in self._names - named:
                yield _error(name, "strict", "stands in no rule, and 'strict' takes only names that do")

    def groups(self) -> Iterator[Trouble]:
        for group in self._entry.one_of:
            there = [name for name in group if self._is_there(name)]
            if len(there) != 1:
                has = f"{' and '.join(there)} are" if there else "none is"
                yield _error(
                    group[0], "one-of", f"one of {', '.join(group)} must be there; {has}", whole=True
                )

    def without_value(self) -> Iterator[Trouble]:
        """A rule for a name that is not there is most likely a slip of the pen, unless something allows for that."""
        free = {name for group in self._entry.one_of for name in group}
        free |= {name for name, rule in self._entry.rules.items() if rule.optional}
        for name in self._entry.rules.keys() - self._names - self._required - free:
            yield _error(name, "rules", "has a rule and no value")  # 'optional' allows it

    def _is_there(self, name: str) -> bool:
        return name in self._names and self._texts.get(name, "unread") != ""

    def _how_absent(self, name: str) -> str:
        return "empty" if name in self._names else "missing"

    # ── one value ────────────────────────────────────────────────────────────────────────────────────────

    def value(self, name: str) -> Iterator[Trouble]:
        text = self._texts[name]
        rule = self._entry.rules.get(name, _ANY)
        if "\0" in text and self._entry.nul == "refuse":
            yield _error(name, "nul", "holds a NUL character, which no environment can carry")
            return
        if not text and name in self._required:
            return  # told already
        yield from self._form(name, text, rule)
        yield from self._limits(name, text, rule)
        if text:
            yield from self._others(name, text, rule)

    def _form(self, name: str, text: str, rule: Rule) -> Iterator[Trouble]:
        why = why_not(rule.type_, text)
        if why:
            more = f": {why}" if why.strip() else ""
            yield _error(name, "type", f"is no {rule.type_} ({len(text)} characters long){more}")
            return
        if rule.type_ in NUMERIC:
            yield from _range(name, number_of(rule.type_, text), rule)
        if rule.type_ in DATED and (why := expiry(rule.type_, text, self._now, rule.expires_after or 0.0)):
            yield _error(name, "expires-after", f"is a {rule.type_} that {why}")
        if rule.schemes and urlsplit(text).scheme not in rule.schemes:
            yield _error(name, "schemes", f"is a URL of another scheme than {', '.join(rule.schemes)}")

    def _limits(self, name: str, text: str, rule: Rule) -> Iterator[Trouble]:
        if rule.min_length is not None and len(text) < rule.min_length:
            yield _error(
                name, "min-length", f"is {counted(len(text), 'character')} long, fewer than {rule.min_length}"
            )
        if rule.max_length is not None and len(text) > rule.max_length:
            yield _error(
                name, "max-length", f"is {counted(len(text), 'character')} long, more than {rule.max_length}"
            )
        if rule.pattern is not None:
            yield from self._pattern(name, text, rule.pattern)
        if rule.allowed and text not in rule.allowed:
            yield _error(
                name, "allowed", f"is none of {', '.join(rule.allowed)} ({len(text)} characters long)"
            )

    def _pattern(self, name: str, text: str, pattern: str) -> Iterator[Trouble]:
        try:
            if not fits(pattern, text):
                yield _error(name, "pattern", f"does not match its pattern ({len(text)} characters long)")
        except TooSlow as error:
            yield Trouble(name=name, rule=SLOW, level="error", text=f"The pattern of {name} {error}.")

    def _others(self, name: str, text: str, rule: Rule) -> Iterator[Trouble]:
        for other in rule.requires:
            if not self._is_there(other):
                yield _error(name, "requires", f"needs {other}, which is {self._how_absent(other)}")
        tests: tuple[tuple[str, str | None, Callable[[str], bool], str], ...] = (
            ("equal", rule.equal, lambda theirs: theirs == text, "is not equal to"),
            ("different", rule.different, lambda theirs: theirs != text, "is the same as"),
        )
        for key, twin, holds, told in tests:
            if twin is None or (twin in self._names and twin not in self._texts):
                continue
            if twin not in self._texts:
                if key == "equal":
                    yield _error(name, key, f"is to be equal to {twin}, which is missing")
            elif not holds(self._texts[twin]):
                yield _error(name, key, f"{told} {twin}")


_ANY = Rule()


def _range(name: str, number: float, rule: Rule) -> Iterator[Trouble]:
    if rule.min is not None and number < rule.min:
        yield _error(name, "min", f"is less than {rule.min:g}")
    if rule.max is not None and number > rule.max:
        yield _error(name, "max", f"is more than {rule.max:g}")


def _error(name: str, rule: str, told: str, *, whole: bool = False) -> Trouble:
    text = f"{told[:1].upper()}{told[1:]}." if whole else f"{name} {told}."
    return Trouble(name=name, rule=rule, level="error", text=text)


class ValuesInvalid(RequestInvalid):
    """Values that were to be written are not as the configuration asks: every mistake, by name, never a value."""

    code = "env.invalid"

    def __init__(
        self, mistakes: Sequence[str], *, findings: Sequence[Mapping[str, object]] = (), hint: str = ""
    ) -> None:
        super().__init__(mistakes, hint=hint)
        self.findings = tuple(findings)
        if len(self.mistakes) > 1:
            listed = "\n".join(self.mistakes)
            self.message = f"{len(self.mistakes)} mistakes in the values:\n{listed}"
            self.args = (self.message,)
