"""Releases by canary on the real cluster: images that fail at a rate, judged by the product as a user runs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.cluster.client import Cluster, script
from tests.kubernetes.test_story import without_git

RATES = ("1", "0.5", "0.2", "0.1", "0")
"""What the canaries fail at, in turn."""
RULES = "\n    release: {strategy: {canary: [25%, 50%], soak: 60s}}"


def real(count: int) -> bool:
    """Bring so many releases out, a client asking all the time; says whether each ended as it has to."""
    name = f"canary-{os.getpid()}"
    try:
        script("up", "--name", name, "--owner", str(os.getpid()))
        facts = json.loads(script("status", "--name", name, "--json"))
        cluster = Cluster(facts["kubeconfig"], facts["registry"], name)
        with tempfile.TemporaryDirectory() as folder:
            return _releases(cluster, Path(folder) / "shop", count)
    finally:
        script("down", "--name", name)


def _releases(cluster: Cluster, root: Path, count: int) -> bool:
    without_git(root)
    config = root / "dreamnet.yml"
    _write(config, r"image: \S+", f"image: {cluster.image('first')}")
    _deploy(root, cluster)
    address = cluster.get("service", "web", namespace="default")["spec"]["clusterIP"]
    _write(config, "checks:", f"checks:\n      home: {{http: 'http://{address}/'}}")
    _write(config, "replicas: 2", f"replicas: 2{RULES}")
    print(f"{count} real releases by canary (25%, 50%; stable fails none), a client asking all the time:")
    held = True
    for number in range(count):
        rate = RATES[number % len(RATES)]
        image = cluster.image(f"release-{number}", ERROR_RATE=rate)
        _write(config, r"image: \S+", f"image: {image}")
        with Client(f"http://{address}/") as client:
            began = time.monotonic()
            result = _deploy(root, cluster)
            took = time.monotonic() - began
        right = "deployed" if rate == "0" else "rolled-back"
        held = held and result["verdict"] == right
        words = re.search(r"failed \d+ of \d+ requests at \d+%", str(result["summary"]))
        said = f", its canary {words[0]}" if words else ""
        print(
            f"  {float(rate):>4.0%}: {result['verdict'] or result['outcome']} after {took:.1f} s{said}; the client saw "
            f"{client.failed} errors in {client.asked} requests",
            flush=True,
        )
    return held


def _write(file: Path, former: str, text: str) -> None:
    file.write_text(re.sub(former, text, file.read_text("utf-8"), count=1), encoding="utf-8")


def _deploy(root: Path, cluster: Cluster) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-m", "dreamnet_actions", "deploy", "--json"],
        cwd=root,
        env={**os.environ, "KUBECONFIG": cluster.kubeconfig},
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


class Client:
    """Asks an address ten times a second, each time on a new connection, and counts what failed."""

    def __init__(self, address: str) -> None:
        self.asked = self.failed = 0
        self._address, self._end = address, threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Client:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(10)

    def _ask(self) -> None:
        while not self._end.wait(0.1):
            self.asked += 1
            try:
                urllib.request.urlopen(self._address, timeout=5).close()
            except (urllib.error.URLError, OSError):
                self.failed += 1
