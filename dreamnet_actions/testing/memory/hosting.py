"""A repository's host in memory: what a repository is like there, and one token's reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from dreamnet_actions.errors import DreamNetError, NotFound, RefusedError, Unauthenticated
from dreamnet_actions.ports.hosting import (
    PERMISSIONS,
    Access,
    ActionsSettings,
    Budget,
    Hosted,
    HostedRun,
    HostedWorkflow,
    Hosting,
    Identity,
)


@dataclass(kw_only=True)
class MemoryHosting(Hosting):
    """Everything is a field that a test may set. ``files`` are those of the default branch; ``valid``: the host takes
    the token; ``reach`` is what the token has: what is missing there has the access ``unknown``. ``admin``: it may see
    the settings. ``past`` are runs, newest first; ``left`` what the host tells of the budget (limit, remaining, reset);
    ``switches``: the token may switch workflows on, and ``enabled_since`` are those that it did. Set ``error`` to make
    every call raise it: an outage.
    """

    WRITES: ClassVar[frozenset[str]] = frozenset({"enable"})

    hosted: Hosted = field(
        default_factory=lambda: Hosted(name="octocat/shop", default_branch="main", private=True)
    )
    identity: Identity = field(default_factory=lambda: Identity(login="octocat", kind="fine-grained"))
    valid: bool = True
    visible: bool = True
    admin: bool = True
    enabled: bool = True
    allowed: str = "all"
    reach: dict[str, Access] = field(default_factory=dict)
    known: list[HostedWorkflow] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    branches: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    past: list[HostedRun] = field(default_factory=list)
    left: tuple[int, int, float] | None = None
    enabled_since: list[str] = field(default_factory=list)
    switches: bool = True
    error: DreamNetError | None = None
    calls: int = 0

    def token(self) -> Identity:
        self._check(seen=False)
        return self.identity

    def repository(self) -> Hosted:
        self._check()
        return self.hosted

    def permissions(self) -> Mapping[str, Access]:
        self._check()
        return {name: self.reach.get(name, "unknown") for name in PERMISSIONS}

    def actions(self) -> ActionsSettings:
        self._check()
        return (
            ActionsSettings(enabled=self.enabled, allowed=self.allowed)
            if self.admin
            else ActionsSettings(enabled=None)
        )

    def workflows(self) -> Sequence[HostedWorkflow]:
        self._may("actions")
        return list(self.known)

    def runs(self, *, limit: int = 100) -> Sequence[HostedRun]:
        self._may("actions")
        return self.past[: min(100, limit)]

    def enable(self, path: str) -> None:
        self._may("actions")
        if not self.switches:
            raise RefusedError("The token lacks the permission 'actions: write'.")
        if path not in {one.path for one in self.known}:
            raise NotFound("workflow", path)
        self.known = [replace(one, state="active") if one.path == path else one for one in self.known]
        self.enabled_since.append(path)

    def budget(self) -> Budget:
        limit, remaining, reset = self.left or (None, None, None)
        return Budget(calls=self.calls, limit=limit, remaining=remaining, resets_at=reset)

    def labels(self) -> frozenset[str]:
        self._may("issues")
        return frozenset(self.names)

    def branch(self, name: str) -> str | None:
        self._may("contents")
        return self.branches.get(name)

    def text(self, path: str, branch: str) -> str | None:
        self._may("contents")
        return self.files.get(path) if branch == self.hosted.default_branch else None

    def _check(self, *, seen: bool = True) -> None:
        self.calls += 1
        if self.error is not None:
            raise self.error
        if not self.valid:
            raise Unauthenticated(
                "The host does not accept the token.", hint="Give one that has not expired."
            )
        if seen and not self.visible:
            raise NotFound("repository", self.hosted.name)

    def _may(self, permission: str) -> None:
        self._check()
        if self.reach.get(permission) == "none":
            raise RefusedError(f"The token lacks the permission '{permission}: read'.")
