"""Texts in PEM (RFC 7468): their blocks, certificates and keys among them. Pure; says nothing of what is in them."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from dreamnet_actions.domain.certificate import Certificate, read_certificate

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,64})-----[ \t]*\r?\n(.*?)-----END \1-----[ \t]*", re.DOTALL)
_KEYS = frozenset(
    {"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY"}
)
_OPENSSH = "OPENSSH PRIVATE KEY"
_SEQUENCE = 0x30


class NoPem(ValueError):
    """A text is not what was asked of it; the text of the error is the end of a sentence."""


@dataclass(frozen=True)
class Block:
    """One block: its label, and its bytes (None where its body is encrypted the old way, and no plain DER)."""

    label: str
    data: bytes | None


def blocks(text: str) -> list[Block]:
    """Answer a text's blocks; explanatory text between them is allowed. Raises NoPem."""
    found = [Block(one[1], _body(one[1], one[2])) for one in _BLOCK.finditer(text)]
    if found:
        return found
    if re.search(r"-----BEGIN [A-Z0-9 ]+-----\\n", text):
        raise NoPem(r"its line ends are written as '\n'")
    if re.search(r"-----BEGIN [A-Z0-9 ]+-----[ \t]+\S", text):
        raise NoPem("its lines are joined into one")
    raise NoPem("it is cut off" if "-----BEGIN" in text else "it has no '-----BEGIN …-----'")


def certificates(text: str) -> list[Certificate]:
    """Answer the certificates of a text that holds nothing else. Raises NoPem."""
    found = []
    for one in blocks(text):
        if one.label not in ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"):
            raise NoPem(f"it holds a {one.label}")
        try:
            found.append(read_certificate(one.data or b""))
        except ValueError:
            raise NoPem("it holds a block that is no certificate") from None
    return found


def check_private_key(text: str) -> None:
    """See that a text is one private key: PKCS#1, PKCS#8, SEC 1 or OpenSSH, encrypted or not. Raises NoPem."""
    found = [
        one for one in blocks(text) if not one.label.endswith("PARAMETERS")
    ]  # openssl writes a curve before a key
    if len(found) != 1:
        raise NoPem(f"it holds {len(found)} blocks")
    key = found[0]
    if key.label == _OPENSSH:
        if key.data is None or not key.data.startswith(b"openssh-key-v1\0"):
            raise NoPem("its body is no OpenSSH key")
    elif key.label not in _KEYS:
        raise NoPem(f"it holds a {key.label}")
    elif key.data is not None and not _is_sequence(key.data):
        raise NoPem("its body is no key")


def has_private_key(text: str) -> bool:
    """Say whether a text holds a private key in PEM, however broken the rest of it is."""
    return re.search(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----", text) is not None


def _body(label: str, body: str) -> bytes | None:
    if re.search(r"(?m)^Proc-Type:.*ENCRYPTED", body):
        return None
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError):
        raise NoPem(f"the body of its {label} is no base64") from None


def _is_sequence(data: bytes) -> bool:
    """Say whether bytes are one DER sequence, whole."""
    if len(data) < 2 or data[0] != _SEQUENCE:
        return False
    size, start = data[1], 2
    if size & 0x80:
        digits = size & 0x7F
        if not 1 <= digits <= 4:
            return False
        size, start = int.from_bytes(data[2 : 2 + digits], "big"), 2 + digits
    return start + size == len(data)
