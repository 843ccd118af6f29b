"""Bytes and headers between ASGI and the gate: what was asked, what is answered, and cutting a connection."""

from __future__ import annotations

import base64
import binascii
import json
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from dreamnet_actions.testing.github.call import API_ROOT, Call, Problem
from dreamnet_actions.testing.github.tokens import Token

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass
class Asked:
    """What the gate knows of one request."""

    scope: Scope
    method: str
    path: str
    headers: dict[str, str]
    token: Token | None
    rest: bool
    template: str = ""
    charged: bool = False
    body: bytes = b""
    call: Call | None = None

    @property
    def job(self) -> str:
        """Whose request it is, for counts: a job's name, else a login."""
        return "" if self.token is None else self.token.job or self.token.user.login


@dataclass
class Answered:
    """An answer, collected."""

    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""


def credentials(header: str) -> str | None:
    """Answer the token in an Authorization header: ``token``, ``Bearer``, or a Basic password; None without one."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() in {"token", "bearer"}:
        return value.strip()
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return ""
        # git may send the token as the user, too: https://TOKEN@host, https://TOKEN:x-oauth-basic@host.
        return password if password not in {"", "x-oauth-basic"} else user
    return None if not header else ""


def template_of(route: Route) -> str:
    """Answer a route's path as the OpenAPI description writes it."""
    return route.path.removeprefix(API_ROOT).replace(":path}", "}")


def parsed(body: bytes) -> Any:
    """Read a body as JSON; raises the 400."""
    if not body:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Problem(400, "Problems parsing JSON") from None


async def read(receive: Receive) -> bytes:
    """Read a whole body."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def replay(body: bytes) -> Receive:
    """Make an ASGI receive that gives ``body``."""

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def collected(response: Response) -> Answered:
    """Take a response apart."""
    return Answered(response.status_code, list(response.raw_headers), bytes(response.body))


def reset(send: Send) -> None:
    """Cut the connection as a crashed proxy would: with a reset. uvicorn's send belongs to a cycle that has it."""
    transport = send.__self__.transport  # type: ignore[attr-defined]
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
