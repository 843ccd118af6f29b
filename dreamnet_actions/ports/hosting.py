"""Hosting: what the place that hosts a repository says of it; and the working copy here.

``dreamnet doctor`` and ``dreamnet-health`` ask. Only ``enable`` writes, so a permission that only a write could prove
stays ``unknown``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol

Access = Literal["write", "read", "none", "unknown"]
"""What a token may do with one kind of thing. ``unknown``: it could not be told without writing."""
PERMISSIONS: tuple[str, ...] = ("actions", "contents", "deployments", "issues", "statuses")
"""The permissions that DreamNet's jobs may need, by GitHub's names for ``permissions:``."""


@dataclass(frozen=True, kw_only=True)
class WorkingCopy:
    """A working copy on this machine. ``root`` is its top folder, ``branch`` the default one (None before the first
    commit of a repository without any), ``repository`` is ``owner/name`` and ``host`` its host, as the remote
    ``origin`` says (None without one); ``files`` are the paths that git knows or would add."""

    root: str
    branch: str | None
    repository: str | None
    host: str | None
    files: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Whose token it is. ``login`` is None for one that belongs to no account (a job's own); ``kind`` is ``job``,
    ``app``, ``classic``, ``fine-grained`` or ``other``; ``scopes`` are a classic token's."""

    login: str | None
    kind: str
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Hosted:
    """The repository there: its full name, default branch, and whether it is private, archived or without issues."""

    name: str
    default_branch: str
    private: bool
    archived: bool = False
    has_issues: bool = True


@dataclass(frozen=True, kw_only=True)
class HostedWorkflow:
    """A workflow as the host knows it: ``state`` is ``active`` or why it does not start (``disabled_manually``,
    ``disabled_inactivity``, …)."""

    path: str
    name: str
    state: str


@dataclass(frozen=True, kw_only=True)
class ActionsSettings:
    """Whether workflows start at all; ``allowed`` is ``all``, ``local_only`` or ``selected``. None where the token may
    not see it."""

    enabled: bool | None
    allowed: str | None = None


@dataclass(frozen=True, kw_only=True)
class HostedRun:
    """One run of a workflow, by its path. ``conclusion`` is None until it has ended (``success``, ``failure``,
    ``cancelled``, ``startup_failure``, …); ``began`` is in seconds since 1970."""

    workflow: str
    event: str
    conclusion: str | None
    began: float
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What asking has cost: ``calls`` are this client's own that count. What the token had left at the last answer is
    ``remaining`` of ``limit``, anew at ``resets_at`` (seconds since 1970); None where the host told nothing."""

    calls: int
    limit: int | None = None
    remaining: int | None = None
    resets_at: float | None = None


class Hosting(Protocol):
    """One repository at its host, as one token sees it.

    Raises Unauthenticated for a token that the host does not take, NotFound for a repository that this token cannot
    see, RefusedError where the token may not look, TemporaryError while the host does not answer.
    """

    WRITES: ClassVar[frozenset[str]] = frozenset({"enable"})

    def token(self) -> Identity:
        """Answer whose the token is."""

    def repository(self) -> Hosted:
        """Answer the repository."""

    def permissions(self) -> Mapping[str, Access]:
        """Answer what the token may do, for each of PERMISSIONS."""

    def actions(self) -> ActionsSettings:
        """Answer whether workflows are allowed."""

    def workflows(self) -> Sequence[HostedWorkflow]:
        """Answer the workflows that the host knows, by path."""

    def runs(self, *, limit: int = 100) -> Sequence[HostedRun]:
        """Answer the newest runs of all workflows, newest first; at most 100."""

    def enable(self, path: str) -> None:
        """Switch a workflow on, by its path; one that is on is so for another while. Raises NotFound."""

    def budget(self) -> Budget:
        """Answer what asking has cost and what is left. Asks nothing."""

    def labels(self) -> frozenset[str]:
        """Answer the names of the repository's labels."""

    def branch(self, name: str) -> str | None:
        """Answer the commit that a branch is at; None where there is no such branch."""

    def text(self, path: str, branch: str) -> str | None:
        """Answer a file of a branch as text; None where it is not there."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a repository is hosted and by whom it is looked at: what a Hosting is made for."""

    repository: str
    api_url: str
    token: str = field(repr=False)
