"""HTTP as google-auth and we use it towards Google: one pool of connections, with the clock of whoever answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

TIMEOUT = 20.0
"""Seconds for one request."""
Later = Callable[[], float]


class Transport:
    """What google-auth calls to make a request, and we too.

    ``skew`` is by how many seconds our clock was ahead of the one of whoever answered last (from its ``Date``); None as
    long as nobody said. ``now()`` answers our time.
    """

    def __init__(self, now: Later) -> None:
        import requests  # late, as all of google-auth
        from google.auth.transport.requests import Request
        from requests.adapters import HTTPAdapter
        from urllib3.util import Retry

        self._now = now
        session = requests.Session()
        # A connection that breaks is tried again; a server's answer is one.
        session.mount("https://", HTTPAdapter(max_retries=Retry(2, status=0, backoff_factor=0.2)))
        self._request: Any = Request(session)
        self.skew: float | None = None

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **more: Any,
    ) -> Any:
        """Make a request; raises google.auth.exceptions.TransportError where nobody answers."""
        answer = self._request(url, method, body, headers, timeout or TIMEOUT, **more)
        try:
            said = parsedate_to_datetime(answer.headers.get("Date", ""))
            self.skew = self._now() - said.timestamp()
        except (TypeError, ValueError):
            pass
        return answer
