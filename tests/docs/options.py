"""The configuration's options as tables. The one place here that looks into the configuration's models."""

from __future__ import annotations

import dataclasses
import json
import re
import typing
from collections.abc import Iterator
from typing import Any

from dreamnet_actions import bootstrap
from dreamnet_actions.config import shapes
from dreamnet_actions.config.docs import class_doc, field_docs
from dreamnet_actions.config.shapes import OneKind, ShortList, Written, kebab


@dataclasses.dataclass(frozen=True)
class Section:
    """What may stand at one place of the file: the model, and which of its keys."""

    path: str
    model: type
    keys: tuple[str, ...]
    doc: str


def sections() -> list[Section]:
    """Answer every place of the file that holds keys, from the top down."""
    return list(_below("", bootstrap.composed().config))


def _below(path: str, model: type) -> Iterator[Section]:
    composed = bootstrap.composed()
    keys = tuple(shapes.hints(model))
    foreign: set[str] = set()
    if model is composed.service:
        foreign = {kebab(one) for names in model.workload_fields.values() for one in names}
    yield Section(path, model, tuple(key for key in keys if key not in foreign), class_doc(model))
    if model is composed.service:
        for kind, workload in composed.slots.workloads.items():
            doc = f"{class_doc(workload)} They stand beside the keys above."
            yield Section(f"{path} on {kind}", workload, tuple(shapes.hints(workload)), doc)
    for key in keys:
        yield from _inner(f"{path}.{key}".lstrip("."), shapes.hints(model)[key])


def _inner(path: str, hint: Any) -> Iterator[Section]:
    bare, markers = shapes.peel(hint)
    if (one := shapes.marker(markers, OneKind)) is not None:
        for kind, model in one.kinds.items():
            yield from _below(f"{path}.{kind}" if one.nested else f"{path} with {kind}", model)
    elif (short := shapes.marker(markers, ShortList)) is not None:
        yield from _below(path, short.model)
    else:
        for branch in shapes.branches(bare):
            inner = shapes.peel(branch)[0]
            origin = typing.get_origin(inner)
            if origin is dict:
                yield from _inner(f"{path}.<name>", typing.get_args(inner)[1])
            elif origin is tuple:
                yield from _inner(f"{path}[]", typing.get_args(inner)[0])
            elif isinstance(inner, type) and dataclasses.is_dataclass(inner):
                yield from _below(path, inner)


def heading(section: Section) -> str:
    """Answer a section's heading: the path, and the kind where it is one of several."""
    if not section.path:
        return "The file"
    path, _, kind = section.path.partition(" with ")
    path, _, platform = path.partition(" on ")
    return (
        f"`{path}` with `{kind}`"
        if kind
        else f"`{path}` on a `{platform}` platform"
        if platform
        else f"`{path}`"
    )


def table(model: type, keys: tuple[str, ...]) -> str:
    """Write the options of one model: name, what it must be, default, meaning."""
    docs = {kebab(name): doc for name, doc in field_docs(model).items()}
    fields = {kebab(one.name): one for one in dataclasses.fields(model)}
    needed = {kebab(one) for one in getattr(model, "needed_keys", ())}
    lines = ["| key | what it is | default | what it does |", "|---|---|---|---|"]
    for key in keys:
        hint = shapes.hints(model)[key]
        default = "**required**" if key in needed else default_of(fields[key], hint)
        lines.append(f"| `{key}` | {_cell(shapes.words(hint))} | {default} | {_cell(docs.get(key, ''))} |")
    return "\n".join(lines)


def default_of(field: dataclasses.Field[Any], hint: Any) -> str:
    """Write a field's default as the file would."""
    if field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
        return "see there" if dataclasses.is_dataclass(value) else f"`{json.dumps(value)}`"
    if field.default is dataclasses.MISSING:
        return "**required**"
    if field.default is None:
        return "none"
    for option in (hint, *shapes.branches(shapes.peel(hint)[0])):
        if (written := shapes.marker(shapes.peel(option)[1], Written)) is not None:
            return f"`{written.write(field.default)}`"
    return f"`{json.dumps(field.default)}`".replace('`"', "`").replace('"`', "`")


def _cell(text: str) -> str:
    text = re.sub(r"``", "`", text)
    return " ".join(text.replace("|", "\\|").split())
