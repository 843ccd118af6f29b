"""Whether every sink of an env entry can hold the names that the entry writes out: the strictest of them counts."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from functools import partial

from dreamnet_actions.config.explain import Fault
from dreamnet_actions.config.tree import Node, Tree, each_entry, texts
from dreamnet_actions.domain.keynames import VALUE, VARIABLES, KeyNames
from dreamnet_actions.domain.spec.values import shown


def of_entries(sinks: Mapping[str, type], tree: Tree) -> Iterator[Fault]:
    """Answer every name of ``keys`` and ``templates`` that a sink of its entry refuses, each with all that refuse it.

    ``sinks`` are the kinds with their options. What is only there for templates is written nowhere.
    """
    for entry, written in each_entry(tree.root.get("env")):
        kinds = _kinds(written.node, sinks)
        unwritten = {*texts(written.node.get("only-for-templates")).values()}
        for section in ("keys", "templates"):
            for name, one in each_entry(written.node.get(section)):
                if name in unwritten or not VALUE.fullmatch(name):
                    continue  # a name that no place can hold is told where it is read
                refused = {kind: why for kind, names in kinds.items() if (why := names.why_not(name))}
                if refused:
                    words = partial(_say, name, refused, [kind for kind in kinds if kind not in refused])
                    yield Fault(("env", entry, section, name), one.key, words)


@functools.cache
def _names_of(model: type) -> KeyNames:
    return getattr(model, "key_names", VARIABLES)


def _kinds(entry: Node, sinks: Mapping[str, type]) -> dict[str, KeyNames]:
    """Answer the kinds of an entry's sinks, each once, with the names that they hold."""
    to = entry.get("to")
    return {
        kind: _names_of(sinks[kind])
        for one in (to.items if to else ())
        for kind in one.entries
        if kind in sinks
    }


def _say(name: str, refused: Mapping[str, str], others: list[str]) -> str:
    """Say which sinks refuse a name and why; those of one reason together."""
    reasons: dict[str, list[str]] = {}
    for kind, why in refused.items():
        reasons.setdefault(why, []).append(repr(kind))
    told = [f"{' and '.join(kinds)} cannot hold {shown(name)}: {why}." for why, kinds in reasons.items()]
    if others:
        could = " and ".join(map(repr, others))
        told.append(f"{could} could, but names go to every sink of their entry, so the strictest counts.")
    return " ".join(told)
