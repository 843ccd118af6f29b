"""Looks: is this replica ready for traffic? Each answers None for yes, or in words why not.

HTTP is spoken by hand (RFC 9112: one GET, the status line of its answer): a look needs no more, and a client library
would cost more than all of the supervisor.
"""

from __future__ import annotations

import asyncio
import contextlib

from dreamnet_actions.adapters.process.loopback import HOST


async def look(port: int, path: str | None, within: float) -> str | None:
    """Look once: GET ``path`` must answer 200–399 within so many seconds; without a path the port must take a
    connection."""
    try:
        async with asyncio.timeout(within):
            return await (_look_http(port, path) if path else _look_tcp(port))
    except TimeoutError:
        return f"GET {path}: no answer within {within:g} s" if path else f"no connection within {within:g} s"
    except ConnectionRefusedError:
        return f"nothing listens on port {port}"
    except (OSError, ValueError) as error:
        return f"GET {path}: {error}" if path else str(error)


async def _look_tcp(port: int) -> None:
    _, writer = await asyncio.open_connection(HOST, port)
    await _close(writer)


async def _look_http(port: int, path: str) -> str | None:
    reader, writer = await asyncio.open_connection(HOST, port, limit=65536)
    try:
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nUser-Agent: dreamnet\r\n"
            "Accept: */*\r\nConnection: close\r\n\r\n".encode()
        )
        line = await reader.readline()
        parts = line.split(None, 2)
        if len(parts) < 2 or not parts[0].startswith(b"HTTP/") or not parts[1].isdigit():
            return f"GET {path}: the answer is not HTTP" if line else f"GET {path}: closed without an answer"
        if 200 <= int(parts[1]) <= 399:
            # Read to the end within reason: closing on unread bytes resets the connection, which servers log.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await reader.read(1_000_000)
            return None
        return f"GET {path} answered {int(parts[1])}"
    finally:
        await _close(writer)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
