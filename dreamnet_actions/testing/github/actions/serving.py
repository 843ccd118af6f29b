"""Actions by reference: what act is given in the place of ``uses:``, with each job's token put in.

act takes a folder for ``owner/name@ref`` (``--local-repository``). Two jobs with tokens of their own need two
folders, so a second job's copy has a ref of its own (``v1.j2``); so has the copy of a step around which other
variables stand (``v1.j2.2``, see ``once``). Copies are hard links; only an action's own file is written anew.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from dreamnet_actions.config.reader import read_bytes
from dreamnet_actions.config.tree import plain
from dreamnet_actions.errors.configuration import ConfigInvalid
from dreamnet_actions.testing.github.actions import once, tokens
from dreamnet_actions.testing.github.actions.plan import (
    JobPlan,
    Origin,
    Plan,
    Sources,
    WorkflowRefused,
    written,
)

FILES = ("action.yml", "action.yaml")
DEEPEST = 10
"""Actions that use actions; GitHub stops there (https://docs.github.com/en/actions/tutorials/create-actions)."""
_REMOTE = re.compile(r"(?P<repository>[^/@\s]+/[^/@\s]+)(?P<path>/[^@\s]*)?@(?P<ref>\S+)")


@dataclass(frozen=True)
class _Use:
    """One step's ``uses``, of a job, at a depth; ``names`` are the variables around it that need care (``once``)."""

    uses: str
    job: JobPlan
    names: frozenset[str]
    depth: int


class ActionServer:
    """Resolves ``uses:`` of steps for one run; ``folder`` is the run's own, ``here`` the commit that it runs
    on, ``refs`` are variables that every step of an action is given (``once.refs``)."""

    def __init__(
        self, sources: Sources, plan: Plan, folder: Path, here: Origin, refs: Mapping[str, str] | None = None
    ) -> None:
        self._sources = sources
        self._plan = plan
        self._folder = folder
        self._here = here
        self._refs = dict(refs or {})
        self._around: dict[str, list[frozenset[str]]] = {}
        self._done: set[tuple[str, str]] = set()

    def step(
        self,
        uses: str,
        origin: Origin,
        job: JobPlan,
        *,
        checked_out: bool,
        names: frozenset[str] = frozenset(),
        depth: int = 0,
    ) -> str:
        """Answer what stands in the place of a step's ``uses``; raises WorkflowRefused for what cannot be
        served. ``names`` are the variables around it whose values come out of expressions."""
        if depth > DEEPEST:
            raise WorkflowRefused(f"Actions use each other more than {DEEPEST} levels deep at '{uses}'.")
        use = _Use(uses, job, names, depth)
        if uses.startswith("docker://"):
            raise WorkflowRefused(f"The sandbox has no containers: it cannot run '{uses}'.", "failure")
        if uses.startswith("$/"):
            return self._hosted(origin, uses[2:].strip("/"), use)
        if uses.startswith("./"):
            return self._local(use, checked_out=checked_out)
        match = _REMOTE.fullmatch(uses)
        if match is None:
            raise WorkflowRefused(
                f"Expected format {{org}}/{{repo}}[/path]@ref. Actual '{uses}' Input string was not in a "
                "correct format.",
                "failure",
            )
        repository, path, ref = match["repository"], (match["path"] or "").strip("/"), match["ref"]
        return self._remote(repository, path, ref, use)

    def _local(self, use: _Use, *, checked_out: bool) -> str:
        path = str(PurePosixPath(use.uses[2:]))
        path = "" if path == "." else path
        tree = self._sources.tree(self._here.repository, self._here.sha)
        # Before a checkout there is nothing to be found, and what a step writes itself only act can read.
        if not checked_out or _action_file(tree / path) is None:
            return use.uses
        return self._hosted(self._here, path, use)

    def _remote(self, repository: str, path: str, ref: str, use: _Use) -> str:
        hosted = self._sources.repository(repository)
        sha = hosted.resolve(ref) if hosted is not None else None
        if sha is not None:
            return self._hosted(Origin(repository, sha, ref), path, use)
        stand_in = self._sources.stand_in(repository)
        if hosted is not None or stand_in is None or _action_file(stand_in / path) is None:
            what = (
                "that ref is not there"
                if hosted is not None
                else "the sandbox has neither that repository nor one like it"
            )
            raise WorkflowRefused(
                f"Unable to resolve action `{use.uses}`: {what}. Push the repository to the sandbox to use it.",
                "failure",
            )
        return self._served(repository, path, ref, stand_in, Origin(repository, ref, ref), use)

    def _hosted(self, origin: Origin, path: str, use: _Use) -> str:
        tree = self._sources.tree(origin.repository, origin.sha)
        if _action_file(tree / path) is None:
            where = f"{origin.repository}/{path}".strip("/")
            raise WorkflowRefused(
                f"Can't find 'action.yml', 'action.yaml' or 'Dockerfile' for action '{use.uses}' (looked in {where}).",
                "failure",
            )
        return self._served(origin.repository, path, origin.ref, tree, origin, use)

    def _served(self, repository: str, path: str, ref: str, tree: Path, origin: Origin, use: _Use) -> str:
        name = self._copy(repository, ref, tree, use)
        where = self._plan.repositories[name]
        if (name, path) not in self._done:
            self._done.add((name, path))
            self._write(where / path, origin, use)
        _, _, served = name.partition("@")
        return f"{repository}/{path}@{served}" if path else f"{repository}@{served}"

    def _copy(self, repository: str, ref: str, tree: Path, use: _Use) -> str:
        """Answer the name under which this job, with these variables around, has its own copy of a repository."""
        around = self._around.setdefault(use.job.key, [])
        if use.names not in around:
            around.append(use.names)
        number = around.index(use.names)
        own = f"{use.job.key}.{number}" if number else use.job.key
        mine = self._folder / own / repository.replace("/", "+") / ref.replace("/", "+")
        for name in (f"{repository}@{ref}", f"{repository}@{ref}.{own}"):
            if self._plan.repositories.setdefault(name, mine) == mine:
                if not mine.exists():
                    shutil.copytree(tree, mine, copy_function=_link, symlinks=True)
                return name
        raise AssertionError("a job's own name is nobody else's")

    def _write(self, folder: Path, origin: Origin, use: _Use) -> None:
        file = _action_file(folder)
        assert file is not None
        try:
            data = plain(read_bytes(file.read_bytes(), file.name).root)
        except ConfigInvalid as error:
            raise WorkflowRefused(
                f"{origin.repository}/{file.name}: {error.mistakes[0]}", "failure"
            ) from None
        data = tokens.with_token(data, use.job.token)
        data = tokens.put(data, {("github", "action_ref"): origin.ref})
        runs = data.get("runs")
        if isinstance(runs, Mapping):
            if runs.get("using") == "docker":
                raise WorkflowRefused(
                    f"The sandbox has no containers: it cannot run '{origin.repository}'.", "failure"
                )
            data["runs"] = self._steps(runs, once.inputs(data), origin, use)
        file.unlink()  # it is a link to what others read too
        file.write_bytes(written(data))

    def _steps(
        self, runs: Mapping[str, Any], inputs: Mapping[str, str], origin: Origin, use: _Use
    ) -> dict[str, Any]:
        steps = runs.get("steps")
        if not isinstance(steps, list):
            return dict(runs)
        return {**runs, "steps": [self._step(one, inputs, origin, use) for one in steps]}

    def _step(self, one: Any, inputs: Mapping[str, str], origin: Origin, use: _Use) -> Any:
        """Answer one step of a composite action."""
        if not isinstance(one, Mapping):
            return one
        uses = one.get("uses")
        if not isinstance(uses, str):
            return once.step(one, use.names, {**self._refs, **inputs})
        around = use.names | once.expressed(one.get("env"))
        served = self.step(uses, origin, use.job, checked_out=True, names=around, depth=use.depth + 1)
        return {**once.step(one, use.names, self._refs), "uses": served}


def _action_file(folder: Path) -> Path | None:
    return next((file for name in FILES if (file := folder / name).is_file()), None)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # another file system, or too many links
        shutil.copy2(source, target, follow_symlinks=False)
