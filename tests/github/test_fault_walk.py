"""A sample of ``scripts/prove faults``: calls of a run made to fail, each in some way."""

from __future__ import annotations

import random
import time

import pytest

from tests.proofs.faults import KINDS, try_all, walk

pytestmark = pytest.mark.slow

SEED = 5
SECONDS = 70.0
"""How long the sample goes on at most; a busy machine tries fewer pairs."""


def test_a_run_with_an_incident_and_a_message_survives_each_fault() -> None:
    with walk() as one:
        assert {asked.partition(" ")[0] for asked in one.asked} == {"GET", "POST", "PATCH"}
        assert one.right["messages"] == ["health-check-failed-needs-restart"]
        assert one.right["announced"]
        pairs = random.Random(SEED).sample(one.pairs(), 16)
        # Whatever chance says: what was seen to go wrong before.
        pairs = [(one.asked.index("POST git-receive-pack") + 1, "502 after"), (1, "truncated"), *pairs]
        began, broken, tried = time.monotonic(), [], 0
        for pair in pairs:
            if time.monotonic() - began > SECONDS:
                break
            broken += try_all(one, [pair])
            tried += 1
    assert broken == []
    assert tried >= 5
    assert len({kind for _, kind in pairs}) > len(KINDS) / 3
