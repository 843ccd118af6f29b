"""YAML, written: plain data in flow style on one line, so that no text can become anything but text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

_PLAIN = re.compile(r"(?:-{0,2}[A-Za-z_]|\./)[A-Za-z0-9_./@=-]*|[0-9]+(?:\.[0-9]+){3}|/[A-Za-z0-9_./-]*")
"""Words, options, addresses and paths that need no quotes, wherever they stand in flow style."""
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
"""Words that one version of YAML or another takes for something else."""
_ESCAPED = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")


def scalar(value: str | float | bool | None) -> str:
    """Write one value: as it is where that is surely the same text, else in double quotes."""
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    # JSON's quoted form is YAML's too; the characters that YAML forbids or an editor would obey are escaped.
    quoted = json.dumps(value, ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def flow(value: object) -> str:
    """Write plain data in flow style: ``{process: {}}``, ``[python3, -m, http.server]``."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(str(key))}: {flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(one) for one in value) + "]"
    if value is None or isinstance(value, str | int | float | bool):
        return scalar(value)
    raise TypeError(f"{type(value).__name__} is no plain data")
