"""A remote repository in a folder, and memories over it."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dreamnet_actions.adapters.github.memory import GitHubMemory
from dreamnet_actions.ports.system import Clock
from dreamnet_actions.testing.memory.clock import CountingIds, VirtualClock

_numbers = itertools.count()

Make = Callable[..., GitHubMemory]


def git(repository: Path, *arguments: str) -> str:
    run = subprocess.run(
        ["git", "-C", str(repository), *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def bare(place: Path) -> Path:
    place.mkdir(parents=True)
    git(place, "init", "--quiet", "--bare", "-b", "main", ".")
    return place


def commits(remote: Path) -> int:
    if not git(remote, "for-each-ref", "refs/heads/dreamnet"):
        return 0
    return int(git(remote, "rev-list", "--count", "dreamnet"))


def files(remote: Path) -> set[str]:
    return set(git(remote, "ls-tree", "-r", "--name-only", "dreamnet").splitlines())


@contextmanager
def memories(remote: Path | str, clock: Clock | None = None, **always: Any) -> Iterator[Make]:
    """Hand out a function that makes a memory over the remote; all are closed at the end."""
    made: list[GitHubMemory] = []
    shared = clock or VirtualClock()

    def make(mode: str = "write-behind", **more: Any) -> GitHubMemory:
        number = next(_numbers)
        options = {
            "environ": dict(os.environ),
            "clock": shared,
            "ids": CountingIds(f"unit-{number}"),
            "dispatch": None,
            "holder": f"process-{number}",
        }
        made.append(GitHubMemory.at(str(remote), mode=mode, **{**options, **always, **more}))
        return made[-1]

    try:
        yield make
    finally:
        for one in made:
            one.close()


class Dispatches:
    """What was dispatched, and a fault for the next ones."""

    def __init__(self, remote: Path) -> None:
        self.remote = remote
        self.fault: Exception | None = None
        self.sent: list[dict[str, Any]] = []
        self.commits: list[int] = []

    def __call__(self, event_type: str, payload: Mapping[str, Any]) -> None:
        if self.fault is not None:
            raise self.fault
        assert event_type == "dreamnet.message.v1"
        assert len(json.dumps(payload)) < 64_000
        self.sent.append(json.loads(json.dumps(payload))["dreamnet"])
        self.commits.append(commits(self.remote))

    @property
    def ids(self) -> list[str]:
        return [event["id"] for event in self.sent]
