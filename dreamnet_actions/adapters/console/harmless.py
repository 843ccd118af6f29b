"""Text that cannot harm where it is shown: no secret, no terminal control, no command to a workflow's runner."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dreamnet_actions.domain.secret import MASK, SecretValue

_WEIGHTLESS = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
"""Characters that print but count for nothing where text is compared by culture, as the runner searches its marks."""
_COMMAND = re.compile(rf"^([\s{_WEIGHTLESS}]*):(?=[{_WEIGHTLESS}]*:)")
"""The runner takes a line that begins with ``::``, after any blanks, for a command to itself."""
_OLD_COMMAND = re.compile(rf"#(?=[{_WEIGHTLESS}]*#[{_WEIGHTLESS}]*\[)")
"""The older form of such a command counts anywhere in a line."""


class Masks:
    """The secrets seen so far. Not safe for several threads by itself."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, value: SecretValue) -> Iterable[str]:
        """From now on hide every form of ``value``; answers the forms that are new."""
        new = value.forms() - self._forms
        if new:
            self._forms |= new
            # Longest first: a form that holds another one is hidden whole.
            longest = sorted(self._forms, key=lambda form: (-len(form), form))
            self._pattern = re.compile("|".join(map(re.escape, longest)))
        return sorted(new)

    def hide(self, text: str) -> str:
        """Answer ``text`` with ``***`` for each secret."""
        return self._pattern.sub(MASK, text) if self._pattern else text


def harmless(line: str) -> str:
    """Answer one line in which nothing controls a terminal or a runner; what does not print is shown as its escape."""
    if not line.isprintable():
        line = "".join(
            one if one.isprintable() else " " if one == "\t" else _escape(one) for one in line.rstrip("\r\n")
        )
    return _OLD_COMMAND.sub("# ", _COMMAND.sub(r"\1: ", line))


def _escape(one: str) -> str:
    return one.encode("unicode_escape", "surrogatepass").decode("ascii")


def lines_of(text: str) -> list[str]:
    """Split at line ends that a terminal or runner knows, and make each line harmless."""
    return [harmless(line) for line in re.split(r"\r\n|\n|\r", text)]
