"""One forwarded connection: two sides that pass bytes to each other, and what is learned of it on the way.

Bytes are passed on as they are: both directions may be closed separately, and a side that cannot keep up holds its
peer back (and nobody else). Of HTTP only this is known: the first answer on a connection begins with a status line (RFC
9112, section 4), and 5xx in it is an error. Later answers on a kept-alive connection are not looked at.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable
from typing import Any, Protocol, cast

from dreamnet_actions.adapters.process.traffic import Counter

QUIET = 1.0
"""Seconds: a connection of a replica that is to stop, answered and quiet for so long, is between two requests."""
_REFUSAL_WAIT = 2.0
_HTTP = re.compile(rb"[A-Z]{3,10} [^ \r\n]+")
_BODY = b"No replica of this service is ready.\n"
_REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n"
    b"Retry-After: 1\r\nConnection: close\r\n\r\n%b" % (len(_BODY), _BODY)
)


class Target(Protocol):
    """A replica, as the forwarder sees it."""

    port: int | None
    connections: set[Connection]
    counter: Counter

    def doubt(self) -> None:
        """It did not take a connection: look at it now."""


class Connection:
    """One client's connection and the one to the replica that serves it. ``accepted`` is called when the client is
    there and waits for a replica, ``ended`` when all is over."""

    def __init__(self, accepted: Callable[[Connection], None], ended: Callable[[Connection], None]) -> None:
        self._accepted, self._gone = accepted, ended
        self._loop = asyncio.get_running_loop()
        self.client = _Side(self)
        self.upstream = _Side(self)
        self.target: Target | None = None
        self.moved_at = self._loop.time()
        self.ended = False
        self._counter: Counter | None = None
        self._waits = False
        self._asked = False
        self._head = b""
        self._judged = False
        self._refusing: asyncio.Future[bytes] | None = None

    def made(self, side: _Side) -> None:
        """One side is connected: a client is held until a replica is found for it."""
        if side is self.client:
            side.transport.pause_reading()
            self._accepted(self)

    def join(self, target: Target) -> None:
        """Belong to this replica. Peers know each other before bytes can come: a server may speak first."""
        self.target = target
        target.connections.add(self)
        self.client.peer, self.upstream.peer = self.upstream, self.client

    def part(self) -> None:
        """The replica did not take it."""
        if self.target:
            self.target.connections.discard(self)
        self.target, self.upstream = None, _Side(self)
        self.client.peer = None

    def flow(self, counter: Counter) -> None:
        """Both sides are there: count it, and let bytes pass."""
        self._counter = counter
        counter.connected(self._loop.time())
        counter.open += 1
        if self.client.transport.is_closing():
            self.close()
        else:
            self.client.transport.resume_reading()

    def passed(self, side: _Side, data: bytes) -> None:
        """Bytes came in on one side."""
        self.moved_at = self._loop.time()
        if side is self.upstream:
            self._waits = False
            if not self._judged:
                self._judge(data)
        else:
            self._waits = self._asked = True
            if self._refusing and not self._refusing.done():
                self._refusing.set_result(data)

    def is_quiet(self, now: float) -> bool:
        """Tell whether it is between two requests, as far as can be told: nothing is waited for, and nothing moves."""
        return not self._waits and now - self.moved_at >= QUIET

    async def refuse(self) -> None:
        """No replica took it: answer 503 to a client that speaks HTTP, and close."""
        self._refusing = self._loop.create_future()
        with contextlib.suppress(RuntimeError):
            self.client.transport.resume_reading()
        said: set[asyncio.Future[Any]] = {self._refusing, self.client.closed}
        await asyncio.wait(said, timeout=_REFUSAL_WAIT, return_when=asyncio.FIRST_COMPLETED)
        if not self.ended and self._refusing.done() and _HTTP.match(self._refusing.result()):
            self.client.write(_REFUSAL)
            self.client.finish()
            # Until the client closes: closing on bytes that it still sends would take our answer from it (RST).
            await asyncio.wait({self.client.closed}, timeout=_REFUSAL_WAIT)
        self.close()

    def finished(self, side: _Side) -> None:
        """One side sends no more; the other direction stays open until it has finished too."""
        if side is self.upstream:
            self._judge_end()
        if side.peer is None:
            if self._refusing is None:
                self.close()
            return
        side.peer.finish()
        if side.peer.at_end:
            self.close()

    def lost(self, side: _Side) -> None:
        """One side has ended: end the other one when it has sent what it has."""
        if side is self.upstream and not self.ended:
            self._judge_end()
        self.close()

    def close(self) -> None:
        """End it: what was taken is still delivered."""
        if self.ended:
            return
        self.ended = True
        for side in (self.client, self.upstream):
            if side.connected:
                side.transport.close()
        if self.target:
            self.target.connections.discard(self)
        if self._counter:
            self._counter.open -= 1
        self._gone(self)

    def _judge(self, data: bytes) -> None:
        """Look at the status line of the first answer; it may come in pieces."""
        self._head += data[:12]
        if len(self._head) >= 10:
            self._judged = True
            if self._counter and self._head.startswith(b"HTTP/1.") and self._head[9:10] == b"5":
                self._counter.errors += 1

    def _judge_end(self) -> None:
        """A replica that ends a connection on which it was asked and has answered nothing has failed it."""
        if self._asked and not self._head and not self._judged and self._counter:
            self._judged = True
            self._counter.errors += 1


class _Side(asyncio.Protocol):
    """One end of a connection; passes bytes to its peer and holds its peer back while it cannot keep up."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.transport: asyncio.Transport
        self.connected = False
        self.peer: _Side | None = None
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.at_end = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.connected = True
        self._connection.made(self)

    def data_received(self, data: bytes) -> None:
        self._connection.passed(self, data)
        if self.peer:
            self.peer.write(data)

    def eof_received(self) -> bool:
        if not self.at_end:
            self.at_end = True
            self._connection.finished(self)
        return True  # keep the other direction open

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio names it
        self.connected = False
        if not self.closed.done():
            self.closed.set_result(None)
        self._connection.lost(self)

    def pause_writing(self) -> None:
        if self.peer and self.peer.connected:
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.peer and self.peer.connected:
            self.peer.transport.resume_reading()

    def write(self, data: bytes) -> None:
        """Send, where anybody is still there to take it."""
        if self.connected and not self.transport.is_closing():
            self.transport.write(data)

    def finish(self) -> None:
        """Send no more."""
        if self.connected and not self.transport.is_closing():
            with contextlib.suppress(OSError):
                self.transport.write_eof()
