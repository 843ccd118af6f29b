"""Every mistake that a configuration can hold is told with its line, in plain words, and all of them at once."""

from __future__ import annotations

import pytest

from tests.unit.config.broken import Case, cases, complaints, judge, written

CASES = cases()
LEAST_SHARE = 0.95
HUGE = 50_000
"""Bytes."""


def marked(case: Case) -> object:
    """The huge ones take a second each."""
    return pytest.param(case, id=case.name, marks=[pytest.mark.slow] if len(case.data) > HUGE else [])


@pytest.mark.parametrize("case", map(marked, CASES))
def test_a_broken_configuration_is_refused_in_plain_words(case: Case) -> None:
    mistakes = complaints(case.data)

    assert mistakes, "the configuration was taken"
    for one in mistakes:
        assert one.line >= 1
        assert one.column >= 1
        assert len(one.message) < 1000, "nobody reads that"
        for word in ("Traceback", "pydantic", "Error", "object at 0x", "\x1b", "\n"):
            assert word not in one.message


@pytest.mark.parametrize("case", list(written()), ids=[case.name for case in written()])
def test_each_mistake_is_told_at_its_line_and_no_other(case: Case) -> None:
    outcome = judge(case, complaints(case.data))

    assert outcome.lacking == ()
    assert [str(one) for one in outcome.unexpected] == []


@pytest.mark.slow
def test_at_least_95_percent_of_all_mistakes_are_told_at_their_line() -> None:
    outcomes = [judge(case, complaints(case.data)) for case in CASES]
    right = sum(outcome.right for outcome in outcomes)
    total = sum(len(case.expected) for case in CASES)
    print(f"{right} of {total} mistakes in {len(CASES)} configurations were told at the right line")

    assert len(CASES) >= 60
    assert right >= LEAST_SHARE * total


def test_several_mistakes_are_told_at_once_in_the_order_of_their_lines() -> None:
    (case,) = [case for case in CASES if case.name == "mistakes of every kind at once"]

    lines = [one.line for one in complaints(case.data)]

    assert lines == [2, 3, 4, 5, 7, 7]


def test_the_first_hundred_of_many_mistakes_are_told_and_the_others_counted() -> None:
    (case,) = [case for case in CASES if case.name == "9,000 unknown keys"]

    mistakes = complaints(case.data)

    assert len(mistakes) == 101
    assert mistakes[-1].message == "8900 more mistakes from here on; mend those above first."
