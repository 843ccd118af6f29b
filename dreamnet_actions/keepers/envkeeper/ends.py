"""When certificates and tokens end that were written: known later without reading a value.

A sync that writes has read its values; so it notes when each dated one ends, beside the label that it was written under
(``ends/<entry>`` in the journal's shared state: by name pairs of label and seconds since 1970). A sync that finds
everything in step reads nothing, and looks there. What was written before its name had a rule is not known, until it
changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite

from dreamnet_actions.domain.validation import DATED, Trouble
from dreamnet_actions.domain.valueforms import dated
from dreamnet_actions.keepers.envkeeper.entries import SinkPlan
from dreamnet_actions.ports.stores import Journal

LABELS = 3
"""How many labels of a name are remembered: what was put back has a former one."""


def remember(journal: Journal, plan: SinkPlan) -> None:
    """Note when the values of a plan that was written end, as far as they were read."""
    before: dict[str, list[Sequence[object]]] = journal.state(_key(plan))[0] or {}
    kept = {name: pairs for name, pairs in before.items() if name in plan.entry.spec.rules}
    for name, (_, ends) in plan.spans.items():
        if not isfinite(ends):
            continue
        label = plan.versions[name]
        others = [one for one in kept.get(name, ()) if one[0] != label]
        kept[name] = [*others, [label, ends]][-LABELS:]
    if kept != before:
        journal.set_state(_key(plan), kept)


def warn(journal: Journal, plan: SinkPlan, now: float) -> Iterator[Trouble]:
    """Tell of every value that stays as it is, was not read, and is noted to end too soon for its rule."""
    rules = plan.entry.spec.rules
    names = [name for name in plan.keep if name in rules and rules[name].type_ in DATED]
    noted = (journal.state(_key(plan))[0] or {}) if names else {}
    for name in names:
        ends = dict(noted.get(name, ())).get(plan.keep[name])
        if ends is None or name in plan.spans:
            continue
        if why := dated(0.0, ends, now, rules[name].expires_after or 0.0):
            text = f"{name} is a {rules[name].type_} that {why}."
            yield Trouble(name=name, rule="expires-after", level="warning", text=text)


def _key(plan: SinkPlan) -> str:
    return f"ends/{plan.entry.name}"
