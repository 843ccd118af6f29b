"""A check of the doctor's, what it may look at, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dreamnet_actions.config.load import Loaded
from dreamnet_actions.entrances.setup.reading import Caller, Unreadable
from dreamnet_actions.entrances.setup.workflows import Wanted
from dreamnet_actions.errors import ConfigError
from dreamnet_actions.ports.hosting import Hosting

Status = Literal["ok", "failed", "warning", "unknown"]
MARKS: dict[Status, str] = {"ok": "✓", "failed": "✗", "warning": "!", "unknown": "?"}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at. ``fix`` is what to do, with the exact lines to add where it is lines; ``file`` and
    ``line`` say where. ``failed``: DreamNet does not work like this."""

    status: Status
    what: str
    detail: str
    fix: str = ""
    file: str | None = None
    line: int | None = None

    @property
    def where(self) -> str:
        """The place as ``file:line``, or nothing."""
        if self.file is None:
            return ""
        return self.file if self.line is None else f"{self.file}:{self.line}"

    def to_json(self) -> dict[str, Any]:
        """Write it as plain data."""
        return {
            "status": self.status,
            "what": self.what,
            "detail": self.detail,
            "fix": self.fix,
            "file": self.file,
            "line": self.line,
        }


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """All that a check may look at. ``config`` is the configuration or what is wrong with it; ``workflows`` the texts
    of the workflows here, by path; ``hosting`` is None while nothing outside may be asked."""

    root: Path
    repository: str | None
    host: str | None
    config: Loaded | ConfigError
    wanted: Wanted
    workflows: dict[str, str] = field(default_factory=dict)
    callers: tuple[Caller, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    hosting: Hosting | None = None
    environ: Mapping[str, str] | None = None
    """The environment by which clusters are reached; None while nothing outside may be asked."""

    @property
    def asked(self) -> Hosting:
        """The host; only for checks that are ``online``."""
        if self.hosting is None:
            raise RuntimeError("an online check was run offline")
        return self.hosting

    def calling(self, keeper: str) -> list[Caller]:
        """Answer the jobs that have a keeper work when something happens; ``inner`` ones follow such a job."""
        return [one for one in self.callers if one.keeper == keeper and not one.inner]


def lacks(one: Caller, detail: str, fix: str, line: int) -> Finding:
    """Answer the finding that a workflow of a keeper's does not work like this."""
    return Finding(status="failed", what=one.keeper, detail=detail, fix=fix, file=one.path, line=line)


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check. ``online``: it asks the host. ``look`` answers findings; an error that it raises ends it alone."""

    name: str
    look: Callable[[Surroundings], Iterable[Finding]]
    online: bool = False
