"""What the models say about one place of the file: which keys it may have, what a value there must be.

Walks the models' type hints beside a tree of the file. Only mistakes, the schema and ``dreamnet config`` ask.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union

from dreamnet_actions.config.kinds import OneKind, ShortList, ShortWord
from dreamnet_actions.config.tree import Node, Step
from dreamnet_actions.domain.spec.values import Ge, Le, Len, NameIn, Written, kebab, shown


@functools.cache
def hints(model: type) -> Mapping[str, Any]:
    """Answer a model's type hints by the keys that the file uses, in the order of its fields."""
    resolved = typing.get_type_hints(model, include_extras=True)
    return {kebab(one.name): resolved[one.name] for one in dataclasses.fields(model)}


def peel(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """Take ``Annotated`` off a hint: the bare hint, and the markers from the outermost in."""
    if typing.get_origin(hint) is Annotated:
        return hint.__origin__, hint.__metadata__
    return hint, ()


def marker(markers: tuple[Any, ...], kind: type[Any]) -> Any:
    """Answer the first marker of a kind, or None."""
    return next((one for one in markers if isinstance(one, kind)), None)


def below(hint: Any, step: Step, node: Node) -> Any:
    """Answer the hint of what stands one step below a place with ``hint`` and ``node``, or None if unknown."""
    bare, markers = peel(hint)
    if (one := marker(markers, OneKind)) is not None:
        kind = one.kind_of(node.entries)
        if kind is None or (one.nested and step != kind):
            return None
        return one.kinds[kind] if one.nested else hints(one.kinds[kind]).get(str(step))
    short = marker(markers, ShortList)
    if short is not None and isinstance(step, int):
        bare, _ = peel(hints(short.model)[short.name])
    for option in branches(bare):
        found = _member(peel(option)[0], step)
        if found is not None:
            return found
    return None


def branches(bare: Any) -> tuple[Any, ...]:
    """Answer the members of a union without None; a hint that is none is its own only member."""
    if typing.get_origin(bare) in (Union, types.UnionType):
        return tuple(one for one in typing.get_args(bare) if one is not type(None))
    return (bare,)


def _member(bare: Any, step: Step) -> Any:
    if isinstance(step, int):
        return typing.get_args(bare)[0] if typing.get_origin(bare) is tuple else None
    if typing.get_origin(bare) is dict:
        return typing.get_args(bare)[1]
    return hints(bare).get(step) if dataclasses.is_dataclass(bare) and isinstance(bare, type) else None


def keys(hint: Any, node: Node) -> Mapping[str, Any] | None:
    """Answer the keys that a mapping at this place may have, each with its hint; None where any is right."""
    bare, markers = peel(hint)
    if (one := marker(markers, OneKind)) is not None:
        kind = one.kind_of(node.entries)
        if kind is None or one.nested:
            return {kind or name: model for name, model in one.kinds.items() if kind in (None, name)}
        bare = one.kinds[kind]
    for option in branches(bare):
        inner = peel(option)[0]
        if isinstance(inner, type) and dataclasses.is_dataclass(inner):
            return hints(inner)
    return None


def choices(hint: Any) -> tuple[str, ...]:
    """Answer the texts that a place chooses among; none where it is free."""
    if (short := marker(peel(hint)[1], ShortWord)) is not None:
        return choices(short.word)
    options = [peel(one)[0] for one in branches(peel(hint)[0])]
    given = [text for one in options if typing.get_origin(one) is Literal for text in typing.get_args(one)]
    return tuple(text for text in given if isinstance(text, str))


# ── In words ─────────────────────────────────────────────────────────────────────────────────────────────


def words(hint: Any) -> str:
    """Say what a value must be: ``a whole number from 1 to 20``."""
    bare, markers = peel(hint)
    if (one := marker(markers, OneKind)) is not None:
        return f"a mapping with one of the keys {', '.join(one.kinds) or '(none is installed)'}"
    if (written := marker(markers, Written)) is not None:
        return f"text such as {written.example!r}"
    if (name := marker(markers, NameIn)) is not None:
        return f"the name of one of the {name.section}"
    if marker(markers, ShortList) is not None:
        return "a list or a mapping"
    if (word := marker(markers, ShortWord)) is not None:
        return f"{words(word.word)} or a mapping"
    return " or ".join(_words(peel(one)[0], (*markers, *peel(one)[1]), one) for one in branches(bare))


def _words(bare: Any, markers: tuple[Any, ...], hint: Any) -> str:
    if peel(hint)[1] and (marker(markers, Written) or marker(markers, NameIn)):
        return words(hint)
    origin = typing.get_origin(bare)
    if origin is Literal:
        return " or ".join(shown(one) for one in typing.get_args(bare))
    length = marker(markers, Len)
    if origin is tuple:
        return "a list" + (_between(length, "item") if length else "")
    if origin is dict or dataclasses.is_dataclass(bare):
        return "a mapping"
    simple = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}
    return simple.get(bare, "another value") + (_between(length, "character") if length else _range(markers))


def _between(length: Len, unit: str) -> str:
    """Say how long text or a list must be."""
    if length.max_length is not None:
        return f" of {length.min_length} to {length.max_length} {unit}s"
    return f" of at least {length.min_length} {unit}{'' if length.min_length == 1 else 's'}"


def _range(markers: tuple[Any, ...]) -> str:
    low, high = marker(markers, Ge), marker(markers, Le)
    if low is not None and high is not None:
        return f" from {low.ge} to {high.le}"
    if low is not None:
        return (
            f" of at least {low.ge:f}".rstrip("0").rstrip(".")
            if isinstance(low.ge, float)
            else f" from {low.ge} up"
        )
    return f" of at most {high.le}" if high is not None else ""
