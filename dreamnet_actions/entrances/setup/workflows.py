"""The callers: a workflow file a keeper, of at most twenty lines, that says when it starts and calls the reusable one.

Nothing of a caller is a script. An input is handed on as data, under the same name; no text of a repository stands in
an expression.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dreamnet_actions.entrances.setup import published
from dreamnet_actions.entrances.setup.called import CALLED, DEPLOY, DREAM, ENV, EVENTS, RELAY, Called
from dreamnet_actions.entrances.setup.yaml import flow, scalar
from dreamnet_actions.errors import RequestInvalid

FOLDER = ".github/workflows"
MOST_LINES = 20
EVERY = "(every)"
"""What the drop-down calls "no service named". No service can have this name, and GitHub takes no empty choice."""
MOST_CHOICES = 60
"""Services that a drop-down lists; where there are more it is a field, since nobody reads a longer one."""
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

    def keepers(self) -> tuple[str, ...]:
        """Answer the keepers that get a workflow."""
        return tuple(one for one in CALLED if one != ENV or self.with_env)


def path_of(keeper: str) -> str:
    """Answer where a keeper's caller stands in the repository."""
    return f"{FOLDER}/{CALLED[keeper].file}"


def callers(wanted: Wanted) -> dict[str, str]:
    """Write every caller: path → text."""
    return {path_of(one): caller(one, wanted) for one in wanted.keepers()}


def caller(keeper: str, wanted: Wanted) -> str:
    """Write one caller. Raises RequestInvalid for a branch that no workflow can name."""
    called = CALLED[keeper]
    lines = [
        f"name: {called.title}",
        *_run_name(called),
        "on:",
        *_triggers(keeper, wanted),
        *_button(called, wanted.services),
        "permissions: {}",
        "jobs:",
        f"  {keeper}:",
        f"    permissions: {flow(called.permissions)} # {called.why}",
        f"    uses: {published.address(keeper, wanted.ref)}",
        "    with:",
        *(f"      {name}: {_handed_on(name)}" for name in called.inputs),
    ]
    return "\n".join(lines) + "\n"


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


def _run_name(called: Called) -> list[str]:
    """Name a run by what was asked for, and by the message it is for: the list of runs is read by people."""
    if "action" not in called.inputs:
        place = "github.event.client_payload.dreamnet"
        return [f"run-name: {called.title} ${{{{ {place}.correlationid || {place}.correlation_id }}}}"]
    words = [f"${{{{ inputs.action || '{called.actions[0]}' }}}}"]
    words += ["${{ inputs.service }}"] if "service" in called.inputs else []
    return [f"run-name: {called.title.split()[0]} {' '.join(words)}"]


def _triggers(keeper: str, wanted: Wanted) -> list[str]:
    if keeper == DEPLOY:
        return [f"  push: {flow({'branches': [branch_pattern(wanted.branch)]})}"]
    if keeper == RELAY:
        return [f"  repository_dispatch: {flow({'types': EVENTS})}"]
    cron = wanted.schedule if keeper == DREAM else wanted.sync_schedule
    return [f"  schedule: [{{cron: {scalar(cron)}}}]"]


def _button(called: Called, services: Sequence[str]) -> list[str]:
    lines = ["  workflow_dispatch:", "    inputs:"]
    if "service" in called.inputs:
        listed = {"type": "choice", "options": [EVERY, *services]}
        typed = {"description": "One service; empty: every one", "type": "string"}
        lines.append(f"      service: {flow(listed if len(services) <= MOST_CHOICES else typed)}")
    if "action" in called.inputs:
        lines.append(f"      action: {flow({'type': 'choice', 'options': called.actions})}")
    said = "A whole request as JSON"
    said += "; it wins over what is chosen above" if "action" in called.inputs else ""
    lines.append(f"      request: {flow({'description': said, 'type': 'string'})}")
    return lines


def _handed_on(name: str) -> str:
    if name == "service":
        return f"${{{{ inputs.service != '{EVERY}' && inputs.service || '' }}}}"
    return f"${{{{ inputs.{name} }}}}"
