"""How requests go to the API server: their connections, and a body as YAML, which a server-side apply is read as."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from typing import Any


def as_yaml(body: Any) -> bytes:
    """Write a body as JSON that is YAML as well. JSON's own escapes are not: YAML has no pairs of them for a character
    beyond U+FFFF, and in YAML some characters are line ends or forbidden where JSON lets them stand (yaml.org,
    "5.1. Character Set", "5.7. Escaped Characters")."""
    text = json.dumps(body, ensure_ascii=False)
    return re.sub(r"[^\x20-\x7e]", lambda found: _escaped(ord(found[0])), text).encode("ascii")


def _escaped(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def keep_alive() -> Iterator[tuple[int, int, int]]:
    """Answer the socket options by which a peer that is gone is noticed in half a minute, on a silent watch too."""
    yield socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1
    for name, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
        if (option := getattr(socket, name, None)) is not None:  # macOS has its own
            yield socket.IPPROTO_TCP, option, value
