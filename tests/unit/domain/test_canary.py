"""The canary's test: its chances of error, told by seeded simulation."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamnet_actions.domain.canary import ERROR_BOUND, Judgement, Tally, judge

pytestmark = pytest.mark.slow

RUNS = 400


def chance(
    canary: float, stable: float, limit: float, *, requests: int = 400, seed: int = 7
) -> dict[Judgement, float]:
    """Let so many requests come one by one on both tracks; answer the share of each judgement."""
    dice = random.Random(seed)
    ends: dict[Judgement, int] = {"good": 0, "bad": 0, "undecided": 0}
    for _ in range(RUNS):
        one = other = Tally()
        verdict: Judgement = "undecided"
        for _ in range(requests):
            one = one.plus(1, int(dice.random() < canary))
            other = other.plus(1, int(dice.random() < stable))
            verdict = judge(one, other, limit)
            if verdict != "undecided":
                break
        ends[verdict] += 1
    return {name: count / RUNS for name, count in ends.items()}


@pytest.mark.parametrize("limit", [0.05, 0.1])
def test_a_release_like_a_healthy_stable_one_is_passed(limit: float) -> None:
    assert chance(0.0, 0.0, limit)["good"] == 1
    assert chance(0.001, 0.001, limit)["bad"] <= ERROR_BOUND + 0.01


@pytest.mark.parametrize("limit", [0.05, 0.1])
def test_a_release_at_the_limit_is_taken_back(limit: float) -> None:
    ends = chance(limit + 0.001, 0.0, limit)
    assert ends["good"] <= ERROR_BOUND + 0.01
    assert ends["bad"] >= 0.97


@pytest.mark.parametrize("rate", [0.02, 0.05, 0.2])
def test_errors_that_stable_makes_as_well_are_no_alarm(rate: float) -> None:
    assert chance(rate, rate, 0.1)["bad"] <= 0.05


def test_a_release_worse_than_an_ailing_stable_one_is_not_passed() -> None:
    assert chance(0.15, 0.05, 0.1)["good"] <= 0.05


def first_bad(share: int) -> int:
    one = other = Tally()
    for count in range(1, 100):
        one, other = one.plus(1, int(count % share == 0)), other.plus(1, 0)
        if judge(one, other, 0.05) == "bad":
            return count
    return 100


def test_a_broken_release_is_seen_within_a_dozen_requests() -> None:
    assert first_bad(1) <= 12
    assert first_bad(2) <= 24


tallies = st.tuples(st.integers(0, 2000), st.floats(0, 1)).map(
    lambda row: Tally(requests=row[0], errors=int(row[0] * row[1]))
)


@given(tallies, tallies, st.floats(0, 1))
def test_every_tally_has_a_judgement_and_no_request_none(canary: Tally, stable: Tally, limit: float) -> None:
    assert judge(canary, stable, limit) in ("good", "bad", "undecided")
    assert judge(Tally(), stable, limit) == "undecided"


@given(tallies, tallies, st.floats(0.01, 0.5), st.integers(1, 50))
def test_more_errors_never_make_it_better(canary: Tally, stable: Tally, limit: float, more: int) -> None:
    order = ["good", "undecided", "bad"]
    worse = canary.plus(more, more)
    assert (
        order.index(judge(worse, stable, limit)) >= order.index(judge(canary, stable, limit))
        or not canary.requests
    )


def test_counters_that_were_reset_take_nothing_away() -> None:
    assert Tally(requests=5, errors=1).plus(-3, -1) == Tally(requests=5, errors=1)
