"""The service of ``hosted`` under load, measured by a real Prometheus.

Debian's knows nothing of Kubernetes, so it asks us which pods there are, by its own protocol for that (HTTP SD).
"""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.actions.bed import told
from tests.cluster.client import Cluster
from tests.kubernetes.hosted import Hosted, Users, hosted, pods
from tests.prometheus.server import Prometheus, answering, prometheus

CONFIG = """\
scrape_configs:
  - job_name: web
    http_sd_configs: [{{url: "http://{places}/", refresh_interval: 2s}}]
"""
LOAD = "sum(avg_over_time(sample_requests_in_flight[5s]))"
"""Requests that are being answered, in all pods together."""
CROWD = 12
"""Users at once under load, each with a request under way all the time."""
SCALE = {"target": 3, "min": 1, "max": 4, "down-after": "5s"}
BEHAVIOUR = {"LATENCY": "300ms", "WORK": "20ms"}
"""How the service answers. A tenth of a core (its limit) is too little in one pod for all that the crowd asks."""
PATIENCE = 1.5
"""Seconds after which somebody of the crowd goes away without an answer, and counts it as an error."""
MOST_TICKS = 6


@contextmanager
def measured(cluster: Cluster, namespace: str, folder: Path) -> Iterator[tuple[Hosted, Prometheus]]:
    """Have the repository, its service scaled by what Prometheus measures: one pod at first."""
    with places(cluster, namespace) as address:
        config = CONFIG.format(places=address)
        with prometheus(folder / "prometheus", config) as server:
            checks = {"load": {"prometheus": LOAD, "scale": SCALE}}
            with hosted(cluster, namespace, folder, replicas=1, checks=checks, metrics=server.url) as shop:
                yield shop, server


@contextmanager
def places(cluster: Cluster, namespace: str) -> Iterator[str]:
    """Tell Prometheus where the pods are (https://prometheus.io/docs/prometheus/latest/http_sd/); answers where it is
    told."""

    def body() -> bytes:
        there = pods(cluster, namespace).items()
        told = [{"targets": [f"{one}:8080"], "labels": {"pod": name}} for name, one in there if one]
        return json.dumps(told).encode()

    with answering(body, "application/json") as address:
        yield address


def load(server: Prometheus) -> float:
    """Answer the load as Prometheus has it; -1 where it has none."""
    asked = f"{server.url}/api/v1/query?query={urllib.parse.quote(LOAD)}"
    with urllib.request.urlopen(asked, timeout=10) as answer:
        found = json.load(answer)["data"]["result"]
    return float(found[0]["value"][1]) if found else -1.0


def until_stable(shop: Hosted) -> list[int]:
    """Let the schedule come until it changes nothing any more; answers the number of replicas after each.

    Raises AssertionError where a run fails, or it does not come to rest.
    """
    numbers = []
    for _ in range(MOST_TICKS):
        runs = shop.tick()
        assert all(one.conclusion == "success" for one in runs), "\n".join(map(told, runs))
        numbers.append(shop.replicas())
        if len(runs) == 1 and len(numbers) > 1:
            return numbers
    raise AssertionError(f"no rest after {MOST_TICKS} looks: {numbers}")


def asked(users: Users, phase: str, count: int) -> bool:
    """Say whether users made so many requests in a phase."""
    return len(users.seen.get(phase, ())) + users.errors(phase) >= count
