"""One POST of JSON to an address that is a secret: over TLS, without redirects, and never shown in an error.

The standard library's client: no other is installed everywhere, and no more than one request is asked of it.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.errors import ConfigError, PermanentError, TemporaryError

TIMEOUT = 10.0
"""Seconds for each wait of one call."""
HERE = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts that may be called without TLS: nothing leaves the machine."""
_LATER = frozenset({408, 425, 429})
_WORD = re.compile(rb"[a-z_]{1,40}")
_READ = 200


def secret(environ: Mapping[str, str], variable: str) -> SecretValue:
    """Answer what a variable holds. Raises ConfigError, which names the variable, where it is not set."""
    text = environ.get(variable, "").strip()
    if not text:
        raise ConfigError(
            f"The variable {variable} is not set.",
            hint="In a workflow give the secret to DreamNet's job (docs/adapters/webhooks.md); else export it.",
        )
    return SecretValue(text)


def address(environ: Mapping[str, str], variable: str) -> SecretValue:
    """Answer the address that a variable holds. Raises ConfigError where that is none that may be called."""
    found = secret(environ, variable)
    try:
        parts = urlsplit(found.reveal())
        good = parts.hostname and (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in HERE)
        )
        _ = parts.port
    except ValueError:
        good = False
    if not good or not found.reveal().isascii() or re.search(r"\s", found.reveal()):
        raise ConfigError(
            f"The variable {variable} holds no address that may be called.",
            hint="Write one that begins with https://; http:// is taken for this machine only.",
        )
    return found


def post(where: SecretValue, data: bytes, headers: Mapping[str, str], *, name: str) -> None:
    """Send it; ``name`` is what errors call the place.

    Raises TemporaryError or PermanentError, neither with the address in it or in what it was caused by.
    """
    request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
        where.reveal(),
        data=data,
        method="POST",
        headers={"Content-Type": "application/json", "User-Agent": "dreamnet", **headers},
    )
    failed: Exception
    try:
        with _opener(where.reveal()).open(request, timeout=TIMEOUT):
            return
    except urllib.error.HTTPError as error:
        failed = _answered(error, name)
    except (urllib.error.URLError, HTTPException, OSError) as error:
        why = type(getattr(error, "reason", None) or error).__name__
        failed = TemporaryError(f"{name} could not be reached ({why}).", retry_after=60.0)
    raise failed  # outside of the handler: what the library raised names the address


def encoded(body: Mapping[str, Any]) -> bytes:
    """Write a body as the bytes that are sent, and signed."""
    return json.dumps(dict(body), separators=(",", ":")).encode("ascii")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Another place was not named by anybody who may: neither the secret nor the dream goes there."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _opener(where: str) -> urllib.request.OpenerDirector:
    """Answer a client that follows no redirect; to this machine itself it goes without a proxy."""
    here = [urllib.request.ProxyHandler({})] if urlsplit(where).hostname in HERE else []
    return urllib.request.build_opener(_NoRedirect, *here)


def _answered(error: urllib.error.HTTPError, name: str) -> TemporaryError | PermanentError:
    with error:
        try:
            said = error.read(_READ).strip()
        except (OSError, HTTPException):
            said = b""
    word = f" ({said.decode('ascii')})" if _WORD.fullmatch(said) else ""  # Slack says why in one word
    text = f"{name} answered {error.code}{word}."
    if error.code >= 500 or error.code in _LATER:
        return TemporaryError(text, retry_after=60.0)
    return PermanentError(text, hint="Look at the address that the variable holds, and at the receiver.")
