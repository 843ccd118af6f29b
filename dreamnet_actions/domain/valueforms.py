"""What a value is: whether a text has one of the forms that a rule can ask for. Pure; never says a value.

A form's function answers what is wrong with a text, as the end of a sentence, or "" where it is right.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from dreamnet_actions.domain.pem import NoPem, certificates, check_private_key
from dreamnet_actions.domain.spec.validation import Form
from dreamnet_actions.domain.units import format_duration

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}\.?$){_LABEL}(?:\.{_LABEL})*\.?")
_EMAIL = re.compile(rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")
_DURATION = re.compile(r"(?:[0-9]{1,15}(?:\.[0-9]{1,15})?(?:ms|s|m|h|d))+")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TIMESTAMP = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")


class NoToken(ValueError):
    """A text is no JSON Web Token; the text of the error is the end of a sentence."""


def why_not(form: Form, text: str) -> str:
    """Answer what is wrong with ``text`` as a ``form``: "" where nothing is, " " where there is no more to say."""
    return _FORMS[form](text)


def number_of(form: Form, text: str) -> float:
    """Answer the number that a text of a numeric form is."""
    return float(int(text)) if form in ("integer", "port") else float(text)


def expiry(form: Form, text: str, now: float, within: float) -> str:
    """Answer what is wrong with the dates of a certificate or token at ``now`` (seconds since 1970), "" where nothing:
    it has expired, does so ``within`` so many seconds, or is not valid yet. ``text`` is of that form."""
    begins, ends = span(form, text)
    return dated(begins, ends, now, within)


def span(form: Form, text: str) -> tuple[float, float]:
    """Answer from when to when a certificate or token is valid with all its parts (seconds since 1970; ``inf``: it does
    not end). ``text`` is of that form."""
    spans = _spans(form, text)
    return max((one[0] for one in spans), default=0.0), min((one[1] for one in spans), default=0.0)


def dated(begins: float, ends: float, now: float, within: float) -> str:
    """Answer what is wrong at ``now`` with what is valid in that time, as ``expiry`` does."""
    if ends <= now:
        return f"expired {format_duration(now - ends)} ago"
    if begins > now:
        return f"is valid in {format_duration(begins - now)} only"
    if ends <= now + within:
        return f"expires in {format_duration(ends - now)}; it must be valid for {format_duration(within)}"
    return ""


def _spans(form: Form, text: str) -> list[tuple[float, float]]:
    """Answer from when to when each part is valid."""
    if form == "certificate":
        return [(one.begins, one.ends) for one in certificates(text)]
    claims = claims_of(text)
    return [(float(claims.get("nbf", 0)), float(claims.get("exp", "inf")))]


def claims_of(text: str) -> Mapping[str, Any]:
    """Answer the claims of a JSON Web Token (RFC 7519); its signature is not looked at. Raises NoToken."""
    parts = text.split(".")
    if len(parts) != 3 or not all(re.fullmatch(r"[A-Za-z0-9_-]*", one) for one in parts):
        raise NoToken("it does not have three parts of base64url between dots")
    header, claims = (_object(one) for one in parts[:2])
    if header is None or not isinstance(header.get("alg"), str):
        raise NoToken("its head names no 'alg'")
    if claims is None:
        raise NoToken("its claims are no JSON object")
    for name in ("exp", "nbf"):
        if name in claims and (isinstance(claims[name], bool) or not isinstance(claims[name], int | float)):
            raise NoToken(f"its {name!r} is no number")
    return claims


def _object(part: str) -> dict[str, Any] | None:
    try:
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


# ── each form ────────────────────────────────────────────────────────────────────────────────────────────


def _by(pattern: re.Pattern[str]) -> Callable[[str], str]:
    return lambda text: "" if pattern.fullmatch(text) else " "


def _url(text: str) -> str:
    if re.search(r"[\s\x00-\x1f]", text):
        return "it holds a blank"
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - reading it is what looks at it
    except ValueError:
        return "its host or port cannot be read"
    return "" if parts.scheme and (parts.netloc or parts.path) else " "


def _json(text: str) -> str:
    try:
        json.loads(text)
    except RecursionError:
        return "it is nested too deeply"
    except ValueError:
        return " "  # the decoder's own words quote a part of it
    return ""


def _duration(text: str) -> str:
    return "" if len(text) <= 64 and _DURATION.fullmatch(text) else " "


def _port(text: str) -> str:
    return "" if re.fullmatch(r"[0-9]{1,5}", text) and 1 <= int(text) <= 65535 else " "


def _ip(text: str) -> str:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return " "
    return ""


def _host_port(text: str) -> str:
    host, _, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        return _port(port) or _ip(host[1:-1])
    return _port(port) or _by(_HOST)(host)


def _timestamp(text: str) -> str:
    from datetime import datetime  # late: a rare form

    if not _TIMESTAMP.fullmatch(text):
        return " "
    try:
        datetime.fromisoformat(text.upper().replace("Z", "+00:00"))
    except ValueError:
        return "there is no such day or time"
    return ""


def _hex(text: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]*", text):
        return " "
    return "it has an odd number of digits" if len(text) % 2 else ""


def _base64(text: str) -> str:
    if re.search(r"\s", text):
        return "it is broken into lines, or holds a blank"
    if re.search(r"[-_]", text):
        return "it is written in the alphabet of base64url"
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return "its length or padding is wrong" if re.fullmatch(r"[A-Za-z0-9+/]*=*", text) else " "
    return ""


def _base64url(text: str) -> str:
    bare = text.rstrip("=")
    if not re.fullmatch(r"[A-Za-z0-9_-]*", bare):
        return " "
    padded = len(text) == len(bare) or len(text) % 4 == 0
    return (
        ""
        if len(bare) % 4 != 1 and len(text) - len(bare) <= 2 and padded
        else "its length or padding is wrong"
    )


def _certificate(text: str) -> str:
    try:
        certificates(text)
    except NoPem as error:
        return str(error)
    return ""


def _private_key(text: str) -> str:
    try:
        check_private_key(text)
    except NoPem as error:
        return str(error)
    return ""


def _jwt(text: str) -> str:
    try:
        claims_of(text)
    except NoToken as error:
        return str(error)
    return ""


_FORMS: Mapping[Form, Callable[[str], str]] = {
    "text": lambda _: "",
    "integer": _by(_INTEGER),
    "number": _by(_NUMBER),
    "boolean": lambda text: "" if text in ("true", "false") else "write 'true' or 'false'",
    "url": _url,
    "json": _json,
    "email": _by(_EMAIL),
    "uuid": _by(_UUID),
    "duration": _duration,
    "timestamp": _timestamp,
    "host": _by(_HOST),
    "host-port": _host_port,
    "port": _port,
    "ip": _ip,
    "hex": _hex,
    "base64": _base64,
    "base64url": _base64url,
    "certificate": _certificate,
    "private-key": _private_key,
    "jwt": _jwt,
}
