"""How a body goes to the API server as YAML, which is what a server-side apply is read as."""

from __future__ import annotations

import json
import re
from typing import Any


def as_yaml(body: Any) -> bytes:
    """Write a body as JSON that is YAML as well. JSON's own escapes are not: YAML has no pairs of them for a character
    beyond U+FFFF, and in YAML some characters are line ends or forbidden where JSON lets them stand (yaml.org,
    "5.1. Character Set", "5.7. Escaped Characters")."""
    text = json.dumps(body, ensure_ascii=False)
    return re.sub(r"[^\x20-\x7e]", lambda found: _escaped(ord(found[0])), text).encode("ascii")


def _escaped(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
