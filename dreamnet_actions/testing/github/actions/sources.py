"""Where a run's files come from: the host's repositories, trees of their commits, the small stand-in actions,
tokens."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

from dreamnet_actions.testing.github.actions.plan import JobPlan
from dreamnet_actions.testing.github.actions.repository import Repository
from dreamnet_actions.testing.github.call import Problem
from dreamnet_actions.testing.github.hosting import Host
from dreamnet_actions.testing.github.world import Moved

SMALL = Path(__file__).with_name("small")
"""The stand-in actions that come with the sandbox, each in ``owner+name``."""


def small_actions() -> list[str]:
    """Answer the names of the stand-in actions."""
    return sorted(one.name.replace("+", "/") for one in SMALL.iterdir() if one.is_dir())


class Trees:
    """Folders with the files of commits, written once each. Safe for several threads."""

    def __init__(self, host: Host, folder: Path) -> None:
        self._host = host
        self._folder = folder
        self._lock = threading.Lock()

    def repository(self, name: str) -> Repository | None:
        """Answer a repository of the host's; None where it has none of that name."""
        try:
            git_dir = self._host.git_dir(name)
        except (LookupError, Problem, Moved):
            return None
        return Repository(git_dir) if git_dir.is_dir() else None

    def tree(self, name: str, sha: str) -> Path:
        """Answer the folder of a commit's files; raises LookupError where there is no such repository."""
        place = self._folder / name.replace("/", "+") / sha
        with self._lock:
            if not place.is_dir():
                repository = self.repository(name)
                if repository is None:
                    raise LookupError(name)
                unfinished = place.with_suffix(".unfinished")
                shutil.rmtree(unfinished, ignore_errors=True)
                repository.export(sha, unfinished)
                unfinished.rename(place)
        return place


class RunSources:
    """The sources of one run (``plan.Sources``). ``mint`` makes a job's token."""

    def __init__(self, trees: Trees, mint: Callable[[JobPlan], str]) -> None:
        self._trees = trees
        self._mint = mint

    def repository(self, name: str) -> Repository | None:
        """Answer a repository of the stand-in."""
        return self._trees.repository(name)

    def tree(self, name: str, sha: str) -> Path:
        """Answer a commit's files."""
        return self._trees.tree(name, sha)

    def stand_in(self, name: str) -> Path | None:
        """Answer a small stand-in action's folder."""
        place = SMALL / name.replace("/", "+")
        return place if place.is_dir() and "+" not in name else None

    def token(self, job: JobPlan) -> str:
        """Make a job's token."""
        return self._mint(job)
