"""A Prometheus that reads the metrics of every pod of the benchmark, for the peers that ask one."""

from __future__ import annotations

import shutil
import socket
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.errors import BedError
from tests.cluster.processes import wait_for

INTERVAL = "5s"
"""As in the Prometheus that Flagger's own chart brings."""


class Prometheus:
    """One that runs until it is closed. ``address`` is where it answers, ``targets`` the file that names the pods."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("prometheus")
        if program is None:
            raise BedError(
                "no prometheus on PATH, which argo-rollouts and flagger ask; on Debian: apt-get install prometheus"
            )
        folder.mkdir(parents=True, exist_ok=True)
        self.targets = folder / "targets.json"
        self.targets.write_text("[]", encoding="utf-8")
        (folder / "prometheus.yml").write_text(yaml.safe_dump(_configuration(self.targets)), encoding="utf-8")
        self.address = f"http://127.0.0.1:{free_port()}"
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen(
            [
                program,
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address={self.address.removeprefix('http://')}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

        def ready() -> bool:
            with urllib.request.urlopen(f"{self.address}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)

        wait_for("prometheus to be ready", ready, 60, every=0.1)

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(timeout=30)
        self._log.close()


def free_port() -> int:
    """Answer a port of loopback that nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _configuration(targets: Path) -> dict[str, Any]:
    # From a file, which the observer writes: Debian's Prometheus is built without Kubernetes.
    return {
        "global": {"scrape_interval": INTERVAL},
        "scrape_configs": [{"job_name": "pods", "file_sd_configs": [{"files": [str(targets)]}]}],
    }
