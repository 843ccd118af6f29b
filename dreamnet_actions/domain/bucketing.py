"""Where flagd's ``fractional`` puts a caller: MurmurHash3 (32 bits) of the bucketing value's bytes. Pure.

Two rules are in use, named as the flagd testbed names them. ``v3`` encodes the value as deterministic CBOR (RFC 8949,
4.2.1; whole numbers as integers), so it may be of any type; ``v2`` takes a text's UTF-8 as it is. The same caller is
elsewhere by each of them (flagd's decision record "Support for non-string random units", 2026).
"""

from __future__ import annotations

import math
import struct
from typing import Any, Literal

Bucketing = Literal["v3", "v2"]
MOST_WEIGHT = 2**31 - 1
"""The most that a split's weights may be together."""
_MASK = 0xFFFFFFFF


def murmur3(data: bytes) -> int:
    """Answer MurmurHash3_x86_32 of the data with seed 0, unsigned."""
    value, whole = 0, len(data) & ~3
    for (block,) in struct.iter_unpack("<I", data[:whole]):
        value ^= _scrambled(block)
        value = ((value << 13 | value >> 19) * 5 + 0xE6546B64) & _MASK
    value ^= _scrambled(int.from_bytes(data[whole:], "little")) ^ len(data)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        value = (value ^ value >> shift) * factor & _MASK
    return value


def _scrambled(block: int) -> int:
    block = block * 0xCC9E2D51 & _MASK
    return (block << 15 | block >> 17) * 0x1B873593 & _MASK


def share(value: Any, total: int, *, by: Bucketing = "v3") -> int:
    """Answer the place of a bucketing value in ``0 … total - 1``. Raises ValueError (UnicodeEncodeError among them) for
    a value that has no bytes by that rule."""
    data = cbor(value) if by == "v3" else str(value).encode()
    return murmur3(data) * total >> 32


def cbor(value: Any) -> bytes:
    """Encode a JSON value as deterministic CBOR. Raises ValueError for a text with a lone surrogate."""
    if value is None or isinstance(value, bool):
        return {None: b"\xf6", False: b"\xf4", True: b"\xf5"}[value]
    if isinstance(value, float) and value.is_integer() and -(2**63) <= value <= 2**64 - 1:
        value = int(value)
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, str):
        data = value.encode()
        return _head(3, len(data)) + data
    if isinstance(value, list | tuple):
        return _head(4, len(value)) + b"".join(cbor(one) for one in value)
    if isinstance(value, dict):
        rows = sorted((cbor(str(key)), cbor(one)) for key, one in value.items())
        return _head(5, len(rows)) + b"".join(key + one for key, one in rows)
    raise ValueError(f"{type(value).__name__} is no JSON")


def _head(kind: int, size: int) -> bytes:
    """Encode a major type with its number, as short as it goes."""
    if size < 24:
        return bytes([kind << 5 | size])
    more, form = next(
        (one, form) for one, form in enumerate((">B", ">H", ">I", ">Q")) if size < 1 << (8 << one)
    )
    return bytes([kind << 5 | 24 + more]) + struct.pack(form, size)


def _integer(value: int) -> bytes:
    kind, size = (0, value) if value >= 0 else (1, -1 - value)
    if size < 1 << 64:
        return _head(kind, size)
    data = size.to_bytes((size.bit_length() + 7) // 8, "big")  # a bignum: tag 2, or 3 below zero
    return bytes([0xC2 + kind]) + _head(2, len(data)) + data


def _float(value: float) -> bytes:
    if math.isnan(value):
        return b"\xf9\x7e\x00"
    for first, form in ((b"\xf9", ">e"), (b"\xfa", ">f")):
        try:
            data = struct.pack(form, value)
        except OverflowError:
            continue
        if struct.unpack(form, data)[0] == value:
            return first + data
    return b"\xfb" + struct.pack(">d", value)
