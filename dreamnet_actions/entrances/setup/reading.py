"""Reading workflows that are there: which keeper each calls, when, with which permissions and at which ref. Pure.

The configuration's guarded reader reads them, so every finding knows its line and no file can do harm.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from dreamnet_actions.config.reader import read_text
from dreamnet_actions.config.tree import Entry, Node, Tree
from dreamnet_actions.entrances.setup.called import CALLED, ENV, FEDERATED, PLANNED, REUSABLE
from dreamnet_actions.entrances.setup.published import PUBLISHED
from dreamnet_actions.errors import ConfigError

_REUSED = re.compile(
    r"(?P<where>[^@\s]*)/?\.github/workflows/(?P<file>[a-z]+(?:-plan)?)(?P<end>-[a-z]+)?\.ya?ml(?:@(?P<ref>\S+))?"
)
_ACTION = re.compile(rf"{re.escape(PUBLISHED)}@(?P<ref>\S+)", re.I)


@dataclass(frozen=True, kw_only=True, eq=False)
class Caller:
    """A job that has a keeper work, or plan a pull request (``keeper`` is the reusable workflow's name): in the file at
    ``path``, named ``job``. ``ref`` is what it names the keeper by (None for this repository's own), at ``uses_line``.
    ``inner``: a job that no event starts by itself, as a later one of RelayBot's own workflow, which hands a message to
    its keeper."""

    keeper: str
    path: str
    job: str
    ref: str | None
    uses_line: int
    tree: Tree
    job_entry: Entry
    inner: bool = False
    federated: bool = False
    """Whether the workflow that it calls is the one whose jobs have a token of GitHub's to show."""

    @property
    def own(self) -> bool:
        """Say whether this repository publishes the workflow itself."""
        return self.ref is None

    @property
    def calls(self) -> bool:
        """Say whether it calls the keeper's workflow; else it works itself, by steps of its own."""
        return "uses" in self.job_entry.node.entries

    def triggers(self) -> Mapping[str, Entry | None]:
        """Answer the events that start it, each with its entry where it has one."""
        node = self.tree.root.get("on")
        if node is None:
            return {}
        if isinstance(node.value, str):
            return {node.value: None}
        if node.items:
            return {str(one.value): None for one in node.items}
        return dict(node.entries)

    def on_line(self) -> int:
        """Answer the line of ``on:``, or the first."""
        entry = self.tree.root.entries.get("on")
        return entry.key.line if entry else 1

    def permissions(self) -> tuple[Mapping[str, str] | str | None, int]:
        """Answer what the job grants (a mapping, ``read-all``, ``write-all``, or None where nothing says), and the line
        that says it, else the job's."""
        for holder in (self.job_entry.node, self.tree.root):
            entry = holder.entries.get("permissions")
            if entry is None:
                continue
            value = entry.node.value
            if isinstance(value, dict):
                return {name: str(one.node.value) for name, one in value.items()}, entry.key.line
            return (value if isinstance(value, str) else {}), entry.key.line
        return None, self.job_entry.key.line

    def crons(self) -> Iterator[tuple[str, int]]:
        """Answer its cron lines, each with its line in the file."""
        entry = self.triggers().get("schedule")
        for one in entry.node.items if entry else ():
            if (cron := one.get("cron")) is not None:
                yield str(cron.value), cron.place.line


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """A workflow that cannot be read: ``why`` names the place."""

    path: str
    why: str


def read(path: str, text: str) -> list[Caller] | Unreadable:
    """Answer the jobs of one workflow that have a keeper work; none is an ordinary answer."""
    try:
        tree = read_text(text, path)
    except ConfigError as error:
        return Unreadable(path=path, why=error.message)
    return list(_callers(path, tree))


def _callers(path: str, tree: Tree) -> Iterator[Caller]:
    jobs = tree.root.get("jobs")
    stem = PurePosixPath(path).stem
    federated = stem.endswith(FEDERATED)
    stem = stem.removesuffix(FEDERATED)
    published = stem in CALLED and _triggered(tree, "workflow_call")
    for place, (name, entry) in enumerate(jobs.entries.items() if jobs else ()):
        if published and place == 0:
            # The repository that publishes the keepers runs them from their own files, first job first; those whose
            # jobs have a token to show are there for others alone.
            more = {"inner": federated, "federated": federated}
            yield _caller(stem, path, name, None, entry.key.line, tree, entry, **more)
            continue
        uses = entry.node.get("uses")
        found = _REUSED.fullmatch(str(uses.value)) if uses else None
        if uses is not None and found and found["file"] in REUSABLE and found["end"] in (None, FEDERATED):
            ref = None if published else found["ref"] or ""
            more = {"inner": published, "federated": found["end"] is not None}
            yield _caller(found["file"], path, name, ref, uses.place.line, tree, entry, **more)
        if not published:
            yield from _steps(path, name, tree, entry)


def _steps(path: str, job: str, tree: Tree, entry: Entry) -> Iterator[Caller]:
    """Find the steps of a job that use the action itself, with its ``agent``."""
    steps = entry.node.get("steps")
    for step in steps.items if steps else ():
        uses, given = step.get("uses"), step.get("with")
        agent: Node | None = given.get("agent") if given else None
        found = _ACTION.fullmatch(str(uses.value)) if uses else None
        if uses is not None and found and agent is not None and agent.value in CALLED:
            # The action takes a pull request for something to plan; a workflow that starts by more is EnvKeeper's own.
            plans = agent.value == ENV and _triggered(tree, "pull_request") and not _works_by_itself(tree)
            keeper = PLANNED if plans else str(agent.value)
            yield _caller(keeper, path, job, found["ref"], uses.place.line, tree, entry)


def _caller(
    keeper: str,
    path: str,
    job: str,
    ref: str | None,
    line: int,
    tree: Tree,
    entry: Entry,
    *,
    inner: bool = False,
    federated: bool = False,
) -> Caller:
    return Caller(
        keeper=keeper,
        path=path,
        job=job,
        ref=ref,
        uses_line=line,
        tree=tree,
        job_entry=entry,
        inner=inner,
        federated=federated,
    )


def _works_by_itself(tree: Tree) -> bool:
    """Say whether a workflow starts by more than pull requests."""
    return any(_triggered(tree, event) for event in ("schedule", "push", "workflow_dispatch"))


def _triggered(tree: Tree, event: str) -> bool:
    node = tree.root.get("on")
    if node is None:
        return False
    return node.value == event or event in node.entries or event in [one.value for one in node.items]
