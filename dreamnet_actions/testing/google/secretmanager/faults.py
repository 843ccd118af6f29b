"""What goes wrong on purpose, what is counted, and how much a minute takes."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dreamnet_actions.testing.google.secretmanager.refusals import Refusal, exhausted

QUOTAS: Mapping[str, int] = {"Access": 90_000, "Read": 600, "Write": 600}
"""Requests a minute and project (https://cloud.google.com/secret-manager/quotas)."""
_READS = (
    "GetSecret",
    "GetSecretVersion",
    "ListSecrets",
    "ListSecretVersions",
    "GetIamPolicy",
    "TestIamPermissions",
)
MINUTE = 60.0


def kind_of(method: str) -> str:
    """Answer by which quota a method counts."""
    return "Access" if method == "AccessSecretVersion" else "Read" if method in _READS else "Write"


@dataclass(kw_only=True)
class Fault:
    """One thing that goes wrong: with calls of ``method`` (``*`` for all) whose resource holds ``about``, after the
    first ``skip`` of them, ``times`` times (None: always).

    ``refusal`` is answered; ``hang`` (seconds) is waited before; ``crc`` has the payload's checksum be wrong; ``do`` is
    run before the call is looked at, as if somebody else had come first.
    """

    method: str = "*"
    about: str = ""
    skip: int = 0
    times: int | None = None
    refusal: Refusal | None = None
    hang: float = 0.0
    crc: bool = False
    do: Callable[[], object] | None = None
    met: int = 0
    """How often it has come into effect."""

    def takes(self, method: str, resource: str) -> bool:
        """Say whether this call is one of those, and note that it came."""
        if self.method not in ("*", method) or self.about not in resource:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None and self.met >= self.times:
            return False
        self.met += 1
        return True


@dataclass(kw_only=True)
class Ledger:
    """Counts calls, keeps the quotas, and hands out the faults. ``latency`` is what every call takes more (seconds)."""

    now: Callable[[], float]
    quotas: dict[str, int] = field(default_factory=lambda: dict(QUOTAS))
    faults: list[Fault] = field(default_factory=list)
    latency: float = 0.0
    calls: Counter[str] = field(default_factory=Counter)
    """Every call by its method, those that failed too."""
    at_once: int = 0
    """The most calls that were under way at the same time."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way = 0
        self._recent: dict[tuple[str, str], deque[float]] = {}

    @property
    def access_calls(self) -> int:
        """How many calls were made that Google bills as access operations."""
        return self.calls["AccessSecretVersion"]

    @property
    def all_calls(self) -> int:
        """How many calls were made."""
        return self.calls.total()

    def reset(self) -> None:
        """Begin to count anew; what a minute still takes stays as it is."""
        with self._lock:
            self.calls.clear()
            self.at_once = 0

    def begin(self, method: str, resource: str) -> list[Fault]:
        """Note a call; answers what goes wrong with it."""
        with self._lock:
            self.calls[method] += 1
            self._under_way += 1
            self.at_once = max(self.at_once, self._under_way)
            return [one for one in self.faults if one.takes(method, resource)]

    def end(self) -> None:
        """Note that a call has ended."""
        with self._lock:
            self._under_way -= 1

    def spend(self, method: str, project: str) -> None:
        """Take one request off the project's quota of this minute. Raises Refusal where there is none left."""
        kind = kind_of(method)
        with self._lock:
            recent = self._recent.setdefault((kind, project), deque())
            now = self.now()
            while recent and recent[0] <= now - MINUTE:
                recent.popleft()
            if len(recent) >= self.quotas[kind]:
                wait = recent[0] + MINUTE - now if recent else MINUTE
                raise exhausted(kind, self.quotas[kind], project, wait)
            recent.append(now)
