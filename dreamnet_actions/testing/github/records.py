"""What the stand-in keeps: plain records, without addresses (``rest/shapes.py`` makes GitHub's JSON of them).

Times are seconds since 1970 on the stand-in's clock. Whoever changes a record holds the world's lock and ends with
``World.save``, which keeps the former state for lists that lag (``faults.py``).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(eq=False)
class User:
    """An account: a person, or the bot that workflow tokens act as."""

    id: int
    login: str
    type: str = "User"
    role: str = "read"
    """What it may do in a repository that says nothing else: ``none``, ``read``, ``write`` or ``admin``."""
    created: float = 0.0


@dataclass(eq=False)
class Record:
    """Something that has a number, an author and a time, and whose former states are kept."""

    id: int
    user: User
    created: float
    updated: float
    history: list[tuple[float, Self]] = field(default_factory=list, repr=False, kw_only=True)

    def frozen(self) -> Self:
        """Answer a copy that later changes do not reach."""
        copy = dataclasses.replace(self, history=[])
        for one in dataclasses.fields(copy):
            value = getattr(copy, one.name)
            if isinstance(value, list | dict):
                setattr(copy, one.name, value.copy())
        return copy

    def as_of(self, when: float | None) -> Self | None:
        """Answer the state at ``when`` (None: now); None where it was not yet there."""
        if when is None:
            return self
        former = [state for at, state in self.history if at <= when]
        return former[-1] if former else None


@dataclass(eq=False)
class Label:
    """A label of a repository."""

    id: int
    name: str
    color: str
    description: str | None = None


@dataclass(eq=False)
class Reaction:
    """One user's reaction to an issue or comment."""

    id: int
    user: User
    content: str
    created: float


@dataclass(eq=False)
class Comment(Record):
    """A comment on an issue or pull request."""

    body: str
    number: int
    """The issue's."""
    reactions: list[Reaction] = field(default_factory=list)


@dataclass(eq=False)
class Pull:
    """What a pull request has beyond its issue."""

    head: str
    base: str
    head_sha: str
    base_sha: str
    draft: bool = False
    merged: float | None = None
    merge_sha: str | None = None
    fork: str | None = None
    """The repository that its branch is in, where that is another one."""


@dataclass(eq=False)
class Issue(Record):
    """An issue; a pull request where ``pull`` is set."""

    number: int
    title: str
    body: str | None
    labels: list[Label] = field(default_factory=list)
    assignees: list[User] = field(default_factory=list)
    state: str = "open"
    state_reason: str | None = None
    closed: float | None = None
    closed_by: User | None = None
    locked: bool = False
    lock_reason: str | None = None
    reactions: list[Reaction] = field(default_factory=list)
    comments: int = 0
    pull: Pull | None = None


@dataclass(eq=False)
class DeploymentStatus(Record):
    """One status of a deployment."""

    state: str
    description: str
    environment: str
    target_url: str
    log_url: str
    environment_url: str


@dataclass(eq=False)
class Deployment(Record):
    """A deployment and its statuses, oldest first."""

    sha: str
    ref: str
    task: str
    environment: str
    payload: Any
    description: str | None
    transient: bool
    production: bool
    statuses: list[DeploymentStatus] = field(default_factory=list)


@dataclass(eq=False)
class CommitStatus(Record):
    """A status that a commit was given."""

    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None


@dataclass(eq=False)
class CheckRun(Record):
    """A check run of a commit."""

    sha: str
    name: str
    status: str
    conclusion: str | None
    details_url: str | None
    external_id: str
    started: float | None
    completed: float | None
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: list[dict[str, Any]] = field(default_factory=list)


@dataclass(eq=False)
class Release(Record):
    """A release."""

    tag: str
    target: str
    name: str | None
    body: str | None
    draft: bool
    prerelease: bool
    published: float | None


@dataclass(eq=False)
class Named:
    """A variable or secret: a value by name."""

    name: str
    value: str = field(repr=False)
    created: float
    updated: float


@dataclass(eq=False)
class Environment:
    """A deployment environment."""

    id: int
    name: str
    created: float
    updated: float
    wait_timer: int = 0
    reviewers: list[User] = field(default_factory=list)
    branch_policy: dict[str, bool] | None = None
    variables: dict[str, Named] = field(default_factory=dict)
    secrets: dict[str, Named] = field(default_factory=dict)
    key: bytes | None = field(default=None, repr=False)
    """The private half of the key that its secrets are sealed for."""


@dataclass(eq=False)
class Repository:
    """A repository and all that is in it but git."""

    id: int
    owner: User
    name: str
    default_branch: str
    private: bool
    created: float
    pushed: float
    description: str | None = None
    has_issues: bool = True
    collaborators: dict[str, str] = field(default_factory=dict)
    labels: dict[str, Label] = field(default_factory=dict)
    """By their names in lower case: GitHub compares them so."""
    issues: dict[int, Issue] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    deployments: dict[int, Deployment] = field(default_factory=dict)
    statuses: list[CommitStatus] = field(default_factory=list)
    checks: dict[int, CheckRun] = field(default_factory=dict)
    releases: dict[int, Release] = field(default_factory=dict)
    variables: dict[str, Named] = field(default_factory=dict)
    secrets: dict[str, Named] = field(default_factory=dict)
    environments: dict[str, Environment] = field(default_factory=dict)
    key: bytes | None = field(default=None, repr=False)
    """The private half of the key that secrets are sealed for."""

    @property
    def full_name(self) -> str:
        """``owner/name``."""
        return f"{self.owner.login}/{self.name}"

    def role(self, user: User) -> str:
        """Answer what ``user`` may do here: ``none``, ``read``, ``write`` or ``admin``."""
        if user is self.owner:
            return "admin"
        role = self.collaborators.get(user.login.lower(), user.role)
        return "read" if role == "none" and not self.private else role
