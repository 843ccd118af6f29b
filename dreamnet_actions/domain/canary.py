"""Is the canary worse than it may be? Wald's sequential probability ratio test on its failing requests.

A. Wald, "Sequential Tests of Statistical Hypotheses", Annals of Mathematical Statistics 16 (1945), 117–186:
accept the bad hypothesis when the log likelihood ratio passes ln((1 − β) / α), the good one when it falls under
ln(β / (1 − α)); then the chance of a false alarm is at most about α and of a miss at most about β.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Judgement = Literal["good", "bad", "undecided"]

ERROR_BOUND = 0.01
"""α and β: the chance of taking back a good release, and of letting a bad one through."""
NOISE_FLOOR = 0.001
"""The error rate that a healthy service is granted at least; below it no rate can be told from nothing."""


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Requests that one track answered, and how many of them failed."""

    requests: int = 0
    errors: int = 0

    def plus(self, requests: int, errors: int) -> Tally:
        """Answer the tally with more requests in it; never below zero."""
        return Tally(requests=self.requests + max(requests, 0), errors=self.errors + max(errors, 0))


def judge(canary: Tally, stable: Tally, max_error_rate: float) -> Judgement:
    """Compare the canary's error rate with what the stable track shows at the same time.

    Good means no worse than stable (with a pseudo-count, at least the noise floor); bad means the configured
    ``max_error_rate`` above that. Stops as soon as the evidence is enough, either way.
    """
    good = max(NOISE_FLOOR, (stable.errors + 0.0) / max(stable.requests, 1))
    bad = min(0.99, good + max(max_error_rate, 2 * NOISE_FLOOR))
    good = min(good, bad / 2) if good >= bad else good
    if canary.requests == 0:
        return "undecided"
    passed = canary.requests - canary.errors
    ratio = canary.errors * math.log(bad / good) + passed * math.log((1 - bad) / (1 - good))
    if ratio >= math.log((1 - ERROR_BOUND) / ERROR_BOUND):
        return "bad"
    if ratio <= math.log(ERROR_BOUND / (1 - ERROR_BOUND)):
        return "good"
    return "undecided"
