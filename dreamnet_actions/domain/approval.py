"""What waits for a person's word: a remedy, or a release that showed too little evidence to go on by itself. Pure.

One asking is one ``Approval``: it names what is to be done, as which try of its story, and until when a word counts. A
word that was given before the asking, for another try, or after its end does nothing, and ``objection`` says why.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dreamnet_actions.domain.times import rfc3339

KEY = "approval"
"""The key under which an asking is kept in the data of a dream, or in the note on a rollout."""


@dataclass(frozen=True, kw_only=True)
class Approval:
    """One asking. ``what`` is to be done (a remedy's name, ``canary``), ``why`` in words; ``attempt`` is the try of its
    story that it would be; ``asked_at`` and ``until`` are seconds since 1970."""

    what: str
    why: str
    attempt: int
    asked_at: float
    until: float

    def stands(self, now: float) -> bool:
        """Say whether a word given now counts."""
        return now < self.until

    def to_json(self) -> dict[str, Any]:
        """Answer plain data that ``read`` reads back."""
        return dict(vars(self))


def read(data: Mapping[str, Any]) -> Approval | None:
    """Read the asking that data hold; None where they hold none that can be read."""
    held = data.get(KEY)
    if not isinstance(held, Mapping):
        return None
    try:
        return Approval(
            what=str(held["what"]),
            why=str(held["why"]),
            attempt=int(held["attempt"]),
            asked_at=float(held["asked_at"]),
            until=float(held["until"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def objection(
    asked: Approval | None,
    now: float,
    *,
    what: str | None = None,
    attempt: int | None = None,
    said_at: float | None = None,
) -> str:
    """Say in one sentence why a person's word does nothing; an empty text where it counts.

    ``what`` and ``attempt`` are what the person named, if anything. ``said_at`` is when it was said, where that was
    before ``now``, in whole seconds as GitHub tells them.
    """
    if asked is None:
        return "Nothing waits for an approval."
    if what is not None and what != asked.what:
        return f"It is {asked.what} that waits for an approval, not {what}."
    if attempt is not None and attempt != asked.attempt:
        return (
            f"That was try {attempt}; what waits for an approval now is try {asked.attempt} ({asked.what})."
        )
    if said_at is not None and said_at < math.floor(asked.asked_at):
        return f"It was said before {asked.what} was asked for: look at what is asked now, and say it again."
    if not asked.stands(now):
        return f"The time for it was over at {rfc3339(asked.until)[:19]}Z; nothing waits for an approval any more."
    return ""
