"""One workflow file as GitHub reads it: its name, triggers, permissions and jobs, or the mistakes that keep it
from running.

Reading is guarded by the same reader as DreamNet's own configuration: any bytes are answered within a second.
Plain words mean what YAML 1.2 says, so ``on`` is a key and never True. Source:
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from dreamnet_actions.config.reader import read_bytes
from dreamnet_actions.config.tree import Tree, plain
from dreamnet_actions.errors.configuration import ConfigInvalid
from dreamnet_actions.testing.github.actions import permissions, validation


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """A workflow file at one commit. ``mistakes`` are GitHub's sentences; with any of them it cannot run.

    ``on`` maps each event to its configuration (``{}`` where it has none; for ``schedule`` the list of its
    entries).
    """

    path: str
    name: str
    on: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    mistakes: Sequence[str] = ()
    tree: Tree | None = None

    def at(self, *steps: str | int) -> str:
        """Say where a part of the file stands, as GitHub does: ``path (Line: 3, Col: 5)``."""
        if self.tree is None:
            return self.path
        place = self.tree.follow(steps).key
        return f"{self.path} (Line: {place.line}, Col: {place.column})"

    @property
    def file(self) -> str:
        """The file's bare name, by which a dispatch may call it."""
        return PurePosixPath(self.path).name

    @property
    def jobs(self) -> Mapping[str, Mapping[str, Any]]:
        """The jobs by id, as written."""
        jobs = self.data.get("jobs")
        return jobs if isinstance(jobs, Mapping) else {}

    @property
    def permissions(self) -> dict[str, str] | None:
        """What the workflow's own ``permissions`` grant, or None where it has none."""
        return permissions.understand(self.data.get("permissions"))

    @property
    def dispatch_inputs(self) -> Mapping[str, Mapping[str, Any]]:
        """The inputs of ``workflow_dispatch``, each with its settings."""
        return inputs_of(self.on.get("workflow_dispatch"))

    @property
    def call_inputs(self) -> Mapping[str, Mapping[str, Any]]:
        """The inputs of ``workflow_call``."""
        return inputs_of(self.on.get("workflow_call"))


def inputs_of(trigger: Any) -> Mapping[str, Mapping[str, Any]]:
    """Answer a trigger's inputs with their settings; one written without any has none."""
    inputs = trigger.get("inputs") if isinstance(trigger, Mapping) else None
    if not isinstance(inputs, Mapping):
        return {}
    return {str(name): one if isinstance(one, Mapping) else {} for name, one in inputs.items()}


def read(path: str, data: bytes) -> Workflow:
    """Read one file; never raises: what is wrong stands in ``mistakes``."""
    try:
        tree = read_bytes(data, path)
        if tree.mistakes:
            raise ConfigInvalid(tree.mistakes)
    except ConfigInvalid as error:
        first = error.mistakes[0]
        return Workflow(
            path=path,
            name=path,
            mistakes=(f"You have an error in your yaml syntax on line {first.line}: {first.message}",),
        )
    return _understood(path, tree)


def _understood(path: str, tree: Tree) -> Workflow:
    data = plain(tree.root)
    name = data.get("name")
    faults = validation.faults(data)
    mistakes = [
        f"{path} (Line: {place.line}, Col: {place.column}): {fault.text}"
        for fault in faults
        for place in [tree.follow(fault.steps).key]
    ]
    return Workflow(
        path=path,
        name=str(name) if name else path,
        on=triggers_of(data.get("on")),
        data=data,
        mistakes=tuple(mistakes),
        tree=tree,
    )


def triggers_of(value: Any) -> dict[str, Any]:
    """Bring the three forms of ``on`` (a word, a list, a mapping) into one."""
    if isinstance(value, str):
        return {value: {}}
    if isinstance(value, list):
        return {str(one): {} for one in value}
    if isinstance(value, Mapping):
        return {str(name): {} if settings is None else settings for name, settings in value.items()}
    return {}
