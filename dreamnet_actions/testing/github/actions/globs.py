"""GitHub's filter patterns for branches, tags and paths.

Source:
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

_ANY, _SOME, _FOLDERS = ".*", "[^/]*", "(?:.*/)?"
_REPEATS = {"?", "+", _ANY, _SOME, _FOLDERS}


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    r"""Answer the regular expression of one pattern, without its leading ``!``.

    ``*`` is anything but a slash, ``**`` anything, ``?`` zero or one and ``+`` one or more of what precedes,
    ``[…]`` one of these, ``\\`` takes the next character as it is. ``**/`` at a folder's start also matches no
    folder at all.
    """
    out: list[str] = []
    position = 0
    while position < len(pattern):
        piece, length = _piece(pattern, position)
        # Repeating what repeats already would be refused by re; here it only means the same again.
        if piece not in {"?", "+"} or (out and out[-1] not in _REPEATS):
            out.append(piece)
        position += length
    try:
        return re.compile("".join(out), re.DOTALL)
    except re.error:  # such as a range that runs backwards: the pattern then means its own letters
        return re.compile(re.escape(pattern))


def _piece(pattern: str, position: int) -> tuple[str, int]:
    character = pattern[position]
    if character == "*":
        length = len(pattern) - position - len(pattern[position:].lstrip("*"))
        if length == 1:
            return _SOME, 1
        if pattern.startswith("/", position + length) and (position == 0 or pattern[position - 1] == "/"):
            return _FOLDERS, length + 1
        return _ANY, length
    if character in "?+":
        return character, 1
    if character == "[":
        end = pattern.find("]", position + 1)
        if end > position + 1 and re.fullmatch(r"[A-Za-z0-9_.\-]+", inner := pattern[position + 1 : end]):
            return f"[{inner.replace('.', re.escape('.'))}]", end + 1 - position
    if character == "\\" and position + 1 < len(pattern):
        return re.escape(pattern[position + 1]), 2
    return re.escape(character), 1


def matches(patterns: Sequence[str], name: str) -> bool:
    """Say whether ``name`` is in: the last pattern that matches decides, ``!`` in front takes it out again."""
    found = False
    for pattern in patterns:
        negative = pattern.startswith("!")
        if compiled(pattern[1:] if negative else pattern).fullmatch(name):
            found = not negative
    return found


def any_included(patterns: Sequence[str], names: Iterable[str]) -> bool:
    """Say whether a ``paths`` filter lets these files start a workflow: one that is in is enough."""
    return any(matches(patterns, name) for name in names)


def any_left(ignored: Sequence[str], names: Iterable[str]) -> bool:
    """Say whether a ``paths-ignore`` filter lets them: one that is not ignored is enough."""
    return any(not matches(ignored, name) for name in names)
