"""What every subject of the benchmark is, and the two that need nothing but kubectl or Helm."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kubernetes import client, config, watch

from benchmarks.deploying.cases import NAME, Place
from benchmarks.peers import builds
from tests.cluster.client import Cluster
from tests.cluster.errors import BedError

PATIENT = {"minReadySeconds": 25, "progressDeadlineSeconds": 40}
"""What a tuned Deployment has: a pod counts once it has held out a while, and the wait has an end that people sit
through (https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#progress-deadline-seconds)."""
READY_WITHIN = 240.0
"""Seconds in which the former release has to be out, however busy the machine is."""


@dataclass(frozen=True)
class Verdict:
    """What a subject said of the release. ``good`` is None where it said nothing until the cut."""

    good: bool | None
    at: float
    """``time.monotonic`` when it said so."""
    note: str = ""
    """What a reader of the row should know."""


class Subject(ABC):
    """One way to release a workload. It is used from one thread a case."""

    def __init__(self, name: str, *, tuned: bool = False) -> None:
        self.name = f"{name}-tuned" if tuned else name
        self.tuned = tuned

    @abstractmethod
    def prepare(self, place: Place) -> None:
        """Bring the former release out; the benchmark waits until it is ready."""

    @abstractmethod
    def release(self, place: Place, until: float) -> Verdict:
        """Bring the new release out and wait for what the subject says of it, until ``until`` at most."""

    def undo(self, place: Place) -> None:  # noqa: B027 - most go back by themselves
        """Go back to the former release, after a verdict that it failed."""

    def finish(self, place: Place) -> None:  # noqa: B027 - most are over with their verdict
        """Wait until it has done all that it does after its verdict."""

    def service(self, place: Place) -> str:
        """Answer the address that the steady client asks."""
        return place.cluster.address(NAME, place.namespace)

    def canary_service(self, place: Place) -> str | None:  # noqa: ARG002 - most have none
        """Answer an address that needs traffic of its own for the canary to be judged, if any."""
        return None

    def build(self) -> None:  # noqa: B027 - not all are built
        """Build its program where it is not there; takes minutes the first time."""

    def start(self, cluster: Cluster, prometheus: str) -> None:  # noqa: B027 - not all have a controller
        """Start what runs for the whole benchmark, such as a controller."""

    def close(self) -> None:  # noqa: B027 - as above
        """End it."""


class Kubectl(Subject):
    """``kubectl apply``, ``rollout status``, and ``rollout undo`` where that failed."""

    def prepare(self, place: Place) -> None:
        place.cluster.apply(*self._objects(place, place.former), namespace=place.namespace)

    def release(self, place: Place, until: float) -> Verdict:
        place.cluster.apply(*self._objects(place, place.new), namespace=place.namespace)
        words = ("rollout", "status", f"deployment/{NAME}")
        try:
            place.cluster.kubectl(
                *words, namespace=place.namespace, seconds=max(0.1, until - time.monotonic())
            )
        except subprocess.TimeoutExpired:
            return Verdict(None, until, "still waiting")
        except BedError:
            return Verdict(False, time.monotonic())
        note = "has no canary" if place.case.canary else ""
        return Verdict(True, time.monotonic(), note)

    def undo(self, place: Place) -> None:
        place.cluster.kubectl("rollout", "undo", f"deployment/{NAME}", namespace=place.namespace)

    def _objects(self, place: Place, image: str) -> list[dict[str, Any]]:
        return place.objects(image, **(PATIENT if self.tuned else {}))


class Helm(Subject):
    """``helm upgrade --rollback-on-failure``, which waits, and goes back by itself."""

    def build(self) -> None:
        self._program = str(builds.program(builds.HELM))

    def prepare(self, place: Place) -> None:
        self._chart(place, place.former)
        command = self._command(place, "install")
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=READY_WITHIN)
        if done.returncode:
            raise BedError(f"`{' '.join(command)}` ended with {done.returncode}: {done.stderr.strip()}")

    def release(self, place: Place, until: float) -> Verdict:
        self._chart(place, place.new)
        command = self._command(place, "upgrade", "--rollback-on-failure")
        if self.tuned:
            command.append("--timeout=90s")
        failed = threading.Event()
        at: list[float] = []

        def heard(line: str) -> None:
            if "upgrade failed" in line:
                at.append(time.monotonic())
                failed.set()

        process = Spoken(command, heard, environment={"KUBECONFIG": place.cluster.kubeconfig})
        while not failed.is_set():
            if process.ended():
                process.hear_out()
                break
            if time.monotonic() >= until:
                process.kill()
                return Verdict(None, until, "still waiting")
            failed.wait(0.05)
        if at:  # it goes back by itself, and is left to
            threading.Thread(target=process.until, args=(until,), daemon=True).start()
            return Verdict(False, at[0])
        if process.status:
            raise BedError(f"`{' '.join(command)}` ended with {process.status}: {process.said}")
        return Verdict(True, time.monotonic(), "has no canary" if place.case.canary else "")

    def _command(self, place: Place, *words: str) -> list[str]:
        where = [f"--kubeconfig={place.cluster.kubeconfig}", f"--namespace={place.namespace}"]
        return [self._program, *words, NAME, str(place.folder / "chart"), *where]

    def _chart(self, place: Place, image: str) -> None:
        """Write the chart as it is with this release."""
        templates = place.folder / "chart" / "templates"
        templates.mkdir(parents=True, exist_ok=True)
        chart = {"apiVersion": "v2", "name": NAME, "version": "1.0.0"}
        (templates.parent / "Chart.yaml").write_text(json.dumps(chart), encoding="utf-8")
        for one in place.objects(image, **(PATIENT if self.tuned else {})):
            (templates / f"{one['kind'].lower()}.yaml").write_text(json.dumps(one), encoding="utf-8")


class Spoken:
    """A process whose lines are heard as they come, of both its outputs."""

    def __init__(
        self,
        command: list[str],
        heard: Callable[[str], None],
        *,
        environment: Mapping[str, str],
        cwd: str = "/",
    ) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=cwd,
            env={**os.environ, **environment},
        )
        self._lines: list[str] = []
        self._heard = heard
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def said(self) -> str:
        """All that it said so far."""
        return "".join(self._lines)

    @property
    def status(self) -> int | None:
        """The status that it ended with."""
        return self._process.returncode

    def ended(self) -> bool:
        """Tell whether it has ended."""
        return self._process.poll() is not None

    def hear_out(self) -> None:
        """Wait for its last line."""
        self._reader.join(timeout=10)

    def until(self, limit: float) -> bool:
        """Wait for its end, until ``limit`` at most, and end it then; answer whether it ended by itself."""
        try:
            self._process.wait(timeout=max(0.1, limit - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        self.hear_out()
        return True

    def kill(self) -> None:
        """End it now."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait(timeout=30)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(line)
            self._heard(line)


def follow(
    place: Place,
    resource: tuple[str, str, str],
    judge: Callable[[Mapping[str, Any]], Verdict | None],
    until: float,
) -> Verdict:
    """Watch the object ``web`` of a custom resource (group, version, plural) until ``judge`` has a verdict of it."""
    group, version, plural = resource
    api = client.CustomObjectsApi(config.new_client_from_config(place.cluster.kubeconfig))
    while (left := until - time.monotonic()) > 0:
        events = watch.Watch().stream(
            api.list_namespaced_custom_object,
            group,
            version,
            place.namespace,
            plural,
            timeout_seconds=max(1, int(min(left, 20.0))),
        )
        for event in events:
            if event["type"] != "DELETED" and (found := judge(event["object"])) is not None:
                return found
    return Verdict(None, until, "still waiting")
