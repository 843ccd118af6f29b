"""Tokens: whose they are, what they may, and which of it was ever used.

Three kinds: ``classic`` personal access tokens may what their user may, ``fine`` ones only what their permissions say,
``workflow`` tokens (``ghs_…``) act as ``github-actions[bot]`` in one repository
(https://docs.github.com/en/actions/concepts/security/github_token). ``anonymous`` stands for no token.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from dreamnet_actions.ports.system import Clock
from dreamnet_actions.testing.github.records import User

Kind = Literal["classic", "fine", "workflow", "anonymous"]
LEVELS = {"none": 0, "read": 1, "write": 2, "admin": 3}
LIFE = 24 * 3600.0
"""A workflow token lives no longer than its job, at most 24 h
(https://docs.github.com/en/actions/reference/limits)."""


@dataclass(eq=False)
class Token:
    """One token. ``value`` never shows in its repr."""

    value: str = field(repr=False)
    kind: Kind
    user: User
    permissions: Mapping[str, str] | None = None
    """None: all that the user may."""
    repository: str | None = None
    job: str = ""
    expires: float | None = None

    @property
    def payer(self) -> str:
        """Whose rate limit its requests are charged to: a repository's for workflow tokens, else the user's."""
        return f"repository {self.repository}" if self.kind == "workflow" else f"user {self.user.login}"

    def grants(self, permission: str, level: str) -> bool:
        """Whether its permissions hold ``permission`` at ``level`` or above."""
        if self.permissions is None:
            return True
        held = "read" if permission == "metadata" else self.permissions.get(permission, "none")
        return LEVELS[held] >= LEVELS[level]


class Tokens:
    """All tokens that were made, and what they were used for. The world's lock guards it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._live: dict[str, Token] = {}
        self._granted: dict[str, dict[str, str]] = {}
        self._used: dict[str, dict[str, str]] = {}

    def personal(self, user: User, permissions: Mapping[str, str] | None = None) -> Token:
        """Make a personal access token; with ``permissions`` a fine-grained one."""
        prefix = "ghp_" if permissions is None else "github_pat_"
        kind: Kind = "classic" if permissions is None else "fine"
        return self._add(Token(prefix + secrets.token_hex(18), kind, user, permissions))

    def workflow(self, bot: User, repository: str, permissions: Mapping[str, str], job: str) -> Token:
        """Make a job's token: its permissions (``{"issues": "write"}``) and no others.

        Names are taken as workflows write them (``pull-requests``), too. Raises ValueError for an unknown level.
        """
        held = {name.replace("-", "_"): level for name, level in permissions.items()}
        for name, level in held.items():
            if level not in LEVELS:
                raise ValueError(
                    f"The permission {name!r} has the level {level!r}; known: {', '.join(LEVELS)}."
                )
        expires = self._clock.now() + LIFE
        made = Token("ghs_" + secrets.token_hex(18), "workflow", bot, held, repository, job, expires)
        granted = self._granted.setdefault(job, {})
        for name, level in held.items():
            _raise_to(granted, name, level)
        return self._add(made)

    def find(self, value: str) -> Token | None:
        """Answer the live token with this value."""
        found = self._live.get(value)
        if found is None or (found.expires is not None and found.expires <= self._clock.now()):
            return None
        return found

    def revoke(self, value: str) -> None:
        """End a token; one that is not there is no error."""
        self._live.pop(value, None)

    def use(self, token: Token, permission: str, level: str) -> None:
        """Note that a job's token needed ``permission`` at ``level``, and had it. ``metadata`` every token has."""
        if token.kind == "workflow" and permission != "metadata":
            _raise_to(self._used.setdefault(token.job, {}), permission, level)

    def used(self, job: str) -> dict[str, str]:
        """Answer the permissions that this job's tokens used, each with the highest level."""
        return dict(self._used.get(job, {}))

    def unused(self, job: str) -> dict[str, str]:
        """Answer the permissions that this job was given and never used at that level."""
        used = self._used.get(job, {})
        return {
            name: level
            for name, level in self._granted.get(job, {}).items()
            if LEVELS[used.get(name, "none")] < LEVELS[level]
        }

    def jobs(self) -> list[str]:
        """Answer the names of all jobs that ever got a token."""
        return list(self._granted)

    def _add(self, token: Token) -> Token:
        self._live[token.value] = token
        return token


def _raise_to(levels: dict[str, str], name: str, level: str) -> None:
    if LEVELS[level] > LEVELS[levels.get(name, "none")]:
        levels[name] = level
