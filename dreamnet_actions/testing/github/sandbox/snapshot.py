"""What the page shows, taken at one moment: plain data, so that rendering needs no lock."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from dreamnet_actions.testing.github.actions.engine import Engine
from dreamnet_actions.testing.github.actions.runs import Run
from dreamnet_actions.testing.github.hosting import Event
from dreamnet_actions.testing.github.world import World

MOST = 50
"""Rows of each kind; the newest."""


@dataclass(frozen=True)
class IssueRow:
    """An issue."""

    number: int
    title: str
    state: str
    labels: tuple[tuple[str, str], ...]
    body: str
    author: str
    updated: float
    comments: tuple[tuple[str, str, float], ...] = ()


@dataclass(frozen=True)
class DeploymentRow:
    """A deployment with its newest status."""

    id: int
    environment: str
    ref: str
    state: str
    description: str
    created: float


@dataclass(frozen=True)
class Button:
    """A workflow that can be started by hand, with its inputs' settings by name."""

    file: str
    name: str
    inputs: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Message:
    """A ``repository_dispatch``."""

    at: float
    kind: str
    payload: str
    actor: str


@dataclass(frozen=True)
class RepositoryView:
    """One repository."""

    name: str
    issues: list[IssueRow]
    runs: list[Run]
    messages: list[Message]
    deployments: list[DeploymentRow]
    buttons: list[Button]
    disabled: list[str]


@dataclass
class Messages:
    """Hears the dispatches of all repositories, and keeps the newest."""

    kept: dict[str, deque[Message]] = field(default_factory=dict)

    def heard(self, event: Event, now: float) -> None:
        """Keep a dispatch."""
        if event.name == "repository_dispatch":
            text = json.dumps(event.payload.get("client_payload"), indent=2, ensure_ascii=False)
            row = Message(now, event.action or "", text, event.actor)
            self.kept.setdefault(event.repository, deque(maxlen=MOST)).appendleft(row)


def take(world: World, engine: Engine, messages: Messages, name: str) -> RepositoryView:
    """Look at one repository; raises the stand-in's 404 where it is not there."""
    entries = engine.workflows(name)
    buttons = [
        Button(
            one.workflow.file,
            one.name,
            {key: dict(value) for key, value in one.workflow.dispatch_inputs.items()},
        )
        for one in entries
        if one.workflow is not None and "workflow_dispatch" in one.workflow.on and one.state == "active"
    ]
    with world.lock:
        repository = world.repository(name)
        spoken: dict[int, list[tuple[str, str, float]]] = {}
        for comment in repository.comments.values():
            spoken.setdefault(comment.number, []).append((comment.user.login, comment.body, comment.updated))
        issues = [
            IssueRow(
                one.number, one.title, one.state, tuple((label.name, label.color) for label in one.labels),
                one.body or "", one.user.login, one.updated, tuple(spoken.get(one.number, ())),
            )
            for one in sorted(repository.issues.values(), key=lambda one: one.updated, reverse=True)[:MOST]
        ]  # fmt: skip
        deployments = []
        for one in list(repository.deployments.values())[: -MOST - 1 : -1]:
            last = one.statuses[-1] if one.statuses else None
            deployments.append(
                DeploymentRow(
                    one.id, one.environment, one.ref, last.state if last else "no status",
                    (last.description if last else one.description) or "", one.created,
                )
            )  # fmt: skip
    return RepositoryView(
        name=name,
        issues=issues,
        runs=engine.runs(name)[:MOST],
        messages=list(messages.kept.get(name, ())),
        deployments=deployments,
        buttons=buttons,
        disabled=[one.path for one in entries if one.state != "active"],
    )
