"""What the configuration says of what GitHub keeps for workflows: secrets and variables. Models only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from dreamnet_actions.domain.keynames import ACTIONS, KeyNames
from dreamnet_actions.domain.spec.values import STRICT, Written, shown

ENVIRONMENT = "environment/"
_PLACE = r"repository|environment/\S(.{0,253}\S)?"
_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9._-]+"


def _place(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(_PLACE, value):
        return value
    raise ValueError(
        f"{shown(value)} is no place for it; write 'repository', or 'environment/NAME' as in "
        "'environment/production'"
    )


def _repository(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(_NAME, value):
        return value
    raise ValueError(f"{shown(value)} is no repository at GitHub; write it as owner/name")


Place = Annotated[str, Written(_place, f"^({_PLACE})$", "environment/production")]
"""``repository``, or ``environment/NAME``."""
RepositoryName = Annotated[str, Written(_repository, f"^{_NAME}$", "octocat/shop")]
"""A repository at GitHub, as ``owner/name``."""


@dataclass(frozen=True, kw_only=True)
class GitHubSecretsOptions:
    """A sink of kind ``github-secrets``: Actions secrets of a repository, or of one of its environments."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    key_names: ClassVar[KeyNames] = ACTIONS

    github_secrets: Place
    """``repository``, or ``environment/NAME``; an environment has to be there."""
    of: RepositoryName | None = None
    """The repository, as ``owner/name``. Left out, the one of ``GITHUB_REPOSITORY``: in a workflow its own."""
    adopt: bool = False
    """Whether a secret that is there already, and that DreamNet did not write, is taken over. GitHub gives no value
    back, so what it held is lost then; ``false`` refuses it."""


@dataclass(frozen=True, kw_only=True)
class GitHubVariablesOptions:
    """A sink of kind ``github-variables``: Actions variables of a repository, or of one of its environments. Whoever
    may read the repository's settings reads them, and no log masks them: nothing secret goes there."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    key_names: ClassVar[KeyNames] = ACTIONS

    github_variables: Place
    """``repository``, or ``environment/NAME``; an environment has to be there."""
    of: RepositoryName | None = None
    """The repository, as ``owner/name``. Left out, the one of ``GITHUB_REPOSITORY``: in a workflow its own."""
    adopt: bool = False
    """Whether a variable that is there already, and that DreamNet did not write, is taken over; ``false`` refuses
    it."""
