"""Workload Identity Federation: a provider's mapping and condition, judged on a token of GitHub's.

Mappings and conditions are CEL (cloud.google.com/iam/docs/workload-identity-federation, "Attribute mappings" and
"Attribute conditions"). Known here is what guides and docs/gke.md use: ``assertion.NAME``, ``attribute.NAME``,
``google.subject``, texts, ``+``, ``==``, ``!=``, ``in [...]``, ``.startsWith(…)``, ``&&`` and ``||``; anything else
raises.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dreamnet_actions.testing.google.world import Provider, World, oauth

LONGEST = 127
"""Bytes of ``google.subject`` (cloud.google.com/iam/quotas)."""
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'[^']*'|\"[^\"]*\")|(?P<name>[a-z_]+\.[a-zA-Z_.]+(?<!\.startsWith))"
    r"|(?P<mark>==|!=|&&|\|\||\+|\[|\]|\(|\)|,|\.startsWith|in\b))"
)


def exchange(world: World, form: Mapping[str, str]) -> dict[str, Any]:
    """Swap a token of an issuer's for one of Google's (RFC 8693, as sts.googleapis.com answers it).

    Raises Refused as the Security Token Service words it.
    """
    import jwt

    audience = form.get("audience", "")
    name = audience.removeprefix("//iam.googleapis.com/")
    provider = world.providers.get(name)
    if provider is None or not provider.enabled:
        raise oauth(
            "invalid_target",
            'The target service indicated by the "audience" parameters is invalid. This might either be because the '
            "pool or provider is disabled or deleted or because it doesn't exist.",
        )
    allowed = list(provider.audiences) or [f"https:{audience}", audience]
    token = form.get("subject_token", "")
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
        if claims.get("iss") != provider.issuer:
            raise oauth(
                "invalid_grant",
                f"The issuer in ID Token {claims.get('iss')} does not match the expected ones.",
            )
        if claims.get("aud") not in allowed:
            raise oauth(
                "invalid_grant",
                f"The audience in ID Token [{claims.get('aud')}] does not match the expected audience.",
            )
        jwt.decode(
            token, provider.key, algorithms=["RS256"], options={"verify_aud": False, "verify_exp": False}
        )
    except jwt.PyJWTError as error:
        raise oauth("invalid_grant", f"The ID Token is not valid: {error}") from error
    if claims["exp"] <= world.now():
        raise oauth("invalid_grant", f"ID Token issued at {claims['iat']} is stale to sign-in.")
    names = mapped(provider, claims)
    subject = names["google.subject"]
    if len(subject.encode()) > LONGEST:
        raise oauth(
            "invalid_request", "The size of mapped attribute google.subject exceeds the 127 bytes limit."
        )
    pool = name.split("/providers/")[0]
    me = f"principal://iam.googleapis.com/{pool}/subject/{subject}"
    sets = {f"principalSet://iam.googleapis.com/{pool}/*"} | {
        f"principalSet://iam.googleapis.com/{pool}/{key}/{value}"
        for key, value in names.items()
        if key.startswith("attribute.")
    }
    issued, _ = world.issue(me, frozenset({me} | sets), form.get("scope", ""))
    return {
        "access_token": issued,
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "token_type": "Bearer",
        "expires_in": int(world.lifetime),
    }


def mapped(provider: Provider, claims: Mapping[str, Any]) -> dict[str, str]:
    """Answer the attributes that a provider makes of a token's claims. Raises Refused where its condition says no."""
    values = {f"assertion.{key}": str(value) for key, value in claims.items()}
    names = {key: str(_value(expression, values)) for key, expression in provider.mapping.items()}
    if provider.condition and _value(provider.condition, values | names) is not True:
        raise oauth("unauthorized_client", "The given credential is rejected by the attribute condition.")
    return names


def _value(expression: str, values: Mapping[str, str]) -> Any:
    """Answer what an expression is."""
    tokens, place = [], 0
    while place < len(expression.rstrip()):
        found = _TOKEN.match(expression, place)
        if found is None:
            raise ValueError(f"not known here: {expression[place:]!r} in {expression!r}")
        tokens.append((str(found.lastgroup), str(found[str(found.lastgroup)])))
        place = found.end()
    reader = _Reader(tokens, values)
    answer = reader.either()
    if reader.tokens:
        raise ValueError(f"not known here: {expression!r}")
    return answer


class _Reader:
    """Reads an expression from the loosest operator to the tightest."""

    def __init__(self, tokens: list[tuple[str, str]], values: Mapping[str, str]) -> None:
        self.tokens, self._values = tokens, values

    def either(self) -> Any:
        found = self._both()
        while self._took("||"):
            other = self._both()
            found = found is True or other is True
        return found

    def _both(self) -> Any:
        found = self._compared()
        while self._took("&&"):
            other = self._compared()
            found = found is True and other is True
        return found

    def _compared(self) -> Any:
        left = self._joined()
        if self._took("=="):
            return left == self._joined()
        if self._took("!="):
            return left != self._joined()
        if self._took("in"):
            return left in self._joined()
        return left

    def _joined(self) -> Any:
        found = self._one()
        while self._took("+"):
            found = f"{found}{self._one()}"
        return found

    def _one(self) -> Any:
        if self._took("("):
            found = self.either()
            self._need(")")
        elif self._took("["):
            found = [self._joined()]
            while self._took(","):
                found.append(self._joined())
            self._need("]")
        else:
            kind, word = self.tokens.pop(0)
            found = word[1:-1] if kind == "text" else self._values.get(word, "")
        if self._took(".startsWith"):
            self._need("(")
            start = self._joined()
            self._need(")")
            return str(found).startswith(str(start))
        return found

    def _took(self, mark: str) -> bool:
        if self.tokens and self.tokens[0] == ("mark", mark):
            self.tokens.pop(0)
            return True
        return False

    def _need(self, mark: str) -> None:
        if not self._took(mark):
            raise ValueError(f"{mark!r} is missing before {self.tokens!r}")
