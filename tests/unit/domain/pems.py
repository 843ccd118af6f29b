"""Keys, a certificate and tokens for tests: made anew in each run, by the library that others use."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Mapping

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

_RSA = rsa.generate_private_key(65537, 1024)  # small, for it keeps nothing
_EC = ec.generate_private_key(ec.SECP256R1())
_NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "web.example")])
ENDS = dt.datetime(2027, 3, 1, 12, tzinfo=dt.UTC)
"""When the certificate expires."""

RSA_KEY = _RSA.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
PKCS8_KEY = _RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
LOCKED_KEY = _RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")).decode()
OLD_LOCKED_KEY = _RSA.private_bytes(
    Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"x")
).decode()
EC_KEY = (
    "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    + _EC.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
)
OPENSSH_KEY = (
    ed25519.Ed25519PrivateKey.generate()
    .private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    .decode()
)
KEYS = (RSA_KEY, PKCS8_KEY, LOCKED_KEY, OLD_LOCKED_KEY, EC_KEY, OPENSSH_KEY)
"""A private key in each form that there is."""
CERTIFICATE = (
    x509.CertificateBuilder()
    .subject_name(_NAME)
    .issuer_name(_NAME)
    .public_key(_EC.public_key())
    .serial_number(1)
    .not_valid_before(ENDS - dt.timedelta(days=365))
    .not_valid_after(ENDS)
    .sign(_EC, hashes.SHA256())
    .public_bytes(Encoding.PEM)
    .decode()
)


def token(claims: Mapping[str, object]) -> str:
    """Make a JSON Web Token with these claims; nobody signed it."""
    parts = [json.dumps({"alg": "HS256", "typ": "JWT"}), json.dumps(dict(claims)), "signature"]
    return ".".join(base64.urlsafe_b64encode(one.encode()).decode().rstrip("=") for one in parts)
