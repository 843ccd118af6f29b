"""``scripts/prove scaling``: our rules of scaling against the code of Kubernetes' own autoscaler.

The oracle is compiled from the files of ``pkg/controller/podautoscaler`` of the Kubernetes that the tests' cluster is
made of, with a few lines beside them that call its windows and its pace. Both decide the same random cases: bounds,
windows, limits in pods and percent, what was asked for and what was scaled already.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from dreamnet_actions.domain.scaling import Move, Recommendation, paced, stabilise
from dreamnet_actions.domain.spec.scale import Pace, Scale, Step

HERE = Path(__file__).parent / "_hpa"
MODULE = Path(__file__).resolve().parents[1] / "cluster" / "kubernetes"
NOW = 1_000_000.0


def oracle(folder: Path) -> Path:
    """Compile the oracle into ``folder``."""
    go = shutil.which("go") or "go"
    environ = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"}
    asked = [go, "list", "-mod=readonly", "-m", "-f={{.Dir}}", "k8s.io/kubernetes"]
    found = subprocess.run(asked, cwd=MODULE, env=environ, check=True, capture_output=True, text=True)
    source = Path(found.stdout.strip()) / "pkg" / "controller" / "podautoscaler"
    files = {one.name: one for one in source.glob("*.go") if not one.name.endswith("_test.go")}
    files["oracle.go"] = HERE / "oracle.go.txt"
    replaced = {f"{MODULE}/oracle/podautoscaler/{name}": str(path) for name, path in files.items()}
    replaced[f"{MODULE}/oracle/main.go"] = str(HERE / "main.go.txt")
    overlay = folder / "overlay.json"
    overlay.write_text(json.dumps({"Replace": replaced}), encoding="utf-8")
    made = folder / "oracle"
    build = [
        go,
        "build",
        "-trimpath",
        "-mod=readonly",
        f"-overlay={overlay}",
        "-ldflags=-s -w",
        "-o",
        str(made),
    ]
    subprocess.run([*build, "./oracle"], cwd=MODULE, env=environ, check=True)
    return made


def case(dice: random.Random) -> dict[str, Any]:
    """Make up one decision, as the oracle reads it. Times lie between whole seconds: both clocks agree there."""
    low = dice.randint(1, 5)
    high = low + dice.randint(0, 40)

    def pace() -> dict[str, Any]:
        steps = [
            {
                "type": dice.choice(["Pods", "Percent"]),
                "value": dice.choice([1, 2, 4, 5, 10, 25, 50, 100, 200]),
                "periodSeconds": dice.choice([15, 60, 300]),
            }
            for _ in range(dice.randint(1, 3))
        ]
        return {
            "stabilizationWindowSeconds": dice.choice([0, 30, 120, 300]),
            "selectPolicy": dice.choice(["Max", "Max", "Min", "Disabled"]),
            "policies": steps,
        }

    def events(most: int, fewest: int = 0) -> list[dict[str, Any]]:
        return [
            {"ago": dice.randint(1, 400) + 0.5, "number": dice.randint(1, most)}
            for _ in range(dice.randint(fewest, 4))
        ]

    # The oldest lies beyond every window, so that each is covered: until then we hold the number, and the HPA does so
    # by its first recommendation. There is one since: the HPA looks every 15 s, and that two looks have to agree where
    # they are further apart than every window is no case of its.
    asked = sorted([*events(high, 1), {"ago": 900.5, "number": low}], key=lambda one: -one["ago"])
    return {
        "current": dice.randint(low, high),
        "desired": dice.randint(low, high),
        "min": low,
        "max": high,
        "up": pace(),
        "down": pace(),
        "asked": asked,
        "added": events(10),
        "removed": events(10),
    }


def ours(given: dict[str, Any]) -> int:
    """Decide a case by DreamNet's rules."""

    def pace(rules: dict[str, Any]) -> Pace:
        steps = tuple(
            Step(**{one["type"].lower(): one["value"], "per": float(one["periodSeconds"])})
            for one in rules["policies"]
        )
        select = {"Max": "max", "Min": "min", "Disabled": "off"}[rules["selectPolicy"]]
        return Pace(by=steps, select=select)  # type: ignore[arg-type]

    scale = Scale(
        target=1.0,
        min=given["min"],
        max=given["max"],
        up_after=float(given["up"]["stabilizationWindowSeconds"]),
        down_after=float(given["down"]["stabilizationWindowSeconds"]),
        up=pace(given["up"]),
        down=pace(given["down"]),
    )
    history = [Recommendation(at=NOW - one["ago"], replicas=one["number"]) for one in given["asked"]]
    history.append(Recommendation(at=NOW, replicas=given["desired"]))
    moves = [Move(at=NOW - one["ago"], by=one["number"]) for one in given["added"]]
    moves += [Move(at=NOW - one["ago"], by=-one["number"]) for one in given["removed"]]
    current = given["current"]
    return paced(stabilise(history, current, NOW, scale), moves, current, NOW, scale)


def main() -> int:
    """Run the proof."""
    parser = argparse.ArgumentParser(prog="scripts/prove scaling", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="cases")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    dice = random.Random(given.seed)
    cases = [case(dice) for _ in range(given.count)]
    with tempfile.TemporaryDirectory() as folder:
        program = oracle(Path(folder))
        text = "".join(f"{json.dumps(one)}\n" for one in cases)
        began = time.monotonic()
        done = subprocess.run([str(program)], input=text, check=True, capture_output=True, text=True)
        theirs = [int(line) for line in done.stdout.split()]
    apart = [(one, number) for one, number in zip(cases, theirs, strict=True) if ours(one) != number]
    moved = sum(one["current"] != number for one, number in zip(cases, theirs, strict=True))
    held = sum(one["desired"] != number for one, number in zip(cases, theirs, strict=True))
    print(f"seed {given.seed}: {len(cases)} cases in {time.monotonic() - began:.1f} s")
    print(
        f"the autoscaler moved in {moved}, and held back in {held}; DreamNet decides otherwise in {len(apart)}"
    )
    for one, number in apart[:3]:
        print(f"Kubernetes {number}, DreamNet {ours(one)}: {json.dumps(one)}", file=sys.stderr)
    return 1 if apart else 0


if __name__ == "__main__":
    sys.exit(main())
