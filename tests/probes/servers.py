"""Real servers on loopback for probe tests: well, ill and hostile ones, and certificates made by openssl."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

Handler = Callable[[socket.socket], None]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"


def answer(data: bytes) -> Handler:
    """Read one request, answer these bytes and close."""

    def handle(peer: socket.socket) -> None:
        peer.recv(65536)
        peer.sendall(data)

    return handle


def reset(after: bytes = b"") -> Handler:
    """Read one request, answer these bytes and reset the connection."""

    def handle(peer: socket.socket) -> None:
        peer.recv(65536)
        if after:
            peer.sendall(after)
            threading.Event().wait(0.05)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return handle


def slowly(data: bytes, pause: float) -> Handler:
    """Read one request and answer byte by byte."""

    def handle(peer: socket.socket) -> None:
        peer.recv(65536)
        for one in data:
            peer.sendall(bytes([one]))
            threading.Event().wait(pause)

    return handle


def silent(peer: socket.socket) -> None:
    """Read whatever comes, and never answer."""
    while peer.recv(65536):
        pass


class Server:
    """Handles each connection in a thread; ``requests`` are the connections so far. ``port`` is on 127.0.0.1."""

    def __init__(
        self, handler: Handler, context: ssl.SSLContext | None = None, *, family: int = socket.AF_INET
    ) -> None:
        self._handler, self._context = handler, context
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        self._listener.listen(1024)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}/"
        self.connections = 0
        self._peers: set[socket.socket] = set()
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in list(self._peers):
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        self._accepting.join(timeout=5)

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        try:
            if self._context is not None:
                peer = self._context.wrap_socket(peer, server_side=True)
            self._peers.add(peer)
            self._handler(peer)
        except OSError:
            pass
        finally:
            self._peers.discard(peer)
            peer.close()


@contextlib.contextmanager
def serving(handler: Handler, context: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Serve for the time of a block."""
    server = Server(handler, context)
    try:
        yield server
    finally:
        server.close()


def free_port() -> int:
    """Answer a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Certificates:
    """A certificate authority in a directory, and what it issues. ``ca_file`` is to be trusted."""

    CONFIG = """[ca]
default_ca = here
[here]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
"""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "index.txt").write_text("")
        (directory / "serial").write_text("01\n")
        (directory / "ca.conf").write_text(self.CONFIG)
        self._key("ca")
        self._openssl(
            "req", "-x509", "-new", "-key", "ca.key", "-subj", "/CN=test authority", "-days", "3650",
            "-config", "ca.conf", "-extensions", "authority", "-out", "ca.pem",
        )  # fmt: skip
        self.ca_file = str(directory / "ca.pem")

    def issue(
        self,
        name: str,
        *,
        names: str = "IP:127.0.0.1,DNS:localhost",
        start: str = "20200101000000Z",
        end: str = "20450101000000Z",
    ) -> ssl.SSLContext:
        """Answer a server's context with a certificate of the authority."""
        self._key(name)
        self._openssl(
            "req", "-new", "-key", f"{name}.key", "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}",
            "-config", "ca.conf", "-out", f"{name}.csr",
        )  # fmt: skip
        self._openssl(
            "ca", "-batch", "-notext", "-config", "ca.conf", "-keyfile", "ca.key", "-cert", "ca.pem",
            "-startdate", start, "-enddate", end, "-in", f"{name}.csr", "-out", f"{name}.pem",
        )  # fmt: skip
        return self._context(name)

    def self_signed(self, name: str) -> ssl.SSLContext:
        """Answer a server's context with a certificate that only vouches for itself."""
        self._key(name)
        self._openssl(
            "req", "-x509", "-new", "-key", f"{name}.key", "-subj", f"/CN={name}", "-days", "30",
            "-addext", "subjectAltName=IP:127.0.0.1", "-config", "ca.conf", "-out", f"{name}.pem",
        )  # fmt: skip
        return self._context(name)

    def der(self, name: str) -> bytes:
        """Answer a certificate in its raw form."""
        return ssl.PEM_cert_to_DER_cert((self.directory / f"{name}.pem").read_text())

    def _key(self, name: str) -> None:
        self._openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key")

    def _context(self, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.directory / f"{name}.pem", self.directory / f"{name}.key")
        return context

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.directory, check=True, capture_output=True)
