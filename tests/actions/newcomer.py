"""A new user with the real commands, each a process of its own: a shop, `dreamnet init`, `dreamnet sandbox`."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil

from tests.actions.bed import tools

SHOP = """\
import http.server
import sys


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"hello from my shop\\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
http.server.ThreadingHTTPServer(("127.0.0.1", port), Page).serve_forever()
"""
DREAMNET = (sys.executable, "-m", "dreamnet_actions")


def environment(folder: Path) -> dict[str, str]:
    """Answer a user's environment: no token, and temporary files where the test sees them."""
    mine = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GITHUB_", "GH_", "DREAMNET_"))
    }
    (folder / "tmp").mkdir(exist_ok=True)
    return {**mine, "TMPDIR": str(folder / "tmp"), "DREAMNET_ACTION_HOME": str(tools())}


def run(repository: Path, *command: str) -> str:
    done = subprocess.run(
        command, cwd=repository, env=environment(repository.parent), capture_output=True, text=True, timeout=30,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


def page(url: str, token: str = "") -> str:
    asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(asked, timeout=5) as answer:
            return str(answer.read().decode())
    except OSError as error:
        return f"no answer: {error}"


class Sandbox:
    """``dreamnet sandbox`` as a process of its own; ``lines`` is all that it has said so far."""

    def __init__(self, repository: Path, *options: str) -> None:
        self.lines: list[str] = []
        self._fresh: queue.Queue[str] = queue.Queue()
        self.process = subprocess.Popen(
            [*DREAMNET, "sandbox", "--every", "15s", *options], cwd=repository, env=environment(repository.parent),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._fresh.put(line.rstrip("\n"))

    def until(self, words: str, seconds: float = 150) -> str:
        """Wait for a line with these words (a regular expression)."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self.lines.append(self._fresh.get(timeout=0.2))
            except queue.Empty:
                assert self.process.poll() is None, "\n".join(self.lines)
                continue
            if re.search(words, self.lines[-1]):
                return self.lines[-1]
        raise AssertionError(f"{words!r} did not come within {seconds:g} s:\n" + "\n".join(self.lines))

    def api(self, path: str) -> Any:
        said = dict(line.split(maxsplit=1) for line in self.lines[1:4])
        token = Path(said["token"]).read_text()
        name = said["repository"].split()[0].split("/", 3)[3]
        return json.loads(page(f"{said['API']}/repos/{name}{path}", token))

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(20)


def replicas(repository: Path) -> list[psutil.Process]:
    """Answer the processes of the shop that this test's sandbox runs."""
    found = []
    for one in psutil.process_iter(["cmdline", "cwd"]):
        command = one.info["cmdline"] or []
        if "app.py" in command and str(repository.parent) in (one.info["cwd"] or ""):
            found.append(one)
    return found


def shop(folder: Path, port: int) -> Path:
    """Make a repository with a small web service, set up and committed as the pages say."""
    repository = folder / "shop"
    repository.mkdir()
    (repository / "app.py").write_text(SHOP)
    run(repository, "git", "init", "-q", "-b", "main", ".")
    run(repository, "git", "remote", "add", "origin", "https://github.com/octo/shop.git")
    said = run(repository, *DREAMNET, "init", "--yes", "--port", str(port))
    assert "python3 app.py {port} (app.py (http.server))" in said
    assert run(repository, *DREAMNET, "validate").startswith("ok: ")
    assert run(repository, *DREAMNET, "doctor", "--offline").startswith("ready")
    run(repository, "git", "add", "-A")
    run(repository, "git", "-c", "user.name=o", "-c", "user.email=o@example.com", "commit", "-qm", "my shop")
    return repository
