"""Where EnvKeeper has something to do: a workflow that plans what a pull request would change, and may do no more."""

from __future__ import annotations

from collections.abc import Iterator

from dreamnet_actions.entrances.doctor.check import Finding, Surroundings, lacks
from dreamnet_actions.entrances.doctor.granted import granted
from dreamnet_actions.entrances.doctor.handed import gives
from dreamnet_actions.entrances.doctor.local import listed, reference
from dreamnet_actions.entrances.doctor.tokens import SECRETS_TOKEN
from dreamnet_actions.entrances.setup.called import PLAN, PLANNED
from dreamnet_actions.entrances.setup.reading import Caller
from dreamnet_actions.entrances.setup.workflows import FOLDER, planned_paths
from dreamnet_actions.entrances.setup.yaml import flow

_EVENT, _STRANGERS = "pull_request", "pull_request_target"


def proposals(at: Surroundings) -> Iterator[Finding]:
    """Pull requests that touch values or the configuration are planned, by a job that strangers cannot misuse."""
    callers = at.calling(PLANNED)
    if at.wanted.proposals and not callers:
        yield Finding(
            status="warning",
            what=PLANNED,
            detail="no workflow tells a pull request what it would change, or judges its values before the merge",
            fix="Run: dreamnet init",
            file=f"{FOLDER}/{PLAN.file}",
        )
    for one in callers:
        problems = [
            *_events(one, at),
            *granted(one, federated=at.wanted.shows(PLANNED)),
            *_token(one, at),
            *reference(one),
        ]
        yield from problems
        if not any(problem.status == "failed" for problem in problems):
            detail = f"job {one.job!r} plans pull requests"
            yield Finding(status="ok", what=PLANNED, detail=detail, file=one.path, line=one.uses_line)


def _events(one: Caller, at: Surroundings) -> Iterator[Finding]:
    """See that pull requests start it, all that matter, and never with the rights of the branch they are for
    (https://securitylab.github.com/resources/github-actions-preventing-pwn-requests/)."""
    had = one.triggers()
    paths = planned_paths(at.wanted)
    event = flow({"paths": paths}) if paths else ""
    if _STRANGERS in had:
        yield lacks(
            one,
            f"starts by {_STRANGERS}: a stranger's files would be read with this repository's secrets",
            f"Write below 'on', in place of it:\n  {_EVENT}: {event}",
            one.on_line(),
        )
    elif _EVENT not in had:
        detail = f"does not start by {_EVENT}"
        yield lacks(one, detail, f"Add below 'on':\n  {_EVENT}: {event}", one.on_line())
    elif given := listed(had[_EVENT], "paths"):
        missing = [path for path in paths if path not in given]
        # A pattern may well cover what is missing; what it covers is GitHub's to say.
        if missing and not any(sign in path for path in given for sign in "*?["):
            yield Finding(
                status="warning",
                what=PLANNED,
                detail=f"a pull request that touches only {', '.join(missing)} is not planned",
                fix=f"Write below 'on':\n  {_EVENT}: {event}",
                file=one.path,
                line=one.on_line(),
            )


def _token(one: Caller, at: Surroundings) -> Iterator[Finding]:
    """See that it may look at Actions secrets and variables, where values go there."""
    wanted = at.wanted.secrets(PLANNED)
    if one.calls and SECRETS_TOKEN in wanted and not gives(one, SECRETS_TOKEN) and not gives(one, "token"):
        yield Finding(
            status="warning",
            what=PLANNED,
            detail="is handed no token that may look at Actions secrets and variables: what is there stays unseen",
            fix=f"Write in the job:\n    secrets: {flow({SECRETS_TOKEN: wanted[SECRETS_TOKEN]})}",
            file=one.path,
            line=one.uses_line,
        )
