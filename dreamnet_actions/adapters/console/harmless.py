"""Text that cannot harm where it is shown: no secret, no terminal control, no command to a workflow's runner."""

from __future__ import annotations

import re
from bisect import insort
from collections.abc import Iterable

from dreamnet_actions.domain.plain import no_command
from dreamnet_actions.domain.secret import MASK, SHORTEST, SecretValue


class Masks:
    """The secrets seen so far. Not safe for several threads by itself.

    Forms are found by how they begin, not by one expression of all: hundreds of values have thousands of forms, and to
    compile them anew with each value took most of the time of a sync.
    """

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._by_start: dict[str, list[str]] = {}

    def add(self, value: SecretValue) -> Iterable[str]:
        """From now on hide every form of ``value``; answers the forms that are new."""
        new = value.forms() - self._forms
        self._forms |= new
        for form in new:
            # Longest first: a form that holds another one is hidden whole.
            insort(self._by_start.setdefault(form[:SHORTEST], []), form, key=lambda one: -len(one))
        return sorted(new)

    def hide(self, text: str) -> str:
        """Answer ``text`` with ``***`` for each secret."""
        if not self._forms:
            return text
        parts: list[str] = []
        shown = at = 0
        while at <= len(text) - SHORTEST:
            forms = self._by_start.get(text[at : at + SHORTEST], ())
            found = next((form for form in forms if text.startswith(form, at)), None)
            if found is None:
                at += 1
                continue
            parts += [text[shown:at], MASK]
            shown = at = at + len(found)
        return "".join(parts) + text[shown:]


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
