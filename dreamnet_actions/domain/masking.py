"""Secrets taken out of texts, in every form in which they could show up there. Pure."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable

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
