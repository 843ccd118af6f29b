"""AgentRequest: the one contract of every entrance, read strictly and with every mistake at once."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dreamnet_actions.domain.actions import ACTIONS, AGENTS, Action, Agent, Key, infer
from dreamnet_actions.domain.message import HOP_LIMIT, digest
from dreamnet_actions.errors import RequestInvalid, TooManyHops
from dreamnet_actions.errors.words import unknown

KEYS = ("agent", "input", "id", "correlation_id", "hops", "dry_run")
MAX_BYTES = 256 * 1024
"""A request's JSON may have this many bytes; its depth is limited to 32."""
MAX_DEPTH = 32
MAX_TEXT = 4000
"""A text in the input may have this many characters: reasons and summaries are kept in the journal for ever."""
_ID = re.compile(r"[\x21-\x7e]{1,200}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_FORMS: Mapping[str, type | tuple[type, ...]] = {
    "text": str,
    "integer": int,
    "boolean": bool,
    "object": Mapping,
    "pairs": Mapping,
    "any": object,
}


@dataclass(frozen=True, kw_only=True)
class AgentRequest:
    """What one keeper is asked to do. ``input`` no longer holds ``action``: that is the field of its own.

    ``id`` names the request for ever (twice is once); ``correlation_id`` joins all that follows from one cause;
    ``hops`` counts the messages that led here.
    """

    agent: Agent
    action: str
    input: Mapping[str, Any] = field(default_factory=dict)
    id: str
    correlation_id: str
    hops: int = 0
    dry_run: bool = False

    @property
    def spec(self) -> Action:
        """The action's row in the table."""
        return ACTIONS[self.agent][self.action]

    @property
    def digest(self) -> str:
        """The hash of what is asked, without the ids: equal bodies, equal hash."""
        return digest([self.agent, self.action, dict(self.input), self.dry_run])

    def to_json(self) -> dict[str, Any]:
        """Write the request in its wire form."""
        return {
            "agent": self.agent,
            "input": {"action": self.action, **self.input},
            "id": self.id,
            "correlation_id": self.correlation_id,
            "hops": self.hops,
            "dry_run": self.dry_run,
        }


def parse_request(raw: object, *, fresh_id: str, dry_run: bool = False) -> AgentRequest:
    """Read a request from plain JSON data.

    ``fresh_id`` is used where the request has no ``id`` and must have its form; ``dry_run`` is the entrance's own wish.
    Raises RequestInvalid with all mistakes, each naming the nearest known thing, and TooManyHops.
    """
    if fault := _not_json(raw):
        raise RequestInvalid([fault])
    if not isinstance(raw, Mapping):
        raise RequestInvalid([f"A request is a JSON object; this is {_kind(raw)}."])
    mistakes = [_unknown("key", key, KEYS) for key in raw if key not in KEYS]
    agent = _agent(raw.get("agent"), mistakes)
    given = raw.get("input", {})
    if not isinstance(given, Mapping):
        mistakes.append(f"'input' is {_kind(given)}; expected an object.")
        given = {}
    action, keys = _action(agent, given, mistakes) if agent else ("", {})
    given_id = raw.get("id")
    request_id = _identifier("id", fresh_id if given_id is None else given_id, mistakes)
    correlation = raw.get("correlation_id")
    correlation_id = (
        request_id if correlation is None else _identifier("correlation_id", correlation, mistakes)
    )
    hops = raw.get("hops", 0)
    if not isinstance(hops, int) or isinstance(hops, bool) or hops < 0:
        mistakes.append(f"'hops' is {_kind(hops)}; expected a whole number from 0.")
        hops = 0
    wish = raw.get("dry_run", False)
    if not isinstance(wish, bool):
        mistakes.append(f"'dry_run' is {_kind(wish)}; expected true or false.")
    if mistakes or agent is None:
        raise RequestInvalid(mistakes)
    if hops > HOP_LIMIT:
        raise TooManyHops(hops, HOP_LIMIT)
    return AgentRequest(
        agent=agent,
        action=action,
        input=keys,
        id=request_id,
        correlation_id=correlation_id,
        hops=hops,
        dry_run=bool(wish) or dry_run,
    )


def _agent(value: object, mistakes: list[str]) -> Agent | None:
    for agent in AGENTS:
        if value == agent:
            return agent
    mistakes.append(_unknown("agent", value, AGENTS) if value is not None else
                    f"'agent' is missing. Known: {', '.join(AGENTS)}.")  # fmt: skip
    return None


def _action(agent: Agent, given: Mapping[str, Any], mistakes: list[str]) -> tuple[str, dict[str, Any]]:
    """Find the action and check its keys against the table."""
    known = ACTIONS[agent]
    name = given.get("action", infer(agent, given))
    if name is None:
        mistakes.append(f"'input.action' is missing. Known for {agent}: {', '.join(known)}.")
        return "", {}
    if not isinstance(name, str) or name not in known:
        mistakes.append(_unknown(f"action of {agent}", name, known))
        return "", {}
    keys = {key: value for key, value in given.items() if key != "action"}
    spec = known[name].keys
    for key, value in keys.items():
        if key not in spec:
            mistakes.append(_unknown(f"key of {agent} {name}", key, spec))
        elif wrong := _wrong(key, value, spec[key]):
            mistakes.append(wrong)
    mistakes += [
        f"'input.{key}' is missing: {row.doc}"
        for key, row in spec.items()
        if row.required and key not in keys
    ]
    return name, keys


def _wrong(key: str, value: object, row: Key) -> str | None:
    fits = isinstance(value, _FORMS[row.form]) and not (row.form == "integer" and isinstance(value, bool))
    if not fits:
        form = "object" if row.form == "pairs" else row.form
        return f"'input.{key}' is {_kind(value)}; expected {form}."
    if row.choices and value not in row.choices:
        return _unknown(f"'input.{key}'", value, row.choices)
    if isinstance(value, str) and not value.strip():
        return f"'input.{key}' is empty: {row.doc}"
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return f"'input.{key}' has {len(value)} characters; at most {MAX_TEXT} are taken."
    return None


def usable_id(value: object) -> bool:
    """Say whether ``value`` may name a request: 1 to 200 visible ASCII characters without blanks."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _identifier(name: str, value: object, mistakes: list[str]) -> str:
    if isinstance(value, str) and usable_id(value):
        return value
    mistakes.append(f"{name!r} is {_kind(value)}; expected 1 to 200 visible ASCII characters without blanks.")
    return ""


def _unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """Say that ``name`` is unknown, cut to what a person reads: it may be as long as a whole request."""
    text = name if isinstance(name, str) else _kind(name)
    return unknown(kind, text if len(text) <= 60 else f"{text[:59]}…", known)


def _kind(value: object) -> str:
    """Name a JSON value's kind and show it, cut short."""
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    kind = names.get(type(value), "a number" if isinstance(value, int | float) else type(value).__name__)
    shown = repr(value)
    return f"{kind} ({shown if len(shown) <= 60 else shown[:59] + '…'})"


def _not_json(value: object) -> str | None:
    """Say what makes ``value`` no JSON of bounded depth, without recursion; None where it is fine."""
    waiting = [(value, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_DEPTH:
            return f"The request is nested deeper than {MAX_DEPTH} levels."
        if isinstance(node, Mapping):
            if wrong := next((_kind(key) for key in node if not isinstance(key, str)), None):
                return f"The request has a key that is no text: {wrong}."
            waiting += [(one, depth + 1) for pair in node.items() for one in pair]
        elif isinstance(node, list | tuple):
            waiting += [(child, depth + 1) for child in node]
        elif wrong_scalar := _not_scalar(node):
            return wrong_scalar
    return None


def _not_scalar(node: object) -> str | None:
    if isinstance(node, str) and _SURROGATE.search(node):
        return f"The request holds text that is no Unicode (half a surrogate pair): {node!r:.60}."
    if isinstance(node, float) and not math.isfinite(node):
        return f"The request holds {node}, which is no JSON number."
    if isinstance(node, int) and node.bit_length() > 1024:
        # No other program reads it, and Python refuses to write the largest ones.
        return f"The request holds a whole number of {node.bit_length()} bits; at most 1024 are taken."
    if node is None or isinstance(node, str | float | int):
        return None
    return f"The request holds a {type(node).__name__}, which is no JSON value."
