"""The mathematics of evidence: what the proof in its module claims, worked out exactly."""

from __future__ import annotations

import math
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamnet_actions.domain.evalues import LARGE, Block, Mixture, mean, nearest, step

RATES = st.floats(0.001, 0.95)
SIZES = st.integers(1, 6)
MARGINS = st.sampled_from([None, 0.01, 0.05, 0.3])


def expected(c: float, s: float, true: tuple[float, float], n: int, m: int, margin: float | None) -> float:
    """The expectation of one block's factor, over everything that can come."""
    total = 0.0
    for errors, others in product(range(n + 1), range(m + 1)):
        chance = math.comb(n, errors) * true[0] ** errors * (1 - true[0]) ** (n - errors)
        chance *= math.comb(m, others) * true[1] ** others * (1 - true[1]) ** (m - others)
        total += chance * math.exp(step(Block(n, errors, m, others), c, s, margin))
    return total


@settings(max_examples=200, deadline=None)
@given(RATES, RATES, st.floats(0, 1), st.floats(0, 1), SIZES, SIZES, MARGINS)
def test_no_bet_gains_while_the_hypothesis_holds(
    c: float, s: float, one: float, other: float, n: int, m: int, margin: float | None
) -> None:
    if margin is None:
        true = min(one, other), max(one, other)
    else:
        stable = other * (1 - margin)
        true = stable + margin + one * (1 - margin - stable), stable
    assert expected(c, s, true, n, m, margin) <= 1 + 1e-9


@pytest.mark.parametrize(
    ("c", "s", "margin"), [(0.2, 0.01, None), (0.03, 0.02, None), (0.01, 0.01, 0.05), (0.0005, 0.0005, 0.01)]
)
def test_a_bet_gains_where_its_alternative_is_true(c: float, s: float, margin: float | None) -> None:
    assert expected(c, s, (c, s), 4, 4, margin) > 1


@settings(deadline=None)
@given(RATES, RATES, SIZES, SIZES, MARGINS)
def test_the_nearest_point_is_of_the_hypothesis_and_none_is_nearer(
    c: float, s: float, n: int, m: int, margin: float | None
) -> None:
    def far(at: float, beside: float) -> float:
        def one(p: float, q: float) -> float:
            return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))

        return n * one(c, at) + m * one(s, beside)

    at, beside = nearest(c, s, n, m, margin)
    least = 0.0 if margin is None else margin
    assert (at <= beside + 1e-12) if margin is None else (at >= beside + margin - 1e-12)
    for share in (0.001, 0.01, 0.1, 0.3, 0.5, 0.9):
        other = share * (1 - least)
        assert far(at, beside) <= far(other + least, other) + 1e-9


def test_a_large_block_cannot_ruin_a_bet() -> None:
    wrong = step(Block(1000, 10, 9000, 2000), 0.9, 0.001, None)
    assert wrong == pytest.approx(math.log(0.1))
    assert step(Block(LARGE, 0, 0, 0), 0.5, 0.5, None) == 0


def test_a_mixture_is_an_average_and_can_be_kept() -> None:
    fresh = Mixture.fresh((0.1, 0.5), None)
    assert fresh.log == pytest.approx(0)
    after = fresh.after(Block(1, 1, 1, 0), 0.01)
    each = [math.exp(one) for one in after.logs]
    assert after.log == pytest.approx(math.log(sum(each) / 2))
    assert fresh.read(after.to_json()) == after
    with pytest.raises(ValueError, match="1 values, expected 2"):
        fresh.read([0.0])
    assert mean([(0.5, 0.0), (0.5, 0.0), (0.0, 100.0)]) == pytest.approx(0)
