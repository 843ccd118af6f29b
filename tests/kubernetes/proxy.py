"""A proxy of our own between DreamNet and the API server, which breaks what a test says it shall break.

It listens on loopback without TLS and passes everything on, the caller's token too: what the server allows stays the
server's to say. Streams (watches) pass event by event.
"""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Rule = Callable[[str, str], str | None]
"""Answers what happens to a request (method, path with query): None (it passes), ``drop`` (the connection ends before
an answer), ``lost`` (it takes effect, and the connection ends before the answer), ``gone`` (a watch is told 410 in its
stream), or a status such as ``504``."""


class Proxy:
    """The proxy before one API server; ``ca`` is its authority's certificate, as PEM."""

    def __init__(self, server: str, ca: str) -> None:
        self._target = urlsplit(server)
        self._trust = ssl.create_default_context(cadata=ca)
        self.rule: Rule = lambda method, path: None
        self.asked: list[str] = []
        """Each request, as ``METHOD path?query``."""
        self.told: list[str] = []
        """What came of each request, as ``METHOD path?query FATE``: a status, or what a rule said."""
        self.answered: list[tuple[str, str, int]] = []
        """Each request that the server answered: method, path with query, status."""
        self.applied = threading.Event()
        """Set once a workload that the rollout is about was applied."""
        self.cut = 0
        """Counts the streams that were cut."""
        self._cuts = 0
        proxy = self

        class Handler(_Handler):
            owner = proxy

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that goes away in the middle is nothing to tell of."""

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Listen no more; streams end with their clients."""
        self._server.shutdown()
        self._server.server_close()

    def cut_streams(self) -> None:
        """Cut each stream of now in the middle of its next event."""
        self._cuts += 1

    def connect(self) -> http.client.HTTPSConnection:
        """Answer a connection to the server."""
        host, port = self._target.hostname or "", self._target.port or 443
        return http.client.HTTPSConnection(host, port, context=self._trust, timeout=300)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: Proxy

    def log_message(self, *args: Any) -> None:
        """Requests are kept in ``asked``."""

    def _serve(self) -> None:
        proxy, body = self.owner, self.rfile.read(int(self.headers.get("Content-Length") or 0))
        proxy.asked.append(f"{self.command} {self.path}")
        fate = proxy.rule(self.command, self.path)
        if fate is not None:
            self._tell(fate)
        if fate == "drop":
            self.close_connection = True
            return
        if fate == "gone":
            told = {"kind": "Status", "status": "Failure", "code": 410, "reason": "Expired"}
            self._answer(200, json.dumps({"type": "ERROR", "object": told}).encode() + b"\n")
            return
        if fate is not None and fate.isdigit():
            said = 'User "x" cannot do this' if fate == "403" else "a test said so"
            status = {
                "kind": "Status", "status": "Failure", "code": int(fate), "message": said,
                "reason": {"409": "Conflict", "401": "Unauthorized"}.get(fate, ""),
            }  # fmt: skip
            self._answer(int(fate), json.dumps(status).encode())
            return
        connection = proxy.connect()
        try:
            headers = {one: text for one, text in self.headers.items() if one.lower() != "host"}
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            proxy.answered.append((self.command, self.path, answer.status))
            if "watch=1" in self.path and answer.status == 200:
                self._stream(answer)
                return
            data = answer.read()
        finally:
            connection.close()
        if self.command == "PATCH" and "/deployments/web?" in self.path and answer.status < 300 \
                and "dryRun" not in self.path:  # fmt: skip
            proxy.applied.set()
        if fate == "lost":
            self.close_connection = True
            return
        self._tell(str(answer.status))
        self._answer(answer.status, data, answer.headers.get("Retry-After"))

    def _tell(self, fate: str) -> None:
        self.owner.told.append(f"{self.command} {self.path} {fate}")

    def _answer(self, status: int, data: bytes, after: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if after:
            self.send_header("Retry-After", after)
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, answer: http.client.HTTPResponse) -> None:
        cuts = self.owner._cuts
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while part := answer.read1(65536):
            if self.owner._cuts != cuts:
                half = part[: max(1, len(part) // 2)]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(half), half))
                self.owner.cut += 1
                self.close_connection = True
                return
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")


for _method in ("GET", "POST", "PATCH", "PUT", "DELETE"):
    setattr(_Handler, f"do_{_method}", _Handler._serve)
