"""What an answer of GitHub means in our own errors: the one table, with what to do about each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dreamnet_actions.adapters.github.retry import Answer
from dreamnet_actions.errors import (
    Conflict,
    DreamNetError,
    NotFound,
    PermanentError,
    PermissionMissing,
    RefusedError,
    RequestError,
    TemporaryError,
    Unauthenticated,
)

GRANTABLE = frozenset({
    "actions", "artifact-metadata", "attestations", "checks", "contents", "deployments", "discussions", "id-token",
    "issues", "models", "packages", "pages", "pull-requests", "security-events", "statuses",
})  # fmt: skip
"""What ``permissions:`` can give to a workflow's own token
(https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#permissions)."""


def translate(answer: Answer, *, verb: str, path: str, data: Any = None) -> DreamNetError:
    """Answer the error that an answer with a status of 400 or more stands for; who raises it chains the cause.

    ``path`` is that of the request, without its query. ``data`` is the answer's body where that was JSON.
    """
    what = f"{verb} {path}"
    said = answer.message or "no reason given"
    if answer.limited:
        return TemporaryError(
            f"GitHub's rate limit stopped {what}: {said!r}.",
            hint="Wait; the limits are in docs/adapters/github.md. Fewer services or a longer schedule need less.",
        )
    if answer.passing:
        return TemporaryError(
            f"GitHub answered {what} with {answer.status}: {said!r}.",
            hint="Try again later; https://www.githubstatus.com tells whether GitHub has trouble.",
        )
    match answer.status:
        case 401:
            return Unauthenticated(
                f"GitHub does not accept the token for {what}: {said!r}.",
                hint="Give a token that has not expired (GITHUB_TOKEN; in a workflow '${{ github.token }}').",
            )
        case 403:
            return _forbidden(answer, what, said)
        case 404:
            return _missing(path)
        case 409:
            return Conflict(f"{what} ({said!r}): it")
        case 410:
            return _gone(path, said)
        case 422 if _exists(said, data):
            return Conflict(f"{what} ({said!r}): it exists already, or")
        case 400 | 413 | 415 | 422:
            return RequestError(
                f"GitHub does not take {what}: {_reasons(said, data)}.",
                hint="This is most likely a mistake of DreamNet's; report it with this message.",
            )
        case _:
            return PermanentError(f"GitHub answered {what} with {answer.status}: {said!r}.")


def unreachable(error: Exception, *, verb: str, path: str) -> TemporaryError:
    """Answer the error for a request that got no answer, or one that nobody can read."""
    return TemporaryError(
        f"GitHub gave no answer to {verb} {path} ({type(error).__name__}).",
        hint="Try again later; see whether this machine reaches GITHUB_API_URL.",
    )


def permissions(header: str) -> tuple[Mapping[str, str], ...]:
    """Read ``X-Accepted-GitHub-Permissions``: sets of permissions of which one is enough, in ``permissions:`` names
    (https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api)."""
    sets = []
    for alternative in header.split(";"):
        pairs = [one.partition("=") for one in alternative.split(",") if "=" in one]
        if pairs:
            sets.append({name.strip().replace("_", "-"): level.strip() for name, _, level in pairs})
    return tuple(sets)


def _forbidden(answer: Answer, what: str, said: str) -> RefusedError:
    sets = permissions(answer.headers.get("x-accepted-github-permissions", ""))
    if "not accessible" not in said.lower() or not sets:
        return RefusedError(
            f"GitHub refuses {what}: {said!r}.", hint="See what the token may do, and the repository's rules."
        )
    wanted = sets[0]
    named = ", ".join(f"{name}: {level}" for name, level in wanted.items())
    message = f"The token lacks the permission {named!r}, so GitHub refuses {what}: {said!r}."
    if "personal access token" in said.lower():
        return PermissionMissing(message, hint=f"Give the token under its 'Repository permissions': {named}.")
    if set(wanted) <= GRANTABLE:
        lines = "\n".join(f"  {name}: {level}" for name, level in wanted.items())
        return PermissionMissing(message, hint=f"Add to the job in the workflow:\npermissions:\n{lines}")
    return PermissionMissing(
        message,
        hint="A workflow's own token cannot be given that. Use the token of a GitHub App, or a fine-grained "
        f"personal access token, with: {named}.",
    )


def _missing(path: str) -> NotFound:
    error = NotFound("address at GitHub", path)
    error.message = f"GitHub knows no {path!r}."
    error.hint = (
        "See the repository's name, and whether the token may read it: GitHub says 'not found' either way."
    )
    error.args = (error.message,)
    return error


def _gone(path: str, said: str) -> DreamNetError:
    if "disabled" in said.lower():
        return RefusedError(
            f"GitHub refuses {path!r}: {said!r}.",
            hint="Switch issues on: Settings, General, Features, Issues.",
        )
    return _missing(path)


def _exists(said: str, data: Any) -> bool:
    return "already exists" in said.lower() or any(
        one.get("code") == "already_exists" for one in _errors(data)
    )


def _reasons(said: str, data: Any) -> str:
    reasons = [
        " ".join(str(one[key]) for key in ("resource", "field", "code", "message") if one.get(key))
        for one in _errors(data)
    ]
    return repr("; ".join([said, *filter(None, reasons)]))


def _errors(data: Any) -> list[Mapping[str, Any]]:
    listed = data.get("errors") if isinstance(data, Mapping) else None
    return [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
