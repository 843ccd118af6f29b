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
        self._longest = 0

    def add(self, value: SecretValue) -> Iterable[str]:
        """From now on hide every form of ``value``; answers the forms that are new."""
        new = value.forms() - self._forms
        self._forms |= new
        self._longest = max(self._longest, max(map(len, new), default=0))
        for form in new:
            # Longest first: a form that holds another one is hidden whole.
            insort(self._by_start.setdefault(form[:SHORTEST], []), form, key=lambda one: -len(one))
        return sorted(new)

    def hide(self, text: str) -> str:
        """Answer ``text`` with ``***`` for each secret."""
        hidden, rest = self._hidden(text, len(text) - SHORTEST + 1)
        return hidden + rest

    def hide_begun(self, text: str) -> tuple[str, str]:
        """Of a text that goes on, answer what is certain with ``***`` for each secret, and the rest as it came: it may
        be the beginning of a secret, and is to be put before what comes next.

        A character of several bytes may be cut at the end, and be as many characters there (PEP 383).
        """
        return self._hidden(text, len(text) - self._longest - 3)

    def _hidden(self, text: str, end: int) -> tuple[str, str]:
        """Hide the secrets that begin before ``end``; answers what is up to there, or to the end of the last of them,
        and what is behind."""
        if not self._forms:
            return text, ""
        parts: list[str] = []
        shown = at = 0
        while at < end:
            forms = self._by_start.get(text[at : at + SHORTEST], ())
            found = next((form for form in forms if text.startswith(form, at)), None)
            if found is None:
                at += 1
                continue
            parts += [text[shown:at], MASK]
            shown = at = at + len(found)
        return "".join(parts) + text[shown:at], text[at:]
