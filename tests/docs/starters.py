"""The starter workflows: what `dreamnet init` writes for a small web service, as files that people may copy.

GitHub lists such files as templates where each has a ``.properties.json`` beside it, and puts a repository's default
branch for ``$default-branch`` and a quiet time for ``$cron-daily``
(https://docs.github.com/en/actions/how-tos/reuse-automations/create-workflow-templates).
"""

from __future__ import annotations

import json
from dataclasses import replace

from dreamnet_actions.entrances.setup import published
from dreamnet_actions.entrances.setup.called import CALLED, PLAN, PLANNED
from dreamnet_actions.entrances.setup.draft import Draft, Service, write
from dreamnet_actions.entrances.setup.workflows import Wanted, caller, path_of, planner

FOLDER = "workflow-templates"
EXAMPLE = "examples/github"
ON_CLUSTERS = {"examples/kubernetes": {"kubeconfig": True}, "examples/gke": {"federated": True}}
"""Examples on a cluster that have workflows, and how their jobs get in."""
_SERVICE = Service(
    name="web",
    command=("python3", "-m", "http.server", "{port}", "--bind", "127.0.0.1"),
    port=8080,
    check="http://127.0.0.1:8080/",
    directory="public",
)
PATHS = (".github/dreamnet.yml", "dreamnet.yml", "app.env")
"""What the starter for pull requests looks at; whose sources are other files writes those."""
_DOES = {
    "deploykeeper": "Brings a version out on every push, verifies it and takes it back if it fails.",
    "dreamkeeper": "Checks the services on a schedule, files what is wrong as issues and has it healed.",
    "envkeeper": "Keeps values and feature flags in step where services read them.",
    "relaybot": "Carries messages between the keepers, once in effect.",
}


def wanted(branch: str = "main") -> Wanted:
    """Answer what the starters are written for."""
    return Wanted(branch=branch, services=("web",), with_env=True, ref=published.ref())


def callers() -> dict[str, str]:
    """Write the caller of each keeper for the example, and the one for pull requests."""
    plans = replace(wanted(), proposals=PATHS)
    return {**{keeper: caller(keeper, wanted()) for keeper in CALLED}, PLANNED: planner(plans)}


def files() -> dict[str, str]:
    """Write every starter: path from the repository's root → text."""
    made = {f"{EXAMPLE}/.github/dreamnet.yml": write(Draft(services=(_SERVICE,), branch="main"))}
    for keeper, called in CALLED.items():
        if keeper != "envkeeper":
            made[f"{EXAMPLE}/{path_of(keeper)}"] = caller(keeper, wanted())
        name = called.file.removesuffix(".yml")
        # The template's user has services of her own: a field instead of a drop-down, and her own default branch.
        template = Wanted(branch="$default-branch", services=(), with_env=True, ref=published.ref())
        made[f"{FOLDER}/{called.file}"] = caller(keeper, template)
        made[f"{FOLDER}/{name}.properties.json"] = properties(called.title, _DOES[keeper])
    name = PLAN.file.removesuffix(".yml")
    plans = Wanted(branch="$default-branch", services=(), ref=published.ref(), proposals=PATHS)
    made[f"{FOLDER}/{PLAN.file}"] = planner(plans)
    does = "Shows in a pull request what its configuration and values would change, and checks them."
    made[f"{FOLDER}/{name}.properties.json"] = properties(PLAN.title, does)
    for folder, ways in ON_CLUSTERS.items():
        there = replace(Wanted(branch="main", services=("web",), ref=published.ref()), **ways)
        for keeper in there.keepers():
            made[f"{folder}/{path_of(keeper)}"] = caller(keeper, there)
    return made


def properties(title: str, does: str) -> str:
    """Write what GitHub shows of a template."""
    shown = {
        "name": title,
        "description": f"{does} Write .github/dreamnet.yml first: dreamnet init does.",
        "iconName": "octicon moon",
        "categories": ["Deployment", "monitoring"],
    }
    return json.dumps(shown, indent=2) + "\n"
