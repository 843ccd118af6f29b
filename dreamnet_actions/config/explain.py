"""pydantic's mistakes in plain words, each at the line of the file that has to change.

pydantic knows a mistake by its type (https://docs.pydantic.dev/latest/errors/validation_errors/) and by its location
in the data. The models' hints say what was expected there, the tree where it stands; so the words are ours throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from dreamnet_actions.config import shapes
from dreamnet_actions.config.kinds import TAG, OneKind
from dreamnet_actions.config.tree import Found, Node, Place, Step, Tree
from dreamnet_actions.domain.spec.values import kebab, said, shown
from dreamnet_actions.errors.configuration import Mistake
from dreamnet_actions.errors.words import nearest, unknown

MANY = 40
"""Known names that a message lists, and that the nearest is sought among."""

FLOOD = 500
"""From so many errors on, no likely key is sought for a kind that is missing: only a few of them will be shown."""

_SINGULAR = {"services": "service", "platforms": "platform"}
_KEY = "[key]"
"""pydantic's last step where a mapping's key itself is wrong."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A mistake whose place is known and whose words are yet to be found: they cost more, and not all are shown."""

    path: tuple[Step, ...]
    place: Place
    words: Callable[[], str]

    def write(self, tree: Tree) -> Mistake:
        """Find the words."""
        return tree.mistake(self.path, self.place, self.words())


def explain(errors: Sequence[Mapping[str, Any]], tree: Tree, model: type) -> list[Fault]:
    """Turn pydantic's ``errors()`` for a ``tree`` read by ``model`` into faults, one per place."""
    faults: dict[tuple[tuple[Step, ...], Place], Fault] = {}
    for error in errors:
        fault = _fault(error, tree, model, seek=len(errors) < FLOOD)
        if fault is not None:
            faults.setdefault((fault.path, fault.place), fault)
    return list(faults.values())


def _fault(error: Mapping[str, Any], tree: Tree, model: type, *, seek: bool) -> Fault | None:
    """Find the place of one of pydantic's errors; None for one that only repeats another."""
    kind, steps = error["type"], tuple(error["loc"])
    if kind == "missing":
        found = tree.follow(steps[:-1])
        path = (*found.path, steps[-1])
        return Fault(path, found.key, partial(_missing, path, tree, model))
    if steps[-1:] == (_KEY,):
        found = tree.follow(steps[:-1])
        return Fault(found.path, found.key, partial(_told, error))
    found = tree.follow(steps)
    if _is_echo(error, steps, found):
        return None
    if kind == "no_kind":
        return _no_kind(found, tree, model, seek=seek)
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        return Fault(found.path, found.key, partial(_unknown_key, found, tree, model))
    if kind == "unknown_name":
        return Fault(
            found.path, found.node.place, partial(_unknown_name, found.node, error["ctx"]["section"], tree)
        )
    if kind == "value_error" and isinstance(found.node.value, str):
        return Fault(found.path, found.node.place, partial(_told, error))
    return Fault(found.path, found.node.place, partial(_expected, found, tree, model))


def _is_echo(error: Mapping[str, Any], steps: tuple[Step, ...], found: Found) -> bool:
    """Whether an error only repeats another: of a union's branch that was not meant, or a list short of wrong items."""
    if error["type"] == "too_short":
        return len(found.node.items) >= int(error["ctx"]["min_length"])
    # pydantic adds the branch's name to the location; our own tags and the file's keys are none.
    added = [s for s in steps if isinstance(s, str) and not s.startswith(TAG) and s not in found.path]
    is_list = isinstance(found.node.value, list) or isinstance((found.path or ("",))[-1], int)
    return bool(added) and added[0].startswith("tuple[") != is_list


# ── Words ────────────────────────────────────────────────────────────────────────────────────────────────


def _hint(path: Sequence[Step], tree: Tree, model: type) -> Any:
    """Answer the models' hint for a place, or None where they say nothing."""
    hint: Any = model
    for depth, step in enumerate(path):
        hint = shapes.below(hint, step, tree.follow(path[:depth]).node)
        if hint is None:
            return None
    return hint


def _told(error: Mapping[str, Any]) -> str:
    """Answer what the rule of the value itself said."""
    return f"{error['ctx']['error']}."


def _missing(path: Sequence[Step], tree: Tree, model: type) -> str:
    hint = _hint(path, tree, model)
    return f"The key {shown(path[-1])} is missing{f': {shapes.words(hint)}' if hint is not None else ''}."


def _expected(found: Found, tree: Tree, model: type) -> str:
    hint, value = _hint(found.path, tree, model), found.node.value
    wanted = shapes.words(hint) if hint is not None else "another value"
    text = f"Expected {wanted}, found {said(value)}."
    if (wanted == "text" or wanted.startswith("text of")) and isinstance(value, (bool, int, float)):
        text += " Put it in quotes."
    suggestion = nearest(value[:60], shapes.choices(hint)) if isinstance(value, str) else None
    return f"{text} Did you mean {suggestion!r}?" if suggestion else text


def _unknown_name(node: Node, section: str, tree: Tree) -> str:
    return said_unknown(_SINGULAR.get(section, section), str(node.value), tree.names(section))


def _unknown_key(found: Found, tree: Tree, model: type) -> str:
    """Say that a key is unknown, and where it belongs if a key beside it holds it."""
    name, parent = str(found.path[-1]), tree.follow(found.path[:-1])
    hint = _hint(parent.path, tree, model)
    known = _of_its_platform(hint, shapes.keys(hint, parent.node) or {}, parent.node, tree)
    text = said_unknown("key", name, known)
    for key, hint in known.items():
        if name in (shapes.keys(hint, parent.node.get(key) or Node(found.key, None)) or {}):
            return f"{text} It belongs below {key!r}."
    return text


def _of_its_platform(hint: Any, known: Mapping[str, Any], node: Node, tree: Tree) -> Mapping[str, Any]:
    """Answer the keys of a service without those of other kinds of platform than its own, where that is clear."""
    by_kind: Mapping[str, frozenset[str]] = getattr(shapes.peel(hint)[0], "workload_fields", {})
    named, platforms = node.get("platform"), tree.root.get("platforms")
    entry = platforms.get(str(named.value)) if named is not None and platforms is not None else None
    own = [one for kind, one in by_kind.items() if entry is not None and kind in entry.entries]
    if len(own) != 1:
        return known
    foreign = {kebab(one) for fields in by_kind.values() for one in fields} - {kebab(one) for one in own[0]}
    return {key: value for key, value in known.items() if key not in foreign}


def _no_kind(found: Found, tree: Tree, model: type, *, seek: bool) -> Fault:
    """Place a mistake in the choice of a kind: at the key that is wrong, or one too many, else at what lacks one."""
    one = shapes.marker(shapes.peel(_hint(found.path, tree, model))[1], OneKind)
    what, kinds = (one.what, tuple(one.kinds)) if one else ("kind", ())
    entries = found.node.entries
    present = [key for key in entries if key in kinds]
    if len(present) > 1:
        text = f"Two kinds of {what}: {present[0]!r} and {present[1]!r}; keep one."
        return Fault((*found.path, present[1]), entries[present[1]].key, partial(str, text))
    if not isinstance(found.node.value, dict):
        return Fault(found.path, found.node.place, partial(_expected, found, tree, model))
    likely = list(entries)[:MANY] if seek else []
    wrong = next((key for key in likely if nearest(key[:60], kinds)), None)
    if wrong is None:
        text = (
            f"No kind of {what} is given. One of these keys must be: {', '.join(map(repr, kinds)) or 'none'}."
        )
        return Fault(found.path, found.key, partial(str, text))
    return Fault(
        (*found.path, wrong), entries[wrong].key, partial(said_unknown, f"kind of {what}", wrong, kinds)
    )


def said_unknown(kind: str, name: str, known: Mapping[str, Any] | Sequence[str]) -> str:
    """Say that a name is unknown; of many known ones, only those that begin alike are listed."""
    name = name if len(name) <= 60 else f"{name[:59]}…"
    names = list(known)
    if len(names) > MANY:
        alike = [one for one in names if one[:2] == name[:2]] or [one for one in names if one[:1] == name[:1]]
        suggestion = nearest(name, alike[:MANY])
        text = f"Unknown {kind} {name!r}; {len(names)} are known."
        return f"{text} Did you mean {suggestion!r}?" if suggestion else text
    return unknown(kind, name, (one[:64] for one in names))
