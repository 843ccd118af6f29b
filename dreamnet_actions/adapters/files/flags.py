"""FlagFile: feature flags in a document of flagd's JSON format (the port ``FlagStore``).

::

    {"flags": {"new-home": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off"}}}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from dreamnet_actions.adapters.files.places import Path as Where
from dreamnet_actions.adapters.files.places import Places, parse
from dreamnet_actions.domain.flag import Flag, flags_of
from dreamnet_actions.domain.flagedit import Edit, Share, edited, share_of
from dreamnet_actions.domain.flagrules import mistakes
from dreamnet_actions.errors import Conflict, NotFound
from dreamnet_actions.errors.configuration import ConfigInvalid, Mistake
from dreamnet_actions.ports.flags import Changed, Document, Note

TRIES = 3
"""How often a change begins anew where somebody else changed the document meanwhile."""


class FlagFile:
    """The flags of one document. A change touches only the value that changes: order, layout and all else stay."""

    WRITES: ClassVar[frozenset[str]] = frozenset({"change"})

    def __init__(self, document: Document) -> None:
        self._document = document

    def read(self) -> Mapping[str, Flag]:
        content = self._content(self._document.read().text)
        content.refuse_mistakes()
        return flags_of(content.data)

    def get(self, name: str) -> Flag:
        return self._content(self._document.read().text).flag(name, lenient=True)

    def text(self) -> str:
        return self._document.read().text

    def change(self, name: str, edit: Edit, note: Note) -> Changed:
        for last in (*[False] * (TRIES - 1), True):
            held = self._document.read()
            content = self._content(held.text)
            before = content.flag(name, lenient=edit.state_only)
            after = edited(before, edit)
            new = content.changed(name, edit)
            if before == after or new == held.text:
                return Changed(before=before, after=after, written=None)
            try:
                written = self._document.write(new, over=held.revision, note=note)
            except Conflict:
                if last:
                    raise
                continue
            return Changed(before=before, after=after, written=written)
        raise AssertionError("the last try answers or raises")

    def _content(self, text: str) -> _Content:
        shown = self._document.shown
        try:
            data, places = parse(text)
        except json.JSONDecodeError as error:
            raise ConfigInvalid([Mistake(shown, error.lineno, error.colno, "", error.msg)]) from error
        except RecursionError as error:
            raise ConfigInvalid([Mistake(shown, 1, 1, "", "nested too deep")]) from error
        found = [
            (path, Mistake(shown, *places.line_and_column(at), _dotted(path), f"{path[-1]!r} is there twice"))
            for path, at in places.twice
        ]
        found += [
            (path, Mistake(shown, *places.of(path), _dotted(path), message))
            for path, message in mistakes(data)
        ]
        return _Content(text, data, places, found)


@dataclass(frozen=True)
class _Content:
    """A document's text, what it says, where, and what is wrong with it."""

    text: str
    data: Any
    places: Places
    mistakes: list[tuple[Where, Mistake]]

    def refuse_mistakes(self) -> None:
        """Raise ConfigInvalid with all of them."""
        if self.mistakes:
            raise ConfigInvalid([one for _, one in self.mistakes])

    def flag(self, name: str, *, lenient: bool) -> Flag:
        """Answer one flag, whatever is wrong with others. ``lenient``: also where its own targeting is wrong."""
        flags = self.data.get("flags") if isinstance(self.data, dict) else None
        if not isinstance(flags, dict):
            self.refuse_mistakes()
            raise AssertionError("a file without flags is a mistake")
        if name not in flags:
            raise NotFound("flag", name, flags)
        own = [
            one
            for path, one in self.mistakes
            if path[:2] == ("flags", name) and not (lenient and path[2:3] == ("targeting",))
        ]
        if own:
            raise ConfigInvalid(own)
        shared = self.data.get("$evaluators")
        alone = {
            **self.data,
            "flags": {name: flags[name]},
            "$evaluators": shared if isinstance(shared, dict) else {},
            "metadata": self.data["metadata"] if isinstance(self.data.get("metadata"), dict) else {},
        }
        return flags_of(alone)[name]

    def changed(self, name: str, edit: Edit) -> str:
        """Answer the text with the flag changed."""
        where: Where = ("flags", name)
        wanted = {"defaultVariant": edit.variant, "state": edit.state}
        new = {key: _json(value) for key, value in wanted.items() if value is not None}
        if edit.share is not None:
            new["targeting"] = self._targeting((*where, "targeting"), edit.share)
        return _changed(self.text, self.places, where, new)

    def _targeting(self, where: Where, share: Share) -> str:
        """Write the targeting with the roll-out in it; what else it says stays in its own letters."""
        given = self.data["flags"][where[1]].get("targeting")
        found = share_of(given)
        at = where if found is None else (*where, "if", 2)
        other = found[1] if found else given
        rest = self._slice(at) if other else ""
        if share.weight == 0:
            return rest or "{}"
        split = [[share.variant, share.weight], ["", share.total - share.weight]]
        more = f", {rest}" if rest else ""
        return f'{{"if": [{{"fractional": {_json(split)}}}, {_json(share.variant)}{more}]}}'

    def _slice(self, where: Where) -> str:
        start, end = self.places.spans[where]
        return self.text[start:end]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _dotted(path: Where) -> str:
    return ".".join(str(step) for step in path)


def _changed(text: str, places: Places, where: Where, wanted: Mapping[str, str]) -> str:
    """Answer the text with these keys of one object changed, or added at its front where they are missing."""
    edits: list[tuple[int, int, str]] = []
    for key, value in wanted.items():
        span = places.spans.get((*where, key))
        if span is not None:
            edits.append((*span, value))
        else:
            at = places.spans[where][0] + 1
            edits.append((at, at, f"{_json(key)}: {value}, "))
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text
