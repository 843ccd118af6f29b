"""The canary's test: what it says, when, and its chances of error told by seeded simulation (in full:
``scripts/prove canary``)."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamnet_actions.domain.canary import FALSE_ALARM, Evidence, Judgement, Tally, enough, read


def watch(
    canary: float,
    stable: float,
    dice: random.Random,
    *,
    margin: float = 0.05,
    steps: int = 2,
    looks: int = 150,
    each: tuple[int, int] = (2, 2),
) -> tuple[Judgement, int]:
    """Watch a release to its end; answers the verdict and how many requests its canary answered until then."""
    evidence, asked = Evidence.fresh(steps, margin), 0
    for _ in range(steps):
        for _ in range(looks):
            failed = [
                sum(dice.random() < rate for _ in range(n))
                for rate, n in zip((canary, stable), each, strict=True)
            ]
            one, other = (Tally(requests=n, errors=bad) for n, bad in zip(each, failed, strict=True))
            evidence, asked = evidence.seen("probes", one, other), asked + each[0]
            if evidence.judgement != "undecided":
                break
        if evidence.judgement != "good":
            return evidence.judgement, asked
        evidence = evidence.next_step()
    return "good", asked


def ends(canary: float, stable: float, *, runs: int = 20, **more: object) -> Counter[Judgement]:
    dice = random.Random(7)
    return Counter(watch(canary, stable, dice, **more)[0] for _ in range(runs))  # type: ignore[arg-type]


def test_a_release_like_the_one_before_is_passed_and_never_taken_back() -> None:
    assert ends(0.0, 0.0, runs=1)["good"] == 1
    assert ends(0.01, 0.01, looks=300) == {"good": 20}


@pytest.mark.parametrize("rate", [0.02, 0.2, 0.6])
def test_errors_that_stable_makes_as_well_are_no_alarm(rate: float) -> None:
    assert ends(rate, rate)["bad"] == 0


@pytest.mark.parametrize(("rate", "most"), [(1.0, 20), (0.5, 60), (0.2, 250)])
def test_a_broken_release_is_seen_soon(rate: float, most: int) -> None:
    dice = random.Random(3)
    for _ in range(30):
        verdict, asked = watch(rate, 0.01, dice)
        assert (verdict, asked <= most) == ("bad", True)


def test_one_that_is_worse_by_the_margin_is_not_passed() -> None:
    assert ends(0.061, 0.01, steps=1)["good"] <= 1


def test_errors_that_begin_with_the_second_step_are_seen_as_soon() -> None:
    dice = random.Random(5)
    evidence = Evidence.fresh(2, 0.05)
    while evidence.judgement == "undecided":
        evidence = evidence.seen("probes", Tally(requests=2), Tally(requests=2))
    assert evidence.judgement == "good"
    evidence = evidence.next_step()
    while evidence.judgement != "bad":
        errors = sum(dice.random() < 0.5 for _ in range(2))
        evidence = evidence.seen("probes", Tally(requests=2, errors=errors), Tally(requests=2))
        assert evidence.canary.requests < 80


def test_one_track_alone_is_no_evidence_and_waits_for_the_other() -> None:
    evidence = Evidence.fresh(1, 0.05).seen("probes", Tally(requests=500, errors=500), Tally())
    assert (evidence.judgement, evidence.canary.requests) == ("undecided", 500)
    assert evidence.seen("probes", Tally(), Tally(requests=500)).judgement == "bad"
    assert evidence.seen("probes", Tally(), Tally(requests=500, errors=500)).judgement == "undecided"


tallies = st.tuples(st.integers(0, 200), st.floats(0, 1)).map(
    lambda row: Tally(requests=row[0], errors=int(row[0] * row[1]))
)


@settings(deadline=None)
@given(st.lists(st.tuples(tallies, tallies), max_size=6), st.floats(0, 1), st.integers(1, 20))
def test_whatever_comes_it_is_judged_and_can_be_kept(
    seen: list[tuple[Tally, Tally]], margin: float, steps: int
) -> None:
    fresh = evidence = Evidence.fresh(steps, margin)
    for canary, stable in seen:
        evidence = evidence.seen("probes", canary, stable)
        assert evidence.judgement in ("good", "bad", "undecided")
    evidence = evidence.next_step()
    again = read(evidence.to_json(), fresh)
    assert again.against == pytest.approx(evidence.against)
    for damaged in (None, {}, {**evidence.to_json(), "steps": 21}, {**evidence.to_json(), "release": "?"}):
        assert read(damaged, fresh) == fresh


def test_the_weights_of_all_steps_are_one() -> None:
    evidence = Evidence.fresh(3, 0.05)
    for _ in range(4):
        assert evidence.against == pytest.approx(0)
        evidence = evidence.next_step()
    assert -math.log(FALSE_ALARM) > 0


def test_like_is_compared_with_like() -> None:
    """Clients fail more often than probes; a canary that answers more of them than stable does is no worse for it."""
    dice, evidence = random.Random(11), Evidence.fresh(1, 0.05)
    for _ in range(200):
        for kind, rate, each in (("clients", 0.2, (9, 1)), ("probes", 0.0, (1, 9))):
            one, other = (Tally(requests=n, errors=sum(dice.random() < rate for _ in range(n))) for n in each)
            evidence = evidence.seen(kind, one, other)  # type: ignore[arg-type]
    assert evidence.canary.rate > 4 * evidence.stable.rate
    assert evidence.judgement != "bad"


def test_few_clients_hold_nothing_up_at_the_end_and_many_do() -> None:
    evidence = Evidence.fresh(1, 0.05).seen("clients", Tally(requests=3, errors=1), Tally(requests=30))
    for _ in range(60):
        evidence = evidence.seen("probes", Tally(requests=3), Tally(requests=3))
    assert (evidence.judgement, evidence.at_last) == ("undecided", "good")
    for _ in range(4):
        evidence = evidence.seen("clients", Tally(requests=5, errors=1), Tally(requests=20))
    assert (evidence.judgement, evidence.at_last) == ("undecided", "undecided")


def test_a_smaller_margin_needs_more_requests() -> None:
    assert [enough(one) for one in (0.2, 0.05, 0.01)] == sorted(enough(one) for one in (0.2, 0.05, 0.01))


def test_counters_that_were_reset_take_nothing_away() -> None:
    assert Tally(requests=5, errors=1).plus(-3, -1) == Tally(requests=5, errors=1)
    assert Tally().plus(2, 5) == Tally(requests=2, errors=2)
    assert (Tally().rate, Tally(requests=4, errors=1).rate) == (0.0, 0.25)
