"""PyGithub's requester with the parts replaced that do harm: repeats, waits, redirects, and threads that share it.

Everything that PyGithub sends passes through ``Wire.requestJson``. Only ``client`` imports this module, and late: it
imports PyGithub.
"""

from __future__ import annotations

import itertools
import json
import threading
import urllib.parse
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import requests
from github.Requester import Requester, RequestsResponse

from dreamnet_actions.adapters.github.retry import REPEATABLE, Answer, Patience, wait_before
from dreamnet_actions.adapters.github.translate import translate, unreachable
from dreamnet_actions.errors import DreamNetError, PermanentError, TemporaryError
from dreamnet_actions.ports.system import Clock

_REDIRECTS = 5
"""How often one request is sent on at most."""
_KEPT = 256
"""How many answers are kept to be asked for by ETag."""


@dataclass(frozen=True, kw_only=True)
class Calls:
    """How many requests went out: ``charged`` count against GitHub's limit, ``free`` (answered 304) do not; ``writes``
    are the charged ones that change something, ``repeated`` those that were sent again."""

    charged: int = 0
    free: int = 0
    writes: int = 0
    repeated: int = 0


@dataclass(frozen=True, kw_only=True)
class Left:
    """What the last answer's headers said of the token's budget; None where none did
    (https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api)."""

    limit: int | None = None
    remaining: int | None = None
    resets_at: float | None = None


class Wire(Requester):
    """Sends requests: spaced writes, patient repeats of what may be repeated, ETags, our own errors.

    Safe for several threads, which PyGithub's own requester is not.
    """

    def __init__(self, *, clock: Clock, patience: Patience, write_spacing: float, **settings: Any) -> None:
        super().__init__(
            **settings, retry=None, pool_size=None, seconds_between_requests=None, seconds_between_writes=None
        )
        self._clock, self._patience, self._spacing = clock, patience, write_spacing
        self._session = requests.Session()
        # Without this, requests would put what ~/.netrc says in the place of the token.
        self._session.auth = Requester.noopAuth
        self._timeout = settings["timeout"]
        self._guard = threading.Lock()
        self._turn = threading.Lock()
        self._last_write: float | None = None
        self._kept: OrderedDict[str, tuple[dict[str, Any], str]] = OrderedDict()
        self._calls = Calls()
        self._left = Left()

    @property
    def calls(self) -> Calls:
        """What went out so far."""
        with self._guard:
            return self._calls

    @property
    def left(self) -> Left:
        """What is left of the hour's budget, as the last answer told."""
        with self._guard:
            return self._left

    def requestJson(  # noqa: N802  # PyGithub's own name and arguments
        self,
        verb: str,
        url: str,
        parameters: dict[str, Any] | None = None,
        headers: dict[str, Any] | None = None,
        input: Any | None = None,  # noqa: A002
        cnx: Any = None,  # noqa: ARG002
        follow_302_redirect: bool = False,  # noqa: ARG002
    ) -> tuple[int, dict[str, Any], str]:
        """Send one request and answer status, headers and body. Raises DreamNetError for 400 and above."""
        where = _address(url, parameters, headers) if verb == "GET" else ""
        path = urllib.parse.urlsplit(url).path
        for again in itertools.count(1):
            answer: Answer | None = None
            cause: Exception
            error: DreamNetError
            try:
                status, got, text = self._once(verb, url, parameters, headers, input, where)
                data = _data(text, strict=status < 400)
            except (requests.RequestException, OSError, ValueError) as caught:
                cause, error = caught, unreachable(caught, verb=verb, path=path)
            else:
                if status < 400:
                    return status, got, text
                said = data.get("message") if isinstance(data, dict) else None
                answer = Answer(status=status, headers=got, message=str(said or ""))
                cause = self.createException(status, got, data if isinstance(data, dict) else {})
                error = translate(answer, verb=verb, path=path, data=data)
            self._wait_or_raise(verb, error, cause, answer, again)
        raise AssertionError("unreachable")

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    def _wait_or_raise(
        self, verb: str, error: DreamNetError, cause: Exception, answer: Answer | None, again: int
    ) -> None:
        """Wait before the same request is sent again, or raise ``error`` where it is not."""
        if not isinstance(error, TemporaryError):
            raise error from cause
        seconds = wait_before(answer, again, now=self._clock.now(), patience=self._patience)
        error.retry_after = seconds
        if verb not in REPEATABLE or again >= self._patience.tries or seconds > self._patience.cap:
            raise error from cause
        self._clock.sleep(seconds)
        self._count(repeated=1)

    def _once(
        self,
        verb: str,
        url: str,
        parameters: dict[str, Any] | None,
        headers: dict[str, Any] | None,
        body: Any | None,
        where: str,
    ) -> tuple[int, dict[str, Any], str]:
        """Send it once; what was answered before under the same ETag is answered again."""
        asked = dict(headers or {})
        with self._guard:
            known = self._kept.get(where)
        if known is not None:
            asked["If-None-Match"] = known[0]["etag"]
        if verb not in ("GET", "HEAD"):
            self._take_turn()
        exchange = _Exchange(self._session, self._base, self._timeout, self._seen)
        status, got, text = super().requestJson(verb, url, parameters, asked, body, exchange)  # type: ignore[arg-type]  # it quacks
        self._note_left(got)
        if status == 304 and known is not None:
            return 200, *known
        if where and status == 200 and "etag" in got:
            self._keep(where, got, text)
        return status, got, text

    @property
    def _base(self) -> str:
        return f"{self.scheme}://{self.hostname_and_port}"

    def _take_turn(self) -> None:
        """Wait until the last write is long enough ago. One thread after another: they share GitHub's limits."""
        with self._turn:
            if self._last_write is not None:
                left = self._last_write + self._spacing - self._clock.monotonic()
                if left > 0:
                    self._clock.sleep(left)
            self._last_write = self._clock.monotonic()

    def _keep(self, where: str, headers: dict[str, Any], text: str) -> None:
        with self._guard:
            self._kept[where] = (headers, text)
            self._kept.move_to_end(where)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)

    def _note_left(self, headers: dict[str, Any]) -> None:
        limit, remaining, reset = (
            str(headers.get(f"x-ratelimit-{name}") or "") for name in ("limit", "remaining", "reset")
        )
        if limit.isdecimal() and remaining.isdecimal() and reset.isdecimal():
            with self._guard:
                self._left = Left(limit=int(limit), remaining=int(remaining), resets_at=float(reset))

    def _seen(self, verb: str, status: int) -> None:
        free = status == 304
        self._count(charged=not free, free=free, writes=verb not in ("GET", "HEAD"))

    def _count(self, **more: int) -> None:
        with self._guard:
            self._calls = replace(
                self._calls, **{name: getattr(self._calls, name) + value for name, value in more.items()}
            )


class _Exchange:
    """One request and its answer, as PyGithub wants its connections; sends it on where GitHub says so, but only to
    the same host: the token goes along."""

    def __init__(
        self, session: requests.Session, base: str, timeout: float, seen: Callable[[str, int], None]
    ) -> None:
        self._session, self._base, self._timeout, self._seen = session, base, timeout, seen

    def request(self, verb: str, url: str, body: Any, headers: dict[str, str], stream: bool = False) -> None:
        self._verb, self._url, self._body, self._headers, self._stream = verb, url, body, headers, stream

    def getresponse(self) -> RequestsResponse:
        url = self._base + self._url
        for _ in range(_REDIRECTS):
            answer = self._session.request(
                self._verb,
                url,
                data=self._body,
                headers=self._headers,
                timeout=self._timeout,
                stream=self._stream,
                allow_redirects=False,
            )
            self._seen(self._verb, answer.status_code)
            if answer.status_code not in (301, 302, 303, 307, 308):
                return RequestsResponse(answer)
            url = self._onwards(url, answer)
        raise PermanentError(f"GitHub sent {self._verb} {self._url} on more than {_REDIRECTS} times.")

    def _onwards(self, url: str, answer: requests.Response) -> str:
        target = urllib.parse.urljoin(url, answer.headers.get("location", ""))
        same = urllib.parse.urlsplit(target)[:2] == urllib.parse.urlsplit(url)[:2]
        # With 301 to 303 a client may turn a write into a GET, which would then look as if it had been done.
        if not same or (answer.status_code < 307 and self._verb not in ("GET", "HEAD")):
            where = urllib.parse.urlsplit(target).netloc
            raise PermanentError(
                f"GitHub sends {self._verb} {self._url} on to {where!r} with {answer.status_code}; that is not "
                "followed.",
                hint="See GITHUB_API_URL, and whether the repository has another name now.",
            )
        return target


def _address(url: str, parameters: dict[str, Any] | None, headers: dict[str, Any] | None) -> str:
    accept = (headers or {}).get("Accept", "")
    return f"{Requester.add_parameters_to_url(url, parameters or {})} {accept}"


def _data(text: str, *, strict: bool) -> Any:
    """Read a body. One that is no JSON (a proxy's page) is a ValueError where ``strict``, so that nobody takes it for
    data; with an error's status it is None: the status says enough."""
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError) as error:
        if strict:
            raise ValueError("the answer is no JSON") from error
        return None
