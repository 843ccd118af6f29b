"""Many services in one ``dreamnet deploy``: what each costs in requests to the API server and in time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.deploying.watch import PREFIX
from tests.cluster.client import Cluster, workload
from tests.cluster.errors import BedError

SIZES = (1, 10, 100)
LIMIT = 900
"""Seconds for the largest of them."""
_REQUEST = re.compile(rb"(?:GET|POST|PUT|PATCH|DELETE) /\S* HTTP/1\.1\r\n")
_LONGEST = 4096
"""Bytes of a request's first line at most."""


@dataclass(frozen=True)
class Cost:
    """What the first deployment of so many services took."""

    services: int
    requests: int
    seconds: float

    def rows(self) -> list[dict[str, Any]]:
        """Answer the rows of it."""
        figures = (
            ("api_requests_per_service", self.requests / self.services, "requests"),
            ("seconds_per_service", self.seconds / self.services, "s"),
        )
        return [
            {
                "case": f"services-{self.services}",
                "subject": "dreamnet",
                "metric": metric,
                "value": round(value, 3),
                "unit": unit,
            }
            for metric, value, unit in figures
        ]


def deploy_many(cluster: Cluster, folder: Path, size: int) -> Cost:
    """Deploy ``size`` services of one replica each at once, and count."""
    namespace = f"{PREFIX}services-{size}-{os.urandom(2).hex()}"
    folder.mkdir(parents=True)
    cluster.kubectl("create", "namespace", namespace)
    try:
        cluster.wait(
            f"the account that pods of {namespace} run as",
            lambda: cluster.get("serviceaccounts", namespace=namespace),
            60,
        )
        _configure(folder, namespace, cluster.image("former"), size)
        with counted(cluster, folder) as (kubeconfig, requests):
            began = time.monotonic()
            done = subprocess.run(
                [sys.executable, "-m", "dreamnet_actions", "--root", str(folder), "deploy"],
                env={**os.environ, "KUBECONFIG": str(kubeconfig)},
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
                timeout=LIMIT,
            )
            seconds = time.monotonic() - began
        if done.returncode:
            raise BedError(
                f"dreamnet deploy of {size} services ended with {done.returncode}: {done.stdout}{done.stderr}"
            )
        return Cost(size, len(requests), seconds)
    finally:
        cluster.kubectl("delete", "namespace", namespace, f"--timeout={LIMIT}s", seconds=LIMIT + 10)


def _configure(folder: Path, namespace: str, image: str, size: int) -> None:
    services = {}
    for number in range(size):
        name = f"s{number}"
        manifests = folder / "deploy" / name
        manifests.mkdir(parents=True)
        objects = {"apiVersion": "v1", "kind": "List", "items": workload(image, name=name)}
        (manifests / "all.json").write_text(json.dumps(objects), encoding="utf-8")
        services[name] = {
            "platform": "production",
            "workload": f"deployment/{name}",
            "manifests": f"deploy/{name}",
            "image": image,
            "container": "sample",
            "replicas": 1,
            "checks": {"pods": {"workload": "ready"}},
        }
    platform = {"kubernetes": {"namespace": namespace}}
    whole = {"version": 1, "platforms": {"production": platform}, "services": services}
    (folder / "dreamnet.yml").write_text(yaml.safe_dump(whole), encoding="utf-8")


@contextlib.contextmanager
def counted(cluster: Cluster, folder: Path) -> Iterator[tuple[Path, list[bytes]]]:
    """Answer a kubeconfig whose requests pass by us, and the list that each one's first line is put on.

    ``kubectl proxy`` does the TLS and is the administrator; before it we only read.
    """
    process = subprocess.Popen(
        [cluster.program, "proxy", "--port=0"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env={**os.environ, "KUBECONFIG": cluster.kubeconfig},
        text=True,
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        behind = int(said.rpartition(":")[2])
        lines: list[bytes] = []
        loop = asyncio.new_event_loop()
        server = loop.run_until_complete(
            asyncio.start_server(lambda one, other: _pass_on(one, other, behind, lines), "127.0.0.1", 0)
        )
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        kubeconfig = folder / "kubeconfig"
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        kubeconfig.write_text(json.dumps(_through(address)), encoding="utf-8")
        try:
            yield kubeconfig, lines
        finally:
            asyncio.run_coroutine_threadsafe(_end_all(), loop).result(timeout=10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(timeout=10)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _through(address: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "counted", "cluster": {"server": address}}],
        "users": [{"name": "counted", "user": {}}],
        "contexts": [{"name": "counted", "context": {"cluster": "counted", "user": "counted"}}],
        "current-context": "counted",
    }


async def _end_all() -> None:
    """End the connections that are still open."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for one in others:
        one.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, lines: list[bytes]
) -> None:
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)

    async def out() -> None:
        rest = b""
        while data := await reader.read(65536):
            rest += data
            end = 0
            for found in _REQUEST.finditer(rest):
                lines.append(found.group())
                end = found.end()
            rest = rest[max(end, len(rest) - _LONGEST) :]
            far_writer.write(data)
            await far_writer.drain()
        far_writer.close()

    async def back() -> None:
        while data := await far_reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    with contextlib.suppress(OSError, asyncio.CancelledError):
        await asyncio.gather(out(), back())
