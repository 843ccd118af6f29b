"""Replicas for a load: the Horizontal Pod Autoscaler's documented examples, and its bounds and windows."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamnet_actions.domain.scaling import Recommendation, recommend, stabilise, trim
from dreamnet_actions.domain.spec.models import Scale

scales = st.builds(
    lambda target, low, more, tolerance, up, down: Scale(
        target=target, min=low, max=low + more, tolerance=tolerance, up_after=up, down_after=down
    ),
    st.floats(0.1, 1000),
    st.integers(1, 5),
    st.integers(0, 20),
    st.sampled_from([0.0, 0.1, 0.5]),
    st.sampled_from([0.0, 30.0, 120.0]),
    st.sampled_from([0.0, 60.0, 300.0]),
)


@pytest.mark.parametrize(
    ("value", "target", "current", "wanted"),
    [
        (200, 100, 2, 4),  # "if the current metric value is 200m, and the desired value is 100m, doubled"
        (50, 100, 4, 2),  # "if the current value is instead 50m, you'll halve the number of replicas"
        (105, 100, 7, 7),  # "skips any scaling action if the ratio is sufficiently close to 1.0" (0.1)
        (95, 100, 7, 7),
        (111, 100, 10, 12),  # beyond the tolerance: ceil(11.1)
        (250, 50, 1, 5),  # the walkthrough's 250% of a target of 50% on one replica
        (305, 50, 1, 7),  # "CPU consumption has increased to 305% … the deployment was resized to 7 replicas"
    ],
)
def test_the_documented_examples(value: float, target: float, current: int, wanted: int) -> None:
    assert recommend(value * current, current, Scale(target=target, min=1, max=20)) == wanted


@given(st.floats(0, 1e6), st.integers(0, 50), scales)
def test_a_recommendation_is_within_bounds_and_carries_the_load(
    load: float, current: int, scale: Scale
) -> None:
    wanted = recommend(load, current, scale)
    assert scale.min <= wanted <= scale.max
    if wanted < scale.max:
        assert load <= wanted * scale.target * (1 + scale.tolerance) * (1 + 1e-6)


@given(st.floats(0, 1e4), st.floats(0, 1e4), st.integers(1, 50), scales)
def test_more_load_never_asks_for_less_outside_the_tolerance(
    one: float, more: float, current: int, scale: Scale
) -> None:
    still = any(abs(load / current / scale.target - 1) <= scale.tolerance for load in (one, one + more))
    if not still:
        assert recommend(one + more, current, scale) >= recommend(one, current, scale)


samples = st.lists(st.tuples(st.floats(1, 90), st.floats(0, 3000)), min_size=1, max_size=30)


@pytest.mark.slow
@given(samples, scales)
def test_the_number_that_runs_keeps_bounds_and_windows(
    steps: list[tuple[float, float]], scale: Scale
) -> None:
    now, current = 1000.0, scale.min
    history: list[Recommendation] = []
    for pause, load in steps:
        now += pause
        history = trim(
            [*history, Recommendation(at=now, replicas=recommend(load, current, scale))], now, scale
        )
        after = stabilise(history, current, now, scale)
        assert scale.min <= after <= scale.max
        window = scale.up_after if after > current else scale.down_after
        asked = [one.replicas for one in history if now - one.at <= window]
        if after > current:
            assert all(one >= after for one in asked)
        if after < current:
            assert all(one <= after for one in asked)
            assert now - history[0].at >= scale.down_after
        current = after


def run(loads: list[float], scale: Scale, every: float = 15.0, current: int = 2) -> list[int]:
    history: list[Recommendation] = []
    seen = []
    for place, load in enumerate(loads):
        now = 1000.0 + place * every
        wanted = recommend(load, current, scale)
        history = trim([*history, Recommendation(at=now, replicas=wanted)], now, scale)
        current = stabilise(history, current, now, scale)
        seen.append(current)
    return seen


def test_up_at_once_and_down_only_after_five_quiet_minutes() -> None:
    scale = Scale(target=100, min=1, max=10)
    seen = run([200, 800] + [200] * 25, scale)
    assert seen[:2] == [2, 8]
    assert seen[2:20] == [8] * 18
    assert seen[-1] == 2


def test_a_peak_shorter_than_up_after_changes_nothing() -> None:
    scale = Scale(target=100, min=1, max=10, up_after=60.0)
    assert set(run([200, 900, 900, 200, 200], scale)) == {2}
    assert run([200] + [900] * 6, scale)[-1] == 9


def test_a_load_around_the_target_never_flutters() -> None:
    scale = Scale(target=100, min=1, max=10, down_after=0.0)
    assert set(run([200 * (1 + 0.09 * math.sin(one)) for one in range(60)], scale)) == {2}


def test_who_looks_more_seldom_than_a_window_is_long_needs_two_looks_that_agree() -> None:
    """As a schedule of GitHub's does: half an hour between looks, and five minutes of a window."""
    scale = Scale(target=100, min=1, max=10)
    assert run([900, 200, 200, 200], scale, every=1800.0) == [9, 9, 2, 2]
    assert run([900, 200, 900, 200, 100], scale, every=1800.0) == [9, 9, 9, 9, 2]
    slow = Scale(target=100, min=1, max=10, up_after=60.0)
    assert run([200, 900, 900], slow, every=1800.0) == [2, 2, 9]
    idle = Scale(target=100, min=0, max=10)
    assert run([200, 0, 0], idle, every=1800.0) == [2, 2, 0]


def test_after_a_silence_the_windows_fill_up_again() -> None:
    scale = Scale(target=100, min=1, max=10)
    history = [Recommendation(at=1000.0, replicas=9)]
    now = 1000.0 + 86_400
    history = trim([*history, Recommendation(at=now, replicas=1)], now, scale)
    assert stabilise(history, 9, now, scale) == 9
    for _ in range(20):
        now += 15
        history = trim([*history, Recommendation(at=now, replicas=1)], now, scale)
    assert stabilise(history, 9, now, scale) == 1


def test_nothing_known_changes_nothing() -> None:
    assert stabilise([], 4, 0.0, Scale(target=1)) == 4
