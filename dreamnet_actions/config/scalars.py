"""What an unquoted scalar means: the core schema of YAML 1.2, https://yaml.org/spec/1.2.2/#103-core-schema.

``no``, ``on`` and ``12:30`` are text, unlike in YAML 1.1; so are dates.
"""

from __future__ import annotations

import math
import re

from dreamnet_actions.config.tree import Scalar
from dreamnet_actions.domain.spec.values import shown

LONGEST_NUMBER = 100
"""Digits of a number; Python refuses to read whole numbers over 4,300, and none over a hundred is meant."""

_FIXED: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMERIC = re.compile(r"[-+.0-9]")
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_ENDLESS = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


def read_scalar(text: str) -> Scalar:
    """Answer the value of an unquoted scalar.

    Raises ValueError, in the words of the mistake, for a number that is endless, none, or too long.
    """
    if text in _FIXED:
        return _FIXED[text]
    if not _NUMERIC.match(text):
        return text
    number = bool(_DECIMAL.fullmatch(text))
    based = bool(_BASED.fullmatch(text))
    if _ENDLESS.fullmatch(text):
        raise ValueError(f"{shown(text)} is no number that can be used here; write a finite one")
    if not number and not based and not _FLOAT.fullmatch(text):
        return text
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"A number of {len(text)} digits is too long; put it in quotes if it is text")
    if number or based:
        return int(text, 0) if based else int(text)
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{shown(text)} is too large for a number; put it in quotes if it is text")
    return value
