"""Names to addresses, apart from the conversations: in threads, each name once a round, with a cap.

The system's resolver blocks, and one lost packet stalls it for 5 s; here it stalls one thread, never the loop.
"""

from __future__ import annotations

import queue
import socket
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from dreamnet_actions.adapters.probes.outcome import Trouble

CAP = 5.0
"""The longest that one name is waited for, in seconds (the resolver's own retry interval)."""
THREADS = 32
"""The most names that are looked up at the same time."""

Address = tuple[socket.AddressFamily, Any]
"""A family and the socket address of that family, with port 0."""
Lookup = Callable[..., Sequence[tuple[Any, ...]]]
"""``socket.getaddrinfo`` or one that tests give."""

_OURS = frozenset({socket.EAI_AGAIN, socket.EAI_FAIL, socket.EAI_MEMORY, socket.EAI_SYSTEM})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a name came to: addresses, IPv6 and IPv4 in turn, or the trouble with it; ``seconds`` it took."""

    addresses: tuple[Address, ...]
    seconds: float
    trouble: Trouble | None = None


def literal(host: str) -> Address | None:
    """Answer the address that ``host`` is itself, or None when it is a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        plain, _, scope = host.partition("%") if family == socket.AF_INET6 else (host, "", "")
        try:
            socket.inet_pton(family, plain)
        except (OSError, ValueError):
            continue
        if family == socket.AF_INET:
            return family, (host, 0)
        try:
            return family, (plain, 0, 0, _scope(scope))
        except OSError:
            return None
    return None


def _scope(scope: str) -> int:
    if not scope:
        return 0
    return int(scope) if scope.isdigit() else socket.if_nametoindex(scope)


def interleave(addresses: Sequence[Address]) -> tuple[Address, ...]:
    """Order addresses as RFC 8305 does: families in turn, beginning with the resolver's first choice."""
    if not addresses:
        return ()
    first = [one for one in addresses if one[0] == addresses[0][0]]
    other = [one for one in addresses if one[0] != addresses[0][0]]
    mixed: list[Address] = []
    for place in range(max(len(first), len(other))):
        mixed += first[place : place + 1] + other[place : place + 1]
    return tuple(mixed)


class Resolver:
    """Looks names up in daemon threads; ``wake`` is called, from any of them, when ``take`` has something new."""

    def __init__(self, wake: Callable[[], None], lookup: Lookup = socket.getaddrinfo) -> None:
        self._wake, self._lookup = wake, lookup
        self._names: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._done: deque[tuple[str, Answer]] = deque()
        self._began: dict[str, float] = {}
        self._threads = 0
        self._answered = False

    def ask(self, name: str) -> None:
        """Begin to look ``name`` up."""
        if self._threads < THREADS:
            self._threads += 1
            # Daemons: a lookup that is stuck in the C library must not keep the program from ending.
            threading.Thread(target=self._work, name="dreamnet-resolve", daemon=True).start()
        self._names.put(name)

    def began(self, name: str) -> float | None:
        """Answer when a thread began with ``name`` (monotonic seconds), None while it waits for one."""
        return self._began.get(name)

    def take(self) -> list[tuple[str, Answer]]:
        """Answer what was found since the last call."""
        found = []
        while self._done:
            found.append(self._done.popleft())
        return found

    def silent(self, name: str, seconds: float) -> Answer:
        """Answer that ``name`` was waited for long enough."""
        return Answer((), seconds, self._no_word(name, f"no answer from the resolver within {seconds:.1f} s"))

    def close(self) -> None:
        """Let the threads end as soon as they are free."""
        for _ in range(self._threads):
            self._names.put(None)

    def _work(self) -> None:
        while (name := self._names.get()) is not None:
            began = monotonic()
            self._began[name] = began
            try:
                found = self._lookup(name, None, type=socket.SOCK_STREAM)
                addresses = [(one[0], one[4]) for one in found if one[0] in (socket.AF_INET, socket.AF_INET6)]
                self._note(name)
                trouble = None if addresses else Trouble("dns", f"the name {name} has no address")
                answer = Answer(interleave(addresses), monotonic() - began, trouble)
            except socket.gaierror as error:
                answer = Answer((), monotonic() - began, self._trouble(name, error))
            except (OSError, UnicodeError) as error:
                # A name that no resolver takes: over 63 characters between two dots, for one.
                answer = Answer((), monotonic() - began, Trouble("dns", f"{name} is no name: {error}"))
            self._done.append((name, answer))
            self._wake()

    def _note(self, name: str) -> None:
        # A name without a dot may come from the machine's own hosts file: that proves nothing of its name server.
        if "." in name:
            self._answered = True

    def _trouble(self, name: str, error: socket.gaierror) -> Trouble:
        if error.errno in _OURS:
            return self._no_word(name, (error.strerror or "").lower())
        self._note(name)
        return Trouble("dns", f"the name {name} is not known: {(error.strerror or '').lower()}")

    def _no_word(self, name: str, why: str) -> Trouble:
        """Tell a lookup without an answer: the name's fault only where the resolver answered for another one."""
        if self._answered:
            return Trouble("dns", f"the name {name} could not be resolved: {why}")
        return Trouble("dns", f"This machine could not resolve {name}: {why}", "unknown")
