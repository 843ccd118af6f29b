"""What the rules of values say about each other: bounds that nothing can meet, keys that do nothing for a form."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from dreamnet_actions.config.explain import Fault
from dreamnet_actions.config.tree import Node, Tree, each_entry, texts
from dreamnet_actions.domain.limited import why_no_pattern, why_no_replacement
from dreamnet_actions.domain.spec.values import shown
from dreamnet_actions.domain.validation import DATED, NUMERIC

_ONLY_WITH = {"min": NUMERIC, "max": NUMERIC, "schemes": ("url",), "expires-after": DATED}


def of_values(tree: Tree) -> Iterator[Fault]:
    """Answer every fault between the keys of a rule, and between rules, of all env entries."""
    for entry, written in each_entry(tree.root.get("env")):
        yield from _renames(entry, written.node.get("rename"))
        rules = written.node.get("rules")
        for name, one in each_entry(rules):
            path = ("env", entry, "rules", name)
            yield from _forms(path, one.node)
            yield from _bounds(path, one.node, "min", "max")
            yield from _bounds(path, one.node, "min-length", "max-length")
            yield from _others(path, name, one.node)
        required = {*texts(written.node.get("require")).values()}
        for name, one in each_entry(rules):
            optional = one.node.get("optional")
            if optional is None or optional.value is not True:
                continue
            also = one.node.get("required")
            if name in required or (also is not None and also.value is True):
                text = f"{name} is required and optional at once; keep one of the two."
                yield Fault(("env", entry, "rules", name, "optional"), optional.place, partial(str, text))


def _renames(entry: str, rename: Node | None) -> Iterator[Fault]:
    """Find replacements that name groups which their pattern has not."""
    for index, one in enumerate(rename.items if rename else ()):
        match, to = one.get("match"), one.get("to")
        if match is None or to is None or not (isinstance(match.value, str) and isinstance(to.value, str)):
            continue
        if not why_no_pattern(match.value) and (why := why_no_replacement(match.value, to.value)):
            text = f"{shown(to.value)} cannot stand for what {shown(match.value)} finds: {why}."
            yield Fault(("env", entry, "rename", index, "to"), to.place, partial(str, text))


def _forms(path: tuple[str, ...], rule: Node) -> Iterator[Fault]:
    """Find keys that say nothing about values of this form."""
    form = rule.get("type")
    is_ = form.value if form is not None else "text"
    for key, forms in _ONLY_WITH.items():
        entry = rule.entries.get(key)
        if (
            entry is not None
            and entry.node.value not in (None, [])
            and isinstance(is_, str)
            and is_ not in forms
        ):
            text = f"{key!r} says nothing about a value of type {is_!r}; it goes with {' or '.join(map(repr, forms))}."
            yield Fault((*path, key), entry.key, partial(str, text))


def _bounds(path: tuple[str, ...], rule: Node, least: str, most: str) -> Iterator[Fault]:
    low, high = rule.get(least), rule.get(most)
    one, other = _number(low), _number(high)
    if low is not None and one is not None and other is not None and one > other:
        text = f"{least!r} is {one:g} and {most!r} is {other:g}; no value can be both."
        yield Fault((*path, least), low.place, partial(str, text))


def _others(path: tuple[str, ...], name: str, rule: Node) -> Iterator[Fault]:
    """Find names that a rule compares with themselves, or that are to be both the same and another."""
    named = {key: node for key in ("equal", "different") if (node := rule.get(key)) and node.value}
    for key, node in named.items():
        if node.value == name:
            yield Fault(
                (*path, key), node.place, partial(str, f"{name} is compared with itself; name another.")
            )
    if len(named) == 2 and named["equal"].value == named["different"].value:
        text = "No value can be equal to a name's and different from it."
        yield Fault((*path, "different"), named["different"].place, partial(str, text))


def _number(node: Node | None) -> float | None:
    value = node.value if node is not None else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
