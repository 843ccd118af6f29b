"""A plan by its id: what is applied is what was shown, or nothing is.

The id is a hash of all that a sync would do: entries, sinks, the sets that they hold, each name's effect and
both its versions. The same plan has the same id, whoever makes it and however often. The newest that were shown are
remembered (``plans`` in the journal's shared state; names and versions), so that a refusal can say what differs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from dreamnet_actions.errors import RefusedError
from dreamnet_actions.keepers.envkeeper.entries import SinkPlan
from dreamnet_actions.ports.stores import Journal

KEPT = 10
"""How many plans are remembered."""
_STATE = "plans"


class PlanChanged(RefusedError):
    """What would be done now is not the plan that was shown."""

    code = "env.plan-changed"
    http_status = 409

    def __init__(self, shown: str, differs: Iterable[str], *, known: bool = True) -> None:
        why = "" if known else " Nobody remembers what it was."
        super().__init__(
            f"Plan {shown} is not what would be done now.{why} {'Now' if known else 'Now it is'}: "
            f"{'; '.join(differs) or 'nothing'}.",
            hint="Nothing was written. Look at a new plan, and sync that one.",
        )


def identity(plans: Sequence[SinkPlan]) -> str:
    """Answer the id of what a sync would do now."""
    data = [
        [
            plan.entry.name,
            plan.sink.name,
            plan.state.revision,
            [[key.name, key.effect, key.from_version, key.to_version] for key in plan.keys],
        ]
        for plan in plans
    ]
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()[:12]


def remember(journal: Journal, plans: Sequence[SinkPlan]) -> str:
    """Keep what was shown, and answer its id."""
    made = identity(plans)
    kept = [one for one in journal.state(_STATE)[0] or () if one[0] != made]
    if not kept or kept[-1][0] != made:
        journal.set_state(_STATE, [*kept, [made, _lines(plans)]][-KEPT:])
    return made


def hold(journal: Journal, shown: str, plans: Sequence[SinkPlan]) -> None:
    """Raise PlanChanged, with all that differs, unless ``shown`` is what would be done now."""
    if shown == identity(plans):
        return
    now = _lines(plans)
    before: dict[str, str] | None = dict(journal.state(_STATE)[0] or ()).get(shown)
    if before is None:
        raise PlanChanged(shown, [f"{what}: {does}" for what, does in now.items()], known=False)
    differs = [
        f"{what}: {now.get(what, 'nothing')} (shown: {before.get(what, 'nothing')})"
        for what in sorted(now.keys() | before.keys())
        if now.get(what) != before.get(what)
    ]
    raise PlanChanged(shown, differs or ["the sets that are there now are others"])


def _lines(plans: Sequence[SinkPlan]) -> dict[str, Any]:
    """Write each change in a line, by what it is done to."""
    return {
        f"{key.name} in {plan.sink.name}": f"{key.effect} {key.from_version or 'none'} → {key.to_version or 'none'}"
        for plan in plans
        for key in plan.changes
    }
