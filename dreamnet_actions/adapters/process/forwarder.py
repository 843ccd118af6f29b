"""The weighted address of one service: a TCP forwarder on 127.0.0.1 in front of its replicas.

Each new connection gets a track by weight and in it the ready replica with the fewest open connections. A replica that
does not take it is passed over for the next one, which the client does not notice; when none takes it, a client that
speaks HTTP is answered 503 and any other is closed. A connection on which nothing moves for ten minutes is closed.
What happens on a connection is in ``connection.py``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol

from dreamnet_actions.adapters.process.connection import Connection, Target
from dreamnet_actions.adapters.process.loopback import HOST
from dreamnet_actions.adapters.process.traffic import Counter, Shares

IDLE_LIMIT = 600.0
"""Seconds without a byte either way after which a connection is closed."""
CONNECT_LIMIT = 1.0
"""Seconds for a replica to take a connection: on loopback only a frozen one with a full backlog needs longer."""
_BACKLOG = 1024


class Route(Protocol):
    """A service, as the forwarder sees it."""

    shares: Shares

    def candidates(self, track: str) -> Iterable[Target]:
        """Answer the replicas of a track, the best for the next connection first."""

    def counter(self, track: str) -> Counter:
        """Answer the counter of the track's release."""


class Forwarder:
    """Listens for one service. ``failure`` says in words why it cannot, where it cannot."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self.port: int | None = None
        self.failure: str | None = None
        self._server: asyncio.Server | None = None
        self._loop = asyncio.get_running_loop()
        self._open: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle_timer: asyncio.TimerHandle | None = None

    @property
    def listening(self) -> bool:
        """True while it takes connections."""
        return self._server is not None

    async def listen(self, port: int) -> None:
        """Take connections on this port; where somebody else has it, say so in ``failure`` (and leave them alone)."""
        self.close()
        self.port = port
        try:
            self._server = await self._loop.create_server(
                lambda: Connection(self._accept, self._open.discard).client, HOST, port, backlog=_BACKLOG
            )
        except OSError as error:
            self.failure = f"port {port}: {error.strerror or error}"
            return
        self.failure = None
        self._idle_timer = self._loop.call_later(IDLE_LIMIT / 10, self._close_idle)

    def close(self) -> None:
        """Take no more connections. Those that are open stay until their replica ends."""
        if self._idle_timer:
            self._idle_timer.cancel()
        if self._server:
            self._server.close()
        self._server = None

    def abort(self) -> None:
        """Close everything, now."""
        self.close()
        for connection in list(self._open):
            connection.close()

    def _accept(self, connection: Connection) -> None:
        self._open.add(connection)
        task = self._loop.create_task(self._carry(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, connection: Connection) -> None:
        wanted = self.route.shares.next()
        for track in [wanted, *self.route.shares.others(wanted)] if wanted else []:
            for target in self.route.candidates(track):
                if connection.ended:
                    return
                if await self._joined(connection, target):
                    return
                target.doubt()
            if track == wanted:
                refused = self.route.counter(track)
                refused.connected(self._loop.time())
                refused.errors += 1
        await connection.refuse()

    async def _joined(self, connection: Connection, target: Target) -> bool:
        if target.port is None:
            return False
        connection.join(target)  # from now on it counts as open: a burst spreads over all replicas
        try:
            async with asyncio.timeout(CONNECT_LIMIT):
                await self._loop.create_connection(lambda: connection.upstream, HOST, target.port)
        except (OSError, TimeoutError):
            connection.part()
            return False
        if connection.ended:  # closed from our side while it was on its way
            connection.upstream.transport.close()
            return True
        connection.flow(target.counter)
        return True

    def _close_idle(self) -> None:
        limit = self._loop.time() - IDLE_LIMIT
        for connection in [one for one in self._open if one.moved_at < limit]:
            connection.close()
        self._idle_timer = self._loop.call_later(IDLE_LIMIT / 10, self._close_idle)
