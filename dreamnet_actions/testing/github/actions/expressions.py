"""A small evaluator of GitHub's expressions: for ``run-name``, ``concurrency``, job names and inputs.

What stands in jobs and steps act evaluates; this one serves what act leaves out, and knows the contexts that
GitHub allows there: github, inputs, vars (and matrix for a job's name). Source:
https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dreamnet_actions.testing.github.actions.lexer import ExpressionMistake, Token, spans, tokens

DEEPEST = 50
"""Levels within each other; GitHub's own limit."""


def interpolate(text: str, contexts: Mapping[str, Any]) -> Any:
    """Answer ``text`` with every ``${{ … }}`` in it evaluated; a text that is one expression keeps its value's
    type.

    Raises ExpressionMistake.
    """
    parts: list[str] = []
    position = 0
    for span in spans(text):
        value = evaluate(span.expression, contexts)
        if span.begin == 0 and span.end == len(text):
            return value
        parts += [text[position : span.begin], spell(value)]
        position = span.end
    return "".join([*parts, text[position:]])


def evaluate(expression: str, contexts: Mapping[str, Any]) -> Any:
    """Answer the value of one expression; raises ExpressionMistake."""
    return _Reader(expression, contexts).value()


def spell(value: Any) -> str:
    """Write a value as an expression's text does."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _spell_number(value)
    if isinstance(value, Mapping):
        return "Object"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "Array"
    return str(value)


def truthy(value: Any) -> bool:
    """Say whether a value counts as true: all but false, 0, '' and null (NaN is none either)."""
    return not (value is None or value is False or value == "" or (_is_number(value) and not _nonzero(value)))


def _spell_number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _nonzero(value: float) -> bool:
    return value != 0 and not math.isnan(value)


def _number(value: Any) -> float:
    if value is None:
        return 0.0
    if isinstance(value, (bool, int, float)):
        return float(value)
    if isinstance(value, str):
        text = value.strip()
        try:
            return 0.0 if not text else float(int(text, 0) if text[:2].lower() in {"0x", "0o"} else text)
        except ValueError:
            return math.nan
    return math.nan


def _kind(value: Any) -> str:
    if value is None or isinstance(value, (bool, str)):
        return type(value).__name__
    return "number" if _is_number(value) else "whole"


def equal(left: Any, right: Any) -> bool:
    """Compare as GitHub does: texts without case, different kinds as numbers, lists and objects by identity."""
    if _kind(left) == _kind(right):
        if isinstance(left, str):
            return left.upper() == str(right).upper()
        return left is right if _kind(left) == "whole" else bool(left == right)
    return _number(left) == _number(right)


def _less(left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left.upper() < right.upper()
    return _number(left) < _number(right)


class _Filtered(list[Any]):
    """What ``.*`` answers: a property of it is that of each of its items."""


def _property(value: Any, key: Any) -> Any:
    if isinstance(value, _Filtered):
        found = (_property(one, key) for one in value)
        return _Filtered(one for one in found if one is not None)
    if isinstance(value, Mapping):
        wanted = spell(key).lower()
        return next((one for name, one in value.items() if str(name).lower() == wanted), None)
    if isinstance(value, list) and _is_number(_index := _number(key)) and not math.isnan(_index):
        return value[int(_index)] if 0 <= _index < len(value) else None
    return None


def _every(value: Any) -> _Filtered:
    if isinstance(value, Mapping):
        return _Filtered(value.values())
    return _Filtered(value if isinstance(value, list) else ())


class _Reader:
    """Reads one expression by descent and computes while it reads."""

    def __init__(self, expression: str, contexts: Mapping[str, Any]) -> None:
        self._text = expression.strip()
        self._tokens = tokens(expression)
        self._contexts = contexts
        self._next = 0
        self._depth = 0

    def value(self) -> Any:
        if not self._tokens:
            raise ExpressionMistake("An expression was expected")
        value = self._or()
        if self._next < len(self._tokens):
            self._unexpected()
        return value

    def _unexpected(self) -> Any:
        token = self._peek()
        if token is None:
            raise ExpressionMistake(f"Unexpected end of expression: {self._text}")
        raise ExpressionMistake(
            f"Unexpected symbol: {token.text!r}. Located at position {token.begin + 1} within expression: {self._text}"
        )

    def _peek(self) -> Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _take(self, *marks: str) -> str | None:
        token = self._peek()
        if token is not None and token.kind == "mark" and token.text in marks:
            self._next += 1
            return token.text
        return None

    def _want(self, mark: str) -> None:
        if self._take(mark) is None:
            self._unexpected()

    def _or(self) -> Any:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ExpressionMistake(f"Exceeded max expression depth {DEEPEST}")
        value = self._and()
        while self._take("||"):
            right = self._and()
            value = value if truthy(value) else right
        self._depth -= 1
        return value

    def _and(self) -> Any:
        value = self._comparison()
        while self._take("&&"):
            right = self._comparison()
            value = right if truthy(value) else value
        return value

    def _comparison(self) -> Any:
        value = self._unary()
        while mark := self._take("==", "!=", "<", "<=", ">", ">="):
            right = self._unary()
            value = _COMPARE[mark](value, right)
        return value

    def _unary(self) -> Any:
        if self._take("!"):
            return not truthy(self._unary())
        return self._postfix(self._primary())

    def _postfix(self, value: Any) -> Any:
        while mark := self._take(".", "["):
            if mark == "[":
                value = _every(value) if self._take("*") else _property(value, self._or())
                self._want("]")
            elif self._take("*"):
                value = _every(value)
            else:
                token = self._peek()
                if token is None or token.kind != "name":
                    self._unexpected()
                else:
                    self._next += 1
                    value = _property(value, token.text)
        return value

    def _primary(self) -> Any:
        if self._take("("):
            value = self._or()
            self._want(")")
            return value
        token = self._peek()
        if token is None or token.kind == "mark":
            return self._unexpected()
        self._next += 1
        if token.kind == "string":
            return token.text[1:-1].replace("''", "'")
        if token.kind == "number":
            return _number(token.text)
        return self._named(token)

    def _named(self, token: Token) -> Any:
        if token.text in _WORDS:
            return _WORDS[token.text]
        if self._take("("):
            return self._call(token)
        for name, value in self._contexts.items():
            if name.lower() == token.text.lower():
                return value
        raise ExpressionMistake(
            f"Unrecognized named-value: '{token.text}'. Located at position {token.begin + 1} within expression: "
            f"{self._text}"
        )

    def _call(self, token: Token) -> Any:
        function = _FUNCTIONS.get(token.text.lower())
        if function is None:
            raise ExpressionMistake(
                f"Unrecognized function: '{token.text}'. Located at position {token.begin + 1} within expression: "
                f"{self._text}"
            )
        arguments: list[Any] = []
        if not self._take(")"):
            arguments.append(self._or())
            while self._take(","):
                arguments.append(self._or())
            self._want(")")
        try:
            return function(*arguments)
        except (TypeError, ValueError, IndexError) as error:
            raise ExpressionMistake(f"{token.text}: {error} in expression: {self._text}") from error


_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": equal,
    "!=": lambda left, right: not equal(left, right),
    "<": _less,
    ">": lambda left, right: _less(right, left),
    "<=": lambda left, right: _less(left, right) or equal(left, right),
    ">=": lambda left, right: _less(right, left) or equal(left, right),
}


def _contains(where: Any, what: Any) -> bool:
    if isinstance(where, list):
        return any(equal(one, what) for one in where)
    return spell(what).lower() in spell(where).lower()


def _format(pattern: Any, *values: Any) -> str:
    text, out, position = spell(pattern), [], 0
    while position < len(text):
        if text.startswith(("{{", "}}"), position):
            out.append(text[position])
            position += 2
        elif text[position] == "{":
            end = text.index("}", position)
            out.append(spell(values[int(text[position + 1 : end])]))
            position = end + 1
        else:
            out.append(text[position])
            position += 1
    return "".join(out)


def _join(values: Any, separator: Any = ",") -> str:
    return spell(separator).join(map(spell, values)) if isinstance(values, list) else spell(values)


def _case(*pairs: Any) -> Any:
    for condition, value in zip(pairs[:-1:2], pairs[1::2], strict=False):
        if truthy(condition):
            return value
    return pairs[-1]


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "contains": _contains,
    "startswith": lambda text, start: spell(text).lower().startswith(spell(start).lower()),
    "endswith": lambda text, end: spell(text).lower().endswith(spell(end).lower()),
    "format": _format,
    "join": _join,
    "tojson": lambda value: json.dumps(value, indent=2, ensure_ascii=False),
    "fromjson": lambda text: json.loads(spell(text)),
    "case": _case,
}
