"""A sample of ``scripts/prove races``."""

from __future__ import annotations

import pytest

from tests.proofs.races import races

pytestmark = pytest.mark.slow


def test_of_many_writers_one_issue_stays() -> None:
    broken, figures = races(20, seed=3)
    assert broken == []
    assert figures["closed as duplicates"] > 0, "nobody raced"


@pytest.mark.parametrize("seed", [3, 17, 33])
def test_a_lost_create_beside_another_writers_leaves_no_second_issue(seed: int) -> None:
    broken, _ = races(1, seed=seed)
    assert broken == []
