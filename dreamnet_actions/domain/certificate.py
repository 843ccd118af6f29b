"""Just enough of X.509 to say what is wrong with a certificate: its dates and the names that it is for.

Python tells nothing of a certificate that it did not verify, so this reads the raw form (RFC 5280, DER).
"""

from __future__ import annotations

import calendar
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

_SEQUENCE, _SET, _OID, _OCTETS = 0x30, 0x31, 0x06, 0x04
_UTC_TIME, _GENERAL_TIME = 0x17, 0x18
_EXTENSIONS = 0xA3
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87
_ALTERNATIVE_NAMES = bytes.fromhex("551d11")  # 2.5.29.17
_COMMON_NAME = bytes.fromhex("550403")  # 2.5.4.3


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate's dates (seconds since 1970) and the names it is for. The names are untrusted text."""

    begins: float
    ends: float
    names: tuple[str, ...]


def read_certificate(der: bytes) -> Certificate:
    """Read a certificate in DER. Raises ValueError for bytes that are none."""
    (outer, body), *_ = _fields(der)
    (inner, signed), *_ = _fields(body)
    if outer != _SEQUENCE or inner != _SEQUENCE:
        raise ValueError("not a certificate")
    parts = [
        part for part in _fields(signed) if part[0] != 0xA0
    ]  # without the version, which may be left out
    if len(parts) < 6:
        raise ValueError("a certificate that lacks parts")
    dates = [_moment(tag, text) for tag, text in _fields(parts[3][1])]
    if len(dates) != 2:
        raise ValueError("a certificate without two dates")
    extensions = next((value for tag, value in parts[6:] if tag == _EXTENSIONS), None)
    names = tuple(_alternatives(extensions)) if extensions else ()
    return Certificate(dates[0], dates[1], names or tuple(_common_names(parts[4][1])))


def _fields(data: bytes) -> list[tuple[int, bytes]]:
    """Split data into its fields: tag and value of each."""
    found, at = [], 0
    while at < len(data):
        if at + 2 > len(data):
            raise ValueError("cut off in the middle of a field")
        tag, size = data[at], data[at + 1]
        at += 2
        if size & 0x80:
            digits = size & 0x7F
            if not 1 <= digits <= 4 or at + digits > len(data):
                raise ValueError("a field of no plain length")
            size = int.from_bytes(data[at : at + digits], "big")
            at += digits
        if at + size > len(data):
            raise ValueError("a field longer than what holds it")
        found.append((tag, data[at : at + size]))
        at += size
    if not found:
        raise ValueError("nothing where a field was expected")
    return found


def _moment(tag: int, text: bytes) -> float:
    digits = text.decode("ascii", "replace").removesuffix("Z")
    if tag == _UTC_TIME and len(digits) == 12:
        digits = ("19" if digits[:2] >= "50" else "20") + digits  # RFC 5280, 4.1.2.5.1
    elif tag != _GENERAL_TIME or len(digits) != 14:
        raise ValueError("a date of unknown form")
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("a date of unknown form")
    year, month, day = int(digits[:4]), int(digits[4:6]), int(digits[6:8])
    if not (1 <= month <= 12 and 1 <= day <= 31 and year >= 1):
        raise ValueError("a date that there is not")
    hour, minute, second = (int(digits[place : place + 2]) for place in (8, 10, 12))
    return float(calendar.timegm((year, month, day, hour, minute, second)))


def _alternatives(extensions: bytes) -> Iterator[str]:
    for _, listed in _fields(extensions):
        for _, extension in _fields(listed):
            parts = _fields(extension)
            if parts[0] != (_OID, _ALTERNATIVE_NAMES) or parts[-1][0] != _OCTETS:
                continue
            for _, names in _fields(parts[-1][1]):
                for tag, name in _fields(names):
                    if tag == _DNS_NAME:
                        yield name.decode("ascii", "replace")
                    elif tag == _IP_ADDRESS and len(name) in (4, 16):
                        yield str(ipaddress.ip_address(name))


def _common_names(subject: bytes) -> Iterator[str]:
    for tag, group in _fields(subject) if subject else ():
        if tag != _SET:
            continue
        for _, pair in _fields(group):
            parts = _fields(pair)
            if parts[0] == (_OID, _COMMON_NAME):
                yield parts[-1][1].decode("utf-8", "replace")
