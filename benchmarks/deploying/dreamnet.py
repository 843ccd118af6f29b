"""DreamNet as a subject: ``dreamnet deploy`` on a folder of its own, as a user runs it."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from typing import Any

import yaml

from benchmarks.deploying.cases import NAME, REPLICAS, Place
from benchmarks.deploying.subjects import READY_WITHIN, Spoken, Subject, Verdict
from tests.cluster.errors import BedError

STEPS = ["25%", "50%"]
"""The canary's shares: of four replicas one, then two."""
SOAK = "60s"
"""How long a step of the canary is watched at most."""
PATIENCE = {"ready-within": "40s", "soak": "25s"}
"""What a tuned release has: as long as the tuned peers' ``progressDeadlineSeconds`` and ``minReadySeconds``."""
LOOK = 0.02
"""Seconds between two looks at what it has written down."""


class DreamNet(Subject):
    """``dreamnet deploy``, which takes a release back by itself.

    Its verdict is the moment at which it writes down that it takes the release back, or that it is deployed.
    """

    def __init__(self, name: str, *, tuned: bool = False) -> None:
        super().__init__(name, tuned=tuned)
        self._running: dict[str, Spoken] = {}

    def prepare(self, place: Place) -> None:
        self._configure(place, place.former)
        done = subprocess.run(
            self._command(place), env=self._environment(place), cwd=place.folder,
            capture_output=True, text=True, check=False, timeout=READY_WITHIN,
        )  # fmt: skip
        if done.returncode:
            raise BedError(f"dreamnet deploy ended with {done.returncode}: {done.stdout}{done.stderr}")

    def release(self, place: Place, until: float) -> Verdict:
        self._configure(place, place.new, address=self.service(place))
        former = str((self._written(place) or {})["request"])
        process = Spoken(
            self._command(place), lambda _: None, environment=self._environment(place), cwd=str(place.folder)
        )
        while True:
            over = process.ended()
            if (good := _verdict(self._written(place, former))) is not None:
                self._running[place.namespace] = process
                return Verdict(good, time.monotonic())
            if over:
                process.hear_out()
                raise BedError(f"dreamnet deploy ended with {process.status}: {process.said}")
            if time.monotonic() >= until:
                process.kill()
                return Verdict(None, until, "still waiting")
            time.sleep(LOOK)

    def finish(self, place: Place) -> None:
        process = self._running.pop(place.namespace)
        if not process.until(time.monotonic() + READY_WITHIN):
            raise BedError(f"dreamnet deploy did not end after its verdict: {process.said}")
        (place.folder / "said").write_text(process.said, encoding="utf-8")

    def _written(self, place: Place, former: str = "") -> dict[str, Any] | None:
        """Answer what its journal says of the rollout after ``former``, None where none has begun."""
        path = f"file:{place.folder}/.dreamnet/dreamnet.db?mode=ro"
        with contextlib.closing(sqlite3.connect(path, uri=True, timeout=10)) as journal:
            row = journal.execute(
                "SELECT body FROM shared WHERE key = ?", (f"rollout/production/{NAME}",)
            ).fetchone()
        intent: dict[str, Any] = json.loads(row[0]) if row and row[0] else {}
        return None if intent.get("request", "") == former else intent

    def _command(self, place: Place) -> list[str]:
        return [sys.executable, "-m", "dreamnet_actions", "--root", str(place.folder), "deploy", NAME]

    def _environment(self, place: Place) -> dict[str, str]:
        return {**os.environ, "KUBECONFIG": place.cluster.kubeconfig}

    def _configure(self, place: Place, image: str, *, address: str = "") -> None:
        """Write the configuration and the manifests of a release."""
        checks: dict[str, Any] = {"pods": {"workload": "ready"}}
        if address:
            checks["home"] = {"http": f"http://{address}/"}
        service: dict[str, Any] = {
            "platform": "production",
            "workload": f"deployment/{NAME}",
            "manifests": "deploy",
            "image": image,
            "container": "sample",
            "replicas": REPLICAS,
            "checks": checks,
        }
        release: dict[str, Any] = dict(PATIENCE) if self.tuned else {}
        if place.case.canary:
            release["strategy"] = {"canary": STEPS, "soak": SOAK}
        if release:
            service["release"] = release
        platform = {"kubernetes": {"namespace": place.namespace}}
        whole = {"version": 1, "platforms": {"production": platform}, "services": {NAME: service}}
        (place.folder / "dreamnet.yml").write_text(yaml.safe_dump(whole), encoding="utf-8")
        manifests = place.folder / "deploy"
        manifests.mkdir(exist_ok=True)
        objects = {"apiVersion": "v1", "kind": "List", "items": place.objects(image)}
        (manifests / f"{NAME}.json").write_text(json.dumps(objects), encoding="utf-8")


def _verdict(intent: dict[str, Any] | None) -> bool | None:
    """Answer whether a rollout is good, by what the journal says of it; None while that is open."""
    if not intent or intent["phase"] not in ("back", "ended"):
        return None
    return intent["phase"] == "ended" and intent["verdict"] == "deployed"
