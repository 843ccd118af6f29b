"""What git says of a call that failed (LC_ALL=C), as errors of ours, with what mends each."""

from __future__ import annotations

import re

from dreamnet_actions.errors import (
    CommandFailed,
    DreamNetError,
    PermanentError,
    PermissionMissing,
    TemporaryError,
    Unauthenticated,
)

PROTECTED = re.compile(r"protected branch|repository rule violations|pre-receive hook declined|hook declined")
"""A rule of the repository's forbids it."""
TEMPORARY = re.compile(
    r"Could not resolve|Failed to connect|Connection (?:refused|reset|timed out)|timed out|early EOF|RPC failed"
    r"|hung up unexpectedly|unexpected disconnect|Empty reply|returned error: (?:408|429|5\d\d)|Recv failure"
    r"|Send failure|SSL_|TLS connection|transfer closed|Operation too slow|HTTP/2 stream|unpacker error"
    # An answer that was cut short, or a page of some proxy's in its place:
    r"|expected flush|body are still expected|bad line length|protocol error|expected 'packfile'"
    r"|Could not read from remote repository|git-http-push failed",
    re.IGNORECASE,
)
"""A failure that may pass."""


def trouble(where: str, status: int, said: str) -> DreamNetError:
    """Say what a failed call of git means; ``where`` names it, ``said`` is what git said, without secrets."""
    if re.search(r"returned error: 401|Authentication failed|could not read Username", said):
        return Unauthenticated(
            f"{where}: the token was not accepted.",
            hint="In a workflow, hand the job's own on: 'token: ${{ github.token }}'. Else renew GITHUB_TOKEN.",
        )
    if re.search(r"Permission to \S+ denied|Write access to repository not granted", said):
        return PermissionMissing(
            f"{where}: the token lacks the permission 'contents: write'.",
            hint="Add to the workflow's job:\npermissions:\n  contents: write",
        )
    if re.search(r"returned error: 403", said) and not PROTECTED.search(said):
        # Who lacks a permission is told so; a limit is answered by the bare status, and passes.
        return TemporaryError(
            f"{where} was refused (403), and no reason was given.",
            hint="A rate limit is answered so: try again later. Where it stays, give the token the permission "
            "'contents: write'.",
            retry_after=60.0,
        )
    if PROTECTED.search(said):
        return PermanentError(
            f"{where}: a rule of the repository forbids it. It says:\n{said}",
            hint="Leave the branch 'dreamnet' out of branch protection and rulesets; no person commits there.",
        )
    if re.search(r"returned error: 30[1278]", said):
        return PermanentError(
            f"{where}: the repository is at another address now; the token is not sent there.",
            hint="It was renamed or moved: use the new name (GITHUB_REPOSITORY).",
        )
    if re.search(
        r"returned error: 404|[Rr]epository .*not found|does not appear to be a git repository", said
    ):
        return PermanentError(
            f"{where}: there is no such repository, or the token may not see it.",
            hint="Check GITHUB_REPOSITORY and GITHUB_SERVER_URL, and that the token is of this repository "
            "(permission 'contents: write').",
        )
    if TEMPORARY.search(said):
        return TemporaryError(
            f"{where} did not come through. It says:\n{said}",
            hint="Nothing is lost: what was not pushed is tried again.",
            retry_after=30.0,
        )
    return CommandFailed(where, status, said)
