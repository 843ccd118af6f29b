"""A sample of ``scripts/prove month``: some hours of a repository's life, with every rule of the month."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proofs.month import live

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_some_hours_of_a_month_hold_every_rule(tmp_path: Path) -> None:
    month = live(0.1, 2, 7, folder=tmp_path, kinds=("flaps", "storm"))
    assert month.broken == []
    assert month.figures["umbrellas, of storms that a tick saw"] == "1, 1"
    assert int(str(month.figures["dreams that came back, times"])) > 0
