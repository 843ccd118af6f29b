"""Facts and what they tell in words; and that the kinds of facts are those that the code writes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import dreamnet_actions
from dreamnet_actions.domain.journal import KINDS, Fact
from dreamnet_actions.domain.patterns import describe
from dreamnet_actions.domain.remedy import Attempt
from dreamnet_actions.domain.times import clock_time, rfc3339

NOW = 1_700_000_000.0
SOURCES = sorted(Path(dreamnet_actions.__file__).parent.rglob("*.py"))


def opened(ago: float, cause: str) -> Fact:
    return Fact(kind="dream-opened", at=NOW - ago, text="t", service="local/web", data={"cause": cause})


def tried(remedy: str, worked: bool | None, seconds: float = 4.0) -> Attempt:
    return Attempt(
        service="local/web", dream="d", remedy=remedy, cause="refused", at=NOW, worked=worked, seconds=seconds
    )


def words(facts: list[Fact], ledger: list[Attempt], change: Fact | None = None) -> str:
    return describe(service="local/web", cause="refused", facts=facts, ledger=ledger, change=change, now=NOW)


def test_the_first_time() -> None:
    assert words([], []) == "Not seen before in 30 days."
    assert words([opened(31 * 86400, "refused")], []) == "Not seen before in 30 days."


def test_how_often_and_for_which_cause() -> None:
    assert words([opened(7200, "refused")], []) == (
        "Seen once before in 30 days, 1 of them for the same cause (refused); last 2h ago."
    )
    assert "Seen 2 times before in 30 days, 1 of them for" in words(
        [opened(9, "body"), opened(5, "refused")], []
    )


def test_what_changed_and_what_worked() -> None:
    change = Fact(kind="env-changed", at=NOW - 40, text="app.env: A updated.")
    ledger = [
        tried("restart", False),
        tried("rollback", True),
        tried("rollback", True, 6.0),
        tried("rollback", None),
    ]
    assert words([], ledger, change) == (
        "Not seen before in 30 days. Just before, 40s ago: app.env: A updated. "
        "What worked: rollback, 2 of 2 times, in 5s. What did not: restart, 0 of 1 times."
    )


def test_another_services_record_is_not_told() -> None:
    other = Attempt(service="local/db", dream="d", remedy="restart", cause="refused", at=NOW, worked=True)
    assert words([], [other]) == "Not seen before in 30 days."


def test_a_fact_of_no_known_kind_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="unknown kind"):
        Fact(kind="misspelt", at=0.0, text="t")


def test_a_fact_is_one_line_of_json() -> None:
    fact = Fact(kind="tick", at=NOW, text="a\nb", data={"late": 0.5})
    line = json.dumps(fact.to_json())
    assert "\n" not in line
    assert Fact(**json.loads(line)) == fact


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_is_written_somewhere(kind: str) -> None:
    mentions = [
        path
        for path in SOURCES
        if path.name != "journal.py" and f'"{kind}"' in path.read_text(encoding="utf-8")
    ]
    assert mentions, f"nothing writes {kind!r}"


def test_each_kind_written_exists() -> None:
    notes = re.compile(r"""\b_?note\(\s*"([a-z]+(?:-[a-z]+)*)",""")
    facts = re.compile(r"""\bFact\(\s*kind="([a-z-]+)\"""")
    found = {
        kind
        for path in SOURCES
        for pattern in (notes, facts)
        for kind in pattern.findall(path.read_text(encoding="utf-8"))
    }
    assert found
    assert found <= KINDS.keys()


def test_times_are_written_in_utc() -> None:
    assert rfc3339(1_700_000_000.25) == "2023-11-14T22:13:20.250Z"
    assert clock_time(1_700_000_000.25) == "22:13:20"
