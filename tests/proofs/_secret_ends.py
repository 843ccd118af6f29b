"""Where a value comes from and where it goes to, on this machine: memory, files, the environment, a process.

What arrived is told by who reads it for real: python-dotenv, two shells, Docker's own program. Adding a source or a
sink is one line in its table; those of other machines are in ``_secret_places``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from dotenv import dotenv_values

from dreamnet_actions.adapters.files.grammar import fits, write_entry
from dreamnet_actions.adapters.files.sink import DotenvSink
from dreamnet_actions.adapters.files.source import DotenvSource
from dreamnet_actions.adapters.files.structured import EnvironmentSource, JsonSource, YamlSource
from dreamnet_actions.adapters.files.values import json_values, yaml_values
from dreamnet_actions.adapters.process.environment import ProcessEnvironmentSink
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.ports.secrets import SecretSink, SecretSource
from dreamnet_actions.ports.stores import Journal
from dreamnet_actions.testing.memory.secrets import MemorySecretSink, MemorySecretSource
from tests.contracts.test_dotenv_formats import by_docker, by_shell

KEY = b"a key of this proof alone"
NAME = "VALUE"
DOCKER = shutil.which("docker")
"""Docker's program; its daemon is not needed."""


class CannotHold(ValueError):
    """A source's own format has no way to write this value."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one value goes to: ``read`` answers what is there under its name (None: nothing), without asking the sink;
    ``shown`` what those see of it who may not read values."""

    sink: SecretSink
    read: Callable[[], bytes | None]
    shown: Callable[[], str] = lambda: ""


Source = Callable[[Path, SecretValue], SecretSource]
"""Makes a source that holds one value, in a folder of its own. Raises CannotHold."""
Sink = Callable[[Path, Journal], Place]
"""Makes a place for one value, with a folder and a journal of its own."""


@dataclass(frozen=True, kw_only=True)
class Ends:
    """Sources and sinks, by what people call them."""

    sources: Mapping[str, Source]
    sinks: Mapping[str, Sink]
    silent: Collection[str] = ()
    """Sinks that give no value back: that one was lost there, nobody can see."""


# ── sources ──────────────────────────────────────────────────────────────────────────────────────────────


def _dotenv_source(root: Path, value: SecretValue) -> SecretSource:
    if (why := fits(NAME, value.reveal())) != "":
        raise CannotHold(why)
    (root / "source.env").write_text(write_entry(NAME, value.reveal()) + "\n", encoding="utf-8")
    return DotenvSource(root / "source.env", hash_key=KEY, shown="source.env")


def _json_source(root: Path, value: SecretValue) -> SecretSource:
    if not value.is_text:
        raise CannotHold("JSON holds text only")
    (root / "source.json").write_text(json.dumps({NAME: value.reveal()}), encoding="utf-8")
    read = (root / "source.json").read_bytes
    return JsonSource(lambda: json_values(read(), "source.json", ()), hash_key=KEY, shown="source.json")


def _yaml_source(root: Path, value: SecretValue) -> SecretSource:
    if not value.is_text:
        raise CannotHold("YAML holds text only")
    text = yaml.safe_dump({NAME: value.reveal()}, allow_unicode=True)
    (root / "source.yaml").write_bytes(text.encode())
    read = (root / "source.yaml").read_bytes
    return YamlSource(lambda: yaml_values(read(), "source.yaml", ()), hash_key=KEY, shown="source.yaml")


def _environment_source(_: Path, value: SecretValue) -> SecretSource:
    if "\0" in value.reveal():
        raise CannotHold("no environment holds a NUL")
    return EnvironmentSource(lambda: {NAME: value.reveal()}, hash_key=KEY, shown="the environment")


# ── sinks ────────────────────────────────────────────────────────────────────────────────────────────────


def _memory(_: Path, __: Journal) -> Place:
    sink = MemorySecretSink("memory/web")
    return Place(sink=sink, read=lambda: raw_of(sink))


def _process(root: Path, _: Journal) -> Place:
    # Its real reader is a service's own environment, which ``processes`` of the proof looks at.
    sink = ProcessEnvironmentSink("web", "local", root / "state")
    return Place(sink=sink, read=lambda: raw_of(sink))


def raw_of(sink: SecretSink) -> bytes | None:
    """Answer what a sink itself says that it holds."""
    found = sink.read_back().get(NAME)
    return None if found is None else found.raw()


def _dotenv(format_: str, read: Callable[[Path], str | bytes | None]) -> Sink:
    def make(root: Path, _: Journal) -> Place:
        file = root / "sink.env"
        sink = DotenvSink(
            file, state_directory=root / "state" / "sinks", hash_key=KEY, name="sink.env", format=format_
        )

        def found() -> bytes | None:
            text = read(file) if file.exists() else None
            return text.encode() if isinstance(text, str) else text

        return Place(sink=sink, read=found)

    return make


def _by_shells(file: Path) -> str | None:
    first, second = (by_shell(file, one).get(NAME) for one in ("sh", "bash"))
    return first if first == second else f"two shells disagree: {first!r} {second!r}"


def _by_docker(file: Path) -> str | None:
    if DOCKER is None:
        return by_docker(file).get(NAME)
    port, asked = _daemon()
    asked.clear()
    words = [DOCKER, "--host", f"tcp://127.0.0.1:{port}", "create", "--env-file", str(file), "an-image"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(file.parent)}
    subprocess.run(words, env=environment, check=True, capture_output=True, timeout=60)
    (told,) = asked
    return dict(one.split("=", 1) for one in told["Env"] or ()).get(NAME)


@cache
def _daemon() -> tuple[int, list[dict[str, Any]]]:
    """Take what Docker's program asks its daemon to create, for as long as this process lives."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            create = "/containers/create" in self.path
            if create:
                asked.append(json.loads(body))
            answer = json.dumps({"Id": "0" * 64, "Warnings": []}).encode() if create else b"OK"
            self.send_response(201 if create else 200)
            for name, text in (
                ("Api-Version", "1.41"),
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(answer))),
            ):
                self.send_header(name, text)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer)

    for method in ("GET", "HEAD", "POST"):
        setattr(Handler, f"do_{method}", Handler._answer)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1], asked


def _by_library(file: Path, *, interpolate: bool) -> str | None:
    return dotenv_values(file, interpolate=interpolate).get(NAME)


HERE = Ends(
    sources={
        "memory": lambda _, value: MemorySecretSource({NAME: value.reveal()}),
        "dotenv": _dotenv_source,
        "json": _json_source,
        "yaml": _yaml_source,
        "environment": _environment_source,
    },
    sinks={
        "memory": _memory,
        "dotenv": _dotenv("dotenv", partial(_by_library, interpolate=False)),
        "python-dotenv": _dotenv("python-dotenv", partial(_by_library, interpolate=True)),
        "shell": _dotenv("shell", _by_shells),
        "docker": _dotenv("docker", _by_docker),
        "process": _process,
    },
)
PRIVATE = ("source.env", "source.json", "source.yaml", "sink.env", "state/sinks/", "state/environments/")
"""Where values may lie in files: at their source, and what the sinks own."""
