"""Which variables of the environment an entry means, and which are never meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from dreamnet_actions.domain.spec.values import shown

FORM = r"[A-Za-z_][A-Za-z0-9_]*\*?"
_NEVER = ("GITHUB_", "GH_TOKEN", "DREAMNET_", "ACTIONS_", "RUNNER_", "INPUT_")
"""The runner's own variables, its tokens among them, and DreamNet's: what they hold is for nobody else."""


def variables(value: object) -> str:
    """Read a variable's name, or the start of several (``APP_*``); raises ValueError."""
    if not isinstance(value, str) or not re.fullmatch(FORM, value):
        raise ValueError(
            f"{shown(value)} is no variable; write a name, or the start of several as in 'APP_*'"
        )
    if is_never(value):
        raise ValueError(f"{shown(value)} belongs to the runner or to DreamNet; it is never handed on")
    return value


def is_never(name: str) -> bool:
    """Say whether a variable is the runner's or DreamNet's own."""
    return name.upper().startswith(_NEVER)


def meant(environ: Mapping[str, str], wanted: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Answer the variables that are meant, and the names among ``wanted`` that are not there.

    In a workflow's job an empty one is not there: so GitHub writes a secret that the repository has not.
    """
    empty_is_there = environ.get("GITHUB_ACTIONS") != "true"
    there = {name: value for name, value in environ.items() if value or empty_is_there}
    found: dict[str, str] = {}
    missing: list[str] = []
    for one in wanted:
        if one.endswith("*"):
            names = [name for name in there if name.startswith(one[:-1]) and not is_never(name)]
        else:
            names = [one] if one in there else []
            missing += [] if names else [one]
        found |= {name: there[name] for name in names}
    return found, missing
