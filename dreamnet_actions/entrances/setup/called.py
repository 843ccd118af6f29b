"""The reusable workflows as their callers see them: what each takes, and what its jobs need. One table.

A test holds that it equals the files in ``.github/workflows``. A called workflow can only lower what its caller grants,
so a caller grants the union of what the called jobs ask for
(https://docs.github.com/en/actions/reference/workflows-and-actions/reusing-workflow-configurations).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dreamnet_actions.domain.actions import ACTIONS, Agent


@dataclass(frozen=True, kw_only=True)
class Called:
    """One reusable workflow. ``permissions`` are those its jobs ask for together, ``inputs`` what it takes by name,
    ``actions`` the choices of its button, ``why`` what the permissions are for, in a few words."""

    agent: Agent
    file: str
    title: str
    permissions: Mapping[str, str]
    why: str
    inputs: tuple[str, ...]
    actions: tuple[str, ...] = ()
    jobs: int = 1
    """How many jobs one run of it starts, for what it costs."""

    def __post_init__(self) -> None:
        """See that the button offers only what the keeper does."""
        unknown = set(self.actions) - set(ACTIONS[self.agent])
        if unknown:
            raise ValueError(f"{self.agent} has no action {sorted(unknown)}")


DEPLOY, DREAM, ENV, RELAY = "deploykeeper", "dreamkeeper", "envkeeper", "relaybot"

CALLED: Mapping[str, Called] = {
    DEPLOY: Called(
        agent="deploykeeper",
        file="dreamnet-deploy.yml",
        title="DreamNet deploy",
        permissions={"contents": "write", "deployments": "write", "issues": "write", "statuses": "write"},
        why="journal and messages, releases, dreams, commit statuses",
        inputs=("service", "action", "request"),
        actions=("deploy", "canary", "restart", "rollback", "verify", "status"),
    ),
    DREAM: Called(
        agent="dreamkeeper",
        file="dreamnet-dream.yml",
        title="DreamNet dream",
        permissions={"actions": "read", "contents": "write", "issues": "write"},
        why="late schedules, journal and messages, dreams",
        inputs=("service", "action", "request"),
        actions=("check", "verify"),
    ),
    ENV: Called(
        agent="envkeeper",
        file="dreamnet-env.yml",
        title="DreamNet env",
        permissions={"contents": "write", "issues": "write"},
        why="journal and messages, dreams",
        inputs=("action", "request"),
        actions=("sync", "plan", "validate", "restore"),
    ),
    RELAY: Called(
        agent="relaybot",
        file="dreamnet-relay.yml",
        title="DreamNet relay",
        permissions={
            "actions": "read",
            "contents": "write",
            "deployments": "write",
            "issues": "write",
            "statuses": "write",
        },
        why="the keepers that it calls need these",
        inputs=("request",),
        jobs=2,
    ),
}
"""By the name of the reusable workflow's file, in the order in which they are written."""

EVENTS = ("dreamnet.message.v1", "dreamnet.request.v1")
"""The types of ``repository_dispatch`` that RelayBot's workflow answers, and no other workflow may."""
