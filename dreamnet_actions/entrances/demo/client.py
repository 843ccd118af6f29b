"""The demo's clients: one that requests the shop's page all the time, and a crowd that comes and goes."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Counts:
    """Requests so far, and how many of them failed."""

    requests: int = 0
    errors: int = 0

    def since(self, before: Counts) -> Counts:
        """Answer what came after ``before``."""
        return Counts(self.requests - before.requests, self.errors - before.errors)


@dataclass
class Client:
    """Requests ``url`` at ``rate`` a second, each time on a new connection, until it is stopped. Counts what it saw.

    The crowd is more rate: ``rate`` may be changed while it runs.
    """

    url: str
    rate: float
    workers: int = 4
    requests: int = 0
    errors: int = 0
    last_error: str = ""
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> Client:
        """Begin; the client itself is answered."""
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(self.workers)]
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """End, within the time of one request."""
        self._stop.set()
        for thread in self._threads:
            thread.join(3)

    def counts(self) -> Counts:
        """Answer what was seen so far."""
        with self._lock:
            return Counts(self.requests, self.errors)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            error = self._request()
            with self._lock:
                self.requests += 1
                if error:
                    self.errors += 1
                    self.last_error = error
            due = max(due + self.workers / self.rate, time.monotonic() - 1)
            self._stop.wait(max(0.0, due - time.monotonic()))

    def _request(self) -> str:
        try:
            with urllib.request.urlopen(self.url, timeout=3) as answer:
                answer.read()
        except (OSError, ValueError) as error:
            return str(error)
        return ""
