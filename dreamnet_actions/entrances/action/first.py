"""The first stage: what can be said with the standard library alone, before anything is installed.

It reads the inputs and the event, refuses what is wrong and answers what is ignored by rule; else it says what the
second stage needs. It may import nothing that is no part of Python or of DreamNet's own light modules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dreamnet_actions.config.source import MAX_BYTES, PLACES
from dreamnet_actions.domain.endings import failure
from dreamnet_actions.domain.request import parse_request
from dreamnet_actions.domain.result import AgentResult, Outcome
from dreamnet_actions.domain.times import rfc3339
from dreamnet_actions.entrances.action.event import Asked, Happened, asked
from dreamnet_actions.entrances.action.inputs import read_inputs
from dreamnet_actions.entrances.action.naming import request_id
from dreamnet_actions.entrances.action.telling import tell
from dreamnet_actions.errors import DreamNetError
from dreamnet_actions.ports.runner import Runner

EXTRAS: Mapping[str, str] = {
    "kubernetes": r"^\s*[\"']?kubernetes[\"']?\s*:|\{\s*[\"']?kubernetes[\"']?\s*:",
    "gke": r"^\s*[\"']?gke[\"']?\s*:|\{\s*[\"']?gke[\"']?\s*:",
    "gcp": r"\bgcp-secret-manager[\"']?\s*:",
}
"""Which words of the configuration mean which extra. A word in a comment costs a few seconds, and does no harm."""


def first(environ: Mapping[str, str], runner: Runner, *, now: float) -> tuple[Asked | None, int]:
    """Answer what the second stage shall do, or None with the exit status where all is said already.

    ``now`` is seconds since 1970.
    """
    try:
        found = read_asked(environ)
    except DreamNetError as error:
        result = failure(error, request_id=request_id(environ, error.message), at=now)
        tell(result, environ, runner, error=error)
        return None, result.exit_status
    if found.ignored:
        result = _said(found, environ, now, "unchanged", f"Nothing to do: {found.ignored}.")
        tell(result, environ, runner)
        return None, 0
    if found.relayed and found.request is not None and found.agent != "relaybot":
        return None, _hand_on(found, environ, runner, now)
    return found, 0


def _hand_on(found: Asked, environ: Mapping[str, str], runner: Runner, now: float) -> int:
    """Hand a request that was dispatched to its keeper's own job, once it is one that can be understood."""
    try:
        request = parse_request(found.request, fresh_id=request_id(environ, found.request))
    except DreamNetError as error:
        result = failure(error, request_id=request_id(environ, error.message), at=now)
        tell(result, environ, runner, error=error)
        return result.exit_status
    result = _said(
        found, environ, now, "done", f"{request.agent} {request.action} goes to {request.agent}'s job."
    )
    tell(replace(result, findings=[{"to": request.agent, "event": request.to_json()}]), environ, runner)
    return 0


def read_asked(environ: Mapping[str, str]) -> Asked:
    """Read the inputs and the event's file; raises RequestInvalid with every mistake of the inputs at once."""
    inputs = read_inputs(environ)
    name, path = environ.get("GITHUB_EVENT_NAME", ""), environ.get("GITHUB_EVENT_PATH", "")
    body = Path(path).read_bytes() if path and Path(path).is_file() else b""
    if inputs.request is not None or (inputs.agent is not None and inputs.input is not None):
        body = b""  # then the event's file decides nothing, whatever it holds
    return asked(inputs, Happened.read(name, body))


def extras(environ: Mapping[str, str]) -> list[str]:
    """Answer the extras that the configuration's adapters need beside ``github``, by looking for their words."""
    text = _configuration(environ)
    return [name for name, words in EXTRAS.items() if re.search(words, text, re.MULTILINE)]


def _configuration(environ: Mapping[str, str]) -> str:
    root = Path(environ.get("GITHUB_WORKSPACE") or ".")
    given = environ.get("DREAMNET_INPUT_CONFIG", "").strip()
    for place in [given] if given else PLACES:
        try:
            with (root / place).open("rb") as file:
                return file.read(MAX_BYTES).decode("utf-8", "replace")
        except (OSError, ValueError):
            continue
    return ""


def _said(
    found: Asked, environ: Mapping[str, str], now: float, outcome: Outcome, summary: str
) -> AgentResult:
    return AgentResult(
        id=request_id(environ, summary),
        agent="relaybot" if found.relayed else found.agent,
        action="route" if found.relayed else None,
        outcome=outcome,
        verdict=None,
        summary=summary,
        started_at=rfc3339(now),
        finished_at=rfc3339(now),
    )
