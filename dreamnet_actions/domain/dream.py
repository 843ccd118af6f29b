"""Dreams: one problem each, from first sight to the proof that it is gone. States, their one table, and the value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from dreamnet_actions.domain.approval import Approval
from dreamnet_actions.domain.approval import read as read_approval
from dreamnet_actions.domain.health import Report

DreamState = Literal[
    "suspected", "open", "healing", "verifying", "needs-human", "snoozed", "resolved", "wont-fix"
]
STATES: tuple[DreamState, ...] = get_args(DreamState)
ENDED: frozenset[DreamState] = frozenset({"resolved", "wont-fix"})
LIVING: frozenset[DreamState] = frozenset(STATES) - ENDED

NEXT: Mapping[DreamState, frozenset[DreamState]] = {
    "suspected": frozenset({"open"}),
    "open": frozenset({"healing", "verifying", "needs-human", "snoozed", "resolved", "wont-fix"}),
    "healing": frozenset({"verifying", "open", "needs-human", "snoozed", "resolved", "wont-fix"}),
    "verifying": frozenset({"resolved", "open", "healing", "needs-human", "snoozed", "wont-fix"}),
    "needs-human": frozenset({"open", "healing", "verifying", "snoozed", "resolved", "wont-fix"}),
    "snoozed": frozenset({"open", "resolved", "wont-fix"}),
    "resolved": frozenset({"open"}),
    "wont-fix": frozenset({"open"}),
}
"""Which states may follow which. ``resolved`` → ``open`` is a reopening; only a person leaves ``wont-fix``."""

WHAT_NEXT: Mapping[DreamState, str] = {
    "suspected": "DreamNet looks again.",
    "open": "DreamNet looks again, and tries a remedy as soon as its rules allow one.",
    "healing": "DreamNet waits for the remedy to end, then checks whether the problem is gone.",
    "verifying": "DreamNet checks whether the problem is gone.",
    "needs-human": "**DreamNet waits for you.** It goes on watching, and closes this when the checks pass.",
    "snoozed": "DreamNet leaves it alone until the snooze is over.",
    "resolved": "Nothing. If it comes back soon, this issue is opened again.",
    "wont-fix": "Nothing, until a person opens this issue again.",
}
"""What happens next to a dream in each state, in Markdown, for the people who read its issue."""
CALLS = "calls"
"""The key in a dream's data that counts how often it began to wait for a person since it was opened last."""
RETRIED = "retried"
"""The key in a dream's data that counts how often a person had all remedies tried anew though it was never well."""
CLOSED_BY_HAND = "a person closed the issue"
"""How the reason of a dream begins that a person closed on its page: of that no fact was ever to be written."""
BLIP = "blip"
"""The key in a dream's data that says that it was over sooner than ``watch.blip-under``."""


@dataclass(frozen=True, kw_only=True)
class Dream:
    """One problem of one service.

    ``key`` is ``platform/service`` (``self/check`` for this system). ``number`` is the store's own, counting up.
    Times are seconds since 1970 (UTC). ``health`` is ``failing`` or ``degraded``; ``remedy`` the one under way;
    ``attempt`` counts remedies tried since it was opened last; ``flaps`` how often it was reopened; ``until`` ends a
    snooze; ``because`` says in words why it is in its state; ``pattern`` what history says about it.
    """

    key: str
    number: int = 0
    state: DreamState = "open"
    health: str = "failing"
    cause: str | None = None
    opened_at: float = 0.0
    changed_at: float = 0.0
    resolved_at: float | None = None
    evidence: tuple[Report, ...] = ()
    remedy: str | None = None
    attempt: int = 0
    flaps: int = 0
    until: float | None = None
    because: str = ""
    pattern: str = ""
    umbrella: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """True when nobody has to do anything about it any more."""
        return self.state in ENDED

    @property
    def came_back(self) -> int:
        """How often it was well, or put aside, and came back: ``flaps`` counts each new story of it."""
        retried = self.data.get(RETRIED, 0)
        return self.flaps - (retried if isinstance(retried, int) else 0)

    @property
    def blip(self) -> bool:
        """True for one that is resolved and was over soon."""
        return self.state == "resolved" and self.data.get(BLIP) is True

    @property
    def asks(self) -> Approval | None:
        """What it waits to be approved for, if anything."""
        return read_approval(self.data) if self.state == "needs-human" else None

    @property
    def closed_by_hand(self) -> bool:
        """True for one that a person closed on its page."""
        return self.ended and self.because.startswith(CLOSED_BY_HAND)

    @property
    def platform(self) -> str:
        """The platform's name, ``self`` for this system's own checks."""
        return self.key.partition("/")[0]

    @property
    def service(self) -> str:
        """The service's name (the check's name for ``self``)."""
        return self.key.partition("/")[2]

    @property
    def correlation_id(self) -> str:
        """The id of its story: of this dream since it was opened last."""
        return f"dream-{self.number}-{self.flaps}"

    def to_json(self) -> dict[str, Any]:
        """Answer plain data for results and ``dreamnet dreams --json``."""
        return {
            "key": self.key,
            "number": self.number,
            "state": self.state,
            "health": self.health,
            "cause": self.cause,
            "opened_at": self.opened_at,
            "changed_at": self.changed_at,
            "resolved_at": self.resolved_at,
            "evidence": [report.to_json() for report in self.evidence],
            "remedy": self.remedy,
            "attempt": self.attempt,
            "flaps": self.flaps,
            "until": self.until,
            "because": self.because,
            "pattern": self.pattern,
            "umbrella": self.umbrella,
            "data": dict(self.data),
        }


def calls(dream: Dream) -> int:
    """Answer how often a dream began to wait for a person since it was opened last."""
    found = dream.data.get(CALLS, 0)
    return found if isinstance(found, int) else 0


def may_follow(before: DreamState, after: DreamState) -> bool:
    """Say whether a dream may go from ``before`` to ``after``; staying where it is always may."""
    return before == after or after in NEXT[before]


def may_become(before: Dream, after: Dream) -> bool:
    """Say whether a dream may be replaced so.

    Beyond the table of states, one is opened again with the first thing done about it (a remedy under way, a person
    called) in one step: that counts a flap, so that it is never taken for a change of the story that had ended.
    """
    at_once = before.state == "resolved" and after.state in ("healing", "needs-human")
    return (at_once and after.flaps == before.flaps + 1) or may_follow(before.state, after.state)
