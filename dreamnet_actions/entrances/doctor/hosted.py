"""What only the host knows: whose token this is and what it reaches, whether workflows start, what is on the branch."""

from __future__ import annotations

from collections.abc import Iterator

from dreamnet_actions.entrances.doctor.check import Finding, Surroundings
from dreamnet_actions.entrances.setup.called import CALLED

BRANCH = "dreamnet"
"""Where the journal is kept."""
LABEL = "dream"
"""What every issue that is a dream carries."""
_ORDER = {"none": 0, "read": 1, "write": 2}


def token(at: Surroundings) -> Iterator[Finding]:
    """The host takes the token."""
    identity = at.asked.token()
    who = identity.login or "no account (a job's or an App's own token)"
    scopes = f"; scopes {', '.join(identity.scopes)}" if identity.scopes else ""
    yield Finding(status="ok", what="token", detail=f"{identity.kind}, {who}{scopes}")


def repository(at: Surroundings) -> Iterator[Finding]:
    """The repository can be written to, and its issues are on."""
    found = at.asked.repository()
    if found.archived:
        yield Finding(
            status="failed",
            what="repository",
            detail=f"{found.name} is archived: nothing can be written",
            fix="Settings, General, Danger Zone: Unarchive this repository.",
        )
    elif not found.has_issues:
        yield Finding(
            status="failed",
            what="repository",
            detail=f"{found.name} has no issues, where dreams are kept",
            fix="Settings, General, Features: tick Issues.",
        )
    else:
        kind = "private" if found.private else "public"
        yield Finding(
            status="ok", what="repository", detail=f"{found.name}, {kind}, branch {found.default_branch}"
        )


def permissions(at: Surroundings) -> Iterator[Finding]:
    """This token may do what the keepers need; a job's own token has what its workflow grants."""
    reach = at.asked.permissions()
    needed: dict[str, str] = {}
    for keeper in at.wanted.keepers():
        for name, level in CALLED[keeper].permissions.items():
            if _ORDER[level] > _ORDER.get(needed.get(name, "none"), 0):
                needed[name] = level
    for name, level in sorted(needed.items()):
        access = reach.get(name, "unknown")
        what = f"permission {name}"
        if access == "unknown":
            yield Finding(
                status="unknown",
                what=what,
                detail=f"can be read; whether this token may {level} shows only when it does",
            )
        elif _ORDER[access] >= _ORDER[level]:
            yield Finding(status="ok", what=what, detail=access)
        else:
            yield Finding(
                status="failed",
                what=what,
                detail=f"this token has {access!r}; {level!r} is needed",
                fix=f"Give the token, under Repository permissions: {name.capitalize()}: Read"
                + (" and write" if level == "write" else ""),
            )


def actions(at: Surroundings) -> Iterator[Finding]:
    """Workflows are allowed to start, and to call what is published elsewhere."""
    found = at.asked.actions()
    if found.enabled is None:
        yield Finding(
            status="unknown",
            what="Actions",
            detail="whether they are on is told to administrators only",
        )
    elif not found.enabled:
        yield Finding(
            status="failed",
            what="Actions",
            detail="are off in this repository",
            fix="Settings, Actions, General: Allow all actions and reusable workflows.",
        )
    elif found.allowed == "local_only" and any(not one.own for one in at.callers):
        yield Finding(
            status="failed",
            what="Actions",
            detail="only those of this repository may run, and the keepers' workflows are published elsewhere",
            fix="Settings, Actions, General: allow dreamnet/dreamnet/*.",
        )
    elif found.allowed == "selected" and any(not one.own for one in at.callers):
        yield Finding(
            status="unknown",
            what="Actions",
            detail="on for selected ones; whether dreamnet/dreamnet is one of them shows only when a workflow starts",
            fix="Settings, Actions, General: allow dreamnet/dreamnet/* and those that GitHub made.",
        )
    else:
        yield Finding(status="ok", what="Actions", detail=f"on (allowed: {found.allowed or 'all'})")


def on_branch(at: Surroundings) -> Iterator[Finding]:
    """Every workflow is on the default branch as it is here, and is switched on: from there schedules start."""
    branch = at.asked.repository().default_branch
    states = {one.path: one.state for one in at.asked.workflows()}
    for path in dict.fromkeys(one.path for one in at.callers):
        there = at.asked.text(path, branch)
        state = states.get(path, "active")
        if there is None:
            yield Finding(
                status="failed",
                what="on the branch",
                detail=f"{path} is not on {branch}, so nothing starts it",
                fix=f"Run: git add {path} && git commit -m 'Set DreamNet up' && git push origin HEAD:{branch}",
                file=path,
            )
        elif state != "active":
            yield Finding(
                status="failed",
                what="on the branch",
                detail=f"{path} is switched off ({state})",
                fix="Actions, the workflow's name on the left, Enable workflow.",
                file=path,
            )
        elif there != at.workflows[path]:
            yield Finding(
                status="warning",
                what="on the branch",
                detail=f"{path} is another one on {branch}, and that one counts",
                fix="Commit and push, or pull.",
                file=path,
            )
        else:
            yield Finding(
                status="ok", what="on the branch", detail=f"{path} is on {branch} and on", file=path
            )


def journal(at: Surroundings) -> Iterator[Finding]:
    """The branch that the journal is kept on."""
    head = at.asked.branch(BRANCH)
    detail = (
        f"{BRANCH} is at {head[:12]}"
        if head
        else f"{BRANCH} is not there yet; the first run that writes makes it"
    )
    yield Finding(status="ok", what="journal", detail=detail)


def labels(at: Surroundings) -> Iterator[Finding]:
    """The label that dreams carry."""
    there = LABEL in at.asked.labels()
    detail = f"{LABEL} is there" if there else f"{LABEL} is not there yet; the first dream makes it"
    yield Finding(status="ok", what="labels", detail=detail)
