"""Durations and shares."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamnet_actions.domain.units import format_duration, parse_duration, parse_share


@given(st.integers(0, 10**8))
def test_whole_seconds_survive(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.floats(0, 1e9))
def test_what_is_written_is_near_and_can_be_read(seconds: float) -> None:
    assert math.isclose(parse_duration(format_duration(seconds)), seconds, rel_tol=0.06, abs_tol=0.0006)


@given(st.text() | st.integers() | st.floats() | st.none())
def test_anything_else_is_a_value_error_of_bounded_length(text: object) -> None:
    for parse in (parse_duration, parse_share):
        told, value = "", 0.0
        try:
            value = parse(text)
        except ValueError as error:
            told = str(error)
        assert len(told) < 300
        assert math.isfinite(value)
        assert value >= 0


@pytest.mark.parametrize(
    "text",
    ["", "30", "s", "30 s", "-5s", "1e3s", "5m 3s", "٣s", "٣%", "1s" * 100, "9" * 400 + "d", None, True],
)
def test_a_duration_has_its_unit(text: object) -> None:
    with pytest.raises(ValueError, match="no duration"):
        parse_duration(text)


def test_durations_add_up() -> None:
    assert parse_duration("1h1m1s500ms") == 3661.5
    assert parse_duration(" 1.5h ") == 5400


def test_a_hostile_text_costs_no_time() -> None:
    began = time.perf_counter()
    for text in ("9" * 200_000, "9." * 100_000, " " * 200_000, "1s" * 100_000):
        for parse in (parse_duration, parse_share):
            with pytest.raises(ValueError, match="no "):
                parse(text)
    assert time.perf_counter() - began < 2


def test_shares() -> None:
    assert [parse_share(text) for text in ("0%", "5%", " 12.5 % ", "100%")] == [0, 0.05, 0.125, 1]
    for wrong in ("101%", "5", 0.05, "-1%", "5 percent"):
        with pytest.raises(ValueError, match="no percentage"):
            parse_share(wrong)
