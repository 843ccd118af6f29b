"""A small system on real adapters, the command line in this process, and the gateway on a real socket."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from click.testing import CliRunner, Result

from dreamnet_actions.bootstrap import Options, System, assemble
from dreamnet_actions.entrances.cli.root import dreamnet
from dreamnet_actions.entrances.http import create_app

REQUESTS = Path(__file__).resolve().parents[2] / "examples" / "requests"
SEEDS = ("dreamkeeper", "deploykeeper", "envkeeper", "relaybot")
GITHUB_SECRET = "It's a Secret to Everybody"
STANDARD_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

CONFIG = """\
version: 1
services:
  web:
    platform: gke
    command: [python3, -m, http.server, "{{port}}", --bind, 127.0.0.1]
    port: {port}
    checks:
      home: {{tcp: "127.0.0.1:{port}"}}
platforms:
  gke: {{process: {{cluster: autopilot-cluster-1}}}}
env:
  app: {{from: {{dotenv: app.env}}, to: [{{process: web}}]}}
webhooks:
  github: {{secret-variable: HOOK_GITHUB}}
  pay: {{secret-variable: HOOK_PAY}}
  unset: {{secret-variable: HOOK_UNSET}}
watch: {{every: 1s}}
"""
ENVIRON = {"HOOK_GITHUB": GITHUB_SECRET, "HOOK_PAY": STANDARD_SECRET}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a configuration that names all that the seed's requests name but the secret source."""
    root = tmp_path / "home"
    root.mkdir()
    (root / "dreamnet.yml").write_text(CONFIG.format(port=free_port()))
    (root / "app.env").write_text("GREETING=hello\n")
    return root


@pytest.fixture
def system(home: Path) -> Iterator[System]:
    made = assemble(Options(root=home, environ=ENVIRON))
    yield made
    for platform in made.platforms.values():
        platform.shutdown()
    made.close()


Run = Callable[..., Result]


@pytest.fixture
def run(home: Path) -> Run:
    """Run a command of ``dreamnet`` on ``home`` in this process."""

    def run(*arguments: str, stdin: bytes | str | None = None) -> Result:
        return CliRunner().invoke(
            dreamnet, ["--root", str(home), *arguments], input=stdin, prog_name="dreamnet"
        )

    return run


@contextmanager
def gateway(
    system: System, *, key: str | None = None, wake: Callable[[], None] = lambda: None
) -> Iterator[httpx2.Client]:
    """Serve the gateway on a real socket of loopback, and answer a client of it."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(system, key=key, wake=wake), log_config=None, lifespan="off", server_header=False
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=30) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()


@pytest.fixture
def client(system: System) -> Iterator[httpx2.Client]:
    with gateway(system) as one:
        yield one


def seed(agent: str) -> Any:
    """The seed's request of one agent, as the data file has it."""
    return json.loads((REQUESTS / f"{agent}.json").read_bytes())
