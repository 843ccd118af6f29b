"""Flagger as a subject: its controller as a process of this machine, with plain Services (its provider ``kubernetes``).

So it works blue and green: a release is analysed beside the primary, without the clients' traffic, and copied over it.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.deploying.cases import NAME, Place
from benchmarks.deploying.metrics import free_port
from benchmarks.deploying.subjects import PATIENT, Subject, Verdict, follow
from benchmarks.peers import builds
from tests.cluster.client import Cluster

RESOURCE = ("flagger.app", "v1beta1", "canaries")
QUERY = (
    '100 * sum(rate(sample_requests_total{namespace="{{ namespace }}",'
    'pod=~"{{ target }}-[0-9a-z]+-[0-9a-z]+",code="500"}[{{ interval }}]))'
    ' / sum(rate(sample_requests_total{namespace="{{ namespace }}",'
    'pod=~"{{ target }}-[0-9a-z]+-[0-9a-z]+"}[{{ interval }}]))'
)
SOONEST = "10s"
"""The shortest interval that it takes; anything less becomes this."""


class Flagger(Subject):
    """A ``Canary`` over a Deployment; its ``status.phase`` is the verdict. It goes back by itself."""

    def build(self) -> None:
        self._program = builds.program(builds.FLAGGER)

    def start(self, cluster: Cluster, prometheus: str) -> None:
        cluster.install(*builds.files(builds.FLAGGER, "artifacts/flagger/crd.yaml"))
        self._log = Path(cluster.kubeconfig).with_name("flagger.log").open("wb")
        words = [f"-kubeconfig={cluster.kubeconfig}", "-mesh-provider=kubernetes", f"-port={free_port()}"]
        self._process = subprocess.Popen(
            [str(self._program), *words, f"-metrics-server={prometheus}"],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)
        self._log.close()

    def prepare(self, place: Place) -> None:
        deployment, _ = self._objects(place, place.former)
        place.cluster.apply(deployment, _template(place), namespace=place.namespace)
        # At its shortest interval, or the first copy alone would take two minutes.
        place.cluster.apply(self._canary(place, SOONEST), namespace=place.namespace)
        done = follow(place, RESOURCE, lambda one: _judged(one, "Initialized"), time.monotonic() + 240)
        assert done.good, f"the former release is not out: {done}"
        place.cluster.apply(self._canary(place), namespace=place.namespace)

    def release(self, place: Place, until: float) -> Verdict:
        deployment, _ = self._objects(place, place.new)
        del deployment["spec"]["replicas"]  # its own from the first copy on
        place.cluster.apply(deployment, namespace=place.namespace)
        return follow(place, RESOURCE, lambda one: _judged(one, "Succeeded"), until)

    def canary_service(self, place: Place) -> str | None:
        if not place.case.canary:
            return None
        service = place.cluster.get("service", f"{NAME}-canary", namespace=place.namespace)
        return str(service["spec"]["clusterIP"])

    def _objects(self, place: Place, image: str) -> list[dict[str, Any]]:
        spec = {"progressDeadlineSeconds": PATIENT["progressDeadlineSeconds"]} if self.tuned else {}
        return place.objects(image, **spec)

    def _canary(self, place: Place, interval: str = "") -> dict[str, Any]:
        # Its defaults for what may be left out, which its schema asks for all the same; and a single look.
        analysis: dict[str, Any] = {"interval": "60s", "threshold": 1, "iterations": 1}
        if self.tuned:
            # The shortest that it takes; three looks hold a release back as long as the others' tuned ones.
            analysis = {"interval": SOONEST, "iterations": 3, "threshold": 1}
        if interval:
            analysis["interval"] = interval
        if place.case.canary:
            errors = {"name": "errors", "templateRef": {"name": "errors"}, "thresholdRange": {"max": 5}}
            analysis["metrics"] = [{**errors, "interval": "30s"}]
        spec: dict[str, Any] = {
            "provider": "kubernetes",
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME},
            "service": {"port": 80, "targetPort": 8080},
            "analysis": analysis,
        }
        if self.tuned:
            spec["progressDeadlineSeconds"] = PATIENT["progressDeadlineSeconds"]
        return {
            "apiVersion": "flagger.app/v1beta1",
            "kind": "Canary",
            "metadata": {"name": NAME},
            "spec": spec,
        }


def _template(place: Place) -> dict[str, Any]:
    provider = {"type": "prometheus", "address": place.prometheus}
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "MetricTemplate",
        "metadata": {"name": "errors"},
        "spec": {"provider": provider, "query": QUERY},
    }


def _judged(one: Mapping[str, Any], wanted: str) -> Verdict | None:
    phase = (one.get("status") or {}).get("phase")
    if phase == wanted:
        return Verdict(True, time.monotonic())
    if phase == "Failed":
        return Verdict(False, time.monotonic())
    return None
