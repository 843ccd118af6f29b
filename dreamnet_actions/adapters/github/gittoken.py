"""How git gets a token: by its environment, for one address only, never by an argument, an address or a file."""

from __future__ import annotations

import base64


def token_settings(url: str, token: str) -> dict[str, str]:
    """Answer git's settings as environment: https://git-scm.com/docs/git-config#ENVIRONMENT.

    The header holds for exactly this address, an empty one before it takes away what a user's file adds for it
    (two are answered with 400), and no redirect is followed: the token goes nowhere else.
    """
    pairs = [("http.followRedirects", "false"), ("credential.helper", "")]
    if token:
        header = f"AUTHORIZATION: basic {_basic(token)}"
        pairs += [(f"http.{url}.extraHeader", ""), (f"http.{url}.extraHeader", header)]
    settings = {"GIT_CONFIG_COUNT": str(len(pairs))}
    for place, (key, value) in enumerate(pairs):
        settings |= {f"GIT_CONFIG_KEY_{place}": key, f"GIT_CONFIG_VALUE_{place}": value}
    return settings


def _basic(token: str) -> str:
    return base64.b64encode(f"x-access-token:{token}".encode()).decode()


def token_forms(token: str) -> tuple[str, ...]:
    """Answer the texts under which git could repeat the token."""
    return (token, _basic(token)) if token else ()
