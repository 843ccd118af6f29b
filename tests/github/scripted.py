"""A server on loopback that answers what it is told, one answer after another, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    status: int = 200
    data: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    drop: bool = False
    """Close the connection without an answer."""
    hang: bool = False
    """Answer nothing until the script ends."""


@dataclass(frozen=True)
class Asked:
    verb: str
    path: str
    headers: Mapping[str, str]
    body: Any


class Script:
    """``replies`` are given in turn, the last one again and again."""

    def __init__(self, replies: list[Reply]) -> None:
        self.replies, self.asked, self.guard = list(replies), [], threading.Lock()
        self.url = ""
        self.over = threading.Event()

    def next(self, asked: Asked) -> Reply:
        with self.guard:
            self.asked.append(asked)
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@contextmanager
def scripted(*replies: Reply) -> Iterator[Script]:
    script = Script(list(replies))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = script.next(Asked(self.command, self.path, headers, body))
            if reply.hang:
                script.over.wait(60)
            if reply.drop or reply.hang:
                self.close_connection = True
                return
            content = reply.raw if reply.raw is not None else json.dumps(reply.data).encode()
            if reply.status in (204, 304):
                content = b""
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    script.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield script
    finally:
        script.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
