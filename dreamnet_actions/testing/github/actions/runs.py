"""What the engine remembers of a run: attempts, jobs, steps, logs, annotations. In memory only, and only data."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dreamnet_actions.testing.github.actions.concurrency import Group
from dreamnet_actions.testing.github.actions.workflow import Workflow
from dreamnet_actions.testing.github.hosting import Event

BAD = ("failure", "cancelled", "timed_out", "startup_failure")
"""Conclusions after which `re-run failed jobs` has something to do."""


class NotNow(ValueError):
    """Something that cannot be done with a run as it is (GitHub answers 403 or 409)."""


@dataclass(kw_only=True)
class Annotation:
    """One ``::error``, ``::warning`` or ``::notice`` of a step, or a sentence of the engine's own."""

    level: str
    message: str
    job: str = ""
    file: str = ""
    line: int | None = None
    end_line: int | None = None
    column: int | None = None
    title: str = ""

    def __str__(self) -> str:
        place = (
            f" {self.file}:{self.line}" if self.file and self.line else f" {self.file}" if self.file else ""
        )
        return f"{self.level}{place}: {f'{self.title}: ' if self.title else ''}{self.message}"


@dataclass(kw_only=True)
class Step:
    """One step of a job."""

    number: int
    name: str
    status: str = "queued"
    conclusion: str | None = None
    started_at: float | None = None
    completed_at: float | None = None


@dataclass(kw_only=True)
class Job:
    """One job of an attempt. ``path`` are its ids, below those of the jobs that call it; times in seconds since
    1970."""

    id: int
    path: tuple[str, ...]
    name: str
    status: str = "queued"
    conclusion: str | None = None
    created_at: float
    started_at: float | None = None
    completed_at: float | None = None
    labels: tuple[str, ...] = ()
    permissions: Mapping[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    summaries: list[str] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """All that its steps wrote to GITHUB_STEP_SUMMARY, in order."""
        return "".join(self.summaries)


@dataclass(kw_only=True)
class Attempt:
    """One time that a run was tried. ``folder`` holds its artifacts."""

    number: int
    created_at: float
    started_at: float | None = None
    completed_at: float | None = None
    status: str = "queued"
    conclusion: str | None = None
    actor: str = ""
    jobs: list[Job] = field(default_factory=list)
    annotations: list[Annotation] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    kept: Mapping[tuple[str, ...], Mapping[str, str]] = field(default_factory=dict)
    folder: Path | None = None


@dataclass(kw_only=True)
class Run:
    """One run of a workflow. ``sha`` and ``ref`` are what it runs on; the last of ``attempts`` is the one that
    counts."""

    id: int
    number: int
    repository: str
    workflow_id: int
    workflow: Workflow
    event: Event
    sha: str
    ref: str
    title: str
    group: Group | None
    inputs: Mapping[str, Any]
    attempts: list[Attempt] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event, repr=False)

    def __str__(self) -> str:
        return f"{self.workflow.file} #{self.number} ({self.status})"

    @property
    def now(self) -> Attempt:
        """The newest attempt."""
        return self.attempts[-1]

    @property
    def status(self) -> str:
        """``queued``, ``pending`` (its group is taken), ``in_progress`` or ``completed``."""
        return self.now.status

    @property
    def conclusion(self) -> str | None:
        """How it ended: ``success``, ``failure``, ``cancelled``, ``skipped``, ``startup_failure``; None before."""
        return self.now.conclusion

    @property
    def jobs(self) -> list[Job]:
        """The newest attempt's jobs."""
        return self.now.jobs

    @property
    def annotations(self) -> list[Annotation]:
        """The newest attempt's annotations."""
        return self.now.annotations

    def job(self, *path: str) -> Job:
        """Answer the newest attempt's job with these ids; raises KeyError."""
        for one in self.jobs:
            if one.path == path:
                return one
        raise KeyError("/".join(path))

    def succeeded(self) -> dict[tuple[str, ...], dict[str, str]]:
        """Answer the outputs of the newest attempt's jobs that succeeded, by path."""
        return {one.path: dict(one.outputs) for one in self.jobs if one.conclusion == "success"}

    @property
    def log(self) -> str:
        """Annotations and all logs of the newest attempt in one text, for people."""
        parts = [*map(str, self.annotations), *self.now.log]
        for one in self.jobs:
            parts += [f"── {one.name} ({one.conclusion or one.status})", *one.log]
        return "\n".join(parts)

    @property
    def summary(self) -> str:
        """All job summaries of the newest attempt."""
        return "\n".join(one.summary for one in self.jobs if one.summary)

    @property
    def branch(self) -> str | None:
        """The branch or tag that it runs on, without ``refs/…/``."""
        return self.ref.split("/", 2)[2] if self.ref.startswith("refs/") else self.ref or None
