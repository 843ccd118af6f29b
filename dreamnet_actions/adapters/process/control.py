"""The control protocol between commands and the supervisor: one JSON object a line over a Unix stream socket.

A request is ``{"do": "scale", …arguments}``; its answer ``{"ok": true, "answer": …}`` or ``{"ok": false, "error":
{"kind", …}}``. A connection may carry several requests, one after another. The socket's directory (and the socket,
0600) is its access control: whoever may enter is the owner of all the processes behind it.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamnet_actions.errors import DreamNetError, NotFound, PlatformFailed, TemporaryError

if TYPE_CHECKING:
    import asyncio

LINE_LIMIT = 16_000_000
"""Bytes of one line, either way."""

Handler = Callable[[dict[str, Any]], Awaitable[Any]]


class NoSupervisor(Exception):
    """Nobody listens on the control socket, or it went away before it answered."""


def call(path: Path, request: Mapping[str, Any], *, within: float) -> Any:
    """Send one request and answer its answer. Raises NoSupervisor, TemporaryError when it does not answer within so
    many seconds, and the error that the supervisor answered."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(within)
        try:
            connection.connect(str(path))
            connection.sendall(json.dumps(request).encode() + b"\n")
            line = _read_line(connection)
        except TimeoutError:
            raise TemporaryError(
                f"The process platform's supervisor did not answer {request['do']!r} within {within:g} s.",
                hint=f"Its log is {path.parent / 'supervisor.log'}; is the machine overloaded, or is it stopped?",
            ) from None
        except OSError as error:
            raise NoSupervisor(str(error)) from error
    if not line.endswith(b"\n"):
        raise NoSupervisor("it went away before it answered")
    reply = json.loads(line)
    if reply["ok"]:
        return reply["answer"]
    raise _error_from(reply["error"])


async def serve(path: Path, handle: Handler, failed: Callable[[BaseException], None]) -> asyncio.Server:
    """Listen on ``path`` and answer by ``handle``; an exception of ours is told to ``failed`` and to the caller."""
    import asyncio  # late: commands, which only call, start without it

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await _reply(line, handle, failed)).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError):  # the command went away, or sent an endless line
            pass
        finally:
            writer.close()

    server = await asyncio.start_unix_server(talk, path=str(path), limit=LINE_LIMIT, backlog=128)
    path.chmod(0o600)
    return server


async def _reply(line: bytes, handle: Handler, failed: Callable[[BaseException], None]) -> dict[str, Any]:
    try:
        return {"ok": True, "answer": await handle(json.loads(line))}
    except NotFound as error:
        return {"ok": False, "error": _plain("not-found", error) | {"what": error.kind, "name": error.name}}
    except TemporaryError as error:
        return {"ok": False, "error": _plain("temporary", error)}
    except DreamNetError as error:
        return {"ok": False, "error": _plain("platform", error)}
    except Exception as error:  # noqa: BLE001 - the supervisor outlives a bug in one request, and says so
        failed(error)
        text = f"The supervisor failed: {type(error).__name__}: {error}."
        return {"ok": False, "error": {"kind": "platform", "message": text, "hint": "See supervisor.log."}}


def _plain(kind: str, error: DreamNetError) -> dict[str, str]:
    return {"kind": kind, "message": error.message, "hint": error.hint}


def _error_from(error: Mapping[str, Any]) -> DreamNetError:
    if error["kind"] == "not-found":
        found = NotFound(error["what"], error["name"])
        found.message = error["message"]  # with the known names, which only the supervisor had
        found.args = (found.message,)
        return found
    if error["kind"] == "temporary":
        return TemporaryError(error["message"], hint=error["hint"])
    return PlatformFailed(error["message"], hint=error["hint"])


def _read_line(connection: socket.socket) -> bytes:
    parts = []
    while True:
        part = connection.recv(65536)
        parts.append(part)
        if not part or part.endswith(b"\n"):
            return b"".join(parts)
