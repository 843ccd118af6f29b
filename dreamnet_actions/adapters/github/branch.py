"""The unit of work upon the branch ``dreamnet``: changes in memory, durable as one commit, replayed when others won.

A rejected fast-forward push is the compare-and-set of all runs; only a checkpoint is forced, over the very commit whose
files it holds. What the files mean is told in
``rows`` and ``daybook``; how they travel in ``remote``.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeVar

from dreamnet_actions.adapters.github.daybook import Lines
from dreamnet_actions.adapters.github.remote import RemoteBranch
from dreamnet_actions.adapters.github.schema import rewound
from dreamnet_actions.adapters.github.snapshot import Change, Snapshot
from dreamnet_actions.adapters.github.weights import BEFORE, WORTH, Weight
from dreamnet_actions.errors import (
    Conflict,
    DreamNetError,
    Leased,
    PermanentError,
    RefusedError,
    StateDamaged,
    TemporaryError,
)
from dreamnet_actions.ports.system import Clock, Ids

Mode = Literal["write-behind", "eager"]
T = TypeVar("T")

TRIES = 30
"""How often a unit is replayed and pushed before the run gives up for now."""
_LOOKS = 3
"""How often a branch is looked at before it counts as damaged."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0


class Branch:
    """Holds what runs share.

    ``write-behind``: changes are seen by this run at once and pushed by ``flush``, ``barrier`` and ``finish``.
    ``eager``: each change and each look goes to the remote before it returns, and those three have nothing to do.
    ``quiet``: seconds after which a run that has nothing worth telling commits all the same. ``fresh_for``: how old
    the view may be at a barrier, in seconds; so a pause reaches a long run. Safe for several threads.
    """

    def __init__(
        self,
        remote: RemoteBranch,
        clock: Clock,
        ids: Ids,
        *,
        mode: Mode,
        quiet: float = 3600.0,
        fresh_for: float = 60.0,
    ) -> None:
        self.mode = mode
        self.after_push: list[Callable[[], None]] = []
        """Called when all that was changed is on the branch, in the thread that pushed it, without any lock."""
        self._remote, self._clock, self._ids = remote, clock, ids
        self._quiet, self._fresh_for = quiet, fresh_for
        self._lock = threading.RLock()
        self._thread = threading.local()
        self._head: str | None = None
        self._snapshot: Snapshot | None = None
        self._fetched_at: float | None = None
        self._tried_at = 0.0
        """When a barrier last tried to look again."""
        self._parsed: dict[str, Lines] = {}
        self._unit: list[Change] = []
        self._doubt = False
        """Whether something was pushed of which it is not known that it arrived, or did not."""
        self._lost: list[DreamNetError] = []

    def close(self) -> None:
        """Take the local copy away; what was not flushed is gone."""
        self._remote.close()

    # ── looking and changing ─────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """Hand out the branch as it is, this run's changes included, for the block; nothing of it may be changed."""
        with self._lock:
            yield self._reload() if self.mode == "eager" else self._current()

    def refresh(self) -> None:
        """Fetch again, and put this run's changes upon what is there now. Raises what ``flush`` raises."""
        self._refetch()
        self._tell_lost()

    def change(
        self,
        apply: Callable[[Snapshot], T],
        *,
        weight: Weight,
        again: Callable[[Snapshot], Any] | None = None,
        needs: tuple[Change | None, ...] = (),
        touches: tuple[str, ...] = (),
        then: Callable[[T], object] | None = None,
    ) -> tuple[T, Change]:
        """Make a change (all of it, or raise and leave all as it was); answers what ``apply`` did, and the change.

        ``again`` is for the replay, where that differs; ``then`` is told the result before ``after_push`` is called.
        A change made while a lease is held needs that lease: raises its Leased when it was lost meanwhile.
        """
        change = Change(again or apply, weight, (*(one for one in needs if one), *self.held), touches)
        for need in change.needs:
            if need.lost is not None:
                raise need.lost
        with self._lock:
            if self.mode == "write-behind":
                snapshot = self._current()
                result = apply(snapshot)
                self._unit.append(change)
                snapshot.wrote |= dict.fromkeys(touches, change)
            else:
                result = self._eagerly(apply)
        if then is not None:
            then(result)
        if self.mode == "eager":
            self._pushed()
        return result, change

    @property
    def held(self) -> list[Change]:
        """The leases that this thread holds, innermost last: the lock adds and takes away."""
        if not hasattr(self._thread, "held"):
            self._thread.held = []
        held: list[Change] = self._thread.held
        return held

    # ── making it durable ────────────────────────────────────────────────────────────────────────────────

    def flush(self, *, intent: bool = False) -> None:
        """Make everything durable as one commit; ``intent`` only words it.

        When others pushed first, the changes are put upon their state and pushed again. One that rests on what is no
        longer so (a compare-and-set, a lease, a message that somebody else took) is dropped, with all that needs it;
        everything else is pushed, and then the first such Conflict or Leased is raised. Raises TemporaryError, with
        the unit kept for the next try, when the remote cannot be reached or others were faster ``TRIES`` times.
        """
        if self.mode == "eager":
            return
        with self._lock:
            for number in self._tries():
                if number or self._doubt:
                    self._reload()
                if not self._unit or not self._current().is_changed():
                    break
                if self._push(self._current(), self._named(), "intent" if intent else "result"):
                    break
            self._unit.clear()
        self._pushed()
        self._tell_lost()

    def barrier(self) -> None:
        """Called before a write to the outside that cannot be repeated: what must be known before it is made durable.

        Where nothing must, nothing is pushed. A view older than ``fresh_for`` is fetched again if that can be done now:
        a rollback waits neither for GitHub nor for a token. Raises as ``flush``, and JournalDamaged.
        """
        if self.mode == "eager":
            return
        with self._lock:
            due = any(change.weight in BEFORE for change in self._unit)
            looked_at = max(self._fetched_at or 0.0, self._tried_at)
            old = self._fetched_at is not None and self._clock.monotonic() - looked_at > self._fresh_for
        if due:
            self.flush(intent=True)
        elif old:
            self._look_again()
            self._tell_lost()

    def finish(self) -> None:
        """End the run: flush what is worth a commit; a quiet run makes none, unless the last is older than ``quiet``.

        Raises as ``flush``.
        """
        if self.mode == "eager":
            return
        with self._lock:
            worth = any(change.weight in WORTH for change in self._unit) or self._doubt
            routine = any(change.weight == "routine" for change in self._unit)
            silent = routine and self._clock.now() - self._current().rows.written >= self._quiet
        if worth or silent:
            self.flush()
        with self._lock:
            if self._unit:
                self._unit.clear()
                self._snapshot = None
        self._tell_lost()

    def checkpoint(self) -> str | None:
        """Let history begin anew: one commit without a parent, with exactly the files of the newest, takes its place.

        Who pushes meanwhile upon the former one is rejected and puts it upon this one. Answers the commit; None where
        the history is one commit long. Raises TemporaryError as ``flush`` does.
        """
        with self._lock:
            for _ in self._tries():
                head = self._reload().head
                if head is None or self._remote.is_first(head):
                    return None
                told = f"checkpoint: what was before is {head}"
                commit = self._remote.checkpoint(head, told, self._clock.now())
                if self._remote.push(commit, over=head):
                    self._head, self._snapshot = commit, None
                    self._fetched_at = self._clock.monotonic()
                    return commit
        return None

    # ── within ───────────────────────────────────────────────────────────────────────────────────────────

    def _refetch(self) -> None:
        with self._lock:
            self._reload()

    def _look_again(self) -> None:
        """Fetch what others wrote meanwhile. Where that fails, it is not tried again before ``fresh_for``: a remote
        that hangs would hold up each write by the time-out of git."""
        self._tried_at = self._clock.monotonic()
        try:
            self._refetch()
        except StateDamaged:
            raise
        except (TemporaryError, RefusedError, PermanentError):
            return

    def _current(self) -> Snapshot:
        if self._fetched_at is None:
            return self._reload()
        if self._snapshot is None:
            self._snapshot = Snapshot(self._remote, self._head, self._parsed)
        return self._snapshot

    def _reload(self) -> Snapshot:
        """Fetch, and put the unit upon what is there now; what no longer holds is dropped from it."""
        self._head = self._newest()
        self._fetched_at = self._clock.monotonic()
        self._doubt = False
        former = self._snapshot
        if former is not None and former.head == self._head and self._holds(former):
            return former
        self._snapshot = snapshot = Snapshot(self._remote, self._head, self._parsed)
        arrived = set(snapshot.rows.units)
        waiting, self._unit = self._unit, []
        for change in waiting:
            if not change.tried & arrived:
                self._replay(change, snapshot)
        return snapshot

    def _newest(self) -> str | None:
        """Fetch, and answer the newest commit. Raises StateDamaged where the branch is not what was pushed last, or
        something upon that: somebody deleted it, or forced another state upon it."""
        head, seen = self._remote.fetch(), self._remote.seen()
        for number in range(_LOOKS):
            if seen in (None, head):
                return head
            if number:
                self._clock.sleep(
                    _LONGEST_PAUSE * self._chance()
                )  # the host moves the two one after the other
            head, seen = self._remote.deepen(), self._remote.seen()
            if head is not None and seen is not None and self._remote.holds(head, seen):
                return head
        if seen in (None, head):
            return head
        raise rewound(self._remote.name, head, seen)

    def _holds(self, former: Snapshot) -> bool:
        """Say whether a snapshot of the newest commit may be used on: an eager change may have left half of itself."""
        return self.mode == "write-behind" or not former.is_changed()

    def _replay(self, change: Change, snapshot: Snapshot) -> None:
        lost = next((need.lost for need in change.needs if need.lost is not None), None)
        if lost is None:
            try:
                change.apply(snapshot)
            except (Conflict, Leased) as error:
                lost = error
                self._lost.append(error)
        change.lost = lost
        if lost is None:
            self._unit.append(change)
            snapshot.wrote |= dict.fromkeys(change.touches, change)

    def _eagerly(self, apply: Callable[[Snapshot], T]) -> T:
        results: dict[str, T] = {}
        for _ in self._tries():
            snapshot = self._reload()
            for unit in results.keys() & set(snapshot.rows.units):
                return results[unit]
            result = apply(snapshot)
            if not snapshot.is_changed():
                return result
            unit = self._named()
            results[unit] = result
            try:
                if self._push(snapshot, unit, "change"):
                    return result
            except TemporaryError:
                if not self._arrived(unit):
                    raise
                return result
        raise AssertionError("the tries end with an error")

    def _named(self) -> str:
        """Name what is pushed next, so that it is found again: also a push that seems rejected may have arrived, for
        the HTTP client sends it twice by itself where a connection is cut."""
        unit = self._ids.fresh()
        for change in self._unit:
            change.tried.add(unit)
        return unit

    def _push(self, snapshot: Snapshot, unit: str, what: str) -> bool:
        """Commit and push once; False where it seems that others were faster."""
        former = snapshot.rows.units, snapshot.rows.written
        snapshot.rows.units = [*snapshot.rows.units, unit]
        snapshot.rows.written = self._clock.now()
        try:
            commit = self._remote.commit(
                snapshot.head, snapshot.changes(), _told(what, snapshot), self._clock.now()
            )
            self._doubt = True
            if not self._remote.push(commit):
                return False
        finally:
            snapshot.rows.units, snapshot.rows.written = former
        self._doubt = False
        self._head, self._snapshot = commit, None
        self._fetched_at = self._clock.monotonic()
        return True

    def _arrived(self, unit: str) -> bool:
        try:
            return unit in self._reload().rows.units
        except DreamNetError:
            return False  # the first error says more

    def _tries(self) -> Iterator[int]:
        """Yield each try, with a pause of growing length and by chance before all but the first."""
        for number in range(TRIES):
            if number:
                longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (number - 1))
                self._clock.sleep(longest * self._chance())
            yield number
        raise TemporaryError(
            f"Others wrote to the branch of {self._remote.url} faster than this run, {TRIES} times.",
            hint="Nothing of it is lost there; let fewer runs write at once, or try again.",
            retry_after=10.0,
        )

    def _chance(self) -> float:
        """Answer a number from 0 to 1 that no other run answers now."""
        return int.from_bytes(hashlib.sha256(self._ids.fresh().encode()).digest()[:4]) / 2**32

    def _pushed(self) -> None:
        for told in self.after_push:
            told()

    def _tell_lost(self) -> None:
        if self._lost:
            first, *_ = self._lost
            self._lost = []
            raise first


def _told(what: str, snapshot: Snapshot) -> str:
    """Word a commit for who reads the branch: the kinds of facts, which are our own words, and nothing from outside."""
    counts = snapshot.book.added()
    facts = ", ".join(f"{kind} ×{count}" if count > 1 else kind for kind, count in sorted(counts.items()))
    return f"{what}: {facts}" if facts else f"{what}: shared state"
