"""Who may speak to the gateway: the bearer key, and without one only programs of this machine.

Without a key the gateway listens on loopback only. Web pages reach loopback too: one of another site by a plain
cross-site request (its Origin tells), one whose name was rebound to 127.0.0.1 by its Host. Both are refused.
Webhooks prove themselves by their signature instead, and come under whatever name a tunnel has; the two probes
(``/healthz``, ``/readyz``) tell nothing worth guarding.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from dreamnet_actions.errors import DreamNetError, RefusedError, Unauthenticated

OPEN = ("/healthz", "/readyz")
SIGNED = "/webhooks/"
MIN_KEY = 16
"""Characters of a key; fewer can be tried out."""


def require_key(host: str, key: str | None, variable: str) -> None:
    """Refuse to listen beyond this machine without a key, and to take one that could be guessed."""
    if key is not None and len(key) < MIN_KEY:
        raise RefusedError(
            f"The key in {variable} has {len(key)} characters; at least {MIN_KEY} are needed.",
            hint=f"Make one: export {variable}=$(python3 -c 'import secrets; print(secrets.token_urlsafe(32))')",
        )
    if key is None and not is_loopback(host):
        raise RefusedError(
            f"Without a key this listens on this machine only; {host!r} is beyond it.",
            hint=f"Set one: export {variable}=$(python3 -c 'import secrets; print(secrets.token_urlsafe(32))'), "
            "and send it as 'Authorization: Bearer …'. Or leave --host out.",
        )


def is_loopback(host: str) -> bool:
    """Say whether a host's name or address is this machine's own loopback."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def judge(path: str, headers: Iterable[tuple[bytes, bytes]], key: str | None) -> DreamNetError | None:
    """Answer why a request may not come in, or None. ``headers`` as ASGI has them: lower-case names, bytes."""
    if path in OPEN or path.startswith(SIGNED):
        return None
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        found.setdefault(name, []).append(value)
    if key is not None:
        return _judge_key(found.get(b"authorization", []), key)
    return _judge_local(found)


def _judge_key(given: list[bytes], key: str) -> DreamNetError | None:
    scheme, _, token = (given[0] if len(given) == 1 else b"").partition(b" ")
    # Compared as bytes in constant time: how long it takes tells nothing about the key.
    if scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), key.encode()):
        return None
    return Unauthenticated(
        "The request has no key, or a wrong one.",
        hint="Send the key that the gateway was started with as 'Authorization: Bearer …'.",
    )


def _judge_local(found: dict[bytes, list[bytes]]) -> DreamNetError | None:
    hosts = found.get(b"host", [])
    if len(hosts) != 1 or not is_loopback(_hostname(f"//{hosts[0].decode('latin-1')}")):
        shown = hosts[0].decode("latin-1")[:80] if hosts else ""
        return RefusedError(
            f"The request is for the host {shown!r}; without a key only loopback names are answered.",
            hint="Ask for 127.0.0.1 or localhost, or start the gateway with a key.",
        )
    origins = [one.decode("latin-1") for one in found.get(b"origin", [])]
    cross_site = any(one == b"cross-site" for one in found.get(b"sec-fetch-site", []))
    if cross_site or not all(is_loopback(_hostname(one)) for one in origins):
        return RefusedError(
            "The request comes from a web page of another site; without a key these are refused.",
            hint="Start the gateway with a key, and send it.",
        )
    return None


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
