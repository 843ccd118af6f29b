"""Serving the gateway: uvicorn on one socket, couriers beside it, and an orderly end."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from dreamnet_actions.entrances.delivery import Couriers
from dreamnet_actions.entrances.guard import is_loopback
from dreamnet_actions.entrances.watch import interrupt, until_stopped
from dreamnet_actions.errors import PermanentError
from dreamnet_actions.errors.configuration import ExtraMissing

if TYPE_CHECKING:
    from dreamnet_actions.bootstrap import System

GRACE = 4.0
"""Seconds that requests and deliveries under way are given after SIGTERM; what is cut is taken up again later."""


def run(
    system: System,
    *,
    host: str,
    port: int,
    key: str | None,
    deliver: bool,
    workers: int,
    tell: Callable[[str], None],
) -> None:
    """Serve until SIGINT or SIGTERM. The first thing told is the address, once connections are taken."""
    try:
        import uvicorn

        from dreamnet_actions.entrances.http import create_app
    except ModuleNotFoundError as error:
        raise ExtraMissing("The gateway", error.name or "a package", "gateway") from None

    couriers = Couriers(system.pipe.drain, workers=workers if deliver else 0)
    listening = _listen(host, port)
    tell(f"http://{_shown(host)}:{listening.getsockname()[1]}")
    app = create_app(system, key=key, wake=couriers.wake)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=True,
            proxy_headers=False,
            limit_concurrency=200,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=int(GRACE),
        )
    )
    couriers.start()
    # uvicorn raises the signal that ended it once more when it is done; here that was the wish, and no failure.
    with until_stopped(threading.Event()):
        server.run(sockets=[listening])
    interrupt(system)
    if not couriers.stop(GRACE):
        logging.getLogger("dreamnet").warning("A delivery was cut short; it is handed out again later.")


def _listen(host: str, port: int) -> socket.socket:
    """Take the address now, so that a port in use is an error with a hint, and the address told is the true one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host.strip("[]"), port))
        listening.listen(2048)
    except OSError as error:
        listening.close()
        raise PermanentError(
            f"{host}:{port} cannot be listened on: {error.strerror or error}.",
            hint="Name another --port (0 takes a free one), or end what listens there.",
        ) from None
    return listening


def _shown(host: str) -> str:
    if host in ("0.0.0.0", "::") or is_loopback(host):  # noqa: S104 — compared, not bound
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"[{host}]" if ":" in host else host
