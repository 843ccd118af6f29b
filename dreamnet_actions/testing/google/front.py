"""The front of a real API server: takes the stand-in's tokens, as GKE takes Google's, and says who is asking.

What it lets through it sends on as an administrator who acts for that account (Kubernetes' user impersonation), so the
cluster's own roles decide, and the answers and watches are the API server's.
"""

from __future__ import annotations

import base64
import http.client
import re
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from dreamnet_actions.testing.google.apis import SCOPE
from dreamnet_actions.testing.google.serving import Handler
from dreamnet_actions.testing.google.world import VIEWS, Grant, World

_KEPT = ("accept", "content-type", "user-agent")
_GATEWAY = re.compile(r"^/v1/projects/[^/]+/locations/[^/]+/gkeMemberships/[^/]+")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request that reached the API server: by whom, what, and how it was answered."""

    user: str
    method: str
    path: str
    status: int


class Upstream:
    """The API server that a kubeconfig names, reached as its user: by certificate or token."""

    def __init__(self, kubeconfig: Mapping[str, Any]) -> None:
        cluster, user = kubeconfig["clusters"][0]["cluster"], kubeconfig["users"][0]["user"]
        parts = urlsplit(cluster["server"])
        self.host, self.port = str(parts.hostname), parts.port or 443
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode("ascii")
        self.context = ssl.create_default_context(cadata=authority)
        self.headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
        if "client-certificate-data" in user:
            with tempfile.TemporaryDirectory() as folder:
                files = [Path(folder) / "certificate", Path(folder) / "key"]
                for file, name in zip(files, ("client-certificate-data", "client-key-data"), strict=True):
                    file.write_bytes(base64.b64decode(user[name]))
                self.context.load_cert_chain(*map(str, files))

    def connect(self, seconds: float) -> http.client.HTTPSConnection:
        """Answer a connection of its own."""
        return http.client.HTTPSConnection(self.host, self.port, timeout=seconds, context=self.context)


class Front(Handler):
    """One request at a time of a connection; ``front`` makes the class for one API server."""

    world: ClassVar[World]
    upstream: ClassVar[Upstream]
    asked: ClassVar[list[Asked]]

    def setup(self) -> None:
        """Make the handshake in this connection's own thread."""
        self.request.settimeout(30)
        self.request.do_handshake()
        super().setup()

    def handle(self) -> None:
        """Serve until the other side goes, which is no error."""
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def do_GET(self) -> None:  # noqa: N802 - the base class names it so
        """Judge the token, and send the request on."""
        data = self.body()
        grant = self.world.grant(self.headers.get("Authorization"))
        if grant is None or SCOPE not in grant.scopes:
            self._refuse(401, "Unauthorized", "Unauthorized")
        elif not self.world.may(grant, f"projects/{self.world.project}", VIEWS) and not self._by_address():
            self._refuse(403, "Forbidden", 'Required "container.clusters.connect" permission.')
        else:
            self._pass(grant, data)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - as above

    def _by_address(self) -> bool:
        """Say whether the cluster's address was asked, which asks IAM for nothing; its DNS endpoint does."""
        return self.headers.get("Host", "").startswith("127.0.0.1")

    def _refuse(self, status: int, reason: str, said: str) -> None:
        told = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": said, "reason": reason}
        self.tell(status, {**told, "code": status})

    def _pass(self, grant: Grant, data: bytes) -> None:
        path = _GATEWAY.sub("", self.path)
        headers = {name: value for name, value in self.headers.items() if name.lower() in _KEPT}
        headers |= {**self.upstream.headers, "Impersonate-User": grant.name}
        connection = self.upstream.connect(300)
        try:
            connection.request(self.command, path, data, headers)
            answer = connection.getresponse()
            self.asked.append(Asked(user=grant.name, method=self.command, path=path, status=answer.status))
            self.send_response(answer.status)
            for name in ("Content-Type", "Retry-After"):
                if value := answer.headers.get(name):
                    self.send_header(name, value)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            while part := answer.read1(65536):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")
        except (OSError, http.client.HTTPException):
            self.close_connection = True
        finally:
            connection.close()


def front(world: World, upstream: Upstream, asked: list[Asked]) -> type[Front]:
    """Answer the handler of one API server; every request that it sends on is noted in ``asked``."""
    return type("OneFront", (Front,), {"world": world, "upstream": upstream, "asked": asked})
