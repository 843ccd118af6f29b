"""Maintenance: what fails within a window is nobody's news, and what outlasts it is. Short incidents are blips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from dreamnet_actions.domain.maintenance import Notice
from dreamnet_actions.domain.release import rollout_time
from dreamnet_actions.domain.spec.models import Maintenance, ReleaseRules
from dreamnet_actions.errors import TemporaryError
from dreamnet_actions.keepers.dreamkeeper.windows import USED
from dreamnet_actions.ports.notices import Notices
from dreamnet_actions.testing.memory.system import MemorySystem
from tests.keepers.homes import home, service


class Board(Notices):
    """Notices of a test, with how often they were asked for."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.asked = 0
        self.error: Exception | None = None

    def ever(self) -> bool:
        return bool(self.texts)

    def standing(self) -> Sequence[Notice]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return [Notice(where=f"#{number}", at=0.0, text=text) for number, text in enumerate(self.texts, 1)]


def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def window(system: MemorySystem, seconds: float, **more: Any) -> None:
    """Put a window into the configuration that is open for so long from now."""
    now = system.clock.now()
    rule = Maintenance(start=stamp(now - 1), end=stamp(now + seconds), **more)
    system.config = replace(system.config, maintenance=(rule,))
    system.again()


def sick(system: MemorySystem, *names: str) -> None:
    system.probe._answer = None
    for name in names:
        system.probe.tell(name, "failed", "refused", "connection refused", check="home")


def test_within_a_window_nothing_is_filed_or_healed_and_the_result_says_so() -> None:
    system = home()
    window(system, 3600.0)
    sick(system, "web")
    result = system.ask("dreamkeeper", "check", service="web")
    assert system.dreams.search() == []
    assert result.messages == []
    assert result.findings[0]["decision"] == "maintenance"
    assert "under maintenance until" in result.findings[0]["because"]
    assert "maintenance[0]" in result.summary


def test_what_outlasts_the_window_is_filed_at_once() -> None:
    system = home()
    window(system, 600.0)
    sick(system, "web")
    system.round()
    system.clock.advance(600.0)
    system.ask("dreamkeeper", "check", service="web")
    (dream,) = system.dreams.search()
    assert dream.state == "healing"


def test_a_window_is_about_the_services_that_it_names() -> None:
    system = home(web=service(), api=service(), db=service(), cache=service())
    window(system, 3600.0, services=("db",))
    sick(system, "web", "db")
    system.ask("dreamkeeper", "check")
    assert [one.key for one in system.dreams.search()] == ["local/web"]


def test_services_under_maintenance_are_no_storm() -> None:
    system = home(web=service(), api=service(), db=service(), cache=service())
    window(system, 3600.0, services=("api", "db", "cache"))
    sick(system, "web", "api", "db", "cache")
    system.ask("dreamkeeper", "check")
    (dream,) = system.dreams.search()
    assert (dream.key, dream.state) == ("local/web", "healing")


def test_a_fault_that_follows_from_one_under_maintenance_is_no_news_either() -> None:
    system = home(web=service(needs=("db",)), db=service())
    window(system, 3600.0, services=("db",))
    sick(system, "web", "db")
    system.ask("dreamkeeper", "check")
    assert system.dreams.search() == []


def test_a_dream_from_before_is_left_as_it_is_until_the_window_is_over() -> None:
    system = home()
    sick(system, "web")
    system.ask("dreamkeeper", "check", service="web")
    (before,) = system.dreams.search()
    window(system, 3600.0)
    system.pipe.drain()  # the restart that was asked for, and its proof: it does not help
    (after,) = system.dreams.search()
    assert after.attempt == before.attempt == 1
    for _ in range(5):
        system.round(pause=60.0)
    (after,) = system.dreams.search()
    assert (after.attempt, after.state in ("healing", "verifying")) == (1, True)
    system.clock.advance(3600.0)
    system.ask("dreamkeeper", "check", service="web")
    assert system.dreams.search()[0].attempt == 2


def test_what_is_well_again_within_a_window_is_resolved() -> None:
    system = home()
    sick(system, "web")
    system.ask("dreamkeeper", "check", service="web")
    window(system, 3600.0)
    system.probe.tell("web", "passed", check="home")
    system.ask("dreamkeeper", "check", service="web")
    assert system.dreams.search()[0].state == "resolved"


# ── notices ───────────────────────────────────────────────────────────────────────────────────────────────


def noticed(system: MemorySystem, *texts: str) -> Board:
    system.notices = board = Board(*texts)
    system.journal.set_state(USED, True)
    system.again()
    return board


def test_a_notice_is_a_window_and_nobody_asks_for_it_while_all_is_well() -> None:
    system = home()
    board = noticed(system, f"```\nservices: web\nuntil: {stamp(system.clock.now() + 600)}\n```")
    system.ask("dreamkeeper", "check", service="web")
    assert board.asked == 0
    sick(system, "web")
    result = system.ask("dreamkeeper", "check", service="web")
    assert board.asked == 1
    assert "(#1)" in result.findings[0]["because"]
    assert system.dreams.search() == []
    system.clock.advance(601.0)
    system.ask("dreamkeeper", "check", service="web")
    assert len(system.dreams.search()) == 1


def test_a_notice_that_is_no_window_is_told_and_changes_nothing() -> None:
    system = home()
    noticed(system, "```\nservices: web\nuntil: soon\n```")
    sick(system, "web")
    system.ask("dreamkeeper", "check", service="web")
    assert len(system.dreams.search()) == 1
    assert any("#1 is no maintenance window" in one for one in system.reporter.lines)


def test_where_nobody_ever_announced_anything_nobody_is_asked() -> None:
    system = home()
    board = noticed(system)
    system.journal.set_state(USED, None)
    sick(system, "web")
    system.ask("dreamkeeper", "check", service="web")
    assert board.asked == 0


def test_notices_that_cannot_be_asked_for_hold_nothing_up() -> None:
    system = home()
    noticed(system).error = TemporaryError("502")
    sick(system, "web")
    assert system.ask("dreamkeeper", "check", service="web").outcome == "done"
    assert len(system.dreams.search()) == 1


# ── blips ─────────────────────────────────────────────────────────────────────────────────────────────────


def outage(system: MemorySystem, seconds: float) -> None:
    sick(system, "web")
    system.ask("dreamkeeper", "check", service="web")
    system.clock.advance(seconds)
    system.probe.tell("web", "passed", check="home")
    system.ask("dreamkeeper", "check", service="web")


def test_an_incident_that_was_over_soon_is_a_blip_and_stays() -> None:
    system = home()
    outage(system, 100.0)
    (dream,) = system.dreams.search()
    assert (dream.state, dream.blip) == ("resolved", True)


def test_one_that_lasted_is_none_even_if_it_was_one_before() -> None:
    system = home()
    outage(system, 100.0)
    system.clock.advance(60.0)
    outage(system, 301.0)
    (dream,) = system.dreams.search()
    assert (dream.flaps, dream.blip) == (1, False)


def test_while_its_release_proves_itself_a_service_is_no_dream_and_afterwards_it_is() -> None:
    """A first release: nothing answers yet, and DeployKeeper judges that."""
    system = home()
    sick(system, "web")
    began = system.clock.now()
    note = {"request": "r", "version": "git:" + "a" * 40, "phase": "out", "at": began}
    system.journal.set_state("rollout/local/web", note)
    for _ in range(3):
        result = system.ask("dreamkeeper", "check", service="web")
        assert system.dreams.search() == []
        assert result.messages == []
        assert "a release of aaaaaaa is under way" in result.summary
    system.journal.set_state("rollout/local/web", {**note, "phase": "ended", "verdict": "rollback-failed"})
    system.ask("dreamkeeper", "check", service="web")
    assert [one.key for one in system.dreams.search()] == ["local/web"]


def test_a_release_whose_run_was_cut_off_is_under_way_no_longer_than_it_may_take() -> None:
    system = home()
    sick(system, "web")
    note = {"request": "r", "version": "git:" + "a" * 40, "phase": "out", "at": system.clock.now()}
    system.journal.set_state("rollout/local/web", note)
    system.ask("dreamkeeper", "check", service="web")
    assert system.dreams.search() == []
    system.clock.advance(rollout_time(ReleaseRules()))
    system.ask("dreamkeeper", "check", service="web")
    assert [one.key for one in system.dreams.search()] == ["local/web"]
