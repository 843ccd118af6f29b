"""Maintenance windows: single ones, weekly ones across midnight and clock changes, and notices that people write."""

from __future__ import annotations

import contextlib
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamnet_actions.domain.maintenance import Notice, Window, configured, noticed
from dreamnet_actions.domain.spec.models import Maintenance
from dreamnet_actions.domain.spec.times import DAYS
from dreamnet_actions.domain.times import rfc3339


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def spans(rule: Maintenance, text: str, zone: str = "UTC") -> bool:
    return bool(configured([rule], at(text, zone)))


def test_a_single_window_holds_from_its_begin_to_its_end() -> None:
    rule = Maintenance(start="2026-12-01T22:00", end="2026-12-02T01:00", timezone="Europe/Berlin")
    assert not spans(rule, "2026-12-01T20:59:59")
    assert spans(rule, "2026-12-01T21:00")
    assert spans(rule, "2026-12-01T23:59:59")
    assert not spans(rule, "2026-12-02T00:00")
    offset = Maintenance(start="2026-12-01T22:00Z", end="2026-12-01T23:00+00:00", timezone="Asia/Tokyo")
    assert spans(offset, "2026-12-01T22:30")


def test_a_weekly_window_may_reach_into_the_next_days() -> None:
    rule = Maintenance(day="saturday", from_="23:00", for_=26 * 3600.0)
    assert not spans(rule, "2026-11-28T22:59")  # a Saturday
    assert spans(rule, "2026-11-28T23:00")
    assert spans(rule, "2026-11-30T00:59")
    assert not spans(rule, "2026-11-30T01:00")


def test_a_weekly_window_keeps_to_the_clock_on_the_wall() -> None:
    rule = Maintenance(day="sunday", from_="05:00", for_=3600.0, timezone="Europe/Berlin")
    for day in ("2026-10-18", "2026-10-25", "2027-03-28"):  # before and on the days on which clocks change
        assert spans(rule, f"{day}T05:00", "Europe/Berlin")
        assert not spans(rule, f"{day}T04:59", "Europe/Berlin")
        assert not spans(rule, f"{day}T06:00", "Europe/Berlin")


@given(
    now=st.integers(1_600_000_000, 2_000_000_000),
    day=st.sampled_from(DAYS),
    hour=st.integers(0, 23),
    hours=st.integers(1, 7 * 24),
)
def test_a_weekly_window_is_open_for_its_share_of_the_week(now: int, day: str, hour: int, hours: int) -> None:
    rule = Maintenance(day=day, from_=f"{hour:02}:00", for_=hours * 3600.0)  # type: ignore[arg-type]
    week = [bool(configured([rule], float(now + step * 3600))) for step in range(7 * 24)]
    assert sum(week) == hours


NOTICE = Notice(where="#7", at=at("2026-11-26T12:00"), text="")


def read(text: str) -> Window:
    return noticed(Notice(where="#7", at=NOTICE.at, text=text), ("web", "db"))


@pytest.mark.parametrize(
    "text",
    [
        "We move.\n\n```\nservices: web, db\nfrom: 2026-12-01T22:00\nuntil: 2026-12-01T23:00\n```\nBye",
        "~~~yaml\nServices: web db\nFrom:   2026-12-01 22:00\nUntil: 2026-12-01 23:00Z  \n~~~",
        "<!--\nservices: web,db\nfrom: 2026-12-01T23:00\nuntil: 2026-12-02T00:00\ntimezone: Europe/Berlin\n-->",
    ],
)
def test_a_notice_is_read_from_its_block(text: str) -> None:
    found = read(text)
    assert (found.begins, found.ends) == (at("2026-12-01T22:00"), at("2026-12-01T23:00"))
    assert found.services == {"web", "db"}
    assert found.where == "#7"


def test_a_notice_may_let_scaling_go_on() -> None:
    text = "```\nuntil: 2026-12-01T23:00\nscaling: {}\n```"
    assert (read(text.format("yes")).scaling, read(text.format("No")).scaling) == (True, False)
    with pytest.raises(ValueError, match="yes or no"):
        read(text.format("maybe"))


def test_what_is_left_out_is_every_service_and_from_now_on() -> None:
    found = read("<!-- until: 2026-12-01T23:00 -->".replace("<!-- ", "<!--\n").replace(" -->", "\n-->"))
    assert found.begins == NOTICE.at
    assert found.services == frozenset()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("until: 2026-12-01T23:00", "within a fenced block"),
        ("```\nservices: web\n```", "until"),
        ("```\nservices: wbe\nuntil: 2026-12-01T23:00\n```", "wbe"),
        ("```\nuntil: tomorrow\n```", "tomorrow"),
        ("```\nuntil: 2026-02-30T23:00\n```", "no moment"),
        ("```\nuntil: 2026-12-01T23:00\ntimezone: Mars\n```", "Mars"),
        ("```\nuntil: 2026-11-26T11:00\n```", "before it begins"),
    ],
)
def test_what_is_no_window_says_why(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read(text)


@pytest.mark.parametrize(
    "until",
    ["9999-12-31T23:59\ntimezone: America/New_York", "9999-12-31T23:59-12:00", "9999-12-31T23:59:59Z"],
)
def test_a_window_without_an_end_in_sight_can_be_told(until: str) -> None:
    found = read(f"```\nuntil: {until}\n```")
    assert found.holds("web", at("2026-12-01T23:00"))
    assert rfc3339(found.ends).startswith("9999-12-31T23:59")


@given(st.text(max_size=300))
def test_any_text_is_a_window_or_says_why_not(text: str) -> None:
    for whole in (text, f"```\n{text}\n```", f"```\nuntil: {text}\ntimezone: {text}\n```"):
        found = None
        with contextlib.suppress(ValueError):
            found = read(whole)
        assert found is None or found.ends > found.begins


def test_a_hostile_text_takes_no_time() -> None:
    """With a pattern over the whole it took minutes, which is more than a test has."""
    for text in (
        "<!--" * 16_000,
        "```\n" * 16_000,
        "~" * 65_000,
        "`" * 65_000 + "\n",
        "services" + " " * 60_000,
    ):
        with pytest.raises(ValueError, match="until"):
            read(text)
