"""Who pushed: the token that Google signs for a subscription of Pub/Sub (OIDC), judged by google-auth.

https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions tells what is in it. A token that says something
else than the configuration is refused before its signature is looked at, so that a stranger's asks nobody for keys.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from dreamnet_actions.domain.spec.pubsub import PubSub
from dreamnet_actions.entrances.guard import is_loopback
from dreamnet_actions.errors import ConfigError, RefusedError, TemporaryError, Unauthenticated
from dreamnet_actions.errors.configuration import ExtraMissing

log = logging.getLogger("dreamnet")

CERTIFICATES = "https://www.googleapis.com/oauth2/v1/certs"
"""The keys that Google signs such tokens with, as certificates by their id."""
VARIABLE = "DREAMNET_GOOGLE_CERTS"
"""Names another place for them, on this machine only: for tests and the sandbox."""
ISSUERS = ("https://accounts.google.com", "accounts.google.com")
SKEW = 60
"""Seconds by which Google's clock and ours may differ."""
LONGEST_TOKEN = 8192
LONGEST_KEYS = 262_144
"""Bytes of the answer with the keys; Google's is some 3,000."""
TIMEOUT = 5.0
"""Seconds for getting the keys, all in all; Pub/Sub waits ten for an answer."""
FRESH = 60.0
"""Seconds after which an unknown key's id may have the keys fetched anew: Google tells of a new one long before."""
AFTER_ERROR = 5.0
"""Seconds for which nobody is asked again after the keys could not be got."""
_AGES = (60.0, 86_400.0)
"""Bounds of how long keys are kept, in seconds, whatever the answer says."""
_USUAL_AGE = 3600.0
_JUNK = (ValueError, TypeError, KeyError, AttributeError, UnicodeError)
"""What google-auth raises of its own accord at a token that is none, beside its own errors."""


@dataclass(frozen=True)
class _Held:
    """Keys as they were fetched: certificates by id, the answer itself, when, and until when they hold."""

    ids: frozenset[str]
    data: bytes
    fetched: float
    until: float


@dataclass(frozen=True)
class _Answer:
    """An answer in the form of google-auth's transport."""

    data: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class PushTokens:
    """Judges tokens. One for all requests: it keeps Google's keys as long as Google says. ``now`` answers seconds that
    only grow."""

    def __init__(self, environ: Mapping[str, str], now: Callable[[], float]) -> None:
        self._environ, self._now = environ, now
        self._lock = threading.Lock()
        self._held: _Held | None = None
        self._quiet_until = float("-inf")

    def check(self, authorization: Sequence[str], push: PubSub) -> None:
        """See that the only header ``Authorization`` is a living token of Google's, for our audience and of our
        subscription's account.

        Raises Unauthenticated for what Google did not sign or what has ended, RefusedError for somebody else's token,
        TemporaryError while Google's keys cannot be got, ExtraMissing without google-auth.
        """
        try:
            from google.auth import jwt
            from google.auth.exceptions import GoogleAuthError
            from google.oauth2 import id_token
        except ModuleNotFoundError:
            raise ExtraMissing("A webhook with 'pubsub'", "google-auth", "gcp") from None

        scheme, _, token = (authorization[0] if len(authorization) == 1 else "").partition(" ")
        if scheme.lower() != "bearer" or not 1 <= len(token) <= LONGEST_TOKEN:
            raise _not_believed("it has none")
        reader: Any = jwt  # google-auth has no types that say more
        try:
            header, claims = reader.decode_header(token), reader.decode(token, verify=False)
            key = header.get("kid")
        except (GoogleAuthError, *_JUNK):
            raise _not_believed("it is no token") from None
        if header.get("alg") != "RS256" or not isinstance(key, str):
            raise _not_believed("it is not signed as Google signs")
        _judge(claims, push)
        held = self._keys(key)
        if key not in held.ids:
            raise _not_believed("it is signed with a key that Google does not have")
        verify: Any = id_token.verify_token
        try:
            verify(
                token,
                lambda *_, **__: _Answer(held.data),
                audience=push.audience,
                certs_url=CERTIFICATES,
                clock_skew_in_seconds=SKEW,
            )
        except (GoogleAuthError, *_JUNK) as error:
            said = re.sub(r"\s+", " ", str(error.args[0] if error.args else error))[:200]
            raise _not_believed(said.rstrip(".")) from None

    # ── Google's keys ───────────────────────────────────────────────────────────────────────────────────

    def _keys(self, wanted: str) -> _Held:
        """Answer Google's keys; fetched where they have ended, or where ``wanted`` is not among them."""
        if (held := self._enough(wanted)) is not None:
            return held
        with self._lock:
            if (held := self._enough(wanted)) is not None:  # another thread got them meanwhile
                return held
            if self._now() < self._quiet_until:
                raise _away("they could not be got a moment ago")
            try:
                self._held = self._fetch()
            except TemporaryError:
                self._quiet_until = self._now() + AFTER_ERROR
                raise
            return self._held

    def _enough(self, wanted: str) -> _Held | None:
        held, now = self._held, self._now()
        if held is None or now >= held.until:
            return None
        return held if wanted in held.ids or now < held.fetched + FRESH else None

    def _fetch(self) -> _Held:
        import httpx2

        place, began = self._place(), self._now()
        data = b""
        try:
            with httpx2.Client(timeout=TIMEOUT) as client, client.stream("GET", place) as answer:
                if answer.status_code != 200:
                    raise _away(f"HTTP {answer.status_code}")
                for part in answer.iter_bytes():
                    data += part
                    if len(data) > LONGEST_KEYS:
                        raise _away(f"the answer is longer than {LONGEST_KEYS} bytes")
                    if self._now() > began + TIMEOUT:
                        raise _away(f"not whole within {TIMEOUT:g} s")
                age = _age(answer.headers)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise _away(type(error).__name__) from None
        try:
            told = json.loads(data)
        except ValueError:
            told = None
        if not isinstance(told, dict) or not all(
            isinstance(one, str) and "BEGIN CERT" in one for one in told.values()
        ):
            raise _away("the answer holds no certificates")
        return _Held(ids=frozenset(told), data=data, fetched=began, until=began + age)

    def _place(self) -> str:
        """Answer where the keys are. Another place than Google's is this machine, or none: whoever could name one
        elsewhere could sign every token himself."""
        place = self._environ.get(VARIABLE)
        if not place:
            return CERTIFICATES
        try:
            parts = urlsplit(place)
            ours = parts.scheme == "http" and is_loopback(parts.hostname or "")
        except ValueError:
            ours = False
        if not ours:
            raise ConfigError(
                f"{VARIABLE} names no http address of this machine.",
                hint=f"Take {VARIABLE} away: Google's own keys are at {CERTIFICATES}.",
            )
        log.warning("Tokens of Pub/Sub are judged by the keys at %s, not by Google's (%s).", place, VARIABLE)
        return place


def _judge(claims: Mapping[str, Any], push: PubSub) -> None:
    """Refuse a token that says something else than what is configured."""
    if claims.get("iss") not in ISSUERS:
        raise _not_believed("it is not of Google's accounts")
    if claims.get("aud") != push.audience:
        said = str(claims.get("aud"))[:200]
        raise RefusedError(
            f"The push's token is made for {said!r}, and not for the audience of this webhook.",
            hint="Give the subscription's --push-auth-token-audience and 'pubsub.audience' the same value.",
        )
    if claims.get("email") != push.service_account or claims.get("email_verified") is not True:
        said = str(claims.get("email"))[:200]
        raise RefusedError(
            f"The push's token is of {said!r}, and not of this webhook's account.",
            hint="Give the subscription's --push-auth-service-account and 'pubsub.service-account' the same value.",
        )


def _age(headers: Mapping[str, str]) -> float:
    """Answer for how many seconds an answer may be kept (Cache-Control's max-age, less the Age that it has)."""
    found = re.search(r"max-age=([0-9]{1,9})", headers.get("cache-control", ""))
    old = headers.get("age", "")
    age = float(found[1]) - (float(old) if old.isdecimal() else 0.0) if found else _USUAL_AGE
    return min(max(age, _AGES[0]), _AGES[1])


def _not_believed(why: str) -> Unauthenticated:
    return Unauthenticated(
        f"The push is not believed, for its token: {why}.",
        hint="Make the subscription with --push-auth-service-account, and see that this machine's clock is right.",
    )


def _away(why: str) -> TemporaryError:
    return TemporaryError(
        f"Google's keys could not be got: {why}.",
        hint="Nothing is lost: Pub/Sub delivers again.",
        retry_after=AFTER_ERROR,
    )
