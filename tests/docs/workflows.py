"""``action.yml`` and the reusable workflows as data, for the tables of the pages and the table of the callers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from tests.docs.pages import ROOT

FOLDER = ROOT / ".github/workflows"
KEEPERS = ("dreamkeeper", "deploykeeper", "envkeeper", "relaybot")
_LEVELS = ("none", "read", "write")


class _Words(yaml.SafeLoader):
    """Reads ``on`` as the word that it is, as GitHub does (YAML 1.2)."""


_Words.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if tag != "tag:yaml.org,2002:bool"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(path: str) -> Any:
    """Read a YAML file of the repository; every scalar but a number stays text."""
    return yaml.load((ROOT / path).read_text("utf-8"), _Words)


def workflow(keeper: str) -> Any:
    """Read a keeper's reusable workflow."""
    return read(f".github/workflows/{keeper}.yml")


def triggers(keeper: str) -> dict[str, Any]:
    """Answer what starts it, by event."""
    return dict(workflow(keeper)["on"])


def jobs(keeper: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Answer every job with what it is granted."""
    for name, job in workflow(keeper)["jobs"].items():
        yield name, job.get("permissions") or {}


def union(keeper: str) -> dict[str, str]:
    """Answer what a caller has to grant: the most that any of its jobs asks for, by name."""
    most: dict[str, str] = {}
    for _, granted in jobs(keeper):
        for name, level in granted.items():
            most[name] = max(most.get(name, "none"), level, key=_LEVELS.index)
    return dict(sorted(most.items()))


def action_inputs() -> str:
    """The inputs of ``action.yml``."""
    lines = ["| input | default | what it is |", "|---|---|---|"]
    for name, one in read("action.yml")["inputs"].items():
        default = str(one.get("default") or "")
        lines.append(f"| `{name}` | {f'`{default}`' if default else 'none'} | {_cell(one['description'])} |")
    return "\n".join(lines)


def action_outputs() -> str:
    """The outputs of ``action.yml``."""
    lines = ["| output | what it is |", "|---|---|"]
    lines += [
        f"| `{name}` | {_cell(one['description'])} |" for name, one in read("action.yml")["outputs"].items()
    ]
    return "\n".join(lines)


def workflow_inputs() -> str:
    """What each reusable workflow takes from its caller; they take the same."""
    lines = ["| input | default | what it is |", "|---|---|---|"]
    for name, one in triggers(KEEPERS[0])["workflow_call"]["inputs"].items():
        default = str(one.get("default") or "")
        lines.append(f"| `{name}` | {f'`{default}`' if default else 'none'} | {_cell(one['description'])} |")
    return "\n".join(lines)


def workflow_permissions() -> str:
    """Every job of the reusable workflows with its permissions, and what its caller grants."""
    lines = ["| workflow | job | permissions |", "|---|---|---|"]
    for keeper in (*KEEPERS, "envkeeper-plan"):
        for name, granted in jobs(keeper):
            lines.append(f"| `{keeper}.yml` | `{name}` | {_granted(granted)} |")
        lines.append(f"| | **its caller grants** | {_granted(union(keeper))} |")
    return "\n".join(lines)


def _granted(granted: Mapping[str, str]) -> str:
    return ", ".join(f"`{name}: {level}`" for name, level in sorted(granted.items())) or "none"


def _cell(text: str) -> str:
    return " ".join(str(text).replace("|", "\\|").split())
