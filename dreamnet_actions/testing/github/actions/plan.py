"""What a run consists of before it starts: its jobs, each with its own token, and what act is given to read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from dreamnet_actions.testing.github.actions.concurrency import Group
from dreamnet_actions.testing.github.actions.repository import Repository

USUAL_MINUTES = 360
"""``timeout-minutes`` of a job that names none
(https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idtimeout-minutes)."""


_NO_YAML = re.compile("[\x7f-\x84\x86-\x9f\ufffe\uffff]")
"""What JSON leaves as it is in a text, and YAML 1.2 takes nowhere as it is (https://yaml.org/spec/1.2.2/#51-character-set)."""


def written(data: Mapping[str, Any]) -> bytes:
    """Write plain data for act: JSON, which is YAML where it escapes a few characters more.

    Nothing in a text can be read as anything else; half of a surrogate pair, which a payload may hold, stays an escape.
    """
    text = json.dumps(data, ensure_ascii=False)
    text = _NO_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return text.encode("utf-8", "backslashreplace")


class WorkflowRefused(ValueError):
    """A run that GitHub would not start; the text is what it shows. ``conclusion`` is the run's."""

    def __init__(self, text: str, conclusion: str = "startup_failure") -> None:
        super().__init__(text)
        self.conclusion = conclusion


@dataclass(frozen=True)
class Origin:
    """Where a workflow or action file comes from: repository, commit, and the ref by which it was asked for."""

    repository: str
    sha: str
    ref: str


@dataclass(frozen=True)
class Unit:
    """What holds a concurrency group below the run: a job, or a called workflow. ``path`` are its ids."""

    path: tuple[str, ...]
    called: bool
    group: Group


@dataclass(kw_only=True)
class JobPlan:
    """One job as it will run. ``path`` are the ids down to it (a called workflow's job stands below its caller).

    ``key`` is its name in what act reads, so that a line of act's log is known to be its; ``units`` hold the
    concurrency groups that it waits for, the outermost first.
    """

    number: int
    path: tuple[str, ...]
    title: str
    data: Mapping[str, Any]
    permissions: Mapping[str, str]
    token: str = field(default="", repr=False)
    calls: str | None = None
    needs: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    minutes: float = USUAL_MINUTES
    units: tuple[Unit, ...] = ()

    @property
    def key(self) -> str:
        """The job's name for act."""
        return f"j{self.number}"


class Sources(Protocol):
    """Where repositories come from, and tokens."""

    def repository(self, name: str) -> Repository | None:
        """Answer a repository of the stand-in; None where it has none of that name."""

    def tree(self, name: str, sha: str) -> Path:
        """Answer a folder with a repository's files at a commit; nobody writes there."""

    def stand_in(self, name: str) -> Path | None:
        """Answer the folder of a small stand-in action (``actions/cache``); None where there is none."""

    def token(self, job: JobPlan) -> str:
        """Make a job's own token."""


Progress = Callable[[str], None]


@dataclass
class Plan:
    """All that act is given: the workflow's file, folders in the place of remote repositories, and the jobs.
    ``notes`` say what is not as on GitHub."""

    workflow: Path
    event: str
    jobs: list[JobPlan] = field(default_factory=list)
    repositories: dict[str, Path] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def job(self, key: str) -> JobPlan | None:
        """Answer the job of a key."""
        return next((one for one in self.jobs if one.key == key), None)
