"""What the journal keeps: kinds, limits, the sum of ticks, rows that nobody asks for."""

from __future__ import annotations

from typing import Any

from dreamnet_actions.domain.journal import KINDS, Fact
from dreamnet_actions.domain.retention import LESSONS, limits, outlived, summed
from dreamnet_actions.domain.spec.models import Remembering

DAY = 86_400.0
NOW = 1_700_000_000.0
RULES = Remembering(keep=90 * DAY, keep_lessons=400 * DAY)


def tick(late: float, at: float = NOW, **data: Any) -> Fact:
    named = {"workflow": ".github/workflows/dream.yml", "cron": "*/5 * * * *", "late": late}
    return Fact(kind="tick", at=at, text="it began", data=named | data)


def test_every_kind_has_one_limit() -> None:
    kinds = [kind for _, named in limits(RULES, NOW) for kind in named]
    assert sorted(kinds) == sorted(KINDS)
    until = {kind: before for before, named in limits(RULES, NOW) for kind in named}
    assert until["tick"] == NOW - 2 * DAY
    assert until["message-sent"] == NOW - 90 * DAY
    assert {until[kind] for kind in LESSONS} == {NOW - 400 * DAY}


def test_ticks_are_summed_by_schedule() -> None:
    weekly = [tick(9.0, cron="0 3 * * 1")]
    many = [tick(float(late), at=NOW + late) for late in range(1, 101)]
    loop = [Fact(kind="tick", at=NOW, text="round 3", data={"number": 3, "late": 0.1})]
    first, second = summed([*many, *weekly, *loop], NOW + DAY)
    assert (first.kind, first.at, first.data["count"], first.data["cron"]) == (
        "ticks",
        NOW + DAY,
        100,
        "*/5 * * * *",
    )
    assert (first.data["p50"], first.data["p95"], first.data["latest"]) == (50.0, 95.0, 100.0)
    assert (first.data["first"], first.data["last"]) == (NOW + 1, NOW + 100)
    assert "100 ticks of .github/workflows/dream.yml (*/5 * * * *) from 2023-11-14" in first.text
    assert second.data["count"] == 1
    assert summed([], NOW) == []


def test_a_row_outlives_what_asks_for_it_and_no_longer() -> None:
    rows = {
        "held/local/web/git:a": {"at": NOW - 401 * DAY, "why": "it failed"},
        "held/local/web/git:b": {"at": NOW - 399 * DAY, "why": "it failed"},
        "failed/local/web/git:d": {"at": NOW - 401 * DAY, "why": "it failed"},
        "held/local/web/git:c": {"why": "nobody knows when"},
        "restore/dreamkeeper/dream-1-0-1/0/local/web": "set-1",
        "restore/dreamkeeper/dream-2-0-1/0/local/web": "set-2",
        "revert/a": {"text": "a pull request reverts it: #1", "url": "https://example.com/1"},
        "revert/b": {"text": "a pull request reverts it: #2", "url": "https://example.com/2"},
        "revert/e": {"text": "a pull request reverts it: #3", "url": "https://example.com/3"},
    }
    gone = outlived(rows, {"dreamkeeper/dream-2-0-1/0"}, NOW - 400 * DAY)
    assert gone == [
        "held/local/web/git:a",
        "failed/local/web/git:d",
        "restore/dreamkeeper/dream-1-0-1/0/local/web",
        "revert/a",
        "revert/e",
    ]
