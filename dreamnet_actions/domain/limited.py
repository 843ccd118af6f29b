"""Regular expressions that a configuration gives, on texts of others: each gets a little time and no more. Pure.

A pattern that can match in many ways (``(a|aa)+b``) tries them all where none fits: on sixty letters it outlives any
job. Python's own engine cannot be stopped, so that of the package ``regex`` is used, which has its grammar and is
harder to slow down. Time is the processor's: a busy machine makes no pattern slow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

LIMIT = 0.5
"""Seconds of processor time for one text."""
R = TypeVar("R")


class TooSlow(Exception):
    """A pattern that was stopped. Its text completes a sentence that begins with whose pattern it is."""

    def __init__(self, pattern: str, length: int) -> None:
        super().__init__(
            f"takes more than {LIMIT:g} s on a text of {length} characters: {pattern!r}. Write it so "
            "that a text matches in one way: 'a+', not '(a|aa)+'"
        )


def found_in(pattern: str, text: str) -> bool:
    """Say whether a pattern matches anywhere in a text. Raises TooSlow."""
    return _within(pattern, text, lambda engine: engine.search(pattern, text, timeout=LIMIT)) is not None


def fits(pattern: str, text: str) -> bool:
    """Say whether a pattern matches a text as a whole. Raises TooSlow."""
    return _within(pattern, text, lambda engine: engine.fullmatch(pattern, text, timeout=LIMIT)) is not None


def replaced(pattern: str, to: str, text: str) -> str:
    """Answer a text with ``to`` wherever a pattern matches. Raises TooSlow."""
    return str(_within(pattern, text, lambda engine: engine.sub(pattern, to, text, timeout=LIMIT)))


def why_no_pattern(pattern: str) -> str:
    """Answer why it is no regular expression, with the column in it where that is known; nothing where it is one."""
    import re

    import regex  # late, as below: only who has a pattern needs it

    try:
        re.compile(pattern)
        regex.compile(pattern)
    except (re.error, regex.error, OverflowError, RecursionError) as error:
        return str(error)
    return ""


def why_no_replacement(pattern: str, to: str) -> str:
    """Answer why ``to`` cannot stand for what a pattern finds (it names a group that is not there); else nothing."""
    import regex

    try:
        regex.sub(
            f"(?:{pattern})|", to, "", timeout=LIMIT
        )  # the empty way always fits, so 'to' is written out
    except (regex.error, IndexError) as error:
        return str(error)
    return ""


def _within(pattern: str, text: str, ask: Callable[[Any], R]) -> R:
    import regex

    try:
        return ask(regex)
    except TimeoutError:
        raise TooSlow(pattern, len(text)) from None
