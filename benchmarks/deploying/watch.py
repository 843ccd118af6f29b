"""Watching every pod of the benchmark: when the API shows a fault, and when the former release is all that serves.

One watch for all subjects, so that each is seen with the same delay.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kubernetes import client, config, watch

from benchmarks.deploying.cases import REPLICAS, Place

PREFIX = "bench-"
"""Each namespace of the benchmark begins so."""
AGAIN = 30
"""Seconds after which the server ends the watch, and it is begun again."""

Pod = Mapping[str, Any]


class Observer:
    """Knows the pods of every namespace of the benchmark, and when something was first true of them."""

    def __init__(self, kubeconfig: str, targets: Path | None = None) -> None:
        self._targets = targets
        self._told = ""
        self._client = config.new_client_from_config(kubeconfig)
        self._core = client.CoreV1Api(self._client)
        self._pods: dict[str, dict[str, Pod]] = {}
        self._places: dict[str, Place] = {}
        self._evidence: dict[str, float] = {}
        self._changed = threading.Condition()
        self._ended = threading.Event()
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the watch; the thread goes with the process."""
        self._ended.set()

    def begin(self, place: Place) -> None:
        """From now on evidence counts in this namespace."""
        with self._changed:
            self._places[place.namespace] = place
            self._evidence.pop(place.namespace, None)

    def evidence(self, namespace: str) -> float | None:
        """Answer when the API first showed the case's fault (``time.monotonic``), None while it has not."""
        with self._changed:
            return self._evidence.get(namespace)

    def former_serves(self, place: Place, until: float) -> float | None:
        """Wait until all replicas of the former release are ready and no pod of the new one is left.

        Answers when that was (``time.monotonic``), None where it was not so at ``until``.
        """
        return self._wait(lambda: self._only_former(place), until)

    def empty(self, namespace: str, until: float) -> bool:
        """Wait until a namespace has no pod any more."""
        return self._wait(lambda: not self._pods.get(namespace), until) is not None

    def _only_former(self, place: Place) -> bool:
        former, new = self._split(place)
        return not new and sum(map(_ready, former)) >= REPLICAS

    def _split(self, place: Place) -> tuple[list[Pod], list[Pod]]:
        """Answer the living pods of the former release and those of any other."""
        pods = [one for one in self._pods.get(place.namespace, {}).values() if _lives(one)]
        former = [one for one in pods if _image(one) == place.former]
        return former, [one for one in pods if _image(one) != place.former]

    def _wait(self, condition: Callable[[], bool], until: float) -> float | None:
        with self._changed:
            while not condition():
                left = until - time.monotonic()
                if self._problem is not None:
                    raise RuntimeError("the watch on pods ended") from self._problem
                if left <= 0:
                    return None
                self._changed.wait(min(left, 1.0))
            return time.monotonic()

    def _follow(self) -> None:
        try:
            while not self._ended.is_set():
                listed = self._core.list_pod_for_all_namespaces(_preload_content=False).json()
                with self._changed:
                    self._pods = {}
                    for pod in listed["items"]:
                        self._take("ADDED", pod)
                self._stream(listed["metadata"]["resourceVersion"])
        except BaseException as problem:  # noqa: BLE001 - raised where somebody waits
            self._problem = problem

    def _stream(self, version: str) -> None:
        follower = watch.Watch()
        try:
            events = follower.stream(
                self._core.list_pod_for_all_namespaces, resource_version=version, timeout_seconds=AGAIN
            )
            for event in events:
                with self._changed:
                    self._take(event["type"], event["raw_object"])
        except client.ApiException as problem:
            if problem.status not in (410, 504):
                raise

    def _take(self, kind: str, pod: Pod) -> None:
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        if not namespace.startswith(PREFIX):
            return
        known = self._pods.setdefault(namespace, {})
        if kind == "DELETED":
            known.pop(name, None)
        else:
            known[name] = pod
        place = self._places.get(namespace)
        if place is None or place.case.evidence is None or _image(pod) != place.new:
            pass
        elif namespace not in self._evidence and place.case.evidence(pod):
            self._evidence[namespace] = time.monotonic()
        self._tell_prometheus()
        self._changed.notify_all()

    def _tell_prometheus(self) -> None:
        """Write down, where somebody asks, which pods there are to read the metrics of."""
        if self._targets is None:
            return
        told = json.dumps([
            {
                "targets": [f"{pod['status']['podIP']}:8080"],
                "labels": {
                    "namespace": namespace,
                    "pod": name,
                    "argo": pod["metadata"]["labels"].get("rollouts-pod-template-hash", ""),
                },
            }
            for namespace, pods in self._pods.items()
            for name, pod in pods.items()
            if _lives(pod) and pod["status"].get("podIP")
        ])  # fmt: skip
        if told != self._told:
            self._told = told
            beside = self._targets.with_suffix(".new")
            beside.write_text(told, encoding="utf-8")
            beside.replace(self._targets)


def _image(pod: Pod) -> str:
    return str(pod["spec"]["containers"][0]["image"])


def _lives(pod: Pod) -> bool:
    return not pod["metadata"].get("deletionTimestamp") and pod["status"].get("phase") not in (
        "Failed",
        "Succeeded",
    )


def _ready(pod: Pod) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
