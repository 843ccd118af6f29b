"""Words for people about what a stranger's server said: one line, harmless, without the address's secrets."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl, quote, unquote, urlsplit

LIMIT = 300
"""The longest detail, in characters (``domain.health.shorten``'s limit)."""


def plain(text: str, limit: int = LIMIT) -> str:
    """Answer ``text`` as one printable line of at most ``limit`` characters.

    Whatever does not print (controls, ANSI escapes, direction marks, lone surrogates) is shown as its escape.
    """
    shown = " ".join(text[: 4 * limit].split())
    if not shown.isprintable():
        shown = "".join(one if one.isprintable() else _escape(one) for one in shown)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _escape(one: str) -> str:
    return one.encode("unicode_escape", "surrogatepass").decode("ascii")


class Redactor:
    """Takes the secrets of one URL (user, password, query values) out of texts."""

    def __init__(self, url: str = "") -> None:
        parts = _split(url)
        self._secrets = tuple(sorted(_secrets(parts), key=len, reverse=True))
        self.shown = plain(_shown(parts), 160) if parts else plain(url, 160)

    def __call__(self, text: str) -> str:
        """Answer ``text`` with every secret of the URL as ``***``, on one harmless line."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return plain(text)


def _split(url: str) -> tuple[str, str, str, str] | None:
    """Take a URL apart into scheme, userinfo, the rest up to the query, and the query; None where it cannot be."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    user, _, place = parts.netloc.rpartition("@")
    return parts.scheme, user, place + parts.path, parts.query


def _shown(parts: tuple[str, str, str, str]) -> str:
    scheme, user, rest, query = parts
    text = f"{scheme}://" if scheme else ""
    text += "***@" if user else ""
    text += rest
    if query:
        # Only the first part of "a=b" is a name; a bare "?token" may be the secret itself.
        names = [f"{part.partition('=')[0]}=***" if "=" in part else "***" for part in query.split("&")]
        text += "?" + "&".join(names)
    return text


def _secrets(parts: tuple[str, str, str, str] | None) -> Iterable[str]:
    """Answer the secrets in the forms a server may echo; those under 4 characters would blot out ordinary text."""
    if parts is None:
        return ()
    _, user, _, query = parts
    found = {user, *user.split(":", 1)}
    found.update(value for _, value in parse_qsl(query, keep_blank_values=True))
    found.update(part.partition("=")[2] for part in query.split("&"))
    found.update(part for part in query.split("&") if "=" not in part)
    found |= {unquote(one) for one in found} | {quote(one, safe="", errors="replace") for one in found}
    return {one for one in found if len(one) >= 4}
