"""Data hidden in a body: ``<!-- dreamnet:KIND v1 {…} -->``, lossless JSON that nothing in it can end or link. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

VERSION = 1
_GH = re.compile(r"(gh)-", re.IGNORECASE)
# Outside of its strings JSON has none of these characters, so that the escapes are right wherever they are put.
_ESCAPES = (
    ("<", "\\u003c"),
    (">", "\\u003e"),
    ("&", "\\u0026"),
    ("@", "\\u0040"),
    ("#", "\\u0023"),
    ("/", "\\/"),
)


def encode(kind: str, data: Mapping[str, Any]) -> str:
    """Write plain data (any mapping counts as an object) as one line of a comment that Markdown does not show."""
    text = json.dumps(data, separators=(",", ":"), default=_mapping)
    for character, escape in _ESCAPES:
        text = text.replace(character, escape)
    text = _GH.sub(r"\1\\u002d", text.replace("--", "-\\u002d"))
    return f"<!-- dreamnet:{kind} v{VERSION} {text} -->"


def decode(kind: str, body: str) -> dict[str, Any] | None:
    """Read what ``encode`` wrote: the last of its kind in ``body``, for ours stands at the end.

    Answers None where there is none, where somebody damaged it, or where a newer DreamNet wrote it.
    """
    found = re.findall(rf"<!-- dreamnet:{re.escape(kind)} v(\d{{1,4}}) (\{{[^<>]*\}}) -->", body)
    if not found or int(found[-1][0]) > VERSION:
        return None
    try:
        data = json.loads(found[-1][1])
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _mapping(value: object) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no plain data")
