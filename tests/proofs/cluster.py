"""``scripts/prove cluster``: how long the cluster of the tests takes to come up, to do its first work and to go.

Each round is a bed of its own. Printed are the seconds of each step, the memory of each part once a Deployment of two
pods serves, and how long the programs took when they were built.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import urllib.request
from pathlib import Path

import psutil

from tests.cluster import leftovers
from tests.cluster.beds import find
from tests.cluster.builds import MODULES, built
from tests.cluster.client import Cluster, script, workload
from tests.cluster.errors import BedError

BOUNDS = {"up": 60.0, "image": 10.0, "first rollout": 30.0, "down": 30.0}
"""Seconds each step may take on two cores."""


def main() -> int:
    """Run the rounds; answers 1 where a bound was not kept or something was left."""
    chosen = argparse.ArgumentParser(prog="scripts/prove cluster")
    chosen.add_argument(
        "--rounds", type=int, default=3, help="beds that come up and go (default: %(default)s)"
    )
    rounds = chosen.parse_args().rounds
    for module in MODULES:
        told = (built(module) / "seconds").read_text(encoding="utf-8").split()
        print(
            f"built {module.name}: "
            + ", ".join(f"{a} {b} s" for a, b in zip(told[::2], told[1::2], strict=True))
        )
    worst = dict.fromkeys(BOUNDS, 0.0)
    left: list[str] = []
    for number in range(1, rounds + 1):
        name = f"proof-{os.getpid()}"
        try:
            took, memory = _round(name)
        finally:
            began = time.monotonic()
            bed = find(name)
            script("down", "--name", name)
        took["down"] = time.monotonic() - began
        left += leftovers.left(bed) if bed else []
        worst = {step: max(worst[step], took[step]) for step in BOUNDS}
        print(f"round {number}: " + ", ".join(f"{step} {took[step]:.1f} s" for step in BOUNDS), flush=True)
        if number == rounds:
            print("memory, MiB: " + ", ".join(f"{part} {size:.0f}" for part, size in memory.items()))
    print(
        "slowest: " + ", ".join(f"{step} {worst[step]:.1f} s (at most {BOUNDS[step]:g})" for step in BOUNDS)
    )
    print(f"left behind: {'; '.join(left) or 'nothing'}")
    return 1 if left or any(worst[step] > BOUNDS[step] for step in BOUNDS) else 0


def _round(name: str) -> tuple[dict[str, float], dict[str, float]]:
    took: dict[str, float] = {}
    moment = time.monotonic()

    def step(what: str) -> None:
        nonlocal moment
        took[what], moment = time.monotonic() - moment, time.monotonic()

    script("up", "--name", name, "--owner", str(os.getpid()))
    step("up")
    facts = json.loads(script("status", "--name", name, "--json"))
    cluster = Cluster(facts["kubeconfig"], facts["registry"], name)
    moment = time.monotonic()
    image = cluster.image("v1")
    step("image")
    cluster.apply(*workload(image, replicas=2), namespace="default")
    cluster.kubectl("rollout", "status", "deployment/web", "--timeout=90s", namespace="default", seconds=100)
    address = cluster.get("service", "web", namespace="default")["spec"]["clusterIP"]
    with urllib.request.urlopen(f"http://{address}/", timeout=5) as answer:
        if answer.status != 200:
            raise BedError(f"the Service answered {answer.status}")
    step("first rollout")
    bed = find(name)
    memory: dict[str, float] = {}
    for process in leftovers.processes(bed) if bed else []:
        try:
            part = Path(process.exe()).name
            memory[part] = memory.get(part, 0) + process.memory_info().rss / 2**20
        except psutil.NoSuchProcess:
            continue
    memory["all"] = sum(memory.values())
    return took, dict(sorted(memory.items(), key=lambda one: one[1], reverse=True))


if __name__ == "__main__":
    sys.exit(main())
