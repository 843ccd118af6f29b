"""A value that a service cannot even start with: the former replicas serve on, and the value is put back."""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from dreamnet_actions.bootstrap import Options, assemble
from tests.process.home import free_port

pytestmark = pytest.mark.slow

APP = """
import http.server, os, sys
level = {"info": 1, "debug": 2}[os.environ["LEVEL"]]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"ok")
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def test_a_value_that_does_not_start_is_put_back_and_nobody_notices(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "app.env").write_text("LEVEL=info\n")
    command = json.dumps([sys.executable, "app.py", "{port}"])
    (tmp_path / "dreamnet.yml").write_text(
        f"""version: 1
platforms: {{local: {{process: {{}}}}}}
services:
  web:
    platform: local
    command: {command}
    port: {port}
    restart-policy: never
    stop-grace: 1s
    thresholds: {{failures: 2, successes: 2, again-after: 100ms}}
    heal: {{steps: [restart], cool-down: 1s, recover-within: 5s}}
    checks: {{home: {{http: "http://127.0.0.1:{port}/"}}}}
env: {{app: {{from: {{dotenv: app.env}}, to: [{{process: web}}]}}}}
"""
    )
    system = assemble(Options(root=tmp_path, environ=dict(os.environ)))
    try:
        for agent, action in (("envkeeper", "sync"), ("deploykeeper", "deploy")):
            assert system.pipe.submit({"agent": agent, "input": {"action": action}}).outcome == "done"
        (tmp_path / "app.env").write_text("LEVEL=loud\n")
        assert system.pipe.submit({"agent": "envkeeper", "input": {"action": "sync"}}).outcome == "done"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read() == b"ok"
            if not system.pipe.drain(1):
                break
        told = [fact.text for fact in system.journal.read()]
        dream = system.dreams.find("local/web")
        assert dream is not None, told
        assert (dream.state, dream.remedy) == ("resolved", "restore-config"), told
        track = system.platforms["local"].observe().services["web"].stable
        assert track.settled
        assert "loud" not in json.dumps([fact.to_json() for fact in system.journal.read()])
        held = system.pipe.submit({"agent": "envkeeper", "input": {"action": "sync"}})
        assert (held.outcome, (held.error or {})["code"]) == ("refused", "env.held")
    finally:
        system.platforms["local"].shutdown()  # type: ignore[attr-defined]
        system.close()
