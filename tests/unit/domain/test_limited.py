"""Patterns that would outlive the job are stopped, and whose they are is said with its place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dreamnet_actions.domain.limited import TooSlow, fits, found_in, replaced, why_no_pattern
from dreamnet_actions.domain.mapping import Mapper
from dreamnet_actions.domain.secret import SecretValue, Versioned
from dreamnet_actions.domain.spec.env import EnvEntry, Find, Rename
from dreamnet_actions.domain.spec.models import Chosen
from dreamnet_actions.domain.spec.validation import Rule
from dreamnet_actions.domain.validation import troubles
from dreamnet_actions.errors import RequestInvalid

SLOW = "(a|aa)+[bc]"
LONG = "a" * 60
ENTRY = EnvEntry(from_=Chosen("memory", None), to=())


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the tests' processor."""
    monkeypatch.setattr("dreamnet_actions.domain.limited.LIMIT", 0.05)


def test_each_way_to_use_a_pattern_is_stopped() -> None:
    for ask in (lambda: fits(SLOW, LONG), lambda: found_in(SLOW, LONG), lambda: replaced(SLOW, "", LONG)):
        with pytest.raises(TooSlow, match="60 characters"):
            ask()


def test_patterns_mean_what_they_mean_to_python() -> None:
    assert fits(r"(?=.*\d)[a-z\d]{8,}", "abcdefg1")
    assert not fits("[a-z]+", "abc1")
    assert found_in("^app-", "app-db")
    assert replaced(r"^app-(\w+)-(?P<x>\w+)$", r"\g<x>_\1", "app-db-url") == "url_db"


@pytest.mark.parametrize("wrong", ["(", "[a", "*a", r"\p{L}", r"(?P<a>.)(?P<a>.)"])
def test_what_is_no_pattern_is_said(wrong: str) -> None:
    assert why_no_pattern(wrong)


def test_a_slow_rule_of_a_value_is_a_trouble_of_its_own_and_shows_no_value() -> None:
    entry = replace(ENTRY, rules={"A": Rule(pattern=SLOW), "B": Rule(pattern="[a-z]+")})
    values = {name: Versioned(value=SecretValue(LONG + name), version="1") for name in "AB"}
    found = {(one.name, one.rule): one.text for one in troubles(entry, values, values, 0.0)}
    assert found.keys() == {("A", "slow-pattern"), ("B", "pattern")}
    assert "aaaa" not in str(found)


@pytest.mark.parametrize("key", ["find", "rename"])
def test_a_slow_pattern_for_names_ends_with_its_place_at_the_first_name(key: str) -> None:
    entry = replace(ENTRY, find=Find(name=SLOW if key == "find" else "a"))
    entry = replace(entry, rename=(Rename(match=SLOW, to="x"),) if key == "rename" else ())
    with pytest.raises(RequestInvalid) as told:
        Mapper(entry, lambda: " (dreamnet.yml:3:3)").wanted([LONG, LONG + "a"])
    (mistake,) = told.value.mistakes
    assert mistake.startswith(f"The pattern of '{key}' takes more than 0.05 s")
    assert mistake.endswith("(dreamnet.yml:3:3).")
