"""Requests and messages whose fields hold the hostile texts: over all of them, each field holds every text.

A text of a request's input may have 4,000 characters, so the texts are joined to ``groups`` of that size, one on each
line, and change their places from request to request (``rotated``). What has no such limit holds all of them at once.
The suite's sample has one request for each such round, whose fields all hold the ``richest`` group: 267 of the 360
texts, among them some of each kind. Which fields there are is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dreamnet_actions.domain.actions import AGENTS
from dreamnet_actions.domain.request import MAX_TEXT
from tests.actions.hostile import WHOLE

TIME = "2026-11-01T00:00:00Z"
REQUESTS: tuple[tuple[str, str, dict[str, str], tuple[str, ...]], ...] = (
    ("dreamkeeper", "check", {}, ("check", "target", "cluster", "service")),
    (
        "dreamkeeper",
        "verify",
        {},
        ("target", "cluster", "service", "dream", "remedy", "outcome", "verdict", "summary"),
    ),
    ("dreamkeeper", "snooze", {}, ("dream", "for")),
    ("dreamkeeper", "wont-fix", {}, ("dream", "reason")),
    ("deploykeeper", "deploy", {}, ("target", "cluster", "service", "version", "branch", "reason")),
    ("deploykeeper", "restart", {"service": "web"}, ("dream", "remedy", "reason")),
    ("envkeeper", "sync", {}, ("source", "entry", "secret", "plan", "reason")),
    ("envkeeper", "restore", {}, ("entry", "service", "target", "dream", "remedy", "reason")),
    ("envkeeper", "set-flag", {}, ("flag", "variant", "reason", "by")),
    ("envkeeper", "roll-out", {}, ("flag", "variant", "share", "steps", "every", "service")),
    ("relaybot", "relay", {}, ("from", "to", "message", "service", "target")),
    ("relaybot", "publish", {}, ("event", "from")),
)
"""Agent, action, what is given beside, and the keys that hold texts: each key that an agent knows is in one."""


def parted(texts: Sequence[str], most: int = MAX_TEXT) -> list[list[str]]:
    """Part texts into as few lists as fit, joined by line ends, into ``most`` characters; a longer one is in none."""
    found: list[list[str]] = []
    room: list[int] = []
    for text in sorted((one for one in texts if len(one) <= most), key=len, reverse=True):
        at = next((at for at, left in enumerate(room) if len(text) + 1 <= left), None)
        if at is None:
            found.append([])
            room.append(most + 1)
            at = len(room) - 1
        found[at].append(text)
        room[at] -= len(text) + 1
    return found


def groups(texts: Sequence[str], most: int = MAX_TEXT) -> list[str]:
    """Join texts by line ends as ``parted`` parts them."""
    return ["\n".join(one) for one in parted(texts, most)]


def rotated(keys: Sequence[str], values: Sequence[str]) -> Iterator[dict[str, str]]:
    """Answer as many mappings as there are values: over all of them, each key has each value."""
    for first in range(len(values)):
        yield {key: values[(first + at) % len(values)] for at, key in enumerate(keys)}


def richest(texts: Sequence[str]) -> str:
    """Answer the group that holds most of the texts."""
    return "\n".join(max(parted(texts), key=len))


def spread(keys: Sequence[str], texts: Sequence[str], *, whole: bool = WHOLE) -> list[dict[str, str]]:
    """Answer mappings in which each key has every text over all of them; of the sample one, with the richest group."""
    return list(rotated(keys, groups(texts))) if whole else [dict.fromkeys(keys, richest(texts))]


def requests(texts: Sequence[str], *, whole: bool = WHOLE) -> list[dict[str, Any]]:
    """Answer requests that are well-formed, whatever their texts say."""
    return [
        {"agent": agent, "input": {"action": action, **given, **held}}
        for agent, action, given, keys in REQUESTS
        for held in spread(keys, texts, whole=whole)
    ]


def mistaken(texts: Sequence[str]) -> list[dict[str, Any]]:
    """Answer requests that are refused for what a field holds, but for those with an object that may hold anything."""
    whole, every = "\n".join(texts), {one: one for one in texts}
    fine = {"agent": "deploykeeper", "input": {"action": "status"}}
    return [
        fine | {"agent": whole},
        fine | {"id": whole, "correlation_id": whole},
        fine | {"hops": whole, "dry_run": whole},
        fine | {"input": whole},
        *({"agent": agent, "input": {"action": whole}} for agent in AGENTS),
        fine | {"input": {"action": "status", **every}},
        fine | every,
        fine | {"input": {"action": "scale", "replicas": whole, "attempt": whole}},
        fine | {"input": {"action": "releases", "limit": whole}},
        {"agent": "dreamkeeper", "input": {"action": "heal", "dream": "1", "remedy": whole}},
        {"agent": "dreamkeeper", "input": {"action": "verify", "attempt": whole}},
        {"agent": "envkeeper", "input": {"action": "restore", "attempt": whole}},
        {"agent": "envkeeper", "input": {"action": "set-flag", "flag": "x", "state": whole}},
        {"agent": "envkeeper", "input": {"action": "advance-flag", "flag": "x", "step": whole}},
        {"agent": "envkeeper", "input": {"action": "flags", "context": every}},
        {"agent": "relaybot", "input": {"action": "publish", "event": "a-b", "data": every}},
        {"agent": "relaybot", "input": {"action": "deliver", "limit": whole}},
    ]


def message(**more: Any) -> dict[str, Any]:
    """Answer a message that is one, with some fields of its own."""
    return {
        "specversion": "1.0", "id": "m-1", "source": "/dreamnet/user", "type": "dreamnet.message.v1",
        "subject": "restart-finished", "time": TIME, "to": "dreamkeeper", "data": {}, **more,
    }  # fmt: skip


def messages(texts: Sequence[str], *, whole: bool = WHOLE) -> list[dict[str, Any]]:
    """Answer messages: texts in what keepers read of ``data``, then in each field; the last ones are mistaken."""
    every, all_of = {one: one for one in texts}, "\n".join(texts)
    asks = "health-check-failed-needs-restart"
    told_keys = ("service", "target", "cluster", "outcome", "verdict", "summary", "remedy")
    heal = spread(("service", "dream", "remedy", "reason", "check"), texts, whole=whole)
    told = spread(told_keys, texts, whole=whole)
    return [
        *(message(id=f"h-{at}", subject=asks, to="deploykeeper", data=held) for at, held in enumerate(heal)),
        *(message(id=f"f-{at}", data=held) for at, held in enumerate(told)),
        message(id=all_of, subject=all_of, correlationid=all_of),
        message(id="c-1", causationid=all_of, source=f"/dreamnet/{all_of}", to=all_of),
        message(id="c-2", time=all_of, data=every),
        message(type=all_of, specversion=all_of),
        message(hops=all_of),
        message(data=all_of),
    ]


def held(given: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Answer all that each field holds over all of ``given``; an input's fields are told by agent, data's by name."""
    found: dict[str, list[str]] = {}
    for one in given:
        for key, value in one.items():
            if key in ("input", "data") and isinstance(value, Mapping):
                inner = f"{one.get('agent', 'data')}." if key == "input" else "data."
                for name, text in value.items():
                    found.setdefault(inner + name, []).append(str(text))
                    found.setdefault(f"{key}'s keys", []).append(name)
            else:
                found.setdefault(key, []).append(str(value))
            found.setdefault("keys", []).append(key)
    return {name: "\n".join(values) for name, values in found.items()}
