"""The stand-in's servers: Google's APIs over http on loopback, each request in a thread of its own."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from dreamnet_actions.testing.google.apis import Call, answer
from dreamnet_actions.testing.google.issuer import PATH as CERTIFICATES
from dreamnet_actions.testing.google.world import Refused, World

LONGEST = 1_048_576


class Server:
    """A server on a free port of 127.0.0.1, over TLS where ``context`` is given; ``close`` ends it."""

    def __init__(self, handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext | None = None) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        if context is not None:
            # The handshake is made by the thread of the connection: one that never begins it holds nobody up.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


class Handler(BaseHTTPRequestHandler):
    """What all handlers of the stand-in have in common."""

    protocol_version = "HTTP/1.1"
    timeout = 300

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""

    def body(self) -> bytes:
        """Read what was sent."""
        return self.rfile.read(min(int(self.headers.get("Content-Length") or 0), LONGEST))

    def tell(self, status: int, content: object, kind: str = "application/json", **headers: str) -> None:
        """Answer with JSON, or with a text as it is."""
        data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)


def google(world: World, github: Callable[[str, str | None], dict[str, Any]]) -> type[Handler]:
    """Answer the handler of Google's APIs. ``github(audience, authorization)`` answers what GitHub's issuer says at
    ``/github/token``; it raises PermissionError where it does not know the caller."""

    class Google(Handler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = dict(parse_qsl(parts.query))
            if parts.path == "/github/token":
                try:
                    self.tell(200, github(query.get("audience", ""), self.headers.get("Authorization")))
                except PermissionError as error:
                    self.tell(401, {"message": str(error)})
                return
            self._answer("GET", {})

        def do_POST(self) -> None:
            data = self.body().decode("utf-8", "replace")
            if "json" in self.headers.get("Content-Type", "") or data.startswith("{"):
                self._answer("POST", json.loads(data))
            else:
                self._answer("POST", dict(parse_qsl(data)))

        def _answer(self, method: str, form: dict[str, Any]) -> None:
            parts = urlsplit(self.path)
            world.calls.append((method, parts.path))
            headers = {name.lower(): value for name, value in self.headers.items()}
            call = Call(
                method=method, path=parts.path, query=dict(parse_qsl(parts.query)), headers=headers, form=form
            )
            try:
                found = answer(world, call)
            except Refused as error:
                self.tell(error.status, dict(error.body))
            except KeyError:
                self.tell(
                    404,
                    {"error": {"code": 404, "message": f"Not found: {parts.path}", "status": "NOT_FOUND"}},
                )
            else:
                kind = "application/text" if isinstance(found, str) else "application/json"
                more = {"Metadata_Flavor": "Google"}
                if parts.path == CERTIFICATES:
                    more = {"Cache_Control": f"public, max-age={world.issuer.age}, must-revalidate"}
                self.tell(200, found, kind, **more)

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string(world.now() if timestamp is None else timestamp)

    return Google
