"""The reusable workflows as their callers see them: what each takes, and what its jobs need. One table.

A test holds that it equals the files in ``.github/workflows``. A called workflow can only lower what its caller grants,
so a caller grants the union of what the called jobs ask for
(https://docs.github.com/en/actions/reference/workflows-and-actions/reusing-workflow-configurations).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dreamnet_actions.domain.actions import ACTIONS, CALLERS, EVERY, Agent

__all__ = [
    "CALLED",
    "DEPLOY",
    "DREAM",
    "ENV",
    "EVERY",
    "FEDERATED",
    "FIELDS",
    "ID_TOKEN",
    "PLAN",
    "PLANNED",
    "RELAY",
    "REUSABLE",
    "RUNNER",
    "SECRETS",
    "VARIABLES",
    "Called",
]


@dataclass(frozen=True, kw_only=True)
class Called:
    """One reusable workflow. ``permissions`` are those its jobs ask for together, ``why`` what they are for in a few
    words; ``actions`` are the choices of its button, ``fields`` what else the button asks for. The button's values
    need not be handed on but for ``dry-run``: a called workflow sees its caller's event."""

    agent: Agent
    file: str
    title: str
    permissions: Mapping[str, str]
    why: str
    actions: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    jobs: int = 1
    """How many jobs one run of it starts, for what it costs."""
    own: Mapping[str, str] = field(default_factory=dict)
    """What the job that works itself asks for; left out, all of ``permissions``."""
    takes: tuple[str, ...] = ("kubeconfig", "prometheus-token")
    """Which of ``SECRETS`` its jobs have use for."""

    def granted(self, *, federated: bool, own: bool = False) -> dict[str, str]:
        """Answer what a job that has it work grants; ``own`` where that works itself, by the action. RelayBot's own job
        has nothing to show: it is the keepers' jobs that look at clusters and secrets."""
        shows = federated and not (own and self.agent == "relaybot")
        return {**(self.own if own else self.permissions), **(ID_TOKEN if shows else {})}

    def __post_init__(self) -> None:
        """See that the button offers only what the keeper does."""
        if not self.own:
            object.__setattr__(self, "own", self.permissions)
        unknown = set(self.actions) - set(ACTIONS[self.agent])
        if unknown:
            raise ValueError(f"{self.agent} has no action {sorted(unknown)}")


FEDERATED = "-oidc"
"""The end of the names of those reusable workflows whose jobs ask GitHub for a token of their own (OpenID Connect), by
which a cloud knows them. A called workflow asks for a permission or it does not, whatever its inputs say; so they are
files of their own, and nobody else has to grant it."""
ID_TOKEN: Mapping[str, str] = {"id-token": "write"}
SECRETS: Mapping[str, str] = {
    "kubeconfig": "KUBECONFIG",
    "prometheus-token": "PROMETHEUS_TOKEN",
    "secrets-token": "DREAMNET_SECRETS_TOKEN",
    "hash-key": "DREAMNET_HASH_KEY",
}
"""What a caller may hand over as a secret to those that take it, each with the name that the repository's secret
has where DreamNet writes the caller."""
VARIABLES: Mapping[str, str] = {
    "kubeconfig": "DREAMNET_KUBECONFIG",
    "prometheus-token": "DREAMNET_PROMETHEUS_TOKEN",
    "secrets-token": "DREAMNET_SECRETS_TOKEN",
    "hash-key": "DREAMNET_HASH_KEY",
}
"""The variable in which the called job has each of them."""

DEPLOY, DREAM, ENV, RELAY = "deploykeeper", "dreamkeeper", "envkeeper", "relaybot"

CALLED: Mapping[str, Called] = {
    DEPLOY: Called(
        agent="deploykeeper",
        file=CALLERS["deploykeeper"],
        title="DreamNet deploy",
        permissions={"contents": "write", "deployments": "write", "issues": "read", "statuses": "write"},
        why="journal and messages, how releases stand, dreams, and releases beside checks",
        actions=(
            "status",
            "deploy",
            "canary",
            "approve",
            "promote",
            "abort",
            "verify",
            "rollback",
            "restart",
            "scale",
        ),
        fields=("service", "version", "replicas", "request", "dry-run"),
    ),
    DREAM: Called(
        agent="dreamkeeper",
        file=CALLERS["dreamkeeper"],
        title="DreamNet dream",
        permissions={"contents": "write", "issues": "write"},
        why="journal and messages, dreams",
        actions=("check", "verify", "heal", "approve", "snooze", "wont-fix", "reopen"),
        fields=("service", "dream", "for", "request", "dry-run"),
    ),
    ENV: Called(
        agent="envkeeper",
        file=CALLERS["envkeeper"],
        title="DreamNet env",
        permissions={"contents": "write", "issues": "read"},
        why="journal and messages, dreams",
        actions=(
            "plan",
            "sync",
            "validate",
            "restore",
            "flags",
            "set-flag",
            "toggle-flag",
            "roll-out",
            "kill-flag",
            "enable-flag",
        ),
        fields=("entry", "flag", "variant", "share", "reason", "request", "dry-run"),
        takes=("kubeconfig", "secrets-token", "hash-key"),
    ),
    RELAY: Called(
        agent="relaybot",
        file=CALLERS["relaybot"],
        title="DreamNet relay",
        permissions={"contents": "write", "deployments": "write", "issues": "write", "statuses": "write"},
        why="what the keepers that it calls need",
        actions=("deliver", "replay", "relay", "publish"),
        fields=("message", "from", "to", "event", "request", "dry-run"),
        jobs=2,
        own={"contents": "write", "issues": "read"},
        takes=("kubeconfig", "prometheus-token", "secrets-token", "hash-key"),
    ),
}
"""By the name of the reusable workflow's file, in the order in which they are written."""

PLANNED = "envkeeper-plan"
PLAN = Called(
    agent="envkeeper",
    file="dreamnet-plan.yml",
    title="DreamNet plan",
    permissions={"contents": "read", "pull-requests": "write"},
    why="files and journal, the one comment",
    takes=("kubeconfig", "secrets-token", "hash-key"),
)
"""EnvKeeper once more, for pull requests: it has no button, and its job may write nothing but a comment."""
REUSABLE: Mapping[str, Called] = {**CALLED, PLANNED: PLAN}
"""All that a caller's job may name, by the name of its file."""

FIELDS: Mapping[str, Mapping[str, str]] = {
    "version": {"description": "A branch, tag or commit (deploy, canary)", "type": "string"},
    "replicas": {"description": "How many (scale)", "type": "string"},
    "dream": {
        "description": "A dream's number or key (heal, approve, snooze, wont-fix, reopen)",
        "type": "string",
    },
    "for": {"description": "How long, as 4h (snooze)", "type": "string"},
    "entry": {"description": "Which entry of `env`; empty: every one", "type": "string"},
    "flag": {"description": "Which flag", "type": "string"},
    "variant": {"description": "Its variant (set-flag, roll-out)", "type": "string"},
    "share": {"description": "To how many callers, as 25% (roll-out)", "type": "string"},
    "reason": {"description": "Why", "type": "string"},
    "message": {"description": "A message's id (replay) or name (relay)", "type": "string"},
    "from": {"description": "Who sends it (relay)", "type": "string"},
    "to": {"description": "Whom it is for (relay)", "type": "string"},
    "event": {"description": "Its name (publish)", "type": "string"},
    "request": {"description": "A whole request as JSON; it wins over the rest", "type": "string"},
    "dry-run": {"description": "Only the plan", "type": "boolean"},
}
"""What a button's fields look like; ``service`` is a drop-down of the services that there are."""

RUNNER = "ubuntu-latest"
"""The runner that the reusable workflows take when none is named."""
