"""What the two halves of the stand-in say to each other: the host (REST, git, tokens) and the runner of workflows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from dreamnet_actions.ports.system import Clock


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something happened in a repository that may start workflows.

    ``name`` is GitHub's (``push``, ``issues``, ``repository_dispatch``, ``schedule``, …), ``action`` the type within it
    (``opened``; for a dispatch its ``event_type``; for a schedule its cron line). ``repository`` is ``owner/name``,
    ``ref`` a full ref, ``payload`` the webhook's body. ``by_workflow``: it was done with a run's own token, so that
    it starts nothing unless it is one of the two dispatches
    (https://docs.github.com/en/actions/concepts/security/github_token). ``workflow`` is the file that a
    ``workflow_dispatch`` or ``schedule`` is for.
    """

    name: str
    repository: str
    ref: str
    sha: str
    action: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
    actor: str = "octocat"
    by_workflow: bool = False
    workflow: str | None = None


class Host(Protocol):
    """The half that keeps repositories, as the runner of workflows sees it. All of it is safe for several threads."""

    clock: Clock
    """The stand-in's own time; it may be virtual."""
    api_url: str
    server_url: str

    def git_dir(self, repository: str) -> Path:
        """Answer the bare git repository behind ``owner/name``."""

    def default_branch(self, repository: str) -> str:
        """Answer its default branch."""

    def secrets(self, repository: str) -> Mapping[str, str]:
        """Answer the Actions secrets, by name."""

    def variables(self, repository: str) -> Mapping[str, str]:
        """Answer the Actions variables, by name."""

    def workflow_token(self, repository: str, permissions: Mapping[str, str], *, job: str) -> str:
        """Make a token (``ghs_…``) as a job gets one: its permissions (``{"issues": "write"}``) and no others; ``job``
        names it for messages and counts."""

    def revoke(self, token: str) -> None:
        """End a token."""

    def payload(self, repository: str, actor: str) -> dict[str, Any]:
        """Answer what every webhook's body has: ``repository`` and ``sender``."""

    def subscribe(self, listener: Callable[[Event], None]) -> None:
        """Have ``listener`` called, in the thread that caused it, after each event is in effect."""

    def emit(self, event: Event) -> None:
        """Tell every listener of an event."""
