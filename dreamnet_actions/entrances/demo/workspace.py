"""The demo's workspace: a small real system of three services, its repository, its values and its configuration.

Everything is made below one directory and only there. Made once; a second demo goes on with what the first left.
"""

from __future__ import annotations

import secrets
import socket
import subprocess
import sys
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

CONFIG = """\
# A small shop, operated by DreamNet. Made by 'dreamnet demo'; change it and watch what happens.
version: 1
watch: {{every: 1s}}
platforms:
  local: {{process: {{}}}}
services:
  stock:
    platform: local
    command: [{python}, stock.py, --port, "{{port}}"]
    port: {stock}
    ready: {{http: /healthz}}
    stop-grace: 1s
    restart-policy: never        # so that DreamKeeper is the one who notices, and says why
    thresholds: {{failures: 2, successes: 2, again-after: 300ms}}
    heal: {{steps: [restart], cool-down: 2s, tries-per-hour: 30, recover-within: 15s}}
    checks:
      answers: {{http: "http://127.0.0.1:{stock}/healthz", timeout: 1s}}
  shop:
    platform: local
    command: [{python}, shop.py, --port, "{{port}}"]
    port: {shop}
    environment: {{STOCK: "http://127.0.0.1:{stock}"}}
    ready: {{http: /ready}}
    stop-grace: 1s
    restart-policy: never
    needs: [stock]               # the stock's fault is not filed again as the shop's
    thresholds: {{failures: 2, successes: 2, again-after: 300ms}}
    heal: {{steps: [restart, rollback], cool-down: 2s, tries-per-hour: 30, recover-within: 15s}}
    checks:
      works: {{http: "http://127.0.0.1:{shop}/healthz", timeout: 1500ms}}
      load:
        metric: requests-per-second
        scale: {{target: 40, min: 1, max: 4, down-after: 5s}}
    release:
      git: shop
      build: [{python}, -m, py_compile, shop.py]
      strategy: {{canary: [10%, 50%], soak: 10s, max-error-rate: 5%}}
  gateway:                       # DreamNet's own HTTP entrance is one of the services: DreamNet manages DreamNet
    platform: local
    command: [{python}, -m, dreamnet_actions, --root, "{root}", serve, --port, "{{port}}"]
    port: {gateway}
    ready: {{http: /healthz}}
    stop-grace: 3s
    restart-policy: never
    thresholds: {{failures: 2, successes: 2, again-after: 300ms}}
    heal: {{steps: [restart], cool-down: 2s, tries-per-hour: 30, recover-within: 20s}}
    checks:
      answers: {{http: "http://127.0.0.1:{gateway}/healthz", timeout: 1500ms}}
env:
  shop:
    from: {{dotenv: shop.env}}
    to: [{{process: shop}}]
    require: [CURRENCY]
  gateway:
    from: {{dotenv: gateway.env}}
    to: [{{process: gateway}}]
    require: [WEBHOOK_SECRET]
webhooks:
  github: {{secret-variable: WEBHOOK_SECRET}}
"""

BUG = ('    sign = SIGNS[os.environ.get("CURRENCY", "EUR")]', '    raise RuntimeError("the till is stuck")')
"""The bug of the bad commit: a line of the shop, and what it becomes."""


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """Where the demo's system lives. ``ports`` by service."""

    root: Path
    ports: dict[str, int]

    @property
    def repository(self) -> Path:
        """The shop's git repository."""
        return self.root / "shop"

    @property
    def secret(self) -> str:
        """The secret that webhooks are signed with."""
        line = (self.root / "gateway.env").read_text().strip()
        return line.partition("=")[2]

    def url(self, service: str, path: str = "/") -> str:
        """Answer a service's address."""
        return f"http://127.0.0.1:{self.ports[service]}{path}"

    def write_currency(self, currency: str) -> None:
        """Edit the shop's values as a person would."""
        (self.root / "shop.env").write_text(f"CURRENCY={currency}\n")

    def commit(self, subject: str, *, bug: bool) -> str:
        """Commit the next version of the shop, with the bug or without; answers the full hash.

        The same commit again (after a run that was cut off) answers the one that is there.
        """
        head = self.git("log", "-1", "--format=%H %s").split(" ", 1)
        if head[1:] == [subject]:
            return head[0]
        version = int(self.git("rev-list", "--count", "HEAD")) + 1
        text = _source("shop.py").replace('VERSION = "1"', f'VERSION = "{version}"')
        (self.repository / "shop.py").write_text(text.replace(*BUG) if bug else text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", subject)
        return self.git("rev-parse", "HEAD")

    def mend(self) -> None:
        """Do what a person would after the former demo: it left a bug in the repository, and perhaps a wrong value."""
        self.write_currency("EUR")
        if BUG[1] in (self.repository / "shop.py").read_text():
            self.commit("fix: let the till open again", bug=False)

    def git(self, *arguments: str) -> str:
        """Run git in the shop's repository, as nobody in particular and without anybody's settings."""
        command = [
            "git",
            "-c",
            "user.name=Demo",
            "-c",
            "user.email=demo@localhost",
            "-c",
            "commit.gpgsign=false",
        ]
        done = subprocess.run(
            [*command, *arguments],
            cwd=self.repository,
            check=True,
            capture_output=True,
            text=True,
            timeout=30,
        )
        return done.stdout.strip()


def make(root: Path, *, running: bool) -> Workspace:
    """Make the workspace where it is missing, and answer it. ``running``: its services run, so its ports stay."""
    root.mkdir(parents=True, exist_ok=True)
    root = root.resolve()
    (root / "stock.py").write_text(_source("stock.py"))
    if not (root / "gateway.env").exists():
        (root / "gateway.env").write_text(f"WEBHOOK_SECRET={secrets.token_hex(16)}\n")
        (root / "gateway.env").chmod(0o600)
    space = Workspace(root=root, ports=_ports(root / "ports", running))
    if not (root / "shop.env").exists():
        space.write_currency("EUR")
    python = f'"{sys.executable}"'
    config = CONFIG.format(python=python, root=root, **space.ports)
    if not running:
        (root / "dreamnet.yml").write_text(config)
    if not (space.repository / ".git").exists():
        space.repository.mkdir(exist_ok=True)
        (space.repository / "shop.py").write_text(_source("shop.py"))
        space.git("init", "--quiet", "--initial-branch", "main")
        space.git("add", "--all")
        space.git("commit", "--quiet", "--message", "feat: open the shop")
    return space


def _source(name: str) -> str:
    """Read one of the demo's own programs."""
    return (resources.files("dreamnet_actions.entrances.demo") / "files" / name).read_text()


def _ports(memory: Path, running: bool) -> dict[str, int]:
    """Answer the services' ports: the former ones while they run or are still free, else fresh ones."""
    if memory.exists():
        former = dict(zip(("stock", "shop", "gateway"), map(int, memory.read_text().split()), strict=True))
        if running or all(_free(port) for port in former.values()):
            return former
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    memory.write_text(" ".join(map(str, ports)))
    return dict(zip(("stock", "shop", "gateway"), ports, strict=True))


def _free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
