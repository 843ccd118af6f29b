"""What goes wrong on purpose: rules that say which request meets which fault, and lists that lag behind writes.

A rule counts the requests that match it, and acts on the ``nth`` and the following ones until it has acted ``times``
times. The first rule that is due acts; the others count on. Paths are those below the API's root (``/repos/octo/shop/
issues``) or, for git, as they are (``/octo/shop.git/git-receive-pack``); ``*`` stands for anything.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from dreamnet_actions.ports.system import Clock
from dreamnet_actions.testing.github.call import Answer, Problem
from dreamnet_actions.testing.github.limits import secondary


class Fault(StrEnum):
    """The kinds. ``after``: the request takes effect first."""

    BAD_GATEWAY = "502"
    BAD_GATEWAY_AFTER = "502-after"
    RESET = "reset"
    RESET_AFTER = "reset-after"
    HANG = "hang"
    """The clock moves on by ``seconds`` (a virtual one at once), then the request is served."""
    HANG_AFTER = "hang-after"
    HANG_REAL = "hang-real"
    """The answer comes ``seconds`` of real time late: for the time-outs of real clients."""
    SECONDARY = "secondary"
    TOO_MANY = "429"
    PRIMARY = "primary"
    """The hour's requests are used up until ``reset`` (seconds since 1970; default: in an hour)."""
    UNAUTHORISED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    GONE = "410"
    UNPROCESSABLE = "422"
    MOVED = "301"
    REDIRECT = "307"
    """To ``location``, default: the same path again."""
    TRUNCATED = "truncated"
    """It takes effect, and half of the answer's JSON comes back."""
    HTML = "html"
    """A page of some proxy's, with status 200; nothing takes effect."""


_AFTER = {Fault.BAD_GATEWAY_AFTER, Fault.RESET_AFTER, Fault.HANG_AFTER, Fault.HANG_REAL, Fault.TRUNCATED}


@dataclass(eq=False, kw_only=True)
class Rule:
    """One fault and the requests that it is for. ``seen`` and ``acted`` count."""

    kind: Fault
    method: str = "*"
    path: str = "*"
    job: str | None = None
    nth: int = 1
    times: int | None = 1
    share: float = 1.0
    seed: int = 0
    seconds: float = 0.0
    retry_after: int | None = None
    reset: float | None = None
    location: str | None = None
    seen: int = 0
    acted: int = 0

    @property
    def after(self) -> bool:
        """Whether the request takes effect before the fault shows."""
        return self.kind in _AFTER

    def matches(self, method: str, path: str, job: str) -> bool:
        """Whether it is for this request."""
        return (
            fnmatchcase(method, self.method)
            and fnmatchcase(path, self.path)
            and (self.job is None or self.job == job)
        )

    def due(self) -> bool:
        """Count one request and answer whether the rule acts on it; ``share`` of them by chance that ``seed`` fixes."""
        self.seen += 1
        if self.seen < self.nth or (self.times is not None and self.acted >= self.times):
            return False
        if self.share < 1.0:
            digest = hashlib.sha256(f"{self.seed}:{self.seen}".encode()).digest()
            if int.from_bytes(digest[:8]) / 2**64 >= self.share:
                return False
        self.acted += 1
        return True


@dataclass(eq=False, kw_only=True)
class Stale:
    """Lists below ``path`` show what was ``seconds`` ago."""

    seconds: float
    path: str


class Faults:
    """All rules. Safe for several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._stale: list[Stale] = []

    def add(
        self,
        kind: Fault | str,
        *,
        method: str = "*",
        path: str = "*",
        job: str | None = None,
        nth: int = 1,
        times: int | None = 1,
        share: float = 1.0,
        seed: int = 0,
        seconds: float = 0.0,
        retry_after: int | None = None,
        reset: float | None = None,
        location: str | None = None,
    ) -> Rule:
        """Add a rule and answer it, so that a test can ask whether it ``acted``; raises ValueError for no kind."""
        made = Rule(
            kind=Fault(kind),
            method=method,
            path=path,
            job=job,
            nth=nth,
            times=times,
            share=share,
            seed=seed,
            seconds=seconds,
            retry_after=retry_after,
            reset=reset,
            location=location,
        )
        with self._lock:
            self._rules.append(made)
        return made

    def stale(self, seconds: float, path: str = "*") -> None:
        """Let lists below ``path`` lag behind writes by ``seconds`` of the clock, as GitHub's sometimes do.

        Lists of issues, comments, pull requests, deployments, statuses, check runs and releases lag, and the labels of
        an issue; what is read by its number does not, nor do refs. What was deleted is gone at once.
        """
        with self._lock:
            self._stale.append(Stale(seconds=seconds, path=path))

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            self._rules.clear()
            self._stale.clear()

    def pick(self, method: str, path: str, job: str) -> Rule | None:
        """Count this request in every rule that matches it, and answer the one that acts."""
        with self._lock:
            due = [rule for rule in self._rules if rule.matches(method, path, job)]
            for rule in due:
                if rule.due():
                    return rule
        return None

    def as_of(self, path: str) -> float | None:
        """Answer the time that a list at ``path`` shows; None: now."""
        with self._lock:
            lags = [one.seconds for one in self._stale if fnmatchcase(path, one.path)]
        return self._clock.now() - max(lags) if lags else None


def answer(rule: Rule, url: str, now: float) -> Answer | None:
    """Answer what ``rule`` sends instead of the real answer; None where it sends no answer of its own."""
    match rule.kind:
        case Fault.BAD_GATEWAY | Fault.BAD_GATEWAY_AFTER:
            return Answer(502, {"message": "Server Error"})
        case Fault.SECONDARY:
            return secondary(rule.retry_after).answer()
        case Fault.TOO_MANY:
            return secondary(rule.retry_after, 429).answer()
        case Fault.PRIMARY:
            reset = int(rule.reset if rule.reset is not None else now + 3600)
            headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)}
            return Problem(403, "API rate limit exceeded for installation.", headers=headers).answer()
        case Fault.MOVED | Fault.REDIRECT:
            where = rule.location or url
            status = 301 if rule.kind is Fault.MOVED else 307
            return Answer(status, {"message": "Moved Permanently", "url": where}, {"Location": where})
        case _:
            said = _PLAIN.get(rule.kind)
            return Problem(*said).answer() if said else None


_PLAIN = {
    Fault.UNAUTHORISED: (401, "Bad credentials"),
    Fault.FORBIDDEN: (403, "Resource not accessible by integration"),
    Fault.NOT_FOUND: (404, "Not Found"),
    Fault.GONE: (410, "Issues has been disabled in this repository."),
    Fault.UNPROCESSABLE: (422, "Validation Failed"),
}
