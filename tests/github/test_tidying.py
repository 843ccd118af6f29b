"""Compaction by itself: a scheduled run does it when it is due, and learning knows as much as before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.bootstrap.tidying import KEEP_REQUESTS, STATE
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.remedy import attempts
from tests.github.homes import commits, files
from tests.proofs._town import Ill, Town, town

pytestmark = pytest.mark.slow

DAY = 86_400.0
START = 1_793_577_600.0
WEB = {
    "platform": "local",
    "command": ["sleep", "1"],
    "port": 20_000,
    "checks": {"home": {"http": "http://127.0.0.1:1/"}},
}
CONFIG = {
    "version": 1,
    "platforms": {"local": {"process": {}}},
    "services": {"web": WEB},
    "journal": {"keep": "10d", "keep-lessons": "40d", "compact-every": "8d"},
}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Town]:
    with town(tmp_path, CONFIG, start=START) as made:
        yield made


def remembered(place: Town) -> tuple[list[Fact], dict[str, Any]]:
    with place.system() as system:
        return list(system.journal.read()), system.journal.states("")


def heal(place: Town) -> None:
    place.ills["web"] = Ill("refused", curable=True)
    place.tick()
    assert place.ills == {}


def test_a_schedule_compacts_when_it_is_due_and_no_sooner(place: Town) -> None:
    heal(place)
    learned = attempts(remembered(place)[0])
    assert [one.worked for one in learned] == [True]
    with place.system() as system:
        system.journal.set_state(f"revert/{'a' * 40}", {"text": "a pull request reverts it: #1", "url": None})
    place.clock.advance(7 * DAY)
    place.tick()
    assert commits(place.remote) > 3
    place.clock.advance(1.1 * DAY)
    place.tick()
    assert commits(place.remote) == 1
    facts, rows = remembered(place)
    (summary,) = [one for one in facts if one.kind == "ticks"]
    assert summary.data["count"] == 1  # the one of seven days later is younger than 48 hours
    assert attempts(facts) == learned
    assert {one.kind for one in facts} >= {"request-ended", "message-sent"}
    assert rows[STATE]["at"] == pytest.approx(place.clock.now(), abs=60)
    assert not [key for key in rows if key.startswith(("request/", "revert/"))]
    place.clock.advance(300.0)
    place.tick()
    assert commits(place.remote) <= 2


def test_what_is_too_old_goes_and_what_is_learned_from_stays_longer(place: Town) -> None:
    heal(place)
    learned = attempts(remembered(place)[0])
    place.clock.advance(15 * DAY)
    place.tick()
    facts, _ = remembered(place)
    assert attempts(facts) == learned
    first = [one for one in facts if one.at < START + DAY]
    assert {one.kind for one in first} == {"dream-opened", "dream-resolved", "remedy-started", "remedy-ended"}
    assert len([one for one in files(place.remote) if one.startswith("journal/")]) == 2
    place.clock.advance(41 * DAY)
    place.tick()
    assert attempts(remembered(place)[0]) == []
    with place.system() as system:
        assert system.memory.keeping.verify().flaws == []


def test_an_answer_is_forgotten_without_a_commit_of_its_own(place: Town) -> None:
    place.clock.advance(1800.0)
    place.tick()
    with place.system() as system:
        system.pipe.submit(
            {"agent": "relaybot", "input": {"action": "publish", "event": "it-was"}}, id="asked-once"
        )
        system.finish()
    assert "request/asked-once" in remembered(place)[1]
    # Later in the same hour of the clock as its newest tick, so that nothing else is worth a commit.
    place.clock.advance(KEEP_REQUESTS - 60.0)
    place.tick()
    place.clock.advance(120.0)
    before = commits(place.remote)
    place.tick()
    assert commits(place.remote) == before


def test_a_dry_run_counts_and_changes_nothing(place: Town) -> None:
    heal(place)
    place.clock.advance(11 * DAY)
    before = commits(place.remote), remembered(place)
    with place.system() as system:
        plan = system.compact(dry_run=True)
    assert (commits(place.remote), remembered(place)) == before
    with place.system() as system:
        done = system.compact()
    assert (done.facts, done.rows, done.summaries) == (plan.facts, plan.rows, plan.summaries)
    assert plan.store == ""
    assert plan.facts > 5
    assert plan.summaries == 1
    assert "begins anew" in done.store


def test_of_two_that_compact_at_once_one_does(place: Town) -> None:
    heal(place)
    place.clock.advance(11 * DAY)
    with place.system() as slow:
        slow.journal.read()  # it has begun upon what was there
        with place.system() as quick:
            quick.compact()
        slow.compact_by_itself()
        slow.finish()
    facts, _ = remembered(place)
    assert len([one for one in facts if one.kind == "ticks"]) == 1
    with place.system() as system:
        assert system.memory.keeping.verify().flaws == []
