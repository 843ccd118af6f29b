"""What a dream tells a tired reader: likely cause, what was tried, what worked before, what comes next and when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dreamnet_actions.domain import briefing, lessons, outlook
from dreamnet_actions.domain.briefing import Links
from dreamnet_actions.domain.cron import parse_cron
from dreamnet_actions.domain.dream import STATES, Dream
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.outlook import Outlook
from dreamnet_actions.domain.remedy import Attempt
from dreamnet_actions.domain.schedule import soonest

NOW = 1_700_000_000.0
OLD, NEW = "a" * 40, "b" * 40
HOME = Links(home="https://github.com/octo/shop")
WEB = Dream(key="production/web", number=9, cause="crash", opened_at=NOW)


def tried(
    remedy: str, worked: bool, *, dream: int, cause: str = "crash", service: str = "production/web"
) -> Attempt:
    at = NOW - 86400.0 + dream
    return Attempt(
        service=service,
        dream=f"dream-{dream}-0",
        remedy=remedy,
        cause=cause,
        at=at,
        worked=worked,
        seconds=10.0,
    )


def learned(*ledger: Attempt, change: Fact | None = None, **back: str) -> dict[str, Any]:
    found = lessons.learned(
        ledger,
        service=WEB.key,
        cause="crash",
        change=change,
        back={f"dream-{n[1:]}-0": v for n, v in back.items()},
    )
    data = {lessons.KEY: found.to_json()}
    assert lessons.read(data) == found
    return data


def told(dream: Dream, links: Links = HOME) -> str:
    return "\n".join(briefing.lines(dream, links))


def test_what_worked_before_is_told_with_its_dreams_and_commits() -> None:
    ledger = [
        tried("restart", True, dream=1), tried("restart", False, dream=2), tried("rollback", True, dream=3),
        tried("rollback", True, dream=4), tried("scale-up", False, dream=5),
    ]  # fmt: skip
    data = learned(*ledger, d3=f"git:{OLD}", d4="dir:1")
    said = told(replace(WEB, data=data))
    assert (
        "**What worked before:** rollback, 2 of 2 times in 10s, last 2023-11-13 22:13:24 UTC: #4, #3" in said
    )
    assert f"back to [`aaaaaaa`](https://github.com/octo/shop/commit/{OLD})" in said
    assert "restart, 1 of 2 times in 10s, last 2023-11-13 22:13:21 UTC: #1" in said
    assert "scale-up did not, 0 of 1 times" in said


def test_the_nearest_history_counts() -> None:
    here = tried("restart", True, dream=1, cause="timeout")
    elsewhere = tried("rollback", True, dream=2, service="production/db")
    assert "restart, 1 of 1 times" in told(replace(WEB, data=learned(here, elsewhere)))
    assert "(for another cause)" in told(replace(WEB, data=learned(here, elsewhere)))
    assert "(on other services, for the same cause): #2" in told(replace(WEB, data=learned(elsewhere)))
    other = tried("rollback", True, dream=2, service="production/db", cause="timeout")
    assert "What worked before" not in told(replace(WEB, data=learned(other)))


def test_a_release_just_before_is_the_likely_cause_with_links() -> None:
    change = Fact(
        kind="release-ended", at=NOW - 240.0, text="production/web: bbbbbbb is deployed",
        data={"version": f"git:{NEW}", "former": f"git:{OLD}", "verdict": "deployed"},
    )  # fmt: skip
    dream = replace(WEB, data=learned(change=change))
    said = told(dream)
    assert f"a release of [`bbbbbbb`](https://github.com/octo/shop/commit/{NEW}) 4m before it began" in said
    assert f"[what changed](https://github.com/octo/shop/compare/{OLD}...{NEW})" in said
    assert "[deployments](https://github.com/octo/shop/deployments/production)" in said
    assert "http" not in told(dream, Links())
    values = Fact(kind="env-changed", at=NOW - 60.0, text="web: KEY changed")
    assert "its values changed 1m before it began (web: KEY changed)" in told(
        replace(WEB, data=learned(change=values))
    )
    assert "**Likely cause:** unknown; nothing of it was released or synced" in told(WEB)


def test_what_was_tried_and_what_it_did_is_told() -> None:
    data = {lessons.TRIED: [["restart", NOW, False, 60.0], ["rollback", NOW + 90.0, True, 12.0]]}
    said = told(replace(WEB, data=data))
    assert (
        "restart at 2023-11-14 22:13:20 UTC did not help; rollback at 2023-11-14 22:14:50 UTC worked in 12s"
        in said
    )
    under_way = replace(WEB, state="healing", remedy="restart", attempt=3, data=data)
    assert told(under_way).endswith("; restart (try 3) is under way")
    assert "**Tried:** nothing yet" in told(WEB)


@pytest.mark.parametrize(
    ("state", "more", "said"),
    [
        ("healing", {"at": NOW, "remedy": "rollback"}, "by 2023-11-14 22:13:20 UTC, rollback is next."),
        ("verifying", {"at": NOW}, "a person is asked."),
        ("open", {"at": NOW, "remedy": "restart"}, "Next is restart, not before 2023-11-14 22:13:20 UTC."),
        ("resolved", {"at": NOW}, "If it comes back by 2023-11-14 22:13:20 UTC, this issue is opened again."),
        ("open", {"look": NOW, "cron": "7,37 * * * *"}, "then by the schedule `7,37 * * * *`."),
        ("open", {"look": NOW, "every": 30.0}, "It looks every 30s, next at 2023-11-14 22:13:20 UTC."),
    ],
)  # fmt: skip
def test_what_comes_next_is_told_with_its_time(state: Any, more: dict[str, Any], said: str) -> None:
    data = {outlook.KEY: Outlook(**more).to_json()}
    assert said in outlook.sentences(replace(WEB, state=state, data=data))


def test_the_end_of_a_snooze_is_told() -> None:
    assert "It is over at 2023-11-14 22:13:20 UTC." in outlook.sentences(
        replace(WEB, state="snoozed", until=NOW)
    )


HELD: list[Any] = [None, 3, "x", [], {}, {"suspect": 3}, {"records": [3]}, {"records": [{"remedy": "x"}]}]


@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("state", STATES)
def test_what_was_damaged_or_written_by_somebody_else_says_nothing(held: Any, state: Any) -> None:
    data = {lessons.KEY: held, outlook.KEY: held, lessons.TRIED: held}
    dream = replace(WEB, state=state, data=data)
    assert "What worked before" not in told(dream)
    assert outlook.sentences(dream) == outlook.sentences(replace(dream, data={}))


def test_what_somebody_wrote_into_it_is_neutral() -> None:
    hostile = "](https://evil.example) @octocat `x`"
    suspect = {"what": "release", "text": hostile, "at": NOW, "commit": hostile, "former": hostile}
    record = {
        "remedy": hostile, "scope": hostile, "worked": 1, "tried": 1, "last": NOW, "seconds": 1.0,
        "dreams": [1], "commits": [hostile],
    }  # fmt: skip
    data = {
        lessons.KEY: {"suspect": suspect, "records": [record]},
        lessons.TRIED: [[hostile, NOW, True, 1.0]],
        outlook.KEY: {"remedy": hostile, "at": NOW, "look": NOW, "cron": hostile},
    }
    dream = replace(WEB, state="open", data=data)
    said = told(dream) + outlook.sentences(dream)
    assert "](https://evil" not in said
    assert "@octocat" not in said
    assert "evil" in said


def test_the_soonest_start_of_a_schedule() -> None:
    cron = parse_cron("7,37 * * * *")
    at = soonest(cron, NOW)
    assert at is not None
    assert (at % 3600, 0 < at - NOW <= 1800) == (37 * 60, True)
    assert soonest(cron, at) == at + 1800
    assert soonest(parse_cron("0 0 30 2 *"), NOW) is None
