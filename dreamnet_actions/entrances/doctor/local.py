"""What can be seen without asking anybody: the configuration, the remote, and the workflows of this working copy."""

from __future__ import annotations

from collections.abc import Iterator

from dreamnet_actions.domain.cron import SHORTEST, parse_cron
from dreamnet_actions.domain.route import DISPATCHED
from dreamnet_actions.entrances.doctor.check import Finding, Surroundings, lacks
from dreamnet_actions.entrances.doctor.granted import granted
from dreamnet_actions.entrances.doctor.reverts import NEEDS, asked
from dreamnet_actions.entrances.setup import published
from dreamnet_actions.entrances.setup.called import DEPLOY, DREAM, ENV, FEDERATED, RELAY
from dreamnet_actions.entrances.setup.draft import CONFIG
from dreamnet_actions.entrances.setup.reading import Caller
from dreamnet_actions.entrances.setup.workflows import branch_pattern, path_of
from dreamnet_actions.entrances.setup.yaml import flow, scalar
from dreamnet_actions.errors import ConfigError
from dreamnet_actions.errors.configuration import ConfigInvalid, ConfigMissing


def configuration(at: Surroundings) -> Iterator[Finding]:
    """The configuration is there and right."""
    found = at.config
    if isinstance(found, ConfigInvalid):
        for one in found.mistakes:
            text = f"{one.message} ({one.path})" if one.path else one.message
            yield Finding(
                status="failed", what="configuration", detail=text, fix="Mend it; then: dreamnet validate",
                file=one.file, line=one.line,
            )  # fmt: skip
    elif isinstance(found, ConfigError):
        hint = "Run: dreamnet init" if isinstance(found, ConfigMissing) else found.hint
        yield Finding(
            status="failed", what="configuration", detail=found.message, fix=hint, file=CONFIG, line=None
        )
    else:
        count = len(found.config.services)
        yield Finding(
            status="ok" if count else "warning",
            what="configuration",
            detail=f"valid; {count} service{'s' if count != 1 else ''}",
            fix="" if count else "Name a service below 'services' (docs/configuration.md).",
            file=str(found.file),
        )


def remote(at: Surroundings) -> Iterator[Finding]:
    """The working copy has a remote that names a repository."""
    if at.repository is None:
        yield Finding(
            status="failed",
            what="remote",
            detail="git has no remote 'origin' that names a repository",
            fix="Run: git remote add origin https://github.com/OWNER/NAME.git (or set GITHUB_REPOSITORY)",
        )
    else:
        yield Finding(status="ok", what="remote", detail=f"{at.repository} at {at.host or 'the host named'}")


def workflows(at: Surroundings) -> Iterator[Finding]:
    """Every keeper has its workflow, and each is as its keeper needs it."""
    for broken in at.unreadable:
        yield Finding(
            status="warning", what="workflow", detail=f"cannot be read: {broken.why}", file=broken.path
        )
    for keeper in at.wanted.keepers():
        found = at.calling(keeper)
        if not found:
            yield Finding(
                status="failed",
                what=keeper,
                detail="no workflow has it work",
                fix="Run: dreamnet init",
                file=path_of(keeper),
            )
        for one in found:
            problems = [
                *_triggers(one, at),
                *granted(
                    one, NEEDS if asked(at) and not one.calls else (), federated=at.wanted.shows(keeper)
                ),
                *_schedules(one),
                *_waiting(one),
                *reference(one),
            ]
            yield from problems
            if not any(problem.status == "failed" for problem in problems):
                yield Finding(
                    status="ok",
                    what=keeper,
                    detail=f"job {one.job!r} starts by {', '.join(one.triggers())}",
                    file=one.path,
                    line=one.uses_line,
                )
    for one in at.callers:
        if one.inner:
            yield from granted(one)


def listeners(at: Surroundings) -> Iterator[Finding]:
    """Nobody but RelayBot listens to messages: a second listener would act twice."""
    for one in at.callers:
        if one.keeper != RELAY and not one.inner and "repository_dispatch" in one.triggers():
            yield Finding(
                status="failed",
                what=one.keeper,
                detail="listens to repository_dispatch, which RelayBot's workflow answers already: it would act twice",
                fix="Take 'repository_dispatch' out of its 'on'.",
                file=one.path,
                line=one.on_line(),
            )


def _triggers(one: Caller, at: Surroundings) -> Iterator[Finding]:
    """See that it starts when it has to."""
    had = one.triggers()
    wanted = {DEPLOY: "push", DREAM: "schedule", ENV: "schedule", RELAY: "repository_dispatch"}[one.keeper]
    branch = branch_pattern(at.wanted.branch)
    line = {
        DEPLOY: f"  push: {flow({'branches': [branch]})}",
        DREAM: f"  schedule: [{{cron: {scalar(at.wanted.schedule)}}}]",
        ENV: f"  schedule: [{{cron: {scalar(at.wanted.sync_schedule)}}}]",
        RELAY: f"  repository_dispatch: {flow({'types': DISPATCHED})}",
    }[one.keeper]
    if wanted not in had:
        yield lacks(one, f"does not start by {wanted}", f"Add below 'on':\n{line}", one.on_line())
    elif one.keeper == DEPLOY:
        branches = listed(had[wanted], "branches")
        if branches and branch not in branches and not any("*" in pattern for pattern in branches):
            detail = f"a push to {at.wanted.branch} does not start it, only to {', '.join(branches)}"
            yield lacks(one, detail, f"Add below 'on':\n{line}", one.on_line())
    elif one.keeper == RELAY:
        types = listed(had[wanted], "types")
        missing = [kind for kind in DISPATCHED if kind not in types] if types else []
        if missing:
            detail = f"does not answer {', '.join(missing)}"
            yield lacks(one, detail, f"Add below 'on':\n{line}", one.on_line())
    if "workflow_dispatch" not in had:
        yield Finding(
            status="warning",
            what=one.keeper,
            detail="has no button",
            fix="Add below 'on':\n  workflow_dispatch:",
            file=one.path,
            line=one.on_line(),
        )


def _schedules(one: Caller) -> Iterator[Finding]:
    """See that no schedule is one that GitHub does not keep."""
    for cron, line in one.crons():
        try:
            gap = parse_cron(cron).gap
        except ValueError as error:
            yield lacks(one, f"has a schedule that is none: {error}", "Write: cron: '7,37 * * * *'", line)
            continue
        if gap < SHORTEST:
            detail = (
                f"starts every {gap} min by {cron!r}; GitHub starts nothing more often than every {SHORTEST}"
            )
            yield lacks(
                one, detail, "Write: cron: '*/5 * * * *', or watch more closely with dreamnet watch", line
            )


def _waiting(one: Caller) -> Iterator[Finding]:
    """See that no concurrency of the caller's own cancels what waits: the called workflow keeps its own order.

    By default one run waits and a newer one cancels it, and an equal group in caller and called is a deadlock that
    GitHub ends by cancelling (https://docs.github.com/en/actions/how-tos/write-workflows/choose-when-workflows-run).
    """
    if one.own:
        return
    for holder in (one.tree.root, one.job_entry.node):
        entry = holder.entries.get("concurrency")
        if entry is None:
            continue
        group = entry.node.get("group")
        name = str(group.value if group is not None else entry.node.value)
        cancels, queue = entry.node.get("cancel-in-progress"), entry.node.get("queue")
        fix = "Take 'concurrency' out: the called workflow has its own, which loses nothing."
        if name == f"dreamnet-{one.keeper}":
            detail = f"waits for itself: {name!r} is the group of the workflow that it calls"
            yield lacks(one, detail, fix, entry.key.line)
        elif cancels is not None and cancels.value is not False:
            yield lacks(one, "cancels a keeper at work when another run comes", fix, entry.key.line)
        elif queue is None or queue.value != "max":
            yield Finding(
                status="warning",
                what=one.keeper,
                detail="keeps one waiting run and cancels the others"
                + "; messages get lost" * (one.keeper == RELAY),
                fix=fix,
                file=one.path,
                line=entry.key.line,
            )


def reference(one: Caller) -> Iterator[Finding]:
    """See that the keeper is named by a commit, which nobody can move."""
    if one.ref is None or published.is_pinned(one.ref):
        return
    known = published.ref()
    fix = (
        f"Write: uses: {published.address(one.keeper + FEDERATED * one.federated, known)}"
        if published.is_pinned(known)
        else "Write the release's full commit behind the '@', and the tag as a comment: @<40 characters> # v1"
    )
    yield Finding(
        status="warning",
        what=one.keeper,
        detail=f"is named by {one.ref!r}, which can move" if one.ref else "is named without a ref",
        fix=fix,
        file=one.path,
        line=one.uses_line,
    )


def listed(entry: object, key: str) -> list[str]:
    """Answer the texts of a trigger's list (``branches``, ``types``); a single text counts as a list of one."""
    node = getattr(entry, "node", None)
    found = node.get(key) if node is not None else None
    if found is None:
        return []
    return [str(one.value) for one in found.items] or ([found.value] if isinstance(found.value, str) else [])
