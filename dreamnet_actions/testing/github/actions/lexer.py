"""Where expressions stand in a text, and what they are made of.

Both the evaluator and the rewriter need this: one to compute a value, the other to put a job's own token in the
place of ``github.token``. Source:
https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

LONGEST = 21_000
"""Characters of one expression; GitHub refuses more than this."""

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<string>'(?:[^']|'')*')
    |(?P<number>[-+]?(?:0x[0-9a-fA-F]+|0o[0-7]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|Infinity\b)|NaN\b)
    |(?P<name>[A-Za-z_][A-Za-z0-9_-]*)
    |(?P<mark>&&|\|\||==|!=|<=|>=|[<>!()\[\].,*])""",
    re.VERBOSE,
)


class ExpressionMistake(ValueError):
    """An expression that GitHub would not accept; the text is made for people."""


class Token(NamedTuple):
    """One part of an expression: ``kind`` is string, number, name or mark; ``begin`` counts from the
    expression's start."""

    kind: str
    text: str
    begin: int


class Span(NamedTuple):
    """One ``${{ … }}`` of a text: ``begin`` and ``end`` of the whole, and the expression within."""

    begin: int
    end: int
    expression: str


def spans(text: str) -> Iterator[Span]:
    """Find every ``${{ … }}``; a ``}}`` within quotes ends none. Raises ExpressionMistake for one that is not
    closed."""
    position = 0
    while (begin := text.find("${{", position)) >= 0:
        end = _closing(text, begin + 3)
        if end < 0:
            raise ExpressionMistake(
                f"The expression is not closed. An unescaped ${{{{ sequence was found, but the closing }}}} "
                f"sequence was not found: {text[begin : begin + 80]!r}."
            )
        yield Span(begin, end + 2, text[begin + 3 : end])
        position = end + 2


def _closing(text: str, position: int) -> int:
    quoted = False
    while position < len(text):
        if text[position] == "'":
            quoted = not quoted
        elif not quoted and text.startswith("}}", position):
            return position
        position += 1
    return -1


def tokens(expression: str) -> list[Token]:
    """Cut an expression into its parts; raises ExpressionMistake at what is none."""
    if len(expression) > LONGEST:
        raise ExpressionMistake(
            f"Exceeded max expression length {LONGEST}: the expression has {len(expression)} characters."
        )
    found: list[Token] = []
    position = 0
    while position < len(expression):
        match = _TOKEN.match(expression, position)
        if match is None:
            raise ExpressionMistake(
                f"Unexpected symbol: {expression[position : position + 20]!r}. Located at position {position + 1} "
                f"within expression: {expression.strip()}"
            )
        if match.lastgroup != "space":
            found.append(Token(match.lastgroup or "", match.group(), position))
        position = match.end()
    return found
