"""Facts: the one form of everything DreamNet remembers. Learning, the timeline and the reports read nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KINDS: dict[str, str] = {
    "request-ended": "A request reached its result.",
    "check-ended": "A round of checks gave a verdict on one service.",
    "command": "A person's comment on a dream was done.",
    "dream-opened": "A problem was filed as a dream.",
    "dream-changed": "A dream went from one state to another.",
    "dream-resolved": "The problem is gone, and a check saw it.",
    "notified": "A place outside was told that a dream waits for a person.",
    "remedy-started": "A remedy was asked for; the intent, written before the message.",
    "remedy-ended": "What the remedy did: worked or not, and after how long.",
    "release-started": "A release began; the intent, written before the platform is touched.",
    "release-step": "A canary got another share of the traffic, or was watched.",
    "release-waits": "A release waits with its canary serving: for a person's word, or for the metric source.",
    "release-ended": "A release reached its verdict.",
    "release-skipped": "A commit came later than a newer one, and was not brought out.",
    "restarted": "A service was restarted.",
    "scaled": "A service got another number of replicas.",
    "env-changed": "Values were written to a sink (names and versions, never values).",
    "env-restored": "The former values were put back.",
    "flag-changed": "A feature flag was changed.",
    "flags-published": "The flags were written to where services read them.",
    "flag-rolled-out": "A step of a flag's roll-out was reached.",
    "flag-rollout-ended": "A flag's roll-out ended, at its last step or because somebody decided otherwise.",
    "flag-turned-back": "A flag's roll-out was turned back to the share before it.",
    "message-sent": "A message was put on the bus.",
    "message-routed": "A message was turned into a request.",
    "message-dead": "A message could not be handled and waits for a person.",
    "webhook": "A webhook arrived and was believed.",
    "tick": "The loop began a round, or a schedule of GitHub's started a run: planned and real time.",
    "ticks": "What ticks that are not kept any more did: how many, and how late.",
    "paused": "Writes were stopped.",
    "resumed": "Writes are allowed again.",
    "error": "An error of ours.",
}
"""Every kind of fact with its meaning; ``docs/journal.md`` is generated from it."""


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One thing that happened. ``at`` is seconds since 1970 (UTC); ``text`` is one plain sentence for people.

    ``service`` is ``platform/service`` or ``self/…`` or empty; ``correlation_id`` joins the facts of one story.
    ``seq`` is the store's own order, 0 until it is stored.
    """

    kind: str
    at: float
    text: str
    service: str = ""
    dream: str = ""
    correlation_id: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    seq: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of fact {self.kind!r}; add it to domain.journal.KINDS")

    def to_json(self) -> dict[str, Any]:
        """Answer plain data, one line of the journal."""
        return {
            "seq": self.seq,
            "kind": self.kind,
            "at": self.at,
            "text": self.text,
            "service": self.service,
            "dream": self.dream,
            "correlation_id": self.correlation_id,
            "data": dict(self.data),
        }
