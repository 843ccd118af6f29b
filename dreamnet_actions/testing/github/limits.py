"""Rate limits, on the stand-in's clock: the primary one (an hour), and what creates content too fast.

https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from dreamnet_actions.ports.system import Clock
from dreamnet_actions.testing.github.call import Problem
from dreamnet_actions.testing.github.tokens import Token

HOUR = 3600.0
MINUTE = 60.0


@dataclass
class Quota:
    """How many requests an hour each kind of caller has, and how many contents it may create (None: no limit)."""

    workflow: int = 1000
    personal: int = 5000
    anonymous: int = 60
    content_minute: int | None = None
    content_hour: int | None = None


@dataclass
class Window:
    """One payer's hour: when it ends, and what was used."""

    limit: int
    reset: float
    used: int = 0


@dataclass
class Limits:
    """Who has used how much. The world's lock guards it."""

    clock: Clock
    quota: Quota = field(default_factory=Quota)
    _windows: dict[str, Window] = field(default_factory=dict)
    _created: dict[str, deque[float]] = field(default_factory=dict)

    def window(self, token: Token) -> Window:
        """Answer the hour that this token's requests count in now."""
        now = self.clock.now()
        found = self._windows.get(token.payer)
        if found is None or found.reset <= now:
            limit = {"workflow": self.quota.workflow, "anonymous": self.quota.anonymous}.get(
                token.kind, self.quota.personal
            )
            found = self._windows[token.payer] = Window(limit, now + HOUR)
        return found

    def charge(self, token: Token) -> None:
        """Count one request; raise a 403 where none is left."""
        window = self.window(token)
        if window.used >= window.limit:
            raise Problem(403, f"API rate limit exceeded for {token.payer}.", headers=self.headers(token))
        window.used += 1

    def refund(self, token: Token) -> None:
        """Take back one request: a 304 costs nothing."""
        window = self.window(token)
        window.used = max(0, window.used - 1)

    def create(self, token: Token) -> None:
        """Count one created content; raise the secondary limit's 403 where it comes too fast."""
        now = self.clock.now()
        times = self._created.setdefault(token.payer, deque())
        while times and times[0] <= now - HOUR:
            times.popleft()
        minute = [one for one in times if one > now - MINUTE]
        for limit, recent, span in (
            (self.quota.content_minute, minute, MINUTE),
            (self.quota.content_hour, list(times), HOUR),
        ):
            if limit is not None and len(recent) >= limit:
                raise secondary(retry_after=max(1, int(recent[-limit] + span - now) + 1))
        times.append(now)

    def headers(self, token: Token) -> dict[str, str]:
        """Answer the headers that every answer carries."""
        window = self.window(token)
        return {
            "X-RateLimit-Limit": str(window.limit),
            "X-RateLimit-Remaining": str(max(0, window.limit - window.used)),
            "X-RateLimit-Reset": str(int(window.reset)),
            "X-RateLimit-Used": str(window.used),
            "X-RateLimit-Resource": "core",
        }


def secondary(retry_after: int | None, status: int = 403) -> Problem:
    """Make the secondary limit's answer; ``retry_after`` in seconds, None: the header is left out."""
    return Problem(
        status,
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
        headers={} if retry_after is None else {"Retry-After": str(retry_after)},
    )
