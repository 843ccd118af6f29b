"""The one table of a dream's states."""

from __future__ import annotations

import itertools

import pytest

from dreamnet_actions.domain.dream import ENDED, NEXT, STATES, Dream, may_follow


def test_every_state_has_its_row() -> None:
    assert NEXT.keys() == set(STATES)
    assert all(after in STATES for row in NEXT.values() for after in row)


def test_staying_is_always_allowed_and_the_table_decides_the_rest() -> None:
    for before, after in itertools.product(STATES, STATES):
        assert may_follow(before, after) == (before == after or after in NEXT[before])


def test_every_state_can_be_reached_and_none_is_a_trap() -> None:
    seen, waiting = {"suspected"}, ["suspected"]
    while waiting:
        for after in NEXT[waiting.pop()]:  # type: ignore[index]
            if after not in seen:
                seen.add(after)
                waiting.append(after)
    assert seen == set(STATES)
    assert all(NEXT.values())


def test_what_ended_only_ever_opens_again() -> None:
    for state in ENDED:
        assert NEXT[state] == {"open"}
        assert Dream(key="a/b", state=state).ended


def test_a_dream_is_resolved_from_every_state_that_was_filed() -> None:
    for state in STATES:
        if state not in (*ENDED, "suspected"):
            assert may_follow(state, "resolved")


@pytest.mark.parametrize(
    ("key", "platform", "service"),
    [("local/web", "local", "web"), ("self/journal", "self", "journal"), ("a/b/c", "a", "b/c")],
)
def test_the_key_names_platform_and_service(key: str, platform: str, service: str) -> None:
    assert (Dream(key=key).platform, Dream(key=key).service) == (platform, service)


def test_each_reopening_is_a_story_of_its_own() -> None:
    ids = {Dream(key="a/b", number=n, flaps=f).correlation_id for n in (1, 11) for f in (0, 1, 11)}
    assert len(ids) == 6
