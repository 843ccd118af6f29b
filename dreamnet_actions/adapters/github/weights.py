"""What a change is worth: when it must be on the branch, and whether a commit is made for it alone.

The one place where the journal's adapter knows what keepers write, because the number of commits depends on it.

============  =====================================  ======================================================
weight        before a write to the outside?         at the end of the run?
============  =====================================  ======================================================
``routine``   no                                     goes along; alone once an hour
``claim``     yes                                    goes along: where nothing was written, a claim guarded
                                                     nothing, and without it a rerun only looks once more
``notable``   no                                     yes
``intent``    yes                                    yes
============  =====================================  ======================================================

What this system says of itself (``self/…``) is routine. Where it says when (``at``), it is notable as the first of an
hour of the clock, so that the runs of a quiet day are known, however many commits others make.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from dreamnet_actions.domain.schedule import next_hour

Weight = Literal["routine", "claim", "notable", "intent"]

BEFORE: frozenset[Weight] = frozenset({"claim", "intent"})
"""What must be durable before something is done that cannot be repeated."""
WORTH: frozenset[Weight] = frozenset({"notable", "intent"})
"""What a run makes a commit for."""

_ROUTINE_FACTS = frozenset({"check-ended", "tick"})


def of_fact(kind: str) -> Weight:
    """Weigh a fact: an intent is one that something ``-started``, measurements and ticks are routine."""
    if kind in _ROUTINE_FACTS:
        return "routine"
    return "intent" if kind.endswith("-started") else "notable"


def of_state(key: str, former: Any, value: Any, *, pushed: bool) -> Weight:
    """Weigh shared state. ``pushed``: what it replaces is on the branch already, so that it may not stay behind."""
    if former == value:
        return "routine"
    if key.startswith("self/"):
        return "notable" if _an_hour_on(former, value) else "routine"
    if key.startswith("request/"):
        if value is None:
            return "routine"  # its time is over: that is no news, and can wait for whatever is
        return "notable" if pushed else "claim"
    return "intent"


def _an_hour_on(former: Any, value: Any) -> bool:
    """Say whether a value that tells when it was made is the first of its hour."""
    if not isinstance(value, Mapping) or "at" not in value:
        return False
    before = former.get("at", 0.0) if isinstance(former, Mapping) else 0.0
    return bool(value["at"] >= next_hour(before))
