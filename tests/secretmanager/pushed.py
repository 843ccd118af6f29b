"""A shop whose secrets are told of by Pub/Sub: configuration, topic, subscription, and the real server."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dreamnet_actions.testing.google.secretmanager.topics import Subscription
from dreamnet_actions.testing.google.standin import GoogleStandIn
from tests.secretmanager.conftest import ME, PROJECT

PUSHER = f"pusher@{PROJECT}.iam.gserviceaccount.com"
AUDIENCE = "https://dreamnet.example.com/webhooks/secrets"
HOOK = "/webhooks/secrets"
CONFIG = f"""
version: 1
env:
  shop:
    from: {{gcp-secret-manager: {{project: {PROJECT}, credentials: google/key.json}}}}
    to: [{{dotenv: shop.env}}]
    keys: {{CURRENCY: shop-currency, MAX_ITEMS: shop-max-items}}
  other:
    from: {{gcp-secret-manager: {{project: {PROJECT}, credentials: google/key.json}}}}
    to: [{{dotenv: other.env}}]
    keys: {{TOKEN: other-token}}
webhooks:
  secrets:
    pubsub: {{service-account: {PUSHER}, audience: "{AUDIENCE}"}}
"""


class Pushed:
    """The folder ``root`` with that configuration, and Google beside it, whose secrets have a topic."""

    def __init__(self, root: Path, google: GoogleStandIn) -> None:
        self.root, self.google, self.server = root, google, google.secrets
        for role in ("viewer", "secretAccessor"):
            self.server.grant(ME, role)
        (root / "dreamnet.yml").write_text(CONFIG)
        self.topic = self.server.topic("secrets")
        for name, value in (("shop-currency", "eur"), ("shop-max-items", "20"), ("other-token", "t-1")):
            self.server.put(name, value, topics=(self.topic,))
        self.process: subprocess.Popen[str] | None = None
        self.port = 0

    @property
    def environ(self) -> dict[str, str]:
        return self.google.environment()

    def subscribe(self, address: str, **more: Any) -> Subscription:
        given = {"account": PUSHER, "audience": AUDIENCE} | more
        return self.server.pubsub.subscribe(self.topic, f"{address}{HOOK}", **given)

    def serve(self) -> str:
        """Start ``dreamnet serve``, at the port of before; answers the address."""
        command = [sys.executable, "-m", "dreamnet_actions", "serve", "--port", str(self.port)]
        self.process = subprocess.Popen(
            command,
            cwd=self.root,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.root), **self.environ},
            stdout=subprocess.PIPE,
            stderr=(self.root / "serve.log").open("a"),
            text=True,
        )
        assert self.process.stdout is not None
        address = self.process.stdout.readline().strip()
        assert address.startswith("http://"), (self.root / "serve.log").read_text()
        self.port = int(address.rpartition(":")[2])
        return address

    def kill(self) -> None:
        """End it by SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)
            self.process = None

    def written(self, name: str, file: str = "shop.env") -> str:
        path = self.root / file
        found = re.search(rf"^{name}=(.*)$", path.read_text() if path.exists() else "", re.M)
        return found[1].strip("'\"") if found else ""


def until(true: Callable[[], bool], within: float = 60.0) -> float:
    """Wait until something is true; answers the seconds that it took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() < began + within, "it never came true"
        time.sleep(0.02)
    return time.monotonic() - began
