"""When a request to GitHub is sent again, and how long before. Pure: it waits for nobody and knows no client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
"""Verbs that have the same effect when they are sent twice. POST may have been carried out although its answer was
lost (four issues from one create were seen): who creates looks for what it made before it tries again."""
LIMIT_WAIT = 60.0
"""Seconds to wait first where GitHub refuses for a secondary limit and does not say for how long
(https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api)."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How often a request is sent at most (``tries``), the first wait between two of them in seconds (``base``; each
    further one is twice as long), and the longest wait that is taken (``cap``): beyond it the run ends ``deferred``."""

    tries: int = 4
    base: float = 1.0
    cap: float = 60.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back: ``status``, ``headers`` by lower-case name, and the ``message`` of an error."""

    status: int
    headers: Mapping[str, str]
    message: str = ""

    @property
    def limited(self) -> bool:
        """True when GitHub refused it for a rate limit, primary or secondary, and did not carry it out."""
        if self.status == 429:
            return True
        said = self.message.lower()
        return self.status == 403 and (
            "retry-after" in self.headers
            or self.headers.get("x-ratelimit-remaining") == "0"
            or "rate limit" in said
            or "abuse detection" in said
        )

    @property
    def passing(self) -> bool:
        """True when the same request may work later."""
        return self.limited or self.status >= 500 or self.status == 408


def wait_before(answer: Answer | None, again: int, *, now: float, patience: Patience) -> float:
    """Answer the seconds to wait before a request is sent for the ``again``-th further time (counting from 1).

    What GitHub says goes first: ``retry-after``, then the reset of a limit that is used up, else twice as long each
    time from ``patience.base`` (from ``LIMIT_WAIT`` for a limit). ``answer`` is None where none came.
    """
    if answer is not None:
        told = _told(answer, now)
        if told is not None:
            return told
    base = LIMIT_WAIT if answer is not None and answer.limited else patience.base
    return base * 2.0 ** (again - 1)


def _told(answer: Answer, now: float) -> float | None:
    after = answer.headers.get("retry-after", "")
    if after:
        return _seconds(after, now)
    if answer.limited and answer.headers.get("x-ratelimit-remaining") == "0":
        reset = _number(answer.headers.get("x-ratelimit-reset", ""))
        # One second more: the reset is told in whole seconds of a clock that is not ours.
        return None if reset is None else max(1.0, reset - now + 1.0)
    return None


def _seconds(text: str, now: float) -> float | None:
    """Read ``retry-after``: seconds or a date (RFC 9110, 10.2.3)."""
    seconds = _number(text)
    if seconds is not None:
        return max(0.0, seconds)
    from email.utils import parsedate_to_datetime  # late: hardly ever needed

    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except ValueError:
        return None


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if found == found and abs(found) != float("inf") else None
