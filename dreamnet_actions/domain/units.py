"""Durations and shares as people write them (``30s``, ``5m``, ``25%``), and back.

Owns the one grammar of both; the configuration, the command line and comments all read through it.
"""

from __future__ import annotations

import re

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_duration(text: object) -> float:
    """Read ``'1m30s'`` as seconds (90.0).

    Raises ValueError for anything without a unit, so that a bare ``30`` is never guessed at.
    """
    # A longer text is no duration, and the pattern is slow on many digits.
    if isinstance(text, str) and len(text) <= 64:
        parts = _DURATION.findall(text)
        if parts and "".join(number + unit for number, unit in parts) == text.strip():
            return sum(float(number) * _SECONDS[unit] for number, unit in parts)
    raise ValueError(
        f"{text!r:.80} is no duration; write a number with a unit, as in '500ms', '30s', '5m', '4h', '7d'"
    )


def format_duration(seconds: float) -> str:
    """Write seconds the way people say them: ``0.25 s`` as ``250ms``, 90 as ``1m30s``, 7200 as ``2h``."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    if seconds < 10:
        return f"{seconds:.1f}".removesuffix(".0") + "s"
    rest, text = round(seconds), ""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        text += f"{count}{unit}" if count else ""
    return text


def parse_share(text: object) -> float:
    """Read ``'25%'`` as a share between 0 and 1 (0.25).

    Raises ValueError for anything without ``%`` or outside 0–100 %.
    """
    if isinstance(text, str) and (found := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", text, re.ASCII)):
        share = float(found[1]) / 100
        if share <= 1:
            return share
    raise ValueError(f"{text!r:.80} is no percentage; write one between '0%' and '100%'")


def counted(number: int, noun: str) -> str:
    """Write a number with its noun: ``1 service``, ``3 services``. Only for nouns that take an ``s``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
