"""The gateway's description: OpenAPI's schemas of AgentRequest and AgentResult, made from the table of actions.

Written by the same table as the reader of requests, so that what the schema allows is what the reader takes.
"""

from __future__ import annotations

from typing import Any, get_args

from dreamnet_actions.domain.actions import ACTIONS, AGENTS, Action, Agent, Key, infer
from dreamnet_actions.domain.message import HOP_LIMIT
from dreamnet_actions.domain.result import Outcome, Verdict

_FORMS: dict[str, dict[str, Any]] = {
    # A text holds something to see, and no NUL.
    "text": {"type": "string", "pattern": r"^[^\u0000]*[^\s\u0000][^\u0000]*$"},
    "integer": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "object": {"type": "object"},
    "pairs": {"type": "object"},
    "any": {},
}
_ID = {"type": "string", "pattern": "^[!-~]{1,200}$"}


def schemas() -> dict[str, Any]:
    """Answer the components' schemas by name."""
    return {"AgentRequest": agent_request(), "AgentResult": agent_result()}


def agent_request() -> dict[str, Any]:
    """Answer the schema of a request: one form for each action of each keeper."""
    inputs: dict[Agent, list[dict[str, Any]]] = {
        agent: [_input(agent, name, action) for name, action in ACTIONS[agent].items()] for agent in AGENTS
    }
    return {
        "title": "AgentRequest",
        "description": "What one keeper is asked to do.",
        "anyOf": [
            {
                "type": "object",
                "title": agent,
                "required": ["agent", "input"],
                "additionalProperties": False,
                "properties": {
                    "agent": {"type": "string", "enum": [agent]},
                    "input": {"anyOf": forms},
                    "id": {**_ID, "description": "The same id is the same request: done once."},
                    "correlation_id": {**_ID, "description": "Joins all that follows from one cause."},
                    "hops": {"type": "integer", "minimum": 0, "maximum": HOP_LIMIT},
                    "dry_run": {"type": "boolean", "description": "Plan only; nothing is written."},
                },
            }
            for agent, forms in inputs.items()
        ],
        "example": {"agent": "dreamkeeper", "input": {"check": "dreamnet-health", "target": "self"}},
    }


def _input(agent: Agent, name: str, action: Action) -> dict[str, Any]:
    required = [key for key, row in action.keys.items() if row.required]
    # Where the action follows from the keys (the seed's short forms), it may be left out.
    short = [key for key in action.keys if infer(agent, {key: ""}) == name] or required
    by_name = {"required": ["action", *required]}
    inferred = infer(agent, dict.fromkeys(short)) == name
    form: dict[str, Any] = {
        "type": "object",
        "title": name,
        "description": action.doc,
        "additionalProperties": False,
        "properties": {
            "action": {"type": "string", "enum": [name]},
            **{key: _key(row) for key, row in action.keys.items()},
        },
    }
    return form | ({"anyOf": [by_name, {"required": short}]} if inferred else by_name)


def _key(row: Key) -> dict[str, Any]:
    schema = {**_FORMS[row.form], "description": row.doc}
    if row.choices:
        schema = {"type": "string", "enum": list(row.choices), "description": row.doc}
    return schema


def agent_result() -> dict[str, Any]:
    """Answer the schema of a result."""
    text, texts = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
    objects = {"type": "array", "items": {"type": "object"}}
    error = {
        "type": ["object", "null"],
        "required": ["code", "message", "hint", "docs"],
        "additionalProperties": False,
        "properties": {"code": text, "message": text, "hint": text, "docs": text},
    }
    properties = {
        "id": text,
        "agent": {"type": ["string", "null"], "enum": [*AGENTS, None]},
        "action": {"type": ["string", "null"]},
        "outcome": {"type": "string", "enum": list(get_args(Outcome))},
        "verdict": {"type": ["string", "null"], "enum": [*get_args(Verdict), None]},
        "summary": text,
        "findings": objects,
        "changes": objects,
        "dreams": texts,
        "messages": texts,
        "error": error,
        "started_at": {"type": "string", "format": "date-time"},
        "finished_at": {"type": "string", "format": "date-time"},
    }
    return {
        "title": "AgentResult",
        "description": "What a keeper did and found, or why it did not.",
        "type": "object",
        "required": list(properties),
        "additionalProperties": False,
        "properties": properties,
    }


def answers(*statuses: int, ok: dict[str, Any] | None = None) -> dict[int | str, dict[str, Any]]:
    """Describe an operation's answers: 200 with ``ok`` (an AgentResult when left out), errors as AgentResult always."""
    result = {"$ref": "#/components/schemas/AgentResult"}
    described = {200: ok or result, **dict.fromkeys(statuses, result)}
    return {
        status: {
            "description": _SAID.get(status, "Error"),
            "content": {"application/json": {"schema": schema}},
        }
        for status, schema in described.items()
    }


_SAID = {
    200: "A keeper reached its result.",
    202: "Stored; delivery goes on.",
    400: "The request or the configuration is wrong.",
    401: "The key or signature is missing or wrong.",
    403: "Understood, and refused.",
    404: "It is not there.",
    405: "Another method is needed.",
    409: "It contradicts something: another body of that id, a budget, a hop limit.",
    413: "The body is too large.",
    500: "A bug of DreamNet's.",
    502: "A part of the outside world failed.",
    503: "Not now; Retry-After says when.",
}
