"""What to start and what to retire, from what is wanted and what is seen. Pure.

The rule for one track: new replicas come beside the old ones (a surge of two, or a quarter of the wanted number),
each ready one takes the place of an old one, and where nothing old is alive all start at once. So there are never
fewer ready replicas than before, and a release that never becomes ready replaces nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dreamnet_actions.domain.release import ReplicaState

_WORTH = {"ready": 0, "unready": 1, "starting": 2, "back-off": 3, "exited": 4}
ALIVE = frozenset({"starting", "ready", "unready"})


@dataclass(frozen=True, slots=True)
class Seen:
    """One replica that is not being stopped. ``order`` grows with each replica that was made."""

    id: str
    key: tuple[int, int]
    state: ReplicaState
    order: int


@dataclass(frozen=True, slots=True)
class Steps:
    """How many to start, and whom to retire, in this order."""

    start: int = 0
    retire: tuple[str, ...] = ()


def plan_track(key: tuple[int, int], replicas: int, seen: Iterable[Seen]) -> Steps:
    """Plan the next steps of one track towards ``replicas`` replicas that have this ``key``."""
    ordered = sorted(seen, key=lambda one: (_WORTH[one.state], one.order))
    as_wanted = [one for one in ordered if one.key == key]
    old = [one for one in ordered if one.key != key]
    ready = sum(one.state == "ready" for one in as_wanted)

    # An old one that does not run holds no place; of those that run the worst go first, the ready ones last.
    alive = [one for one in old if one.state in ALIVE]
    kept = alive[: max(0, replicas - ready)]
    retired = [*reversed(as_wanted[replicas:]), *reversed([one for one in old if one not in kept])]

    surge = max(2, -(-replicas // 4))
    allowed = min(replicas, ready + surge) if kept else replicas
    return Steps(start=max(0, allowed - len(as_wanted)), retire=tuple(one.id for one in retired))
