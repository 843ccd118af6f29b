"""The YAML parser's complaints in plain words, pointed at the line that a person has to change.

libyaml reports where it noticed; the cause is often where the construct began (an open quote, an open bracket), which
it knows as the context. The messages are libyaml's (``scanner.c``, ``parser.c``); PyYAML's own parser has most of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dreamnet_actions.config.tree import Place
from dreamnet_actions.domain.spec.values import shown


@dataclass(frozen=True, slots=True)
class Complaint:
    """One row of the table: what the parser says, where to point (``begin`` or ``noticed``), what to say."""

    problem: str
    context: str
    at: str
    words: str


_TAB = "A tab cannot indent: use spaces."
_TABLE = (
    Complaint("unexpected end of stream", "quoted", "begin", "This quote is never closed."),
    Complaint("unexpected document indicator", "quoted", "begin", "This quote is never closed."),
    Complaint(
        r"expected ',' or '\]'", "", "bracket", "The list opened with '[' is not closed: write ',' or ']'."
    ),
    Complaint(
        r"expected ',' or '\}'", "", "bracket", "The mapping opened with '{' is not closed: write ',' or '}'."
    ),
    Complaint("could not find expected ':'", "", "begin", "A key without ':' after it."),
    Complaint(
        "mapping values are not allowed", "", "noticed", "A ':' inside a value: put the value in quotes."
    ),
    Complaint(
        "block sequence entries are not allowed", "", "noticed", "A '-' cannot stand here: begin a new line."
    ),
    Complaint("mapping keys are not allowed", "", "noticed", "A '?' cannot stand here."),
    Complaint("cannot start any token", "", "character", ""),
    Complaint(
        "unknown escape character",
        "",
        "noticed",
        r"Unknown escape after '\': double it, or use single quotes.",
    ),
    Complaint(
        "hexdecimal number", "", "noticed", r"An escape such as '\x' or '\u' needs its hexadecimal digits."
    ),
    Complaint("invalid Unicode character escape", "", "noticed", "This escape names no character."),
    Complaint(
        "alphabetic or numeric character", "", "begin", "A '*' or '&' at a value's start: put it in quotes."
    ),
    Complaint(
        "expected key", "", "indent", "This line is indented unlike its neighbours, or is no 'key: value'."
    ),
    Complaint(
        "expected '-' indicator", "", "noticed", "This line is indented like a list's item but has no '- '."
    ),
    Complaint("expected node content", "", "noticed", "A value is missing here, or a ',' is too many."),
    Complaint("expected <document start>", "", "noticed", "This stands after the end of what came before."),
    Complaint(
        "indentation indicator|comment or line break",
        "scalar",
        "noticed",
        "After '|' or '>' begin a new line.",
    ),
    Complaint(
        "undefined tag handle|tag|URI", "", "noticed", "Tags ('!…') are not taken: write the value plainly."
    ),
    Complaint("directive|version", "", "noticed", "Directives ('%…') are not taken: remove this line."),
)


def explain(error: Any, lines: Sequence[str]) -> tuple[Place, str]:
    """Turn PyYAML's ``MarkedYAMLError`` into a place and a sentence. ``lines`` are the file's."""
    problem, context = str(error.problem or ""), str(error.context or "")
    noticed = _place(error.problem_mark or error.context_mark, lines)
    begin = _place(error.context_mark or error.problem_mark, lines)
    indent = re.match(r"[ \t]*", lines[noticed.line - 1])
    if indent and "\t" in indent[0]:
        # Whatever the parser made of it, a tab in the indentation is what a person has to see.
        return Place(noticed.line, indent[0].index("\t") + 1), _TAB
    for row in _TABLE:
        if re.search(row.problem, problem) and row.context in context:
            return _point(row, noticed, begin, lines)
    return noticed, f"This is no YAML: {problem or 'the parser gave up'}."


def _point(row: Complaint, noticed: Place, begin: Place, lines: Sequence[str]) -> tuple[Place, str]:
    """Choose the place and the words of a row of the table."""
    match row.at:
        case "begin":
            return begin, row.words
        case "bracket":
            # On one line the fault is where it was noticed; over several, the bracket was left open.
            return (noticed if noticed.line == begin.line else begin), row.words
        case "character":
            return noticed, _forbidden_start(lines[noticed.line - 1][noticed.column - 1 : noticed.column])
        case "indent" if lines[noticed.line - 1][: noticed.column - 1].strip():
            return noticed, "Nothing may stand here: the value before it ended with its quote or bracket."
    return noticed, row.words


def _place(mark: Any, lines: Sequence[str]) -> Place:
    """Answer a mark's place; one beyond the last line that says something is moved to that line's end."""
    last = next((number for number in range(len(lines), 0, -1) if lines[number - 1].strip()), 1)
    if mark is None or mark.line + 1 > last:
        return Place(last, len(lines[last - 1]) + 1)
    return Place(mark.line + 1, mark.column + 1)


def _forbidden_start(character: str) -> str:
    if character == "\t":
        return "A tab cannot stand here: use spaces."
    return f"A value cannot begin with {shown(character)}: put it in quotes."
