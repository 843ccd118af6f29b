"""A plan by its id: what is applied is what was shown, or nothing is.

The id is a hash of all that a sync would do: entries, sinks, the sets that they hold and what hands changed of them,
each name's effect and both its versions. The same plan has the same id, whoever makes it and however often; so showing
one writes nothing anywhere, and a sync makes it once more and compares.

Before a sync of a plan writes, it remembers what it begins (``begun-plans`` in the journal's shared state: names and
versions). One that was cut off is then asked for again and goes on: what it wrote is as planned, the rest is written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dreamnet_actions.errors import RefusedError
from dreamnet_actions.keepers.envkeeper.entries import SinkPlan
from dreamnet_actions.ports.stores import Journal

KEPT = 10
"""How many plans that were begun are remembered."""
_STATE = "begun-plans"


class PlanChanged(RefusedError):
    """What would be done now is not the plan that was shown."""

    code = "env.plan-changed"
    http_status = 409

    def __init__(self, shown: str, differs: Iterable[str]) -> None:
        super().__init__(
            f"Plan {shown} is not what would be done now. Now it is: {'; '.join(differs) or 'nothing'}.",
            hint="Nothing was written. Look at a new plan, and sync that one.",
        )


def identity(plans: Sequence[SinkPlan]) -> str:
    """Answer the id of what a sync would do now."""
    return _hash([_part(plan) for plan in plans])


def hold(journal: Journal, shown: str, plans: Sequence[SinkPlan]) -> None:
    """Raise PlanChanged unless ``shown`` is what would be done now, or what a sync of it began and did not end.

    A plan that is held to is remembered as begun.
    """
    kept = list(journal.state(_STATE)[0] or ())
    begun: dict[str, Any] | None = dict(kept).get(shown)
    if shown == identity(plans):
        if begun is None and any(plan.changes for plan in plans):
            journal.set_state(_STATE, [*kept, [shown, _begun(plans)]][-KEPT:])
        return
    if begun is None:
        raise PlanChanged(shown, [f"{what}: {does}" for plan in plans for what, does in _lines(plan).items()])
    others = begun.keys() ^ {_key(plan) for plan in plans}
    strayed = [plan for plan in plans if not _is_on_its_way(journal, shown, plan, begun.get(_key(plan)))]
    if others or strayed:
        raise PlanChanged(
            shown, [*(f"{one} is in one of the two only" for one in others), *_differ(strayed, begun)]
        )


def note_of(sink: str) -> str:
    """Answer where the note lies that a sink is being written."""
    return f"unfinished/{sink}"


def _is_on_its_way(journal: Journal, shown: str, plan: SinkPlan, begun: Mapping[str, Any] | None) -> bool:
    """Say whether a sink is as it was shown, as it was to become, or left half-way by a sync of this very plan."""
    if begun is None or begun["goal"] != _hash(sorted(plan.versions.items())):
        return False
    if not plan.changes or begun["part"] == _hash(_part(plan)):
        return True
    # One that cannot be written at once (and so keeps no former sets) may have been left half-way: what was not meant
    # to change has not, and nobody has ended a write since. Of the names that were, nobody can say whose hand it was.
    note = journal.state(note_of(plan.sink.name))[0] or {}
    own = note.get("plan") == shown and plan.state.revision == begun["revision"]
    return own and not plan.sink.keeps and {key.name for key in plan.changes} <= begun["changes"].keys()


def _differ(strayed: Sequence[SinkPlan], begun: Mapping[str, Any]) -> Iterable[str]:
    """Tell each name that is not on its way, with what is to be done to it now and what was shown."""
    for plan in strayed:
        now, before = _lines(plan), _shown_lines(plan, begun.get(_key(plan)))
        differs = [
            f"{what}: {now.get(what, 'nothing')} (shown: {before.get(what, 'nothing')})"
            for what in sorted(now.keys() | before.keys())
            if now.get(what) != before.get(what)
        ]
        yield from differs or [f"{plan.sink.name} holds another set"]


def _part(plan: SinkPlan) -> list[Any]:
    keys = [[key.name, key.effect, key.from_version, key.to_version] for key in plan.keys]
    return [plan.entry.name, plan.sink.name, plan.state.revision, sorted(plan.state.drifted), keys]


def _begun(plans: Sequence[SinkPlan]) -> dict[str, Any]:
    """Write what a sync of these plans begins."""
    return {
        _key(plan): {
            "part": _hash(_part(plan)),
            "goal": _hash(sorted(plan.versions.items())),
            "revision": plan.state.revision,
            "changes": {
                key.name: f"{key.effect} {key.from_version or 'none'} → {key.to_version or 'none'}"
                + (", over a strange hand's" if key.name in plan.state.drifted else "")
                for key in plan.changes
            },
        }
        for plan in plans
    }


def _lines(plan: SinkPlan) -> dict[str, str]:
    """Write each change in a line, by what it is done to."""
    return _shown_lines(plan, _begun([plan])[_key(plan)])


def _shown_lines(plan: SinkPlan, begun: Mapping[str, Any] | None) -> dict[str, str]:
    return {f"{name} in {plan.sink.name}": does for name, does in (begun or {}).get("changes", {}).items()}


def _key(plan: SinkPlan) -> str:
    return f"{plan.sink.name} of {plan.entry.name}"


def _hash(data: Any) -> str:
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()[:12]
