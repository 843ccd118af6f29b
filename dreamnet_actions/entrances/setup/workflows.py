"""The callers: a workflow file a keeper, of at most twenty lines, that says when it starts and calls the reusable one.

Nothing of a caller is a script, and no text of a repository stands in an expression. What a button was given is read
from the event by the called workflow; only ``dry-run`` is handed on, since that decides before the event is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dreamnet_actions.domain.route import DISPATCHED
from dreamnet_actions.entrances.setup import published
from dreamnet_actions.entrances.setup.called import (
    CALLED,
    DEPLOY,
    DREAM,
    ENV,
    EVERY,
    FEDERATED,
    FIELDS,
    PLAN,
    PLANNED,
    RELAY,
    REUSABLE,
    RUNNER,
    SECRETS,
    Called,
)
from dreamnet_actions.entrances.setup.yaml import flow, scalar
from dreamnet_actions.errors import RequestInvalid

FOLDER = ".github/workflows"
MOST_LINES = 20
MOST_CHOICES = 60
"""Services that a drop-down lists; where there are more it is a field, since nobody reads a longer one."""
_COMMENTED = "# zizmor: ignore[dangerous-triggers] a comment is data, its writer's permission is asked for"
"""Linters warn of what anybody can start. The called job starts a runner for no comment but a command on a dream, takes
the default branch's code, and puts no text of the comment into an expression."""
_SHOWN = ", a token to show to the cloud"
_GLOB = re.compile(r"[*?+\[\]!\\]")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the callers are written for: the branch that is deployed, the services' names, and the schedules (cron)."""

    branch: str
    services: tuple[str, ...]
    schedule: str = "7,37 * * * *"
    sync_schedule: str = "17 5 * * *"
    with_env: bool = False
    ref: str = published.MAJOR
    runner: str = RUNNER
    kubeconfig: bool = False
    """Whether services run on a cluster that a kubeconfig leads to: it is handed over, where the secret is there."""
    prometheus: bool = False
    """Whether Prometheus is asked with the token that a workflow hands over."""
    federated: bool = False
    """Whether jobs show a token of GitHub's to a cloud that services run in."""
    federated_values: bool = False
    """Whether they show one to a cloud that values are kept in: only EnvKeeper's do then, and RelayBot's that call
    it."""
    secrets_token: bool = False
    """Whether values go to Actions secrets or variables, which no job's own token may write."""

    proposals: tuple[str, ...] = ()
    """Files whose change in a pull request is planned there: the configuration, and the sources of values. None: no
    workflow is written for that."""

    def shows(self, keeper: str) -> bool:
        """Say whether a keeper's jobs have a token of GitHub's to show."""
        return self.federated or (self.federated_values and keeper in (ENV, PLANNED, RELAY))

    def secrets(self, keeper: str) -> dict[str, str]:
        """Answer what a keeper's caller hands over, where the secrets are there: input → expression."""
        asked = {
            "kubeconfig": self.kubeconfig,
            "prometheus-token": self.prometheus,
            "secrets-token": self.secrets_token,
        }
        return {
            name: f"${{{{ secrets.{SECRETS[name]} }}}}"
            for name, wanted in asked.items()
            if wanted and name in REUSABLE[keeper].takes
        }

    def keepers(self) -> tuple[str, ...]:
        """Answer the keepers that get a workflow."""
        return tuple(one for one in CALLED if one != ENV or self.with_env)


def path_of(keeper: str) -> str:
    """Answer where a keeper's caller stands in the repository."""
    return f"{FOLDER}/{CALLED[keeper].file}"


def callers(wanted: Wanted) -> dict[str, str]:
    """Write every caller: path → text."""
    planned = {f"{FOLDER}/{PLAN.file}": planner(wanted)} if wanted.proposals else {}
    return {path_of(one): caller(one, wanted) for one in wanted.keepers()} | planned


def caller(keeper: str, wanted: Wanted) -> str:
    """Write one caller. Raises RequestInvalid for a branch that no workflow can name."""
    called = CALLED[keeper]
    federated = wanted.shows(keeper)
    lines = [
        f"name: {called.title}",
        _run_name(keeper, called),
        "on:",
        *_triggers(keeper, wanted),
        *_button(called, wanted.services),
        "permissions: {}",
        "jobs:",
        f"  {keeper}:",
        f"    permissions: {flow(called.granted(federated=federated))} # {called.why}{_SHOWN * federated}",
        f"    uses: {published.address(keeper + FEDERATED * federated, wanted.ref)}",
        f"    with: {flow(_handed_on(wanted))}",
    ]
    if secrets := wanted.secrets(keeper):
        lines.append(f"    secrets: {flow(secrets)}")
    return "\n".join(lines) + "\n"


def planner(wanted: Wanted) -> str:
    """Write the workflow that has EnvKeeper look at pull requests which touch the files of ``wanted.proposals``."""
    federated = wanted.shows(PLANNED)
    lines = [
        f"name: {PLAN.title}",
        "on:",
        f"  pull_request: {flow({'paths': planned_paths(wanted)})}",
        "permissions: {}",
        "jobs:",
        "  plan:",
        f"    permissions: {flow(PLAN.granted(federated=federated))} # {PLAN.why}{_SHOWN * federated}",
        f"    uses: {published.address(PLANNED + FEDERATED * federated, wanted.ref)}",
    ]
    if wanted.runner != RUNNER:
        lines.append(f"    with: {flow({'runs-on': wanted.runner})}")
    if secrets := wanted.secrets(PLANNED):
        lines.append(f"    secrets: {flow(secrets)}")
    return "\n".join(lines) + "\n"


def planned_paths(wanted: Wanted) -> list[str]:
    """Write the files of ``wanted.proposals`` as the filters that mean exactly them; none that no filter can name."""
    written = [_GLOB.sub(lambda at: f"\\{at[0]}", path) for path in wanted.proposals]
    return [one for one in written if "${{" not in one]


def _handed_on(wanted: Wanted) -> dict[str, str]:
    handed = {"dry-run": "${{ inputs.dry-run || false }}"}
    return handed if wanted.runner == RUNNER else handed | {"runs-on": wanted.runner}


def branch_pattern(branch: str) -> str:
    """Write a branch as the filter that means exactly it: GitHub reads ``*``, ``?``, ``+``, ``[``, ``]``, ``!``.

    Raises RequestInvalid for one with ``${{``, which GitHub would take for an expression.
    """
    if "${{" in branch:
        raise RequestInvalid(
            [f"No workflow can name the branch {branch!r}: GitHub takes it for an expression."],
            hint="Name another branch with --branch.",
        )
    return _GLOB.sub(lambda found: f"\\{found[0]}", branch)


def _run_name(keeper: str, called: Called) -> str:
    """Name a run by what was asked for, and by the message it is for: the list of runs is read by people."""
    message = "github.event.client_payload.dreamnet"
    subject = f"{message}.subject || inputs.action || github.event.action"
    relayed = [f"${{{{ {subject} }}}}", f"${{{{ {message}.correlationid || {message}.correlation_id }}}}"]
    pressed = ["${{ inputs.action || github.event_name }}"]
    pressed += ["${{ inputs.service }}"] if "service" in called.fields else []
    return f"run-name: DreamNet {' '.join(relayed if keeper == RELAY else pressed)}"


def _triggers(keeper: str, wanted: Wanted) -> list[str]:
    if keeper == DEPLOY:
        return [f"  push: {flow({'branches': [branch_pattern(wanted.branch)]})}"]
    if keeper == RELAY:
        return [f"  repository_dispatch: {flow({'types': DISPATCHED})}"]
    cron = wanted.schedule if keeper == DREAM else wanted.sync_schedule
    talk = [f"  issue_comment: {flow({'types': ['created']})} {_COMMENTED}"] if keeper == DREAM else []
    return [f"  schedule: [{{cron: {scalar(cron)}}}]", *talk]


def _button(called: Called, services: Sequence[str]) -> list[str]:
    choices = {"type": "choice", "options": called.actions}
    lines = ["  workflow_dispatch:", "    inputs:", f"      action: {flow(choices)}"]
    for name in called.fields:
        if name != "service":
            field: Mapping[str, object] = FIELDS[name]
        elif 0 < len(services) <= MOST_CHOICES:
            field = {"type": "choice", "options": [EVERY, *services]}
        else:
            field = {"description": "One service; empty: every one", "type": "string"}
        lines.append(f"      {name}: {flow(field)}")
    return lines
