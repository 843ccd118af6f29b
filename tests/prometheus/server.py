"""A real Prometheus for tests, with what it scrapes."""

from __future__ import annotations

import http.server
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FAST = "global: {scrape_interval: 1s, scrape_timeout: 900ms}\n"
"""How each of its configurations begins."""


def free_port() -> int:
    """Answer a port that nothing listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Prometheus:
    """One server: ``url`` is where it answers. It is ended by ``stop`` and begun again by ``start``."""

    def __init__(self, folder: Path, config: str) -> None:
        self._program = shutil.which("prometheus")
        assert self._program, "install the package 'prometheus' (scripts/test does)"
        self._folder, self._port = folder, free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        (folder / "prometheus.yml").write_text(FAST + config, encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [
            str(self._program),
            f"--config.file={self._folder}/prometheus.yml",
            f"--storage.tsdb.path={self._folder}/data",
            f"--web.listen-address=127.0.0.1:{self._port}",
            "--log.level=warn",
        ]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while True:
            with suppress(OSError), urllib.request.urlopen(f"{self.url}/-/ready", timeout=2) as answer:
                if answer.status == 200:
                    return
            assert time.monotonic() < until, (self._folder / "log").read_text("utf-8")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=30)
            self._process = None


@contextmanager
def prometheus(folder: Path, config: str) -> Iterator[Prometheus]:
    """Run a server for a while."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Prometheus(folder, config)
    made.start()
    try:
        yield made
    finally:
        made.stop()


@contextmanager
def exporter(text: str) -> Iterator[str]:
    """Serve one page of metrics for a while; answer its ``host:port``."""
    with answering(text.encode, "text/plain; version=0.0.4") as address:
        yield address


@contextmanager
def answering(body: Callable[[], bytes], kind: str) -> Iterator[str]:
    """Answer what ``body`` makes, of the content type ``kind``, to each GET for a while; yields the ``host:port``."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made = body()
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(made)))
            self.end_headers()
            with suppress(ConnectionError):  # Prometheus waits for no answer that takes long, and asks again
                self.wfile.write(made)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
