"""What there is to see, as plain data: the same at the command line and over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dreamnet_actions.domain.dream import ENDED, STATES, Dream, DreamState
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.times import rfc3339
from dreamnet_actions.errors import NotFound

if TYPE_CHECKING:
    from dreamnet_actions.bootstrap import System
    from dreamnet_actions.ports.stores import MessageState

OPEN: tuple[DreamState, ...] = tuple(state for state in STATES if state not in ENDED)
"""The states of dreams that somebody still has to do something about."""
ROUTINE = frozenset({"tick", "check-ended"})
"""Kinds of facts that every round writes."""


def is_news(fact: Fact) -> bool:
    """Say whether a fact tells people something: not every round's own, nor that a request went as its facts say."""
    return fact.kind not in ROUTINE and not (fact.kind == "request-ended" and fact.data.get("code") is None)


def find_dream(system: System, name: str) -> Dream:
    """Find a dream by number or key; raises NotFound, naming the known keys."""
    if name.isascii() and name.isdigit():
        return system.dreams.get(int(name))
    found = system.dreams.find(name)
    if found is None:
        raise NotFound("dream", name, {dream.key for dream in system.dreams.search(limit=50)})
    return found


def dream_story(system: System, dream: Dream) -> list[dict[str, Any]]:
    """Join the dream's own comments with the journal's facts about it, in the order of time, each text once."""
    facts: dict[int, Fact] = {}
    for flap in range(dream.flaps + 1):
        facts |= {one.seq: one for one in system.journal.read(correlation_id=f"dream-{dream.number}-{flap}")}
    told = [{"at": one.at, "kind": one.kind, "text": one.text} for one in facts.values()]
    said = {one["text"] for one in told}
    comments = system.dreams.comments(dream.number)
    told += [{"at": at, "kind": "comment", "text": text} for at, text in comments if text not in said]
    return sorted(told, key=lambda one: float(str(one["at"])))


def message_json(one: MessageState) -> dict[str, Any]:
    """Write a message with where it stands and its receipts."""
    return {
        "seq": one.seq,
        "state": one.state,
        "attempts": one.attempts,
        "error": one.error,
        "receipt": dict(vars(one.receipt)),
        "message": one.message.to_json(),
    }


def last_checks(system: System) -> dict[str, dict[str, Any]]:
    """Answer what the last check of each service saw, by the service's name."""
    seen: dict[str, dict[str, Any]] = {}
    for fact in system.journal.read(kinds={"check-ended"}, limit=1000):
        name = fact.service.partition("/")[2] or fact.service
        seen[name] = {"at": rfc3339(fact.at), "text": fact.text, "health": fact.data.get("health")}
    return seen


def status_json(system: System, service: str | None = None) -> dict[str, Any]:
    """Answer what runs where (DeployKeeper's result), what the last checks saw, and the open dreams."""
    given: Mapping[str, Any] = {"service": service} if service else {}
    result = system.pipe.submit({"agent": "deploykeeper", "input": {"action": "status", **given}})
    return {
        "paused": system.paused(),
        "result": result.to_json(),
        "exit_status": result.exit_status,
        "checked": last_checks(system),
        "dreams": [dream.to_json() for dream in system.dreams.search(states=OPEN)],
    }
