"""Where a service's commits are to be reverted by pull requests: a token that may open them."""

from __future__ import annotations

from collections.abc import Iterator

from dreamnet_actions.entrances.doctor.check import Finding, Surroundings
from dreamnet_actions.entrances.setup.reading import Caller
from dreamnet_actions.errors import ConfigError

NEEDS = {"contents": "write", "pull-requests": "write"}
"""What a revert needs of a token."""
_CALLS = (
    "The keeper's job has no right to pull requests, and a caller cannot give it one. Give it a token that has "
    "'pull-requests: write' and 'contents: write' (of a GitHub App, or a fine-grained one):\n"
    '    secrets: {token: "${{ secrets.DREAMNET_TOKEN }}"}'
)


def asked(at: Surroundings) -> list[str]:
    """Answer the services whose configuration asks for it."""
    if isinstance(at.config, ConfigError):
        return []
    services = at.config.config.services.items()
    return [name for name, spec in services if spec.release and spec.release.on_failure.revert]


def reverts(at: Surroundings) -> Iterator[Finding]:
    """Each job that brings services out has a token for pull requests."""
    services = asked(at)
    if not services:
        return
    what = f"revert of {', '.join(services)}"
    callers = at.calling("deploykeeper")
    lacking = [one for one in callers if not _may(one)]
    for one in lacking:
        if one.calls:
            detail, fix = "its own token may open no pull request", _CALLS
        else:
            detail = "its job lacks the permission pull-requests: write"
            fix = "Add to the job:\n    permissions:\n      pull-requests: write"
        line = one.job_entry.key.line
        yield Finding(status="warning", what=what, detail=detail, fix=fix, file=one.path, line=line)
    if callers and not lacking:
        yield Finding(status="ok", what=what, detail="a pull request can be opened where the token may")


def _may(one: Caller) -> bool:
    """Say whether a job has a token of the user's own, or (one that works itself) the permission."""
    node = one.job_entry.node
    if one.calls:
        given = node.entries.get("secrets")
        return given is not None and (given.node.value == "inherit" or given.node.get("token") is not None)
    steps = node.get("steps")
    for step in steps.items if steps else ():
        given = step.entries.get("with")
        if given is not None and given.node.get("token") is not None:
            return True
    held, _ = one.permissions()
    return held == "write-all" or (isinstance(held, dict) and held.get("pull-requests") == "write")
