"""Actions by reference: what act is given in the place of ``uses:``, with each job's token put in.

act takes a folder for ``owner/name@ref`` (``--local-repository``). Two jobs with tokens of their own need two
folders, so a second job's copy has a ref of its own (``v1.j2``). Copies are hard links; only an action's own
file is written anew.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from dreamnet_actions.config.reader import read_bytes
from dreamnet_actions.config.tree import plain
from dreamnet_actions.errors import ConfigInvalid
from dreamnet_actions.testing.github.actions import tokens
from dreamnet_actions.testing.github.actions.plan import JobPlan, Origin, Plan, Sources, WorkflowRefused

FILES = ("action.yml", "action.yaml")
DEEPEST = 10
"""Actions that use actions; GitHub stops there (https://docs.github.com/en/actions/tutorials/create-actions)."""
_REMOTE = re.compile(r"(?P<repository>[^/@\s]+/[^/@\s]+)(?P<path>/[^@\s]*)?@(?P<ref>\S+)")


class ActionServer:
    """Resolves ``uses:`` of steps for one run; ``folder`` is the run's own, ``here`` the commit that it runs
    on."""

    def __init__(self, sources: Sources, plan: Plan, folder: Path, here: Origin) -> None:
        self._sources = sources
        self._plan = plan
        self._folder = folder
        self._here = here
        self._done: set[tuple[str, str]] = set()

    def step(self, uses: str, origin: Origin, job: JobPlan, *, checked_out: bool, depth: int = 0) -> str:
        """Answer what stands in the place of a step's ``uses``; raises WorkflowRefused for what cannot be
        served."""
        if depth > DEEPEST:
            raise WorkflowRefused(f"Actions use each other more than {DEEPEST} levels deep at '{uses}'.")
        if uses.startswith("docker://"):
            raise WorkflowRefused(f"The sandbox has no containers: it cannot run '{uses}'.", "failure")
        if uses.startswith("$/"):
            return self._hosted(origin, uses[2:].strip("/"), job, uses, depth)
        if uses.startswith("./"):
            return self._local(uses, job, checked_out=checked_out, depth=depth)
        match = _REMOTE.fullmatch(uses)
        if match is None:
            raise WorkflowRefused(
                f"Expected format {{org}}/{{repo}}[/path]@ref. Actual '{uses}' Input string was not in a "
                "correct format.",
                "failure",
            )
        repository, path, ref = match["repository"], (match["path"] or "").strip("/"), match["ref"]
        return self._remote(repository, path, ref, job, uses, depth)

    def _local(self, uses: str, job: JobPlan, *, checked_out: bool, depth: int) -> str:
        path = str(PurePosixPath(uses[2:]))
        path = "" if path == "." else path
        tree = self._sources.tree(self._here.repository, self._here.sha)
        # Before a checkout there is nothing to be found, and what a step writes itself only act can read.
        if not checked_out or _action_file(tree / path) is None:
            return uses
        return self._hosted(self._here, path, job, uses, depth)

    def _remote(self, repository: str, path: str, ref: str, job: JobPlan, uses: str, depth: int) -> str:
        hosted = self._sources.repository(repository)
        sha = hosted.resolve(ref) if hosted is not None else None
        if sha is not None:
            return self._hosted(Origin(repository, sha, ref), path, job, uses, depth)
        stand_in = self._sources.stand_in(repository)
        if hosted is not None or stand_in is None or _action_file(stand_in / path) is None:
            what = (
                "that ref is not there"
                if hosted is not None
                else "the sandbox has neither that repository nor one like it"
            )
            raise WorkflowRefused(
                f"Unable to resolve action `{uses}`: {what}. Push the repository to the sandbox to use it.",
                "failure",
            )
        return self._served(repository, path, ref, stand_in, Origin(repository, ref, ref), job, depth)

    def _hosted(self, origin: Origin, path: str, job: JobPlan, uses: str, depth: int) -> str:
        tree = self._sources.tree(origin.repository, origin.sha)
        if _action_file(tree / path) is None:
            where = f"{origin.repository}/{path}".strip("/")
            raise WorkflowRefused(
                f"Can't find 'action.yml', 'action.yaml' or 'Dockerfile' for action '{uses}' (looked in {where}).",
                "failure",
            )
        return self._served(origin.repository, path, origin.ref, tree, origin, job, depth)

    def _served(
        self, repository: str, path: str, ref: str, tree: Path, origin: Origin, job: JobPlan, depth: int
    ) -> str:
        name = self._copy(repository, ref, tree, job)
        where = self._plan.repositories[name]
        if (name, path) not in self._done:
            self._done.add((name, path))
            self._write(where / path, origin, job, depth)
        _, _, served = name.partition("@")
        return f"{repository}/{path}@{served}" if path else f"{repository}@{served}"

    def _copy(self, repository: str, ref: str, tree: Path, job: JobPlan) -> str:
        """Answer the name under which this job has its own copy of a repository."""
        mine = self._folder / job.key / repository.replace("/", "+") / ref.replace("/", "+")
        for name in (f"{repository}@{ref}", f"{repository}@{ref}.{job.key}"):
            if self._plan.repositories.setdefault(name, mine) == mine:
                if not mine.exists():
                    shutil.copytree(tree, mine, copy_function=_link, symlinks=True)
                return name
        raise AssertionError("a job's own name is nobody else's")

    def _write(self, folder: Path, origin: Origin, job: JobPlan, depth: int) -> None:
        file = _action_file(folder)
        assert file is not None
        try:
            data = plain(read_bytes(file.read_bytes(), file.name).root)
        except ConfigInvalid as error:
            raise WorkflowRefused(
                f"{origin.repository}/{file.name}: {error.mistakes[0]}", "failure"
            ) from None
        data = tokens.with_token(data, job.token)
        data = tokens.put(data, {("github", "action_ref"): origin.ref})
        runs = data.get("runs")
        if isinstance(runs, Mapping):
            if runs.get("using") == "docker":
                raise WorkflowRefused(
                    f"The sandbox has no containers: it cannot run '{origin.repository}'.", "failure"
                )
            data["runs"] = self._steps(runs, origin, job, depth)
        file.unlink()  # it is a link to what others read too
        file.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")

    def _steps(self, runs: Mapping[str, Any], origin: Origin, job: JobPlan, depth: int) -> dict[str, Any]:
        steps = runs.get("steps")
        if not isinstance(steps, list):
            return dict(runs)
        served = [
            {**one, "uses": self.step(one["uses"], origin, job, checked_out=True, depth=depth + 1)}
            if isinstance(one, Mapping) and isinstance(one.get("uses"), str)
            else one
            for one in steps
        ]
        return {**runs, "steps": served}


def _action_file(folder: Path) -> Path | None:
    return next((file for name in FILES if (file := folder / name).is_file()), None)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # another file system, or too many links
        shutil.copy2(source, target, follow_symlinks=False)
