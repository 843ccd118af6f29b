"""Debian's docker-registry on loopback, open or with logins, and the repositories that images are made of."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CONTAINERFILE = "FROM scratch\nARG GREETING=hello\nENV GREETING=$GREETING\nCOPY a /a\n"


@dataclass
class Running:
    """A registry at ``host``."""

    host: str
    log: Path = field(repr=False)

    def manifest(self, name: str, reference: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Answer what the registry itself has."""
        accept = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"
        url = f"http://{self.host}/v2/{name}/manifests/{reference}"
        request = urllib.request.Request(url, headers={"Accept": accept, **(headers or {})})
        with urllib.request.urlopen(request, timeout=20) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def config(self, name: str, reference: str) -> dict[str, Any]:
        """Answer an image's configuration: its labels, its environment."""
        digest = self.manifest(name, reference)["config"]["digest"]
        with urllib.request.urlopen(f"http://{self.host}/v2/{name}/blobs/{digest}", timeout=20) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def tags(self, name: str) -> list[str]:
        """Answer the tags of an image."""
        try:
            with urllib.request.urlopen(f"http://{self.host}/v2/{name}/tags/list", timeout=20) as answer:
                return sorted(json.load(answer)["tags"] or [])
        except urllib.error.HTTPError:
            return []


@contextlib.contextmanager
def registry(folder: Path, **auth: Any) -> Iterator[Running]:
    """Run a registry until the block ends; ``auth`` is that part of its configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    config = {
        "version": "0.1",
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": host},
        **({"auth": auth} if auth else {}),
    }
    (folder / "config.yml").write_text(json.dumps(config), "utf-8")
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["docker-registry", "serve", str(folder / "config.yml")], stdout=out, stderr=subprocess.STDOUT
        )
    try:
        until = time.monotonic() + 30
        while not _answers(host):
            assert process.poll() is None, log.read_text("utf-8")
            assert time.monotonic() < until, log.read_text("utf-8")
            time.sleep(0.02)
        yield Running(host, log)
    finally:
        process.terminate()
        process.wait(10)


def _answers(host: str) -> bool:
    try:
        urllib.request.urlopen(f"http://{host}/v2/", timeout=2).close()
    except urllib.error.HTTPError as error:
        return error.code == 401
    except OSError:
        return False
    return True


def logged_in(folder: Path, host: str, user: str, password: str) -> dict[str, str]:
    """Write a login as ``docker login`` does; answer the environment that leads to it."""
    folder.mkdir(parents=True, exist_ok=True)
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}), "utf-8")
    return environment(folder.parent) | {"DOCKER_CONFIG": str(folder)}


def environment(home: Path) -> dict[str, str]:
    """Answer an environment with nobody's logins in it."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "GIT_CONFIG_GLOBAL": "/dev/null"}
