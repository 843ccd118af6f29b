"""Proof: any configuration is answered within a second and 200 MB, and mistakes are told at their line.

``python -m tests.proofs.config`` reads every broken configuration in a process of its own, so that one cannot hide
behind another's memory, and prints what each took. Ends 1 when a bound is broken.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from tests.unit.config.broken import Case, cases, complaints, judge

MOST_SECONDS = 1.0
MOST_MEGABYTES = 200.0
LEAST_SHARE = 0.95
ROOT = Path(__file__).resolve().parents[2]


def answer_one(number: int) -> None:
    """Answer one case in this process, and print what it took."""
    import resource

    case = cases()[number]
    begin = time.perf_counter()
    mistakes = complaints(case.data)
    seconds = time.perf_counter() - begin
    outcome = judge(case, mistakes)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    megabytes = memory / (1024 if sys.platform == "linux" else 1024 * 1024)
    lacking = [list(one) for one in outcome.lacking]
    print(
        json.dumps({"seconds": seconds, "megabytes": megabytes, "right": outcome.right, "lacking": lacking})
    )


def answer_in_a_process(number: int, case: Case) -> dict[str, object]:
    """Answer one case in a fresh process; a crash is an answer that breaks every bound."""
    command = [sys.executable, "-m", "tests.proofs.config", str(number)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        found: dict[str, object] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        found = {
            "seconds": 60.0,
            "megabytes": 0.0,
            "right": 0,
            "lacking": [list(one) for one in case.expected],
        }
    return found


def main() -> int:
    """Answer every case, print the figures, and say whether the bounds hold."""
    begin = time.perf_counter()
    every = cases()
    rows = [(case, answer_in_a_process(number, case)) for number, case in enumerate(every)]
    seconds = {case.name: float(str(found["seconds"])) for case, found in rows}
    megabytes = {case.name: float(str(found["megabytes"])) for case, found in rows}
    right = sum(int(str(found["right"])) for _, found in rows)
    total = sum(len(case.expected) for case in every)

    for case, found in rows:
        missed = f"  not told: {found['lacking']}" if found["lacking"] else ""
        print(f"{seconds[case.name]:6.3f} s  {megabytes[case.name]:6.1f} MB  {case.name}{missed}")
    slowest, largest = max(seconds, key=seconds.__getitem__), max(megabytes, key=megabytes.__getitem__)
    print(f"{len(every)} configurations in {time.perf_counter() - begin:.0f} s")
    print(f"slowest: {seconds[slowest]:.3f} s, {slowest} (at most {MOST_SECONDS:g} s)")
    print(f"largest: {megabytes[largest]:.1f} MB, {largest} (at most {MOST_MEGABYTES:g} MB)")
    print(f"told at the right line: {right} of {total}, {right / total:.1%} (at least {LEAST_SHARE:.0%})")

    holds = max(seconds.values()) <= MOST_SECONDS and max(megabytes.values()) <= MOST_MEGABYTES
    return 0 if holds and right >= LEAST_SHARE * total else 1


if __name__ == "__main__":
    if len(sys.argv) > 1:
        answer_one(int(sys.argv[1]))
    else:
        sys.exit(main())
