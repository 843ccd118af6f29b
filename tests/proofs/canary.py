"""``scripts/prove canary``: how often a release that is no worse is taken back, and how soon one is that is worse.

    scripts/prove canary [--releases 10000] [--seed 6] [--real 10]

Simulated releases are judged by the code that judges real ones; requests fail by chance, 1 in 100 on the stable track.
The same is played by fixed thresholds on the canary's own error rate. Then ``--real`` releases go out on the real
cluster, whose canaries fail at a rate. Ends with 1 where more than 1 in 1,000 releases that are no worse were taken
back, or a real one ended otherwise than it has to.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from dreamnet_actions.domain.canary import FALSE_ALARM
from tests.proofs._releases import Ends, Setting, Threshold, fixed, many, release

NOISE = 0.01
RATES = (0.02, 0.05, 0.1, 0.2, 0.5)
PROBED = Setting(name="our probes alone, 12 a second to each track")
BUSY = Setting(name="our probes and 100 requests of clients a second", clients=100.0)
NARROW = Setting(name="clients, 1,000 requests a second, max-error-rate 1%", clients=1000.0, margin=0.01)
WATCHED = Setting(name="our probes alone, each step to its end", whole=True)
STEPS = tuple(step / 20 for step in range(1, 11))
FLAGGER = [
    Threshold(
        name=f"flagger's form: passing requests of a minute ≥ {least:.0%}, 5 failed checks",
        every=60, least=least, most=4, shares=STEPS, checks=1, held=True, clients=100.0,
    )
    for least in (0.99, 0.98, 0.95, 0.9)
]  # fmt: skip
ARGO = [
    Threshold(
        name=f"argo's form: passing requests of 5 minutes ≥ {least:.0%}, failureLimit 3",
        every=300, least=least, most=3, shares=(0.2, 0.4, 0.6, 0.8), checks=2, held=False, clients=100.0,
    )
    for least in (0.99, 0.95, 0.9)
]  # fmt: skip


def main() -> int:
    """Prove it; answers the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/prove canary", description=__doc__)
    parser.add_argument("--releases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--real", type=int, default=10)
    given = parser.parse_args()
    began = time.monotonic()
    held = True
    with ProcessPoolExecutor() as pool:
        print(
            f"seed {given.seed}, {given.releases:,} releases each; both tracks fail {NOISE:.0%} of requests:"
        )
        for setting in (PROBED, BUSY, WATCHED):
            found = many(
                partial(release, setting, NOISE, NOISE), given.releases, f"{given.seed}/{setting.name}", pool
            )
            held = held and found.ends["taken back"] <= FALSE_ALARM * given.releases
            print(f"  {setting.name}: {_ends(found)}", flush=True)
        few = max(100, given.releases // 10)
        for setting in (PROBED, BUSY, NARROW):
            print(f"{few:,} releases each that fail more often than that; {setting.name}:")
            for rate in RATES:
                found = many(
                    partial(release, setting, rate, NOISE), few, f"{given.seed}/{setting.name}/{rate}", pool
                )
                print(f"  {rate:>4.0%}: {_ends(found)}{_delay(found)}", flush=True)
        print(f"fixed thresholds, {few:,} releases each, clients, 100 requests a second:")
        for rule in (*FLAGGER, *ARGO):
            print(f"  {rule.name}:")
            for rate in (NOISE, *RATES):
                found = many(partial(fixed, rule, rate, NOISE), few, f"{given.seed}/{rule.name}/{rate}", pool)
                print(f"    {rate:>4.0%}: {_ends(found)}{_delay(found)}", flush=True)
    print(f"simulated in {time.monotonic() - began:.0f} s", flush=True)
    if given.real:
        from tests.proofs._canary_cluster import real

        held = real(given.real) and held
    return 0 if held else 1


def _ends(found: Ends) -> str:
    return ", ".join(f"{count:,} {end}" for end, count in sorted(found.ends.items()))


def _delay(found: Ends) -> str:
    """Say when those that were taken back were: the median and the slowest of 20."""
    if len(found.requests) < 2:
        return ""
    requests, seconds = (
        (statistics.median(row), statistics.quantiles(row, n=20)[-1])
        for row in (found.requests, found.seconds)
    )
    return (
        f"; after {requests[0]:,.0f} requests to the canary ({requests[1]:,.0f} for the slowest in 20), "
        f"{seconds[0]:.1f} s ({seconds[1]:.1f} s)"
    )


if __name__ == "__main__":
    sys.exit(main())
