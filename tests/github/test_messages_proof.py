"""A seeded sample of ``scripts/prove messages``: carriers are killed, and no message is lost or in effect twice."""

from __future__ import annotations

import pytest

from tests.proofs.messages import prove

pytestmark = pytest.mark.slow


def test_no_message_is_lost_or_in_effect_twice_whoever_is_killed() -> None:
    trial = prove(30, 5, seed=20265, minutes=1.5)
    assert trial.broken == []
    assert trial.figures["kills"] >= 3
    assert trial.figures["commits"] > 30
    # What the sample is made of was there: nothing is proved by a day on which all goes well.
    # Who finds a lost one, the schedule or a sweep, depends on how fast the workers are here.
    assert trial.figures["announcements lost"] > 0
    assert trial.figures["announcements doubled"] > 0
    assert trial.figures["take runs"] >= 20
