"""The workflows that a repository has or had: their ids, states, and how many runs each has had."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from dreamnet_actions.testing.github.actions.workflow import Workflow


@dataclass(kw_only=True)
class Entry:
    """One workflow as REST shows it. ``state`` is ``active``, ``disabled_manually`` or ``deleted``."""

    id: int
    name: str
    path: str
    created_at: float
    updated_at: float
    state: str = "active"
    runs: int = 0
    workflow: Workflow | None = None


class Registry:
    """All entries of all repositories. Safe for several threads."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], Entry] = {}
        self._ids = itertools.count(101)
        self._lock = threading.Lock()

    def learn(self, repository: str, workflows: Sequence[Workflow], now: float) -> None:
        """The default branch has these files now; what it no longer has counts as deleted."""
        with self._lock:
            there = {one.path for one in workflows}
            for workflow in workflows:
                entry = self._entry(repository, workflow, now)
                entry.name, entry.workflow = workflow.name, workflow
                if entry.state == "deleted":
                    entry.state, entry.updated_at = "active", now
            for (name, path), entry in self._entries.items():
                if name == repository and path not in there and entry.workflow is not None:
                    entry.state, entry.workflow = "deleted", None

    def entry(self, repository: str, workflow: Workflow, now: float) -> Entry:
        """Answer a workflow's entry; one that is not known is made (a branch may have files that the default
        has not)."""
        with self._lock:
            return self._entry(repository, workflow, now)

    def _entry(self, repository: str, workflow: Workflow, now: float) -> Entry:
        key = (repository, workflow.path)
        if key not in self._entries:
            self._entries[key] = Entry(
                id=next(self._ids), name=workflow.name, path=workflow.path, created_at=now, updated_at=now
            )
        return self._entries[key]

    def all(self, repository: str) -> list[Entry]:
        """Answer a repository's workflows that are not deleted, in the order of their ids."""
        with self._lock:
            found = [one for (name, _), one in self._entries.items() if name == repository]
            return [one for one in sorted(found, key=lambda one: one.id) if one.state != "deleted"]

    def find(self, repository: str, wanted: str | int) -> Entry:
        """Answer a workflow by id, file name or path; raises LookupError."""
        with self._lock:
            for (name, path), entry in self._entries.items():
                if name == repository and str(wanted) in {str(entry.id), path, path.rpartition("/")[2]}:
                    return entry
        raise LookupError(str(wanted))

    def is_disabled(self, repository: str, path: str) -> bool:
        """Say whether a workflow is switched off."""
        with self._lock:
            entry = self._entries.get((repository, path))
            return entry is not None and entry.state == "disabled_manually"

    def switch(self, repository: str, wanted: str | int, *, on: bool, now: float) -> None:
        """Switch a workflow on or off; raises LookupError."""
        entry = self.find(repository, wanted)
        with self._lock:
            entry.state, entry.updated_at = "active" if on else "disabled_manually", now

    def next_number(self, repository: str, path: str) -> int:
        """Count one more run of a workflow."""
        with self._lock:
            entry = self._entries[repository, path]
            entry.runs += 1
            return entry.runs
