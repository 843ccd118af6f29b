"""A tree checked against the composed models: the configuration, or every mistake at once.

pydantic reads the shapes (from JSON, where its strict mode takes lists for tuples and whole numbers for floats, and
nothing else for anything else); ``references`` looks at what one place says about another; the reader's own mistakes
join them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dreamnet_actions.config import references
from dreamnet_actions.config.compose import Composed
from dreamnet_actions.config.explain import Fault, explain
from dreamnet_actions.config.tree import Place, Tree, to_json
from dreamnet_actions.domain.spec.models import Config
from dreamnet_actions.domain.spec.values import said
from dreamnet_actions.errors.configuration import ConfigInvalid, ConfigTooNew, Mistake

if TYPE_CHECKING:
    from pydantic import TypeAdapter

NEWEST = 1
"""The version of the format that this DreamNet writes and reads."""
MOST_MISTAKES = 100
"""Mistakes that are told of at once; a file with more is wrong in some one way."""
SECTIONS = ("services", "platforms")
"""The sections whose names other places of the file use."""


def validate(composed: Composed, tree: Tree) -> Config:
    """Check a file's tree; raises ConfigInvalid with all its mistakes, or ConfigTooNew."""
    from pydantic import ValidationError

    faults = _version(tree)
    context = {section: frozenset(tree.names(section)) for section in SECTIONS}
    config: Config | None = None
    try:
        config = adapter(composed).validate_json(to_json(tree.root), context=context)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        faults += [one for one in explain(found, tree, composed.config) if one.path != ("version",)]
    faults += references.check(composed.slots, tree)
    if config is None or faults or tree.mistakes:
        raise ConfigInvalid(_worded(faults, tree))
    return config


@functools.cache
def adapter(composed: Composed) -> TypeAdapter[Config]:
    """Answer pydantic's adapter of the composed configuration; made once, since it takes some tens of milliseconds."""
    from pydantic import TypeAdapter

    return TypeAdapter(composed.config)


def _version(tree: Tree) -> list[Fault]:
    """Look at the version first: a newer file is refused as a whole, since its keys cannot be judged."""
    entry = tree.root.entries.get("version")
    if entry is None:
        return [_fault(Place(1, 1), "The key 'version' is missing; begin the file with 'version: 1'.")]
    value = entry.node.value
    if isinstance(value, int) and not isinstance(value, bool):
        if value > NEWEST:
            raise ConfigTooNew(value, NEWEST)
        if value < NEWEST:
            return [_fault(entry.node.place, f"There is no version {value}; write 'version: {NEWEST}'.")]
        return []
    hint = " without quotes" if isinstance(value, str) and re.fullmatch(r"\d+", value) else ""
    return [_fault(entry.node.place, f"Expected the number {NEWEST}{hint}, found {said(value)}.")]


def _fault(place: Place, text: str) -> Fault:
    return Fault(("version",), place, functools.partial(str, text))


def _worded(faults: Sequence[Fault], tree: Tree) -> list[Mistake]:
    """Put the first mistakes into words, in the order of their lines, and count the others."""
    # What the reader already complained of it replaced, so another complaint of the same place is an echo.
    known = {_order(one) for one in tree.mistakes}
    told: list[Mistake | Fault] = [*tree.mistakes, *(one for one in faults if _order(one) not in known)]
    told.sort(key=_order)
    first, rest = told[:MOST_MISTAKES], told[MOST_MISTAKES:]
    mistakes = [one.write(tree) if isinstance(one, Fault) else one for one in first]
    if rest:
        line, column = _order(rest[0])
        more = f"{len(rest)} more mistake{'s' if len(rest) > 1 else ''} from here on; mend those above first."
        mistakes.append(tree.mistake((), Place(line, column), more))
    return mistakes


def _order(one: Any) -> tuple[int, int]:
    return (one.place.line, one.place.column) if isinstance(one, Fault) else (one.line, one.column)
