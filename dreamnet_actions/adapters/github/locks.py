"""Leases as rows on the branch ``dreamnet``: the push that is accepted has them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from dreamnet_actions.adapters.github.branch import Branch
from dreamnet_actions.adapters.github.snapshot import Change, Snapshot
from dreamnet_actions.errors import Leased, PermanentError, RefusedError, TemporaryError
from dreamnet_actions.ports.stores import Lock
from dreamnet_actions.ports.system import Clock, Ids

_ATTEMPT = re.compile(r"(?P<run>\S+/actions/runs/\d+)/attempts/(?P<number>\d+)\b")


def earlier_attempt(holder: str, me: str) -> bool:
    """Say whether ``holder`` is an earlier attempt of the run that ``me`` is (``…/actions/runs/ID/attempts/N``, with
    anything after it).

    GitHub starts a run again only when it has ended, so that one is dead for certain:
    https://docs.github.com/en/actions/how-tos/manage-workflow-runs/re-run-workflows-and-jobs
    """
    theirs, mine = _ATTEMPT.match(holder), _ATTEMPT.match(me)
    if theirs is None or mine is None or theirs["run"] != mine["run"]:
        return False
    return int(theirs["number"]) < int(mine["number"])


_KEEP = 86_400.0
"""Seconds for which a lease that ended is remembered: no run's view is older."""


class Holders:
    """Who holds leases: this process is ``me``; ``is_dead`` says of another whether it is dead for certain."""

    def __init__(self, me: str, is_dead: Callable[[str], bool] | None = None) -> None:
        self.me = me
        self._is_dead = is_dead

    def is_dead(self, holder: str) -> bool:
        """Say whether that holder is dead for certain: its leases are free at once."""
        return earlier_attempt(holder, self.me) or (self._is_dead is not None and self._is_dead(holder))

    def named(self, holder: str) -> str:
        """Name a holder for people."""
        return f"this process ({holder})" if holder == self.me else holder


class GitHubLock(Lock):
    """Holds leases on the branch, by ``clock.now()``.

    In the mode ``write-behind`` a lease is taken in memory, and for certain by the next push: what was done under one
    that somebody else got meanwhile, also if they gave it back, is dropped there, and its Leased raised. So call the
    journal's ``barrier`` before any write.
    """

    def __init__(self, branch: Branch, clock: Clock, ids: Ids, holders: Holders) -> None:
        self._branch, self._clock, self._ids, self._holders = branch, clock, ids, holders

    def lease(self, name: str, seconds: float) -> AbstractContextManager[None]:
        return self._held(name, seconds)

    @contextmanager
    def _held(self, name: str, seconds: float) -> Iterator[None]:
        fence = self._ids.fresh()
        change = self._take(name, seconds, fence)
        self._branch.held.append(change)
        try:
            yield
        finally:
            self._branch.held.remove(change)
            # A lease that cannot be given back (no network, no token any more) ends by time; what the block did is
            # not undone by that.
            with suppress(TemporaryError, RefusedError, PermanentError):
                self._give(name, fence, change)

    def _take(self, name: str, seconds: float, fence: str) -> Change:
        seen = ""

        def take(at: Snapshot) -> None:
            now = self._clock.now()
            row = at.rows.leases.get(name)
            if row is not None and row["until"] > now and not self._holders.is_dead(row["holder"]):
                raise Leased(name, self._holders.named(row["holder"]))
            for old in [one for one, held in at.rows.leases.items() if held["until"] <= now - _KEEP]:
                del at.rows.leases[old]
            at.rows.leases[name] = {"holder": self._holders.me, "until": now + seconds, "fence": fence}

        def first(at: Snapshot) -> None:
            nonlocal seen
            seen = _fence(at, name)
            take(at)

        def again(at: Snapshot) -> None:
            # What this run read under its lease, it read before: somebody may have held and left it since.
            if _fence(at, name) != seen:
                raise Leased(name, f"{self._holders.named(at.rows.leases[name]['holder'])}, or was just now")
            take(at)

        touches = (f"lease/{name}",)
        return self._branch.change(first, again=again, weight="claim", touches=touches)[1]

    def _give(self, name: str, fence: str, taken: Change) -> None:
        def give(at: Snapshot) -> None:
            # By its number: after it ran out, the name may be somebody else's.
            if _fence(at, name) == fence:
                at.rows.leases[name]["until"] = min(at.rows.leases[name]["until"], self._clock.now())

        in_memory = False
        if self._branch.mode == "write-behind":
            with self._branch.reading() as at:
                in_memory = at.wrote.get(f"lease/{name}") is taken
        # One that others can see is worth a commit to take it away; one that they never saw is not.
        self._branch.change(give, weight="claim" if in_memory else "notable", needs=(taken,))


def _fence(at: Snapshot, name: str) -> str:
    return str(at.rows.leases[name]["fence"]) if name in at.rows.leases else ""
