"""Filters of lists, as far as names, labels, states and times go; whatever else is INVALID_ARGUMENT.

The grammar is that of https://google.aip.dev/160, which https://cloud.google.com/secret-manager/docs/filtering uses
(``OR`` binds tighter than ``AND``); regular expressions are not among it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dreamnet_actions.testing.google.secretmanager.refusals import Refusal, invalid

_TOKEN = re.compile(
    r'\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\')|(?P<mark><=|>=|!=|[=<>:()])|(?P<word>[^\s=<>!:()"\']+'
    r"(?::\d\d[^\s=<>!()\"']*)?))"
)
_TIMES = ("create_time", "expire_time")


@dataclass(frozen=True, kw_only=True)
class Row:
    """What a filter sees of a secret or version: its id, labels, state (versions only) and times (seconds)."""

    id: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    state: str | None = None
    times: Mapping[str, float | None] = field(default_factory=dict)


Test = Callable[[Row], bool]


def matching(filter_: str, *, versions: bool) -> Test:
    """Answer the test that a filter is; raises Refusal. ``versions``: it is about versions, not secrets."""
    if not filter_.strip():
        return lambda _: True
    reader = _Reader(filter_, versions)
    found = reader.both()
    if reader.next() is not None:
        raise _wrong(filter_)
    return found


def _wrong(filter_: str) -> Refusal:
    return invalid(f"Invalid list filter: {filter_}")


class _Reader:
    def __init__(self, text: str, versions: bool) -> None:
        self._text, self._versions = text, versions
        self._tokens: list[str] = []
        place, whole = 0, len(text.rstrip())
        while place < whole:
            found = _TOKEN.match(text, place)
            if found is None:
                raise _wrong(text)
            self._tokens.append(found[0].strip())
            place = found.end()

    def next(self) -> str | None:
        return self._tokens[0] if self._tokens else None

    def both(self) -> Test:
        """Terms joined by AND, or by nothing at all."""
        tests = [self._either()]
        while self.next() not in (None, ")"):
            if self.next() == "AND":
                self._take()
            tests.append(self._either())
        return lambda row: all(test(row) for test in tests)

    def _either(self) -> Test:
        tests = [self._one()]
        while self.next() == "OR":
            self._take()
            tests.append(self._one())
        return lambda row: any(test(row) for test in tests)

    def _one(self) -> Test:
        if self.next() == "NOT":
            self._take()
            test = self._one()
            return lambda row: not test(row)
        if self.next() == "(":
            self._take()
            test = self.both()
            if self._take() != ")":
                raise _wrong(self._text)
            return test
        return self._comparison()

    def _comparison(self) -> Test:
        key, operator, value = self._take(), self._take(), self._take()
        if value[:1] in "\"'":
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        elif value in ("(", ")", "AND", "OR", "NOT"):
            raise _wrong(self._text)
        if key in _TIMES and not (key == "expire_time" and self._versions):
            return self._time(key, operator, value)
        if operator not in (":", "=", "!=") or ("*" in value and (operator, value) != (":", "*")):
            raise _wrong(self._text)
        if key == "name":
            return _text(lambda row: row.id, operator, value, lambda row: row.name)
        if key == "state" and self._versions:
            return _text(lambda row: row.state, operator, value.upper())
        if key.startswith("labels.") and not self._versions:
            return _text(lambda row: row.labels.get(key[len("labels.") :]), operator, value)
        if (key, operator) == ("labels", ":") and not self._versions:
            return lambda row: value in row.labels or (value == "*" and bool(row.labels))
        raise _wrong(self._text)

    def _time(self, key: str, operator: str, value: str) -> Test:
        if (operator, value) == (":", "*"):
            return lambda row: row.times.get(key) is not None
        try:
            wanted = dt.datetime.fromisoformat(value)
        except ValueError:
            raise _wrong(self._text) from None
        bound = (wanted if wanted.tzinfo else wanted.replace(tzinfo=dt.UTC)).timestamp()
        compare = _COMPARE.get(operator)
        if compare is None:
            raise _wrong(self._text)

        def test(row: Row) -> bool:
            has = row.times.get(key)
            return has is not None and compare(has, bound)

        return test

    def _take(self) -> str:
        if not self._tokens:
            raise _wrong(self._text)
        return self._tokens.pop(0)


_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def _text(
    of: Callable[[Row], str | None],
    operator: str,
    value: str,
    whole: Callable[[Row], str | None] = lambda _: None,
) -> Test:
    """A text: ``:`` is "holds", ``:*`` "is there", ``=`` the whole of it (of a name: the id or the whole name)."""
    if operator == ":":
        return lambda row: (has := of(row)) is not None and (value == "*" or value in has)
    if operator == "=":
        return lambda row: value in (of(row), whole(row))
    return lambda row: value not in (of(row), whole(row))
