"""Argo Rollouts as a subject: its controller as a process of this machine, a ``Rollout`` in place of the Deployment."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.deploying.cases import NAME, Place
from benchmarks.deploying.subjects import PATIENT, Subject, Verdict, follow
from benchmarks.peers import builds
from tests.cluster.client import Cluster

RESOURCE = ("argoproj.io", "v1alpha1", "rollouts")
PORTS = ("--metricsport=0", "--healthzPort=0")
MANUAL_STEPS = [
    {"setWeight": 20},
    {"pause": {}},
    {"setWeight": 40},
    {"pause": {"duration": 10}},
    {"setWeight": 60},
    {"pause": {"duration": 10}},
    {"setWeight": 80},
    {"pause": {"duration": 10}},
]
"""The canary that its own guide begins with: a person promotes it, and no metric is asked
(https://argo-rollouts.readthedocs.io/en/stable/getting-started/)."""
STEPS = [
    {"setWeight": 25},
    {"pause": {"duration": 60}},
    {"setWeight": 50},
    {"pause": {"duration": 60}},
]
"""As DreamNet's: the same shares, each watched as long at most."""
QUERY = (
    'sum(rate(sample_requests_total{{namespace="{namespace}",argo="{{{{args.hash}}}}",code="500"}}[30s]))'
    ' / sum(rate(sample_requests_total{{namespace="{namespace}",argo="{{{{args.hash}}}}"}}[30s]))'
)


class Argo(Subject):
    """A ``Rollout``; what its ``status`` says is the verdict. It goes back by itself only where it aborts."""

    def build(self) -> None:
        self._program = builds.program(builds.ARGO)

    def start(self, cluster: Cluster, prometheus: str) -> None:  # noqa: ARG002 - it is in the templates
        cluster.install(*builds.files(builds.ARGO, "manifests/crds/*-crd.yaml"))
        self._log = Path(cluster.kubeconfig).with_name("argo-rollouts.log").open("wb")
        self._process = subprocess.Popen(
            [str(self._program), f"--kubeconfig={cluster.kubeconfig}", "--leader-elect=false", *PORTS],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)
        self._log.close()

    def prepare(self, place: Place) -> None:
        if self.tuned and place.case.canary:
            place.cluster.apply(_analysis(place), namespace=place.namespace)
        place.cluster.apply(*self._objects(place, place.former), namespace=place.namespace)
        done = follow(place, RESOURCE, lambda one: _judged(one, ""), time.monotonic() + 240)
        assert done.good, f"the former Rollout is not out: {done}"

    def release(self, place: Place, until: float) -> Verdict:
        before = place.cluster.get("rollouts.argoproj.io", NAME, namespace=place.namespace)
        place.cluster.apply(*self._objects(place, place.new), namespace=place.namespace)
        former = before["status"]["currentPodHash"]
        found = follow(place, RESOURCE, lambda one: _judged(one, former), until)
        if found.good is None and place.case.canary and not self.tuned:
            return Verdict(None, until, "waits for a person: asks no metric by itself")
        return found

    def undo(self, place: Place) -> None:
        one = place.cluster.get("rollouts.argoproj.io", NAME, namespace=place.namespace)
        if not one["status"].get("abort"):  # aborted, it goes back by itself
            # What its plugin's `undo` does: the former template again.
            place.cluster.apply(*self._objects(place, place.former), namespace=place.namespace)

    def _objects(self, place: Place, image: str) -> list[dict[str, Any]]:
        rollout, service = place.objects(image, **(PATIENT if self.tuned else {}))
        rollout |= {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"}
        canary: dict[str, Any] = {}
        if place.case.canary:
            canary["steps"] = STEPS if self.tuned else MANUAL_STEPS
        if self.tuned:
            rollout["spec"]["progressDeadlineAbort"] = True
        if self.tuned and place.case.canary:
            latest = {"name": "hash", "valueFrom": {"podTemplateHashValue": "Latest"}}
            canary["analysis"] = {
                "templates": [{"templateName": "errors"}],
                "startingStep": 1,
                "args": [latest],
            }
            del rollout["spec"]["minReadySeconds"]  # the pauses are that
        rollout["spec"]["strategy"] = {"canary": canary}
        return [rollout, service]


def _analysis(place: Place) -> dict[str, Any]:
    metric = {
        "name": "errors",
        "interval": "5s",
        "initialDelay": "10s",
        "failureLimit": 1,
        "successCondition": "len(result) == 0 || isNaN(result[0]) || result[0] <= 0.05",
        "provider": {
            "prometheus": {"address": place.prometheus, "query": QUERY.format(namespace=place.namespace)}
        },
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": {"name": "errors"},
        "spec": {"args": [{"name": "hash"}], "metrics": [metric]},
    }


def _judged(one: Mapping[str, Any], former: str) -> Verdict | None:
    """Answer what a Rollout's status says of the release after the one with the hash ``former``."""
    status = one.get("status") or {}
    seen = str(status.get("observedGeneration", "")) == str(one["metadata"]["generation"])
    if not seen or status.get("currentPodHash") in (None, former):
        return None
    if status.get("abort") or status.get("phase") == "Degraded":
        return Verdict(False, time.monotonic(), str(status.get("message", "")))
    if status.get("phase") == "Healthy" and status.get("stableRS") == status.get("currentPodHash"):
        return Verdict(True, time.monotonic())
    return None
