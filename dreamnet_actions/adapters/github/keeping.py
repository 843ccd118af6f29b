"""The branch ``dreamnet`` looked through and repaired (the port ``Keeping``).

The repair is one commit upon what is there and upon what was pushed last, so that it goes out fast-forward whatever
somebody did to the branch: nothing is forced for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from dreamnet_actions.adapters.github.branch import Branch
from dreamnet_actions.adapters.github.inspection import inspect
from dreamnet_actions.adapters.github.mending import Mended, State, mend
from dreamnet_actions.adapters.github.remote import AUTHOR, Committed, RemoteBranch
from dreamnet_actions.adapters.github.retelling import retold
from dreamnet_actions.adapters.github.schema import lost
from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.units import counted
from dreamnet_actions.errors import Conflict, DreamNetError, JournalDamaged, PermanentError, StateDamaged
from dreamnet_actions.ports.keeping import Flaw, Keeping, Repaired, Verified
from dreamnet_actions.ports.stores import DreamStore
from dreamnet_actions.ports.system import Clock

REPAIR = "repair: "
"""How a commit that set the branch right begins; who wrote what before it is not asked any more."""
_TOLD = 20
"""How many flaws and steps a dream tells; the commit tells all."""
KEY = "self/journal"
"""The dream that tells of damage; the same as that of the check of this system which finds it."""


class GitHubKeeping(Keeping):
    """Keeps one branch whole. ``dreams`` is what the repair asks for what the branch has lost, and tells of it."""

    def __init__(self, branch: Branch, remote: RemoteBranch, clock: Clock, dreams: DreamStore) -> None:
        self._branch, self._remote, self._clock, self._dreams = branch, remote, clock, dreams

    def verify(self, *, whole: bool = True) -> Verified:
        if not whole:  # as this run has it: nothing is fetched for that
            with self._branch.reading() as at:
                head, files = at.head, at.committed() if at.head else {}
            return self._verified(head, State(files=files, found=inspect(files)), ())
        head = self._remote.deepen()
        state = self._state(head)
        flaws = [*self._moved(head), *(self._foreign(head) if head else ())]
        if head is None and not flaws and self._dreams.search(limit=1):
            flaws.append(
                Flaw(file=self._remote.name, what="there is no such branch, though there are dreams")
            )
        return self._verified(head, state, flaws)

    def _verified(self, head: str | None, state: State, flaws: Sequence[Flaw]) -> Verified:
        name = self._remote.name
        return Verified(
            where=f"{name} at {head[:12]}" if head else f"{name}, which is not there",
            flaws=[*flaws, *state.found.flaws],
            facts=sum(map(len, state.found.days.values())),
            files=len(state.files),
            size=sum(map(len, state.files.values())),
        )

    def repair(self, *, dry_run: bool) -> Repaired:
        flaws = self.verify().flaws
        if not flaws:
            return Repaired(flaws=(), steps=())
        head, seen = self._remote.deepen(), self._remote.seen()
        apart = seen is not None and (head is None or not self._remote.holds(head, seen))
        suspect = head is not None and any(self._foreign(head))
        mended = mend(
            self._state(head),
            [self._state(one) for one in self._former(head, seen if apart else None)],
            name=(head or seen or "lost")[:12],
            suspect=suspect,
            apart=apart,
            rebuilt=self._retold(),
            now=self._clock.now(),
        )
        if apart:
            mended.steps.insert(0, f"Go on from the commit {str(seen)[:12]}, which was pushed last.")
        if suspect:
            mended.steps.append(
                "Leave the commits of others where they are; from here on they count as seen."
            )
        if dry_run:
            return Repaired(flaws=flaws, steps=mended.steps)
        commit = self._put(head, seen if apart else None, mended, flaws)
        self._tell(flaws, mended.steps, commit)
        return Repaired(flaws=flaws, steps=mended.steps, commit=commit)

    def compact(self) -> str:
        """Drop the rows of what was forgotten, and let the branch's history begin anew, by a checkpoint.

        A branch in which something is wrong keeps its history: a repair needs it.
        """
        self._branch.change(lambda at: at.rows.bury(), weight="routine")
        self._branch.flush()
        if flaws := self.verify().flaws:
            return f"Its history stays, for something is wrong: {flaws[0]}. Run 'dreamnet journal repair'."
        try:
            commit = self._branch.checkpoint()
        except PermanentError as error:
            return f"Its history stays: {error.message}"
        return f"Its history begins anew with the commit {commit[:12]}." if commit else "Its history stays."

    def alarm(self, error: StateDamaged) -> None:
        """Tell people by a dream that runs cannot work with the journal as it is. Where it cannot be told, the run's
        own error is all there is."""
        if isinstance(error, JournalDamaged):
            with suppress(DreamNetError):
                self._open(error.message)

    def _open(self, because: str) -> Dream:
        """Answer the dream that tells of damage, opened (again) where it is not."""
        now, former = self._clock.now(), self._dreams.find(KEY)
        if former is not None and not former.ended:
            return former
        return self._dreams.open(
            Dream(key=KEY, opened_at=now, changed_at=now, cause="other", because=because)
        )

    # ── looking ──────────────────────────────────────────────────────────────────────────────────────────

    def _state(self, commit: str | None) -> State:
        if commit is None:
            return State()
        listed = self._remote.files(commit)
        held = self._remote.contents(listed.values())
        files = {path: held[blob] for path, blob in listed.items()}
        return State(files=files, found=inspect(files))

    def _moved(self, head: str | None) -> Iterator[Flaw]:
        """Yield that the branch was deleted or forced to another state, if it was."""
        seen = self._remote.seen()
        if seen in (None, head):
            return
        head = self._remote.deepen()  # the host moves the two one after the other
        if head is None or not self._remote.holds(head, str(seen)):
            yield Flaw(file=self._remote.name, what=lost(head, seen))

    def _foreign(self, head: str) -> Iterator[Flaw]:
        """Yield the commits since the last repair that somebody else made."""
        for one in self._log(head):
            if one.by != AUTHOR:
                yield Flaw(file=f"commit {one.sha[:12]}", what=f"{one.by} made it, and not dreamnet[bot]")

    def _log(self, *commits: str) -> Iterator[Committed]:
        for one in self._remote.log(*commits):
            if one.by == AUTHOR and one.text.startswith(REPAIR):
                return
            yield one

    # ── repairing ────────────────────────────────────────────────────────────────────────────────────────

    def _former(self, head: str | None, seen: str | None) -> list[str]:
        """Answer the commits that help, the most trusted first: what was pushed last where that is not the head's
        forebear, then the newest of ours in which nothing is wrong (or the least, where there is none)."""
        sides = [one for one in (seen, head) if one]
        best: tuple[int, str] | None = None
        for side in sides:
            for one in self._remote.log(side):
                if one.by != AUTHOR or one.sha == head:
                    continue
                wrong = len(self._state(one.sha).found.flaws)
                if best is None or wrong < best[0]:
                    best = wrong, one.sha
                if not wrong:
                    break
            if best is not None and best[0] == 0:
                break
        found = [*([seen] if seen else []), *([best[1]] if best else [])]
        return list(dict.fromkeys(found))

    def _retold(self) -> list[Fact]:
        dreams = self._dreams
        return [fact for one in dreams.search() for fact in retold(one, dreams.comments(one.number))]

    def _put(self, head: str | None, seen: str | None, mended: Mended, flaws: Sequence[Flaw]) -> str:
        parents = [one for one in (seen, head) if one]
        if head and seen and self._remote.holds(seen, head):
            parents = [seen]
        told = [f"{REPAIR}{counted(len(flaws), 'flaw')}", "", *map(str, flaws), "", *mended.steps]
        commit = self._remote.commit(
            parents[0] if parents else None,
            mended.files,
            "\n".join(told),
            self._clock.now(),
            joins=parents[1:],
            whole=True,
        )
        if not self._remote.push(commit):
            raise Conflict(f"The branch {self._remote.name!r}")
        return commit

    def _tell(self, flaws: Sequence[Flaw], steps: Sequence[str], commit: str) -> None:
        """Leave a dream that tells of it: the one there is, else a new one, resolved by the repair."""
        now, dream = self._clock.now(), self._open(f"the journal was damaged: {flaws[0]}")
        mended = f"'dreamnet journal repair' set the journal right in the commit {commit[:12]}"
        for text in (*map(str, flaws[:_TOLD]), *steps[:_TOLD], mended):
            self._dreams.comment(dream.number, now, text)
