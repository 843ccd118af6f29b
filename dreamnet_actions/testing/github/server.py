"""Serving an ASGI application on 127.0.0.1, in a thread, on a free port."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from typing import Any

import uvicorn

from dreamnet_actions.errors import DeadlineExceeded

START = 30.0
STOP = 20.0


class _Server(uvicorn.Server):
    """uvicorn, telling when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


class Serving:
    """An application being served; ``close`` ends it, with all its connections."""

    def __init__(self, sock: socket.socket, app: Any) -> None:
        self.port: int = sock.getsockname()[1]
        config = uvicorn.Config(
            app,
            log_level="critical",
            access_log=False,
            lifespan="off",
            loop="asyncio",
            ws="none",
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        sockets: Sequence[socket.socket] = [sock]
        self._thread = threading.Thread(
            target=self._server.run, args=(list(sockets),), name="github-stand-in", daemon=True
        )
        self._thread.start()
        if not self._server.up.wait(START):
            raise DeadlineExceeded("the GitHub stand-in to start", START)

    def close(self) -> None:
        """Stop serving."""
        self._server.should_exit = True
        self._thread.join(STOP)


def listen(port: int = 0) -> socket.socket:
    """Take a port of 127.0.0.1; 0: a free one."""
    # asyncio sends at once (TCP_NODELAY) only where the protocol is named; without it each small answer takes 40 ms.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    return sock
