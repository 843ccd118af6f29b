"""A sample of ``scripts/prove kills``: a heal at GitHub, killed at some of its steps, or with a token that expires."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.proofs._chain import Step, Way
from tests.proofs.kills import every, prove

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
]  # jobs and services that really run, on a busy machine

CHOSEN: tuple[tuple[Way, int, str, str], ...] = (
    ("rerun", 1, "after", "dreamkeeper: POST /issues"),
    ("schedule", 1, "before", "dreamkeeper: POST /dispatches"),
    ("rerun", 3, "between", "deploykeeper: the supervisor did restart"),
    ("rerun", 5, "after", "dreamkeeper: PATCH /issues/1"),
    ("expired", 3, "before", "deploykeeper: GET /issues/1"),
)
"""What was seen to go wrong before, or would be worst: the way, the job, and the last such step of it."""


def chosen(steps: Sequence[Step]) -> list[tuple[Step, Way]]:
    found = []
    for way, job, when, what in CHOSEN:
        fit = [one for one in every(steps) if one[1] == way and (one[0].job, one[0].when) == (job, when)]
        found.append([one for one in fit if one[0].what == what][-1])
    return found


def test_a_heal_that_is_killed_ends_as_one_that_is_not() -> None:
    steps, ended = prove(chosen)
    assert len(ended) == len(CHOSEN)
    assert [(str(one.step), one.way, one.broken) for one in ended if one.broken] == []
    assert {one.when for one in steps} == {"before", "after", "between"}
    assert len(steps) > 100
