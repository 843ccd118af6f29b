"""How a comment is read as a command: what counts, what it asks for, and that nothing else comes of any text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamnet_actions.domain.actions import ACTIONS
from dreamnet_actions.domain.canarywords import WORDS as CANARY_WORDS
from dreamnet_actions.domain.command import COMMANDS, PERMISSIONS, Spoken, agent_of, allows, asks, parse
from dreamnet_actions.domain.dream import STATES, Dream
from dreamnet_actions.domain.request import parse_request
from tests.actions.hostile import corpus

WORDS = {"heal": "restart", "snooze": "4h", "wontfix": "it goes next week"}
DREAM = Dream(key="here/web", number=7, remedy="rollback")
LINE_ENDS = ("\n", "\r\n", "\r")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_read_as_its_usage_shows(name: str) -> None:
    line = f"/{name} {WORDS[name]}" if name in WORDS else f"/{name}"
    found = parse(line)
    assert found is not None
    assert (found.name, found.words, found.mistake) == (name, WORDS.get(name, ""), "")
    assert COMMANDS[name].usage.split()[0] == f"/{name}"


@given(name=st.sampled_from(sorted(COMMANDS)), rest=st.text(), end=st.sampled_from(LINE_ENDS))
def test_what_stands_below_the_first_line_is_not_read(name: str, rest: str, end: str) -> None:
    line = f"/{name} {WORDS[name]}" if name in WORDS else f"/{name}"
    assert parse(f"{line}  {end}{rest}") == parse(line)
    assert parse(f"{line.upper()}") is not None


@given(before=st.text(min_size=1), name=st.sampled_from(sorted(COMMANDS)))
def test_a_command_stands_at_the_very_beginning(before: str, name: str) -> None:
    found = parse(f"{before}/{name}")
    assert found is None or before.startswith("/")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "heal",
        "> /heal",
        " /heal",
        "\n/heal",
        "```\n/heal\n```",
        "/etc/hosts is wrong",
        "//heal",
        "/a/heal",
    ],
)
def test_what_is_no_command(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("/haal", "Did you mean '/heal'?"),
        ("/", "Unknown command '/'."),
        ("/snooze", "How long?"),
        ("/snooze 4", "is no duration"),
        ("/snooze -4h", "is no duration"),
        ("/heal restrat", "Did you mean 'restart'?"),
        ("/heal restart now", "Unknown remedy 'restart now'"),
        ("/restart please", "It takes no words; this has 'please'. Write: /restart"),
        ("/rollback v1.2", "It takes no words"),
    ],
)
def test_what_is_not_understood_says_why(text: str, says: str) -> None:
    found = parse(text)
    assert found is not None
    assert says in found.mistake
    assert found.needs == "read"


@given(text=st.text() | st.text().map(lambda text: f"/{text}") | st.sampled_from(sorted(COMMANDS)).flatmap(
    lambda name: st.text().map(lambda text: f"/{name} {text}")
), state=st.sampled_from(STATES))  # fmt: skip
def test_any_text_is_nothing_a_mistake_or_a_request_that_is_understood(text: str, state: str) -> None:
    _is_sound(text, Dream(key="here/web", number=7, state=state))  # type: ignore[arg-type]


@pytest.mark.parametrize("before", ["", "/", "/heal ", "/snooze ", "/wontfix ", "/restart "])
def test_no_hostile_text_becomes_more_than_words(before: str) -> None:
    for one in corpus("/nowhere/canary"):
        _is_sound(before + one.text, DREAM)


def _is_sound(text: str, dream: Dream) -> None:
    found = parse(text)
    if found is None:
        return
    assert found.name in COMMANDS
    if found.mistake:
        return
    asked = asks(found, dream, "alice")
    if asked is None:
        assert found.name in ("approve", "explain", "help")
        return
    agent = agent_of(found, dream)
    request = parse_request({"agent": agent, "input": asked}, fresh_id="x")
    assert set(request.input) <= set(ACTIONS[agent][request.action].keys)
    if agent == "relaybot":
        assert found.name in ("promote", "abort")
        assert (request.action, request.input["service"]) == ("relay", "web")
        return
    assert request.action in ("heal", "snooze", "wont-fix", "reopen")
    assert request.input["dream"] == "7"


@pytest.mark.parametrize("name", sorted(CANARY_WORDS))
def test_what_is_said_to_a_waiting_canary_goes_to_deploykeeper(name: str) -> None:
    command = parse(f"/{name}")
    assert command is not None
    assert command.needs == "write"
    dream = Dream(key="self/canary-web", number=7, state="needs-human")
    asked = asks(command, dream, "alice")
    assert asked is not None
    assert (agent_of(command, dream), asked["action"]) == ("relaybot", "relay")
    assert (asked["to"], asked["message"], asked["service"]) == ("deploykeeper", CANARY_WORDS[name], "web")
    assert asked["data"] == {"reason": f"alice said: /{name}"}
    about_us = Dream(key="self/journal", number=8)
    assert agent_of(command, about_us) == "dreamkeeper"
    assert asks(command, about_us, "alice") is None


@pytest.mark.parametrize("state", STATES)
def test_retry_opens_again_what_was_given_up_and_else_tries_the_last_remedy(state: str) -> None:
    dream = Dream(key="here/web", number=7, state=state, remedy="rollback")  # type: ignore[arg-type]
    command = parse("/retry")
    assert command is not None
    asked = asks(command, dream, "alice")
    if state in ("needs-human", "snoozed", "resolved", "wont-fix"):
        assert asked == {"action": "reopen", "dream": "7", "reason": "alice said: try again"}
    else:
        assert asked == {"action": "heal", "dream": "7", "remedy": "rollback"}


def test_what_changes_something_needs_write() -> None:
    assert {name for name, kind in COMMANDS.items() if kind.needs == "read"} == {"explain", "help"}
    for permission in PERMISSIONS:
        assert allows(permission, "read") == (permission != "none")
        assert allows(permission, "write") == (permission in ("write", "admin"))


def test_a_comment_is_one_request_for_ever() -> None:
    one = Spoken(comment=12, issue=7, author="alice", text="/heal")
    assert (
        one.request_id == Spoken(comment=12, issue=7, author="alice", text="/heal").request_id == "comment-12"
    )
