"""Evidence on two streams of requests that may be looked at after every one of them: e-processes. Pure mathematics.

A block is ``n`` requests to the canary and ``m`` to the stable track, each failing by itself with the rates ``c`` and
``s``. A *hypothesis* is a convex set of such pairs of rates. For an alternative ``(c*, s*)`` outside of it let ``(c°,
s°)`` be the point of the set with the least ``n·KL(c*‖c°) + m·KL(s*‖s°)``. Then the likelihood ratio of the block,

    e = ∏ over requests of  P(what was seen | its rate in (c*, s*)) / P(what was seen | its rate in (c°, s°)),

has expectation at most 1 under every pair of rates of the hypothesis. For let ``f`` be the expected factor of one
request: ``f_c = 1 + (c* - c°)(c - c°) / (c°(1 - c°))``, and likewise ``f_s``. The expectation of ``e`` is
``f_c^n·f_s^m``, which is at most ``((n·f_c + m·f_s) / (n + m))^(n + m)``, because a geometric mean is at most the
arithmetic one; and that mean is at most 1, because this is what makes ``(c°, s°)`` the nearest point of a convex set
(the derivative of the distance towards any other point of it is not negative).

So the product over blocks, each with an alternative that was chosen before it, is a test supermartingale, and so is
any average of such products. The blocks may be of several kinds of request, each kind with rates of its own: the
hypothesis is then that it holds of every kind. By Ville's inequality it ever reaches ``1/α`` with a chance of at most
``α`` while the hypothesis holds, however often and whenever somebody looks. The sizes of blocks may depend on anything
but what comes in them.

R. J. Turner, A. Ly, P. D. Grünwald, "Generic E-variables for exact sequential k-sample tests that allow for optional
stopping", Journal of Statistical Planning and Inference 230 (2024) 106116, https://arxiv.org/abs/2106.02693 (equal
rates); R. J. Turner, P. D. Grünwald, "Safe Sequential Testing and Effect Estimation in Stratified Count Data", AISTATS
2023, https://arxiv.org/abs/2302.11401 (convex hypotheses). Ville's inequality for tests: G. Shafer et al., "Test
Martingales, Bayes Factors and p-Values", Statistical Science 26 (2011) 84–101, https://arxiv.org/abs/0912.4269.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

LARGE = 32
"""Requests of a block from which on not all is staked on one alternative: there it could not be learned on the way."""
STAKE = 0.9
"""What is staked then; the rest is kept, so that a wrong guess costs at most ``ln 10`` a block."""
_HALVINGS = 50


@dataclass(frozen=True)
class Block:
    """Requests to both tracks, and how many of them failed."""

    canary: int = 0
    canary_errors: int = 0
    stable: int = 0
    stable_errors: int = 0

    def plus(self, other: Block) -> Block:
        """Answer both together."""
        return Block(
            self.canary + other.canary,
            self.canary_errors + other.canary_errors,
            self.stable + other.stable,
            self.stable_errors + other.stable_errors,
        )

    @property
    def whole(self) -> bool:
        """Say whether both tracks are in it: without one of them nothing can be compared."""
        return self.canary > 0 and self.stable > 0


@lru_cache(maxsize=1 << 16)
def nearest(c: float, s: float, n: int, m: int, margin: float | None) -> tuple[float, float]:
    """Answer the point ``(c°, s°)`` of the hypothesis nearest to ``(c, s)``.

    ``margin`` None: the hypothesis is "the canary fails no more often than stable" (``c ≤ s``); else "it fails at
    least ``margin`` more often" (``c ≥ s + margin``). Both rates lie strictly between 0 and 1.
    """
    if margin is None:
        if c <= s:
            return c, s
        mean = (n * c + m * s) / (n + m)
        return mean, mean
    if c >= s + margin:
        return c, s
    low, high = 0.0, 1.0 - margin  # the distance along the border is convex: its derivative has one zero
    for _ in range(_HALVINGS):
        at = (low + high) / 2
        beside = at + margin
        slope = n * (beside - c) / (beside * (1 - beside)) + m * (at - s) / (at * (1 - at))
        low, high = (at, high) if slope < 0 else (low, at)
    return low + margin, low


@lru_cache(maxsize=1 << 16)
def _odds(c: float, s: float, n: int, m: int, margin: float | None) -> tuple[float, float, float, float]:
    """Answer the logarithm of the factor of a failed and of a passed request of the canary, and of stable."""
    at, beside = nearest(c, s, n, m, margin)
    return (
        math.log(c / at),
        math.log((1 - c) / (1 - at)),
        math.log(s / beside),
        math.log((1 - s) / (1 - beside)),
    )


def step(block: Block, c: float, s: float, margin: float | None) -> float:
    """Answer ``ln e`` of one whole block for the alternative ``(c, s)``."""
    failed, passed, stable_failed, stable_passed = _odds(c, s, block.canary, block.stable, margin)
    log = (
        block.canary_errors * failed
        + (block.canary - block.canary_errors) * passed
        + block.stable_errors * stable_failed
        + (block.stable - block.stable_errors) * stable_passed
    )
    if block.canary + block.stable <= LARGE:
        return log
    return math.log(1 - STAKE) if log < -700 else _sum((math.log(STAKE) + log, math.log(1 - STAKE)))


@dataclass(frozen=True)
class Mixture:
    """The average of several e-processes against one hypothesis, one for each of ``excesses``: by how much the canary
    is supposed to fail more often than stable, as a share of stable's passing requests. ``logs`` are their logarithms.
    """

    excesses: tuple[float, ...]
    margin: float | None
    logs: tuple[float, ...]

    @classmethod
    def fresh(cls, excesses: Sequence[float], margin: float | None) -> Mixture:
        """Answer one that has seen nothing: it is 1."""
        return cls(tuple(excesses), margin, (0.0,) * len(excesses))

    def after(self, block: Block, stable_rate: float) -> Mixture:
        """Answer it after one more whole block. ``stable_rate`` is what was known of stable before that block."""
        grown = _steps(block, stable_rate, self.excesses, self.margin)
        return Mixture(self.excesses, self.margin, tuple(map(sum, zip(self.logs, grown, strict=True))))

    @property
    def log(self) -> float:
        """The logarithm of its value."""
        return _sum(self.logs) - math.log(len(self.logs))

    def to_json(self) -> list[float]:
        """Answer what ``fresh(…).read`` reads back."""
        return list(self.logs)

    def read(self, logs: Any) -> Mixture:
        """Answer it with the logarithms that ``to_json`` wrote; raises ValueError for others."""
        given = tuple(float(one) for one in logs)
        if len(given) != len(self.excesses):
            raise ValueError(f"{len(given)} values, expected {len(self.excesses)}")
        return Mixture(self.excesses, self.margin, given)


@lru_cache(maxsize=1 << 16)
def _steps(
    block: Block, stable_rate: float, excesses: tuple[float, ...], margin: float | None
) -> tuple[float, ...]:
    """Answer ``ln e`` of a block for each supposed excess; most looks see what many have seen before."""
    return tuple(step(block, stable_rate + one * (1 - stable_rate), stable_rate, margin) for one in excesses)


def _sum(logs: Sequence[float]) -> float:
    """Answer the logarithm of the sum of what these are the logarithms of."""
    top = max(logs)
    return top + math.log(sum(math.exp(one - top) for one in logs))


def mean(parts: Sequence[tuple[float, float]]) -> float:
    """Answer the logarithm of a weighted sum, from weights and the logarithms of what is weighed."""
    return _sum([math.log(weight) + log for weight, log in parts if weight > 0])
