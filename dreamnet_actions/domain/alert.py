"""Alerts: what is told, outside of where dreams are kept, when a dream waits for a person. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dreamnet_actions.domain.dream import Dream, calls
from dreamnet_actions.domain.health import principal
from dreamnet_actions.domain.times import rfc3339

TYPE = "dreamnet.needs-human.v1"
"""What a program that receives one can tell it by."""


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One dream that waits for a person. ``id`` is that of this time that it does: however often it is told, it is the
    same alert. ``page`` is the dream's address, or empty. All other texts may be untrusted."""

    id: str
    key: str
    number: int
    health: str
    cause: str
    because: str
    seen: str
    since: float
    approves: str = ""
    """The remedy that waits to be approved, if any."""
    page: str = ""

    def to_json(self) -> dict[str, Any]:
        """Write the body that a webhook is sent."""
        return {
            "type": TYPE,
            "id": self.id,
            "dream": {
                "key": self.key,
                "number": self.number,
                "state": "needs-human",
                "health": self.health,
                "cause": self.cause or None,
                "because": self.because,
                "seen": self.seen,
                "since": rfc3339(self.since),
                "waits_for_approval_of": self.approves or None,
                "url": self.page or None,
            },
        }


def episode(dream: Dream) -> str:
    """Name the time that a dream now waits for a person, or waited last."""
    return f"{dream.correlation_id}-call-{calls(dream)}"


def alert_of(dream: Dream, page: str) -> Alert:
    """Write the alert of a dream that waits for a person."""
    failed = principal(dream.evidence)
    return Alert(
        id=episode(dream),
        key=dream.key,
        number=dream.number,
        health=dream.health,
        cause=dream.cause or "",
        because=dream.because[:500],
        seen=(failed.detail if failed is not None else "")[:500],
        since=dream.opened_at,
        approves=dream.asks.what if dream.asks is not None else "",
        page=page,
    )
