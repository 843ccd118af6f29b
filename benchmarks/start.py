"""How long ``dreamnet`` takes to start, beside Python doing nothing, in the same run.

    python -m benchmarks.start [--json FILE] [--rounds N]

``help`` is ``dreamnet --help``; ``call`` is a whole dry run of the seed's deployment: read, parse, open the state,
plan, answer. Each round runs every subject once, so that a busy moment of the machine falls on all of them; medians
of the rounds after one that is not counted (it writes compiled files and the configuration's cache).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

REQUEST = Path(__file__).resolve().parents[1] / "examples" / "requests" / "deploykeeper.json"
CONFIG = """\
version: 1
services:
  web: {platform: gke, command: [python3, -m, http.server, "{port}"], port: 18399}
platforms:
  gke: {process: {cluster: autopilot-cluster-1}}
"""
LIMITS = {"help": 4.0, "call": 8.0}
"""How many times as long as Python itself each may take."""


def seconds(command: list[str], where: str) -> float:
    began = time.perf_counter()
    done = subprocess.run(command, cwd=where, capture_output=True, check=False)
    took = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"{command} ended with {done.returncode}:\n{done.stderr.decode()}")
    return took


def measure(rounds: int) -> dict[str, float]:
    """Answer the median of each case in milliseconds."""
    program = str(Path(sys.executable).with_name("dreamnet"))
    cases = {
        "nothing": [sys.executable, "-c", "pass"],
        "help": [program, "--help"],
        "call": [program, "call", "--dry-run", str(REQUEST)],
    }
    taken: dict[str, list[float]] = {case: [] for case in cases}
    with tempfile.TemporaryDirectory(prefix="dreamnet-start-") as where:
        (Path(where) / "dreamnet.yml").write_text(CONFIG)
        for number in range(rounds + 1):
            for case, command in cases.items():
                took = seconds(command, where)
                if number:
                    taken[case].append(took * 1000)
    return {case: statistics.median(times) for case, times in taken.items()}


def rows(medians: dict[str, float]) -> list[dict[str, Any]]:
    nothing = medians["nothing"]
    found = [
        {"case": "nothing", "subject": "python", "metric": "wall", "value": round(nothing, 2), "unit": "ms"}
    ]
    for case in LIMITS:
        ratio = round(medians[case] / nothing, 2)
        found += [
            {
                "case": case,
                "subject": "dreamnet",
                "metric": "wall",
                "value": round(medians[case], 2),
                "unit": "ms",
            },
            {
                "case": case,
                "subject": "dreamnet",
                "metric": "ratio",
                "value": ratio,
                "unit": "times python -c pass",
            },
        ]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the rows here")
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    found = rows(measure(given.rounds))
    for row in found:
        limit = f"  (at most {LIMITS[row['case']]:g})" if row["metric"] == "ratio" else ""
        print(f"{row['case']:<8} {row['subject']:<9} {row['value']:>8} {row['unit']}{limit}")
    if given.json:
        given.json.write_text(json.dumps({"rows": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
