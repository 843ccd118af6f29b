"""Free ports on 127.0.0.1 for replicas.

A port that binding to 0 gives is from the range that the kernel also takes for outgoing connections
(``ip_local_port_range``, ip(7)), and the forwarder makes those by the hundred: between our close and the replica's
bind one of them may get it. So ports below that range are tried first, each bound once to see that nobody has it,
and binding to 0 is what is left when none of them is free.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
from collections.abc import Collection
from pathlib import Path

HOST = "127.0.0.1"
_LOWEST = 15000
_EPHEMERAL_ELSEWHERE = 32768
_TRIES = 64


def free_port(taken: Collection[int]) -> int:
    """Answer a port that nobody listens on now and that is not in ``taken``. Raises OSError when there is none."""
    top = _first_ephemeral()
    if top - _LOWEST > 1000:
        start = secrets.randbelow(top - _LOWEST)
        for step in range(_TRIES):
            port = _LOWEST + (start + step * 61) % (top - _LOWEST)
            if port not in taken and _is_free(port):
                return port
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _first_ephemeral() -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        text = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii")
        return int(text.split()[0])
    return _EPHEMERAL_ELSEWHERE


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
