"""A trace tells everything once, causes before effects, and its diagram holds nothing but text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamnet_actions.domain.journal import KINDS, Fact
from dreamnet_actions.domain.message import Message
from dreamnet_actions.domain.route import DEFAULTS, request_for, route
from dreamnet_actions.domain.trace import (
    Asked,
    Letter,
    depths,
    in_order,
    mermaid,
    plain,
    requests_named,
    trace,
)

ids = st.sampled_from(["a", "b", "c/0", "dreamkeeper/a/result", "dream-1-0", "0"])
times = st.floats(0, 100)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
letters = st.builds(
    Letter,
    message=st.builds(
        Message,
        id=ids,
        sender=st.sampled_from(["dreamkeeper", "relaybot", ""]),
        name=words,
        to=st.sampled_from([None, "deploykeeper", "x\ny"]),
        time=words,
        causation_id=ids | st.just(""),
    ),
    at=times,
    state=st.sampled_from(["waiting", "leased", "done", "dead"]),
    error=words,
)
facts = st.builds(
    Fact,
    kind=st.sampled_from(sorted(KINDS)),
    at=times,
    text=words,
    data=st.fixed_dictionaries({}, optional={"message": ids, "request": ids | st.none(), "action": words}),
)
asked = st.builds(Asked, id=ids, at=times, agent=words, action=words, outcome=st.sampled_from(["", "done"]))


def numbered(found: list[Fact]) -> list[Fact]:
    return [replace(one, seq=number) for number, one in enumerate(found, 1)]


@given(st.lists(facts, max_size=12).map(numbered), st.lists(letters, max_size=6), st.lists(asked, max_size=4))
def test_everything_is_told_once_and_causes_before_effects(
    told: list[Fact], sent: list[Letter], requests: list[Asked]
) -> None:
    steps = trace([*told, *told], sent, requests)
    assert sorted(seq for one in steps for seq in one.facts) == [one.seq for one in told]
    keys = [one.key for one in steps]
    assert len(set(keys)) == len(keys)
    for letter in sent:
        assert (
            sum(
                (one.kind, one.id, one.sender) == ("message", letter.message.id, letter.message.sender)
                for one in steps
            )
            == 1
        )
    for request in requests:
        assert sum((one.kind, one.id) == ("request", request.id) for one in steps) == 1
    place = {key: number for number, key in enumerate(keys)}
    if not circular({one.key: set(one.causes) for one in steps}):
        assert all(place[cause] < place[one.key] for one in steps for cause in one.causes)
    assert all(cause in place for one in steps for cause in one.causes)
    assert depths(steps).keys() == set(keys)


def circular(causes: dict[str, set[str]]) -> bool:
    left = dict(causes)
    while free := [key for key, of in left.items() if not of & left.keys()]:
        for key in free:
            del left[key]
    return bool(left)


@pytest.mark.slow
@given(st.lists(letters, max_size=8, unique_by=lambda one: (one.message.sender, one.message.id)))
def test_without_causes_time_decides(sent: list[Letter]) -> None:
    free = [replace(one, message=replace(one.message, causation_id="")) for one in sent]
    times_told = [one.at for one in trace([], free, [])]
    assert times_told == sorted(times_told)


@given(st.lists(letters, max_size=8), st.randoms())
def test_the_order_does_not_depend_on_the_order_of_what_is_given(sent: list[Letter], chance: object) -> None:
    # One row a message, times apart: then there is one order only.
    rows = {(one.message.sender, one.message.id): one for one in sent}
    apart = [replace(one, at=float(number)) for number, one in enumerate(rows.values())]
    mixed = list(apart)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert [one.key for one in trace([], apart, [])] == [one.key for one in trace([], mixed, [])]


@pytest.mark.slow
@given(st.lists(facts, max_size=6).map(numbered), st.lists(letters, max_size=6), words)
def test_a_diagram_is_lines_of_its_own_form_whatever_the_texts_hold(
    told: list[Fact], sent: list[Letter], text: str
) -> None:
    first, *lines = mermaid(trace(told, sent, [])).rstrip("\n").split("\n")
    assert first == "sequenceDiagram"
    text_of = r"(?:[\w .,:!?/+=()'–→%…-]|#\d+;)+"
    for line in lines:
        assert re.fullmatch(
            rf"    (participant p\d+ as {text_of}|Note over p\d+: {text_of}|p\d+(->>|-x)p\d+: {text_of})",
            line,
        ), line
        assert "%%" not in line
    assert not re.search(r"\bend\b", plain(text), re.IGNORECASE)
    assert len(lines) == len({line for line in lines if "participant" in line}) + len(trace(told, sent, []))


def test_a_whole_story_by_a_clock_that_goes_wrong() -> None:
    """One machine's clock is an hour behind: what it did still stands after what made it do so."""
    asks = Message(
        id="d-1", sender="dreamkeeper", name="health-check-failed-needs-restart", to="deploykeeper", time=""
    )
    rule = route(asks, DEFAULTS)
    assert rule is not None
    made = str(request_for(asks, rule)["id"])
    done = Message(
        id="r", sender="deploykeeper", name="restart-finished", to="dreamkeeper", time="", causation_id="d-1"
    )
    facts_told = [
        Fact(kind="dream-opened", at=7000.0, text="local/web: failing", seq=1),
        Fact(
            kind="message-sent",
            at=7001.0,
            text="dreamkeeper → deploykeeper: x",
            data={"message": "d-1"},
            seq=2,
        ),
        Fact(
            kind="request-ended",
            at=3401.0,
            text="deploykeeper restart: restarted",
            data={"request": made, "agent": "deploykeeper", "action": "restart", "outcome": "done"},
            seq=3,
        ),
        Fact(kind="message-dead", at=7010.0, text="restart-finished: no route", data={"message": "r"}, seq=4),
    ]
    sent = [
        Letter(message=done, at=3402.0, state="dead", error="no route"),
        Letter(message=asks, at=7001.0, state="done"),
    ]
    steps = trace(facts_told, sent, [Asked(id=made, at=3400.0)])
    assert [one.name for one in steps] == [
        "dream-opened",
        "health-check-failed-needs-restart",
        "restart",
        "restart-finished",
        "message-dead",
    ]
    assert list(depths(steps).values()) == [0, 0, 1, 1, 2]
    assert requests_named(facts_told, sent) == {made, "d-1"}
    assert "p1-xp0: restart-finished – dead: no route" in mermaid(steps)


def test_a_message_that_is_not_kept_any_more_is_told_by_its_fact() -> None:
    fact = Fact(
        kind="message-sent",
        at=1.0,
        text="relaybot → envkeeper: push",
        data={"message": "m", "name": "push", "to": "envkeeper"},
        seq=1,
    )
    (step,) = trace([fact], [], [])
    assert (step.kind, step.sender, step.to, step.name, step.state) == (
        "message",
        "relaybot",
        "envkeeper",
        "push",
        "not kept",
    )


def test_a_circle_is_told_by_time() -> None:
    loop = [
        Letter(
            message=Message(id=one, sender="s", name=one, to=None, time="", causation_id=other),
            at=at,
            state="done",
        )
        for one, other, at in (("a", "b", 2.0), ("b", "a", 1.0))
    ]
    assert [one.name for one in in_order(trace([], loop, []))] == ["b", "a"]
