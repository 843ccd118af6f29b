"""What was asked of the stand-in: one line a request, and the counts that tests and benchmarks ask for."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Made:
    """One request as it ended. ``template`` is the path with names for its values (``git`` paths: the service),
    ``job`` the token's (a login for people), ``charged`` whether it cost rate limit, ``status`` 0 where the
    connection was cut."""

    method: str
    path: str
    template: str
    job: str
    status: int
    charged: bool
    at: float


class Calls:
    """All requests so far, in the order they ended. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: list[Made] = []

    def note(self, made: Made) -> None:
        """Add one."""
        with self._lock:
            self._made.append(made)

    def all(self) -> list[Made]:
        """Answer all of them."""
        with self._lock:
            return list(self._made)

    def clear(self) -> None:
        """Forget them: what is counted starts here."""
        with self._lock:
            self._made.clear()

    def count(self, method: str | None = None, template: str | None = None, *, job: str | None = None) -> int:
        """Answer how many requests there were with this method, path template and job; None is any."""
        return sum(
            1
            for one in self.all()
            if (method is None or one.method == method)
            and (template is None or one.template == template)
            and (job is None or one.job == job)
        )

    def charged(self) -> int:
        """Answer how many of them cost rate limit."""
        return sum(1 for one in self.all() if one.charged)

    def by_endpoint(self) -> dict[str, int]:
        """Answer how often each ``METHOD template`` was asked."""
        return dict(Counter(f"{one.method} {one.template}" for one in self.all()))

    def by_job(self) -> dict[str, int]:
        """Answer how many requests each job (or person) made."""
        return dict(Counter(one.job for one in self.all()))
