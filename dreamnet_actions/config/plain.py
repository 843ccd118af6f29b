"""A configuration written back as the file would say it, and where each of its values came from.

Everything is written out, defaults too: what is written reads back as an equal configuration.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from dreamnet_actions.config import shapes
from dreamnet_actions.config.kinds import OneKind
from dreamnet_actions.config.tree import Node, Step, Tree, spell
from dreamnet_actions.domain.spec.models import Chosen, Config, Service
from dreamnet_actions.domain.spec.values import Written, kebab

DEFAULT = "default"


class Origin(NamedTuple):
    """One value of the configuration as the file writes it, and where from: ``file:line:column`` or ``default``."""

    value: Any
    where: str


def to_plain(config: Config) -> dict[str, Any]:
    """Write a configuration as plain data: kebab-case keys, durations and percentages as text."""
    kinds = {name: chosen.kind for name, chosen in config.platforms.items()}
    plain: dict[str, Any] = _plain(config, type(config), kinds)
    return plain


def _plain(value: Any, hint: Any, kinds: Mapping[str, str]) -> Any:
    bare, markers = shapes.peel(hint)
    if isinstance(value, Chosen):
        options = _plain(value.options, type(value.options), kinds)
        one = shapes.marker(markers, OneKind)
        return {value.kind: options} if one is not None and one.nested else options
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        inner = shapes.hints(type(value))
        names = [one.name for one in dataclasses.fields(value) if one.name not in _foreign(value, kinds)]
        return {kebab(name): _plain(getattr(value, name), inner[kebab(name)], kinds) for name in names}
    if isinstance(value, dict):
        return {key: _plain(one, shapes.below(bare, key, _NOWHERE), kinds) for key, one in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(one, shapes.below(bare, 0, _NOWHERE), kinds) for one in value]
    if value is None:
        return None
    for option in (hint, *shapes.branches(bare)):
        written = shapes.marker(shapes.peel(option)[1], Written)
        if written is not None:
            return written.write(value)
    return value


def _foreign(value: Any, kinds: Mapping[str, str]) -> frozenset[str]:
    """Answer the fields of a service that belong to other kinds of platform than its own."""
    if not isinstance(value, Service):
        return frozenset()
    fields: Mapping[str, frozenset[str]] = getattr(type(value), "workload_fields", {})
    own = fields.get(kinds.get(value.platform, ""), frozenset())
    return frozenset().union(*fields.values()) - own


_NOWHERE = Node(place=None, value=None)  # type: ignore[arg-type]


def provenance(config: Config, tree: Tree) -> dict[str, Origin]:
    """Answer every single value of ``config``, read from ``tree``, by its path, with where it came from."""
    origins = {}
    for path, value, node in _leaves((), to_plain(config), tree.root):
        where = f"{tree.file}:{node.place.line}:{node.place.column}" if node else DEFAULT
        origins[spell(path)] = Origin(value, where)
    return origins


def _leaves(
    path: tuple[Step, ...], value: Any, node: Node | None
) -> Iterator[tuple[tuple[Step, ...], Any, Node | None]]:
    """Go through the single values of plain data beside the tree that it came from; an empty list is one too."""
    if isinstance(value, dict) and value:
        for key, one in value.items():
            below = node.get(key) if node else None
            if (
                node
                and isinstance(node.value, list)
                and isinstance(one, list)
                and len(one) == len(node.items)
            ):
                # The short form: the file has the list where the models have a key that holds it.
                below = node
            elif node and isinstance(node.value, str) and one == node.value:
                below = node  # the short form of a rule: its one word
            yield from _leaves((*path, key), one, below)
    elif isinstance(value, list) and value:
        for index, one in enumerate(value):
            below = node.items[index] if node and index < len(node.items) else None
            yield from _leaves((*path, index), one, below)
    else:
        yield path, value, node
