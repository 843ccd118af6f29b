"""A trace: one story told from facts, messages and requests, in the order of time and of cause and effect. Pure.

A step is one thing that happened. A message and the fact that it was sent are one step, a request and the fact of its
end another; every other fact is its own. What led to a step is named by CloudEvents-like ids: ``causation_id`` of a
message is the request or message before it, a request made of a message follows from that message's route.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.message import Message

Kind = Literal["message", "request", "fact"]
_LONGEST = 160


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that happened.

    ``name`` is a message's name, a request's action or a fact's kind; ``sender`` and ``to`` are who told whom (a
    request is its keeper's own). ``at`` is seconds since 1970. ``state`` is where the message stands or how the request
    ended, with ``attempts`` and ``error``; ``link`` is where a person can look (a run). ``causes`` are the keys of the
    steps that led to this one, ``facts`` the numbers (``seq``) of the facts that it tells.
    """

    key: str
    kind: Kind
    id: str
    name: str
    at: float
    text: str = ""
    sender: str = ""
    to: str = ""
    state: str = ""
    attempts: int = 0
    error: str = ""
    link: str = ""
    causes: tuple[str, ...] = ()
    facts: tuple[int, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Answer plain data."""
        return {**vars(self), "causes": list(self.causes), "facts": list(self.facts), "data": dict(self.data)}


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A message as a bus has it: when it was sent and ended, where it stands, and who took it (``link``)."""

    message: Message
    at: float
    state: str
    attempts: int = 0
    error: str = ""
    link: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request as it is remembered: ``outcome`` is empty while it has not ended."""

    id: str
    at: float
    agent: str = ""
    action: str = ""
    outcome: str = ""
    summary: str = ""
    messages: tuple[str, ...] = ()


def trace(facts: Iterable[Fact], letters: Iterable[Letter], requests: Iterable[Asked]) -> list[Step]:
    """Tell the story of these facts, messages and requests: every one once, causes before effects, else by time."""
    facts = sorted(
        {(one.seq, one.at, one.kind, one.text): one for one in facts}.values(), key=lambda one: one.seq
    )
    steps = {_message_key(one.message.sender, one.message.id): _of_letter(one) for one in letters}
    for asked in requests:
        steps[f"request {asked.id}"] = _of_request(asked)
    for fact in facts:
        _tell(steps, fact)
    return in_order(_linked(list(steps.values())))


def in_order(steps: Sequence[Step]) -> list[Step]:
    """Order steps: none before one that led to it, and else by time; where causes go in a circle (no true story
    does), by time alone."""
    by_key = {one.key: one for one in steps}
    left = {one.key: {key for key in one.causes if key in by_key and key != one.key} for one in steps}
    effects: dict[str, list[str]] = {}
    for key, causes in left.items():
        for cause in causes:
            effects.setdefault(cause, []).append(key)
    place = {one.key: (one.at, one.facts[:1], number) for number, one in enumerate(steps)}
    ready = [(place[key], key) for key, causes in left.items() if not causes]
    heapq.heapify(ready)
    told: list[Step] = []
    while left:
        if not ready:  # a circle
            first = min(left, key=lambda key: place[key])
            left[first] = set()
            ready.append((place[first], first))
        _, key = heapq.heappop(ready)
        del left[key]
        told.append(by_key[key])
        for effect in effects.get(key, ()):
            if effect in left and key in left[effect]:
                left[effect].discard(key)
                if not left[effect]:
                    heapq.heappush(ready, (place[effect], effect))
    return told


def depths(steps: Sequence[Step]) -> dict[str, int]:
    """Answer for each step's key how many messages led to it, for steps that are in order. A fact that names no cause
    stands where the step before it does."""
    found: dict[str, int] = {}
    kinds = {one.key: one.kind for one in steps}
    last = 0
    for one in steps:
        led = [found[cause] + (kinds[cause] == "message") for cause in one.causes if cause in found]
        last = found[one.key] = max(led, default=last if one.kind == "fact" else 0)
    return found


# ── steps ────────────────────────────────────────────────────────────────────────────────────────────────────


def _message_key(sender: str, message_id: str) -> str:
    return f"message {sender} {message_id}"


def _of_letter(one: Letter) -> Step:
    message = one.message
    return Step(
        key=_message_key(message.sender, message.id),
        kind="message",
        id=message.id,
        name=message.name,
        at=one.at,
        sender=message.sender,
        to=message.to or "",
        state=one.state,
        attempts=one.attempts,
        error=one.error,
        link=one.link,
        causes=(message.causation_id,) if message.causation_id else (),
        data=one.data,
    )


def _of_request(one: Asked) -> Step:
    return Step(
        key=f"request {one.id}",
        kind="request",
        id=one.id,
        name=one.action,
        at=one.at,
        text=one.summary,
        sender=one.agent,
        state=one.outcome or "not ended",
    )


def _of_fact(fact: Fact, message_id: str) -> Step:
    """Answer the step of a message that the bus does not keep any more: what the fact of its sending says."""
    sender = fact.text.partition(" → ")[0]
    return Step(
        key=_message_key(sender, message_id),
        kind="message",
        id=message_id,
        name=str(fact.data.get("name", "")),
        at=fact.at,
        sender=sender,
        to=str(fact.data.get("to") or ""),
        state="not kept",
        facts=(fact.seq,),
    )


def _tell(steps: dict[str, Step], fact: Fact) -> None:
    """Put a fact into the step that it tells of, or make one for it."""
    data = fact.data
    message, request = data.get("message"), data.get("request")
    same = [one for one in steps.values() if one.kind == "message" and one.id == message]
    if fact.kind == "message-sent" and len(same) == 1 and not same[0].facts:
        steps[same[0].key] = replace(same[0], facts=(fact.seq,))
        return
    if fact.kind == "message-sent" and isinstance(message, str) and not same:
        sent = _of_fact(fact, message)
        steps[sent.key] = sent
        return
    key = f"request {request}"
    if (
        fact.kind in ("request-ended", "error")
        and request is not None
        and not (key in steps and steps[key].facts)
    ):
        known = steps.get(key) or Step(key=key, kind="request", id=str(request), name="", at=fact.at)
        steps[key] = replace(
            known,
            name=known.name or str(data.get("action") or ""),
            sender=known.sender or str(data.get("agent") or ""),
            # A summary that is kept is the sentence itself; the fact's has the keeper and action before it.
            text=known.text or fact.text.partition(": ")[2] or fact.text,
            state=str(data.get("outcome") or known.state),
            facts=(fact.seq,),
        )
        return
    steps[f"fact {fact.seq}"] = Step(
        key=f"fact {fact.seq}",
        kind="fact",
        id=str(fact.seq),
        name=fact.kind,
        at=fact.at,
        text=fact.text,
        causes=tuple(str(one) for one in (message, request) if isinstance(one, str)),
        facts=(fact.seq,),
        data=data,
    )


def _linked(steps: Sequence[Step]) -> list[Step]:
    """Turn the ids that steps name as causes into the keys of steps, and find which message a request was made of."""
    by_id: dict[str, list[Step]] = {}
    for one in steps:
        if one.kind != "fact":
            by_id.setdefault(one.id, []).append(one)
    letters = [one for one in steps if one.kind == "message"]
    routed = {
        str(one.data["request"]): str(one.data["message"])
        for one in steps
        if one.kind == "fact" and one.name == "message-routed" and {"request", "message"} <= one.data.keys()
    }
    linked = []
    for one in steps:
        causes = [found.key for cause in one.causes for found in by_id.get(cause, ()) if found.key != one.key]
        if one.kind == "request":
            # Its id begins with the message's sender and id (domain.route.request_for); a fact says so, too.
            causes += [
                letter.key
                for letter in letters
                if routed.get(one.id) == letter.id or one.id.startswith(f"{letter.sender}/{letter.id}/")
            ]
        linked.append(replace(one, causes=tuple(dict.fromkeys(causes))))
    return linked


# ── as a diagram ─────────────────────────────────────────────────────────────────────────────────────────────


def mermaid(steps: Sequence[Step]) -> str:
    """Draw the story as a sequence diagram (https://mermaid.js.org/syntax/sequenceDiagram.html): an arrow for a
    message, crossed where it is dead, and a note for all else. Names and texts are made neutral."""
    names: dict[str, str] = {}
    for name in [name for one in steps for name in _parties(one)] + ["journal"]:
        names.setdefault(name, f"p{len(names)}")
    lines = ["sequenceDiagram"]
    lines += [f"    participant {alias} as {plain(name, 40)}" for name, alias in names.items()]
    for one in steps:
        parties = [names[name] for name in _parties(one)]
        if one.kind == "message":
            arrow = "-x" if one.state == "dead" else "->>"
            said = f"{one.name} – {one.state}" + (f": {one.error}" if one.error else "")
            lines.append(f"    {parties[0]}{arrow}{parties[1]}: {plain(said)}")
        else:
            said = f"{one.name}: {one.state}. {one.text}" if one.kind == "request" else one.text
            lines.append(f"    Note over {(parties or [names['journal']])[0]}: {plain(said)}")
    return "\n".join(lines) + "\n"


def _parties(one: Step) -> list[str]:
    """Answer who a step is between, or whose it is."""
    if one.kind == "message":
        return [one.sender or "somebody", one.to or "everybody"]
    return [one.sender] if one.sender else []


_HARMLESS = re.compile(r"[^\w .,:!?/+=()'–→%-]")
"""What stands for nothing in a diagram: anything else (``;``, ``#``, quotes, brackets, markup) is written as a code."""

_END = re.compile(r"\bend\b", re.IGNORECASE)


def plain(text: str, limit: int = _LONGEST) -> str:
    """Answer untrusted text as one line of a diagram, at most ``limit`` characters of it. What could be more than text
    is written as Mermaid's entity code (``#59;``)."""
    line = " ".join(text.split()) or "-"
    line = line if len(line) <= limit else line[: limit - 1] + "…"
    line = _HARMLESS.sub(lambda found: f"#{ord(found[0])};", line)
    # `%%` begins a comment, and the word `end` alone ends a block.
    line = line.replace("%%", "#37;#37;")
    return _END.sub(lambda found: f"#{ord(found[0][0])};{found[0][1:]}", line)


def requests_named(facts: Iterable[Fact], letters: Collection[Letter]) -> set[str]:
    """Answer the ids of all requests that facts or messages name, so that they can be looked up."""
    named = {str(one.data["request"]) for one in facts if isinstance(one.data.get("request"), str)}
    return named | {one.message.causation_id for one in letters if one.message.causation_id}
