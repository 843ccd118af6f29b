"""What the configuration says beside a version takes effect on the next deploy, also where the version stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from dreamnet_actions.bootstrap import Options, assemble
from dreamnet_actions.domain.result import AgentResult
from tests.process.home import free_port

APP = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = os.environ.get("GREETING", "").encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def configure(root: Path, port: int, greeting: str, grace: str) -> None:
    command = json.dumps([sys.executable, "app.py", "{port}"])
    (root / "dreamnet.yml").write_text(
        f"""version: 1
platforms: {{local: {{process: {{}}}}}}
services:
  web:
    platform: local
    command: {command}
    port: {port}
    environment: {{GREETING: {greeting}}}
    stop-grace: {grace}
    thresholds: {{successes: 1}}
    checks: {{home: {{http: "http://127.0.0.1:{port}/"}}}}
    release: {{git: app}}
"""
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    app = tmp_path / "app"
    app.mkdir()
    (app / "app.py").write_text(APP)
    git = ["git", "-C", str(app), "-c", "user.name=T", "-c", "user.email=t@localhost"]
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "feat: greet"]):
        subprocess.run([*git, *arguments], check=True)
    return tmp_path


def deploy(root: Path) -> AgentResult:
    system = assemble(Options(root=root, environ=dict(os.environ)))
    try:
        return system.pipe.submit({"agent": "deploykeeper", "input": {"action": "deploy"}})
    finally:
        system.close()


@pytest.mark.slow
def test_a_changed_variable_of_the_same_commit_is_brought_out_and_a_changed_limit_needs_no_restart(
    root: Path,
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    try:
        configure(root, port, "hello", "1s")
        assert deploy(root).verdict == "deployed"
        assert urllib.request.urlopen(url, timeout=5).read() == b"hello"
        configure(root, port, "goodbye", "1s")
        assert deploy(root).verdict == "deployed"
        assert urllib.request.urlopen(url, timeout=5).read() == b"goodbye"
        configure(root, port, "goodbye", "2s")
        assert deploy(root).outcome == "unchanged"
    finally:
        system = assemble(Options(root=root, environ=dict(os.environ)))
        system.platforms["local"].shutdown()  # type: ignore[attr-defined]
        system.close()
