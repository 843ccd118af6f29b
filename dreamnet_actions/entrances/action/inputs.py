"""The action's inputs, read strictly: GitHub enforces neither types nor ``required`` for a composite action.

Standard library only: this runs before anything is installed. The names are those of ``action.yml``, each handed over
by one line of ``env`` there, so that no text of theirs ever stands in a shell command.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dreamnet_actions.domain.actions import AGENTS, Agent
from dreamnet_actions.entrances.wire import read_json
from dreamnet_actions.errors import DreamNetError, RequestInvalid
from dreamnet_actions.errors.words import unknown

VARIABLES: Mapping[str, str] = {
    "agent": "DREAMNET_INPUT_AGENT",
    "input": "DREAMNET_INPUT_INPUT",
    "request": "DREAMNET_INPUT_REQUEST",
    "config": "DREAMNET_INPUT_CONFIG",
    "dry-run": "DREAMNET_INPUT_DRY_RUN",
}
"""Each input's name with the variable that carries it; ``token`` comes as ``GITHUB_TOKEN``."""
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("", "false", "no", "off", "0")


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What the workflow's step says. ``request`` wins over ``agent`` with ``input``, which win over the event.

    ``request`` and ``input`` are plain JSON data, None where they were left out; ``config`` a path or None.
    """

    agent: Agent | None = None
    input: Mapping[str, Any] | None = None
    request: Mapping[str, Any] | None = None
    config: str | None = None
    dry_run: bool = False


def read_inputs(environ: Mapping[str, str]) -> Inputs:
    """Read the inputs from the step's environment; raises RequestInvalid with every mistake at once."""
    given = {name: environ.get(variable, "").strip() for name, variable in VARIABLES.items()}
    mistakes: list[str] = []
    inputs = Inputs(
        agent=_agent(given["agent"], mistakes),
        input=_object("input", given["input"], mistakes),
        request=_object("request", given["request"], mistakes),
        config=_path(given["config"], mistakes),
        dry_run=_boolean("dry-run", given["dry-run"], mistakes),
    )
    if inputs.input is not None and inputs.agent is None and not given["agent"]:
        mistakes.append("'input' is given without 'agent': say whom it is for.")
    if mistakes:
        raise RequestInvalid(mistakes, hint="The inputs are described in action.yml and docs/github.md.")
    return inputs


def _agent(given: str, mistakes: list[str]) -> Agent | None:
    for agent in AGENTS:
        if given == agent:
            return agent
    if given:
        mistakes.append(unknown("agent", given[:60], AGENTS))
    return None


def _object(name: str, given: str, mistakes: list[str]) -> Mapping[str, Any] | None:
    if not given:
        return None
    try:
        read = read_json(given.encode("utf-8", "surrogateescape"))
    except DreamNetError as error:
        mistakes.append(f"{name!r}: {error.message}")
        return None
    if isinstance(read, Mapping):
        return read
    mistakes.append(f"{name!r} is {given[:60]!r}; expected a JSON object.")
    return None


def _path(given: str, mistakes: list[str]) -> str | None:
    if "\0" in given or "\n" in given or "\r" in given:
        mistakes.append(f"'config' is {given[:60]!r}; expected the path of a file, in one line.")
        return None
    return given or None


def _boolean(name: str, given: str, mistakes: list[str]) -> bool:
    lowered = given.lower()
    if lowered not in (*_TRUE, *_FALSE):
        mistakes.append(f"{name!r} is {given[:60]!r}; expected true or false.")
    return lowered in _TRUE
