"""Google's issuer of identity tokens: a key that signs, and the certificates that others judge by."""

from __future__ import annotations

import base64
import datetime as dt
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

ISSUER = "https://accounts.google.com"
PATH = "/oauth2/v1/certs"
"""Where the certificates are, as at www.googleapis.com."""


class Issuer:
    """Signs tokens as Google's accounts do. ``age`` is for how many seconds its keys may be kept. The first is made
    when it is needed."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._keys: list[tuple[str, Any]] = []
        self._made = 0
        self.age = 20_000

    def certificates(self) -> dict[str, str]:
        """Answer every certificate by its key's id."""
        from cryptography.hazmat.primitives.serialization import Encoding

        return {
            key: self._certificate(private).public_bytes(Encoding.PEM).decode()
            for key, private in self._all()
        }

    def rotate(self, private: Any = None, *, forget: bool = False) -> str:
        """Sign with another key from now on, or with ``private`` (an RSA key); answers its id. With ``forget`` the
        former ones are gone."""
        from cryptography.hazmat.primitives.asymmetric import rsa

        private = private or rsa.generate_private_key(public_exponent=65537, key_size=2048)
        with self._lock:
            self._made += 1
            key = f"key-{self._made}"
            self._keys = [*([] if forget else self._keys), (key, private)]
        return key

    def token(self, email: str, audience: str, /, **claims: Any) -> str:
        """Answer an hour's token of a service account for an audience; ``claims`` say otherwise."""
        now = int(self._now())
        said = {
            "iss": ISSUER,
            "aud": audience,
            "azp": "113774264463038321964",
            "sub": "113774264463038321964",
            "email": email,
            "email_verified": True,
            "iat": now,
            "exp": now + 3600,
            **claims,
        }
        return self.sign(said)

    def sign(self, claims: Mapping[str, Any], *, header: Mapping[str, Any] | None = None) -> str:
        """Sign claims with the newest key (RS256); ``header`` replaces what stands in the token's."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        key, private = self._all()[-1]
        parts = [{"alg": "RS256", "kid": key, "typ": "JWT", **(header or {})}, dict(claims)]
        text = b".".join(_base64(json.dumps(one).encode()) for one in parts)
        return (text + b"." + _base64(private.sign(text, padding.PKCS1v15(), hashes.SHA256()))).decode()

    def _all(self) -> list[tuple[str, Any]]:
        if not self._keys:
            self.rotate()
        with self._lock:
            return list(self._keys)

    def _certificate(self, private: Any) -> Any:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.x509.oid import NameOID

        begins = dt.datetime.fromtimestamp(self._now(), dt.UTC) - dt.timedelta(hours=1)
        name = x509.Name(
            [x509.NameAttribute(NameOID.COMMON_NAME, "federated-signon.system.gserviceaccount.com")]
        )
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(begins + dt.timedelta(days=16))
            .sign(private, hashes.SHA256())
        )


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
