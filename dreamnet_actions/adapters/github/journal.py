"""The journal on the branch ``dreamnet``: the port over the unit of work."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from dreamnet_actions.adapters.github.branch import Branch
from dreamnet_actions.adapters.github.rows import copied
from dreamnet_actions.adapters.github.snapshot import Snapshot
from dreamnet_actions.adapters.github.weights import Weight, of_fact, of_state
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.errors import Conflict
from dreamnet_actions.ports.stores import Journal


class GitHubJournal(Journal):
    """Keeps facts and shared data on the branch.

    In the mode ``write-behind`` (a workflow's run) every call answers from memory, and ``barrier``, ``flush`` and
    ``finish`` make it durable. Until then a ``seq`` and a version are provisional: where others pushed first they grow.
    A ``set_state`` with ``version`` is checked at once against what this run sees and again, by the push, against
    what is really there; the Conflict comes out of the flush then. In ``eager`` every call is durable when it returns.
    """

    def __init__(self, branch: Branch) -> None:
        self._branch = branch

    def append(self, *facts: Fact) -> Sequence[Fact]:
        if not facts:
            return []
        copies = [replace(fact, data=copied(fact.data)) for fact in facts]
        weights = {of_fact(fact.kind) for fact in facts}
        heaviest: Weight = next(one for one in ("intent", "notable", "routine") if one in weights)
        return self._branch.change(lambda at: at.book.append(copies), weight=heaviest)[0]

    def read(
        self,
        *,
        kinds: Collection[str] = (),
        service: str | None = None,
        dream: str | None = None,
        correlation_id: str | None = None,
        since: float = 0.0,
        after: int = 0,
        limit: int = 10_000,
    ) -> Sequence[Fact]:
        with self._branch.reading() as at:
            return at.book.read(
                kinds=kinds,
                service=service,
                dream=dream,
                correlation_id=correlation_id,
                since=since,
                after=after,
                limit=limit,
            )

    def compact(self, *, before: float, kinds: Collection[str]) -> int:
        return self._branch.change(lambda at: at.book.compact(before, set(kinds)), weight="routine")[0]

    def state(self, key: str) -> tuple[Any, int]:
        with self._branch.reading() as at:
            version, value = at.rows.shared.get(key, (0, None))
            return copied(value), version

    def states(self, prefix: str) -> dict[str, Any]:
        with self._branch.reading() as at:
            return {
                key: copied(value)
                for key, (_, value) in sorted(at.rows.shared.items())
                if key.startswith(prefix) and value is not None
            }

    def set_state(self, key: str, value: Any, *, version: int | None = None) -> int:
        copy = copied(value)
        row = f"shared/{key}"
        weight: Weight = "intent"
        follows = None
        if self._branch.mode == "write-behind":
            with self._branch.reading() as at:
                stored, former = at.rows.shared.get(key, (0, None))
                earlier = at.wrote.get(row)
                weight = of_state(key, former, copy, pushed=stored > 0 and earlier is None)
                follows = earlier if version is not None else None

        def put(at: Snapshot) -> int:
            if version is not None and version != (found := at.rows.version(key)):
                raise Conflict(f"The shared state {key!r} (version {version} expected, {found} found)")
            return at.rows.put(key, copied(copy))

        # What follows a change of this same unit rests on that one, whatever its version will be.
        again = (lambda at: at.rows.put(key, copied(copy))) if follows else put
        return self._branch.change(put, again=again, weight=weight, needs=(follows,), touches=(row,))[0]

    # ── the unit of work ─────────────────────────────────────────────────────────────────────────────────

    def barrier(self) -> None:
        """Make durable what must be known before a write to the outside; see ``Branch.barrier``."""
        self._branch.barrier()

    def flush(self, *, intent: bool = False) -> None:
        """Make everything durable as one commit; see ``Branch.flush``."""
        self._branch.flush(intent=intent)

    def finish(self) -> None:
        """End the run; see ``Branch.finish``."""
        self._branch.finish()

    def refresh(self) -> None:
        """Fetch again what others wrote meanwhile; see ``Branch.refresh``."""
        self._branch.refresh()
