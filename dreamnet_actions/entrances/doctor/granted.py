"""What a job grants, beside what its keeper needs: too little is a lack, with the lines that mend it.

GitHub compares a call with the called workflow's file before anything runs: where a job there asks for more than its
caller grants, no job of the run starts, whatever an ``if`` says
(https://docs.github.com/en/actions/reference/workflows-and-actions/reusing-workflow-configurations). So nothing of
DreamNet's can tell of it then, and it has to be seen here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from dreamnet_actions.entrances.doctor.check import Finding, lacks
from dreamnet_actions.entrances.setup.called import REUSABLE
from dreamnet_actions.entrances.setup.reading import Caller
from dreamnet_actions.entrances.setup.yaml import flow

_ORDER = {"none": 0, "read": 1, "write": 2}


def granted(one: Caller, also: Collection[str] = (), *, federated: bool = False) -> Iterator[Finding]:
    """See that the job grants what the keeper needs, and not more but the permissions in ``also``; ``federated``: what
    works itself has a token of GitHub's to show to a cloud."""
    had, line = one.permissions()
    shows = one.federated or (federated and not one.calls)
    needed = REUSABLE[one.keeper].granted(federated=shows, own=not one.calls)
    if had is None or isinstance(had, str):
        yield from _by_a_word(one, had, needed, line)
        return
    lacking = {name: level for name, level in needed.items() if _order(level) > _order(had.get(name, "none"))}
    if lacking:
        whole = {**needed, **had, **lacking}
        detail = f"lacks the permission {_named(lacking)}{_consequence(one, had, lacking)}"
        yield lacks(one, detail, _lines(one, whole), line)
    spare = {
        name: level
        for name, level in had.items()
        if _order(level) > _order(needed.get(name, "none")) and name not in also
    }
    if spare:
        yield Finding(
            status="warning",
            what=one.keeper,
            detail=f"grants more than it needs: {_named(spare)}",
            fix=f"Needed is:\n    permissions: {flow(needed)}",
            file=one.path,
            line=line,
        )


def _by_a_word(one: Caller, word: str | None, needed: Mapping[str, str], line: int) -> Iterator[Finding]:
    """Judge ``read-all``, ``write-all``, and saying nothing at all (then the repository's settings count)."""
    most = "write" if word == "write-all" else "read"
    short = any(_order(level) > _order(most) for level in needed.values())
    said = f"says {word!r}" if word else "says nothing of permissions, so the repository's default counts"
    if short:
        yield lacks(one, said, _lines(one, needed), line)
    else:
        yield Finding(
            status="warning", what=one.keeper, detail=f"{said}: more than it needs",
            fix=_lines(one, needed), file=one.path, line=line,
        )  # fmt: skip


def _consequence(one: Caller, had: Mapping[str, str], lacking: Mapping[str, str]) -> str:
    """Say what comes of it, where the run itself cannot say it."""
    if one.calls:
        return ", so GitHub starts no job of its runs"
    if "contents" in lacking and not _order(had.get("contents", "none")):
        return ", so in a private repository nothing can be checked out ('repository not found')"
    return ""


def _lines(one: Caller, whole: Mapping[str, str]) -> str:
    """Write the job's permissions as they have to be, all of them: what a job does not name it does not have."""
    job = one.job_entry.node.entries
    margin = " " * (next(iter(job.values())).key.column - 1)
    entry = job.get("permissions")
    if entry is None:
        head = f"Add to the job {one.job!r}:"
    else:
        head = f"Write in the job {one.job!r}, in place of its 'permissions':"
    if entry is not None and entry.node.place.line == entry.key.line:
        return f"{head}\n{margin}permissions: {flow(whole)}"
    lines = "\n".join(f"{margin}  {name}: {level}" for name, level in whole.items())
    return f"{head}\n{margin}permissions:\n{lines}"


def _named(permissions: Mapping[str, str]) -> str:
    return ", ".join(f"{name}: {level}" for name, level in permissions.items())


def _order(level: str) -> int:
    return _ORDER.get(level, 0)
