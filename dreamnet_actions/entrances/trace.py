"""What one id is about: the dream, message, request or story that it names, and all that belongs to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dreamnet_actions.domain.addresses import repository_url
from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.trace import Asked, Letter, Step, requests_named, trace
from dreamnet_actions.errors import NotFound

if TYPE_CHECKING:
    from dreamnet_actions.bootstrap import System
    from dreamnet_actions.ports.stores import MessageState

MOST = 100_000
"""How many messages, and how many facts, are looked through."""
_TOLD = frozenset({"message-sent", "message-routed", "message-dead", "request-ended", "error"})
"""Kinds of facts that name a message or a request."""


@dataclass(frozen=True, kw_only=True)
class Traced:
    """The stories (correlation ids) that an id is about, their dreams with an address each (empty where there is
    none), and the steps, told in order."""

    stories: tuple[str, ...]
    dreams: tuple[tuple[Dream, str], ...]
    steps: Sequence[Step]

    def to_json(self) -> dict[str, Any]:
        """Answer plain data."""
        return {
            "stories": list(self.stories),
            "dreams": [
                {"number": dream.number, "key": dream.key, "state": dream.state, "link": link}
                for dream, link in self.dreams
            ],
            "steps": [one.to_json() for one in self.steps],
        }


def traced(system: System, name: str) -> Traced:
    """Tell all that belongs to ``name``: a dream's number or key, or the id of a message, a request or a story.

    Raises NotFound, naming what is near.
    """
    kept = system.bus.list(limit=MOST)
    stories = _stories(system, name, kept)
    facts = {
        one.seq: one for story in stories for one in system.journal.read(correlation_id=story, limit=MOST)
    }
    letters = [_letter(one) for one in kept if (one.message.correlation_id or one.message.id) in stories]
    named = requests_named(facts.values(), letters) | {*stories, name}
    requests = [asked for one in sorted(named) if (asked := _asked(system, one)) is not None]
    return Traced(
        stories=tuple(stories),
        dreams=tuple((dream, _address(system, dream)) for dream in _dreams(system, stories)),
        steps=trace(facts.values(), letters, requests),
    )


def _stories(system: System, name: str, kept: Sequence[MessageState]) -> list[str]:
    """Answer the stories that an id is about, in their order."""
    if (dream := _dream(system, name)) is not None:
        return [f"dream-{dream.number}-{flap}" for flap in range(dream.flaps + 1)]
    found = [_story(one) for one in kept if name in (one.message.id, one.message.causation_id, _story(one))]
    told = system.journal.read(kinds=_TOLD, limit=MOST)
    found += [
        one.correlation_id for one in told if name in (one.data.get("message"), one.data.get("request"))
    ]
    if system.journal.read(correlation_id=name, limit=1) or _asked(system, name) is not None:
        found.append(name)
    if not found:
        raise NotFound("dream, message, request or story", name, _known(system, kept, told))
    return list(dict.fromkeys(one for one in found if one))


def _story(one: MessageState) -> str:
    return one.message.correlation_id or one.message.id


def _dream(system: System, name: str) -> Dream | None:
    with suppress(NotFound):
        return system.dreams.get(int(name)) if name.isascii() and name.isdigit() else system.dreams.find(name)
    return None


def _known(system: System, kept: Sequence[MessageState], told: Iterable[Fact]) -> set[str]:
    keys = {dream.key for dream in system.dreams.search(limit=50)}
    return keys | {one.message.id for one in kept[-50:]} | {one.correlation_id for one in [*told][-50:]}


def _dreams(system: System, stories: Iterable[str]) -> list[Dream]:
    """Answer the dreams whose stories these are."""
    numbers = {
        int(parts[1])
        for one in stories
        if len(parts := one.split("-")) == 3 and parts[0] == "dream" and parts[1].isdecimal()
    }
    found = []
    for number in sorted(numbers):
        with suppress(NotFound):
            found.append(system.dreams.get(number))
    return found


def _address(system: System, dream: Dream) -> str:
    """Answer where people see a dream: its issue, where dreams are issues."""
    base = repository_url(system.environ) if system.memory.hosting is not None else ""
    return f"{base}/issues/{dream.number}" if base else ""


def _letter(one: MessageState) -> Letter:
    receipt = one.receipt
    data: dict[str, Any] = {"announced": receipt.announced, "announcements": receipt.announcements}
    data |= {"taken": receipt.taken, "holder": receipt.holder or None, "ended": receipt.ended}
    return Letter(
        message=one.message,
        at=_seconds(one),
        state=one.state,
        attempts=one.attempts,
        error=one.error,
        link=receipt.holder.partition("#")[0] if receipt.holder.startswith(("http://", "https://")) else "",
        data={key: value for key, value in data.items() if value},
    )


def _seconds(one: MessageState) -> float:
    """Answer when a message was sent; one from outside that says no time counts from when it was announced."""
    with suppress(ValueError, OverflowError):
        return datetime.fromisoformat(one.message.time).timestamp()
    return one.receipt.announced or 0.0


def _asked(system: System, request_id: str) -> Asked | None:
    """Answer what is remembered of a request."""
    stored, _ = system.journal.state(f"request/{request_id}")
    if not stored:
        return None
    result = stored.get("result") or {}
    return Asked(
        id=request_id,
        at=float(stored.get("at", 0.0)),
        agent=result.get("agent") or "",
        action=result.get("action") or "",
        outcome=str(result.get("outcome") or stored.get("outcome") or ""),
        summary=result.get("summary") or "",
        messages=tuple(result.get("messages") or ()),
    )
