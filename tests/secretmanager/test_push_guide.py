"""docs/secret-manager.md, "By event": what its commands set up is what is checked; and its function does its work."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml

from dreamnet_actions.domain import secretevents
from dreamnet_actions.domain.route import DISPATCHED
from dreamnet_actions.testing.google.secretmanager.topics import PUBLISHER
from dreamnet_actions.testing.google.standin import GoogleStandIn

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/secret-manager.md").read_text("utf-8")
PART = PAGE[PAGE.index("## By event") : PAGE.index("## When something")]
SECRET = "projects/123456789012/secrets/shop-currency"


def option(name: str) -> str:
    found = re.search(rf"--{name} (\S+)", PART)
    assert found is not None, name
    return found[1]


def test_the_commands_make_what_the_configuration_believes(google: GoogleStandIn) -> None:
    found = re.search(r"```yaml\n(.*?)```", PART, re.S)
    assert found is not None
    ((name, hook),) = yaml.safe_load(found[1])["webhooks"].items()
    assert option("push-auth-service-account") == hook["pubsub"]["service-account"]
    assert option("push-auth-token-audience") == hook["pubsub"]["audience"] == option("push-endpoint")
    assert option("push-endpoint").endswith(f"/webhooks/{name}")
    assert f"--role {PUBLISHER} \\\n  --member {google.secrets.pubsub.agent(google.world.number)}\n" in PART


def test_every_event_is_told_of() -> None:
    for kind in secretevents.CHANGES | secretevents.QUIET:
        assert f"`{kind}`" in PART


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The function, without Google's framework: its decorator only registers."""
    framework = ModuleType("functions_framework")
    framework.cloud_event = lambda function: function  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "functions_framework", framework)
    file = ROOT / "examples/secret-manager/function/main.py"
    spec = importlib.util.spec_from_file_location("pushed_function", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_function_dispatches_what_relaybots_workflow_takes(
    function: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[str, str, dict[str, Any]]] = []
    status = [204]

    class GitHub(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            heard.append((self.path, self.headers["Authorization"], body))
            self.send_response(status[0])
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), GitHub)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    monkeypatch.setenv("GITHUB_API_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("REPOSITORY", "octocat/shop")
    monkeypatch.setenv("GITHUB_TOKEN", "github_pat_x")

    def tell(kind: str, **more: str) -> None:
        told = {"attributes": {"eventType": kind, "secretId": SECRET, **more}}
        function.secret_changed(SimpleNamespace(data={"message": told}))

    for kind in secretevents.QUIET:
        tell(kind)
    assert not heard
    tell("SECRET_VERSION_ADD", versionId=f"{SECRET}/versions/7")
    tell("SECRET_VERSION_DISABLE", versionId=f"{SECRET}/versions/7")
    assert [one[:2] for one in heard] == [("/repos/octocat/shop/dispatches", "Bearer github_pat_x")] * 2
    told = [one[2]["client_payload"]["secret"] for one in heard]
    assert told == [f"{SECRET}/versions/7", SECRET]
    assert {one[2]["event_type"] for one in heard} <= set(DISPATCHED)
    status[0] = 502
    with pytest.raises(OSError):
        tell("SECRET_VERSION_ADD", versionId=f"{SECRET}/versions/8")
    server.shutdown()
    server.server_close()
