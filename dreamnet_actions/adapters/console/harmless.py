"""Text that cannot harm where it is shown: no secret, no terminal control, no command to a workflow's runner."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dreamnet_actions.domain.plain import no_command
from dreamnet_actions.domain.secret import MASK, SecretValue


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
    return no_command(line)


def _escape(one: str) -> str:
    return one.encode("unicode_escape", "surrogatepass").decode("ascii")


def lines_of(text: str) -> list[str]:
    """Split at line ends that a terminal or runner knows, and make each line harmless."""
    return [harmless(line) for line in re.split(r"\r\n|\n|\r", text)]
