"""A stand-in for Google Cloud Build, Cloud Storage and Google's token server on loopback.

What it takes and answers has the forms of Google's published REST reference (cloudbuild v1, resource
``projects.locations.builds``; storage v1, ``objects``); unknown fields are refused, as Google refuses them. A build
really builds: it runs buildah on the files that were uploaded and pushes to the registry that the build names.
"""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

BUILD = {
    "source",
    "steps",
    "images",
    "timeout",
    "tags",
    "options",
    "serviceAccount",
    "substitutions",
    "logsBucket",
}
"""Fields of a Build that a caller may set (those that are used here, of the reference's)."""
STEP = {"name", "args", "entrypoint", "env", "dir", "id", "waitFor"}
SOURCES = {
    "storageSource": {"bucket", "object", "generation"},
    "gitSource": {"url", "revision", "dir"},
    "connectedRepository": {"repository", "revision", "dir"},
}
TOKEN = "a-token-of-google's"


class Cloud(ThreadingHTTPServer):
    """The three services. ``looks`` is how often a build is looked at before it is over; ``cut`` lets the answer to the
    next build be lost."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.objects = folder, dict[str, bytes]()
        self.builds: dict[str, dict[str, Any]] = {}
        self.looks, self.cut, self.refused = 2, False, 0
        self.calls: list[str] = []
        super().__init__(("127.0.0.1", 0), Handler)

    def begin(self, parent: str, body: dict[str, Any]) -> dict[str, Any]:
        assert set(body) <= BUILD, f"Invalid JSON payload received. Unknown name: {set(body) - BUILD}"
        assert all(set(step) <= STEP for step in body["steps"])
        ((kind, source),) = body["source"].items()
        assert set(source) <= SOURCES[kind]
        number = f"b{len(self.builds)}"
        name = f"{parent}/{number}"
        own = {
            "id": number,
            "name": name,
            "status": "QUEUED",
            "logUrl": f"https://console.cloud.google.com/{number}",
        }
        build = {**body, **own, "logsBucket": "gs://logs/of", "left": self.looks}
        self.builds[name] = build
        return build

    def look(self, name: str) -> dict[str, Any]:
        build = self.builds[name]
        if build["status"] in ("QUEUED", "WORKING"):
            build["left"] -= 1
            build["status"] = "WORKING"
            if build["left"] < 0:
                self._end(build)
        return {key: value for key, value in build.items() if key != "left"}

    def _end(self, build: dict[str, Any]) -> None:
        folder = self.folder / build["id"]
        source = build["source"]["storageSource"]
        data = gzip.decompress(self.objects[f"{source['bucket']}/{source['object']}"])
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extractall(folder / "workspace", filter="data")
        words = [one.replace("$$", "$") for one in build["steps"][0]["args"]]
        (reference,) = build["images"]
        buildah = [
            "buildah",
            "--storage-driver=vfs",
            f"--root={self.folder}/root",
            f"--runroot={self.folder}/run",
        ]
        made = [*buildah, words[0], "--isolation=chroot", *words[1:]]
        pushed = [*buildah, "push", "--tls-verify=false", f"--digestfile={folder}/digest", reference]
        for command in (made, pushed):
            done = subprocess.run(
                command, cwd=folder / "workspace", capture_output=True, text=True, check=False
            )
            if done.returncode:
                self.objects[f"logs/of/log-{build['id']}.txt"] = (done.stdout + done.stderr).encode()
                build |= {
                    "status": "FAILURE",
                    "failureInfo": {"type": "USER_BUILD_STEP", "detail": "a step failed"},
                }
                return
        digest = (folder / "digest").read_text("ascii").strip()
        build |= {"status": "SUCCESS", "results": {"images": [{"name": reference, "digest": digest}]}}


class Handler(BaseHTTPRequestHandler):
    server: Cloud

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _answer(self, data: bytes) -> None:
        there = urlsplit(self.path)
        path, query = there.path, {key: one[0] for key, one in parse_qs(there.query).items()}
        self.server.calls.append(f"{self.command} {path}")
        if path == "/token":
            given = parse_qs(data.decode())
            good = (
                given["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
                and "assertion" in given
            )
            answer = {"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}
            self._send(200 if good else 400, answer)
        elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._send(
                401, {"error": {"code": 401, "message": "Request had invalid authentication credentials."}}
            )
        elif self.server.refused:
            message = "The caller does not have permission"
            self._send(self.server.refused, {"error": {"code": self.server.refused, "message": message}})
        elif path.startswith("/upload/storage/v1/b/"):
            bucket = path.split("/")[5]
            self.server.objects[f"{bucket}/{query['name']}"] = data
            self._send(
                200, {"kind": "storage#object", "bucket": bucket, "name": query["name"], "generation": "17"}
            )
        elif path.startswith("/storage/v1/b/"):
            _, bucket, _, name = unquote(path).removeprefix("/storage/v1/").split("/", 3)
            found = self.server.objects.get(f"{bucket}/{name}")
            self._send(404 if found is None else 200, found or b"")
        elif self.command == "POST" and path.endswith(":cancel"):
            self.server.builds[path.removeprefix("/v1/").removesuffix(":cancel")]["status"] = "CANCELLED"
            self._send(200, {})
        elif self.command == "POST":
            build = self.server.begin(
                path.removeprefix("/v1/").removesuffix("/builds") + "/builds", json.loads(data)
            )
            if self.server.cut:
                self.server.cut = False
                self.close_connection = True
                return
            shown = {key: value for key, value in build.items() if key != "left"}
            self._send(200, {"name": f"operations/build/p/{build['id']}", "metadata": {"build": shown}})
        elif "filter" in query:
            tag = query["filter"].removeprefix('tags="').removesuffix('"')
            found = [
                self.server.look(one) for one, build in self.server.builds.items() if tag in build["tags"]
            ]
            self._send(200, {"builds": found} if found else {})
        else:
            self._send(200, self.server.look(path.removeprefix("/v1/")))

    def _send(self, status: int, answer: Any) -> None:
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def cloud(folder: Path) -> Iterator[Cloud]:
    """Run the services until the block ends."""
    server = Cloud(folder)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
