"""What a job's token may do: the workflow's ``permissions``, the job's own, and what a caller lets a called
workflow have.

Sources: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#permissions and
https://docs.github.com/en/actions/reference/workflows-and-actions/reusing-workflow-configurations#access-and-permissions
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SCOPES = (
    "actions",
    "artifact-metadata",
    "attestations",
    "checks",
    "contents",
    "deployments",
    "discussions",
    "id-token",
    "issues",
    "models",
    "packages",
    "pages",
    "pull-requests",
    "repository-projects",
    "security-events",
    "statuses",
)
"""Every scope that a workflow may name."""
LEVELS = ("none", "read", "write")
RESTRICTED: Mapping[str, str] = {"contents": "read", "packages": "read"}
"""What a token has where nothing is said and the repository's default is the restricted one; ``metadata: read``
is always added
(https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#permissions)."""

_READ_ONLY = {"models"}
_WRITE_ONLY = {"id-token"}


def understand(value: Any) -> dict[str, str] | None:
    """Answer the scopes that a ``permissions`` value grants, without those that are ``none``; None where it is
    left out.

    Raises ValueError, with GitHub's words, for what is no such value.
    """
    if value is None:
        return None
    if value in ("read-all", "write-all"):
        return _all(str(value).partition("-")[0])
    if not isinstance(value, Mapping):
        raise ValueError(f"Unexpected value '{value}'")
    for scope, level in value.items():
        if scope not in SCOPES or level not in _levels(scope):
            raise ValueError(f"Unexpected value '{scope if scope not in SCOPES else level}'")
    return {str(scope): str(level) for scope, level in value.items() if level != "none"}


def _all(level: str) -> dict[str, str]:
    granted = {scope: "read" if scope in _READ_ONLY else level for scope in SCOPES}
    return {scope: one for scope, one in granted.items() if one in _levels(scope)}


def _levels(scope: str) -> tuple[str, ...]:
    if scope in _READ_ONLY:
        return ("none", "read")
    return ("none", "write") if scope in _WRITE_ONLY else LEVELS


def of_job(
    workflow: Mapping[str, str] | None, job: Mapping[str, str] | None, default: Mapping[str, str] = RESTRICTED
) -> dict[str, str]:
    """Answer what one job has: its own ``permissions``, else the workflow's, else the default."""
    chosen = job if job is not None else workflow if workflow is not None else default
    return dict(chosen)


def exceeding(asked: Mapping[str, str], allowed: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Answer each scope that asks for more than its caller lets it have, as (scope, asked, allowed)."""
    found = []
    for scope, level in sorted(asked.items()):
        limit = allowed.get(scope, "none")
        if LEVELS.index(level) > LEVELS.index(limit):
            found.append((scope, level, limit))
    return found


def refusals(
    workflow: Mapping[str, str] | None,
    jobs: Mapping[str, Mapping[str, str] | None],
    allowed: Mapping[str, str],
) -> list[str]:
    """Say what GitHub says where a called workflow, or jobs of it, ask for more than their caller allows: one sentence
    for each, nothing where all is well.

    A job's ``if`` does not matter: files are compared, before anything runs. What names no permissions (None) has its
    caller's. Source: ``PermissionsHelper.cs`` of github.com/actions/runner.
    """
    asked = [("The workflow", workflow), *((f"The nested job '{name}'", one) for name, one in jobs.items())]
    said = []
    for who, one in asked:
        if more := exceeding(one or {}, allowed):
            wanted = ", ".join(f"{scope}: {level}" for scope, level, _ in more)
            limit = ", ".join(f"{scope}: {level}" for scope, _, level in more)
            said.append(f"{who} is requesting '{wanted}', but is only allowed '{limit}'.")
    return said
