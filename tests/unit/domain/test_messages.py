"""Messages, ids and routes."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamnet_actions.domain.actions import ACTIONS
from dreamnet_actions.domain.message import HOP_LIMIT, Message, bounded_id, digest
from dreamnet_actions.domain.remedy import MESSAGES
from dreamnet_actions.domain.request import parse_request, usable_id
from dreamnet_actions.domain.route import DEFAULTS, matches, request_for, route
from dreamnet_actions.domain.spec.models import Route
from dreamnet_actions.errors import RequestInvalid, TooManyHops

text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300)
messages = st.builds(
    Message,
    id=text,
    sender=text,
    name=st.sampled_from([*[rule.on.replace("*", "restart") for rule in DEFAULTS], "something-else"]),
    to=st.sampled_from([None, "deploykeeper", "dreamkeeper", "envkeeper"]),
    time=st.just("2026-11-23T11:38:03.250Z"),
    data=st.dictionaries(text, text | st.integers() | st.none(), max_size=4),
    correlation_id=text,
    causation_id=st.text(st.characters(exclude_categories=["Cs"])),
    hops=st.integers(0, HOP_LIMIT - 1),
)


@given(messages)
def test_a_message_survives_its_wire_form(message: Message) -> None:
    wire = json.loads(json.dumps(message.to_json()))
    assert Message.from_json(wire) == message
    assert re.fullmatch(r"/dreamnet/[\w.~:@/%-]+", wire["source"], re.ASCII)
    assert {"specversion", "id", "source", "type"} <= wire.keys()
    assert all(re.fullmatch("[a-z0-9]+", name) for name in wire)


@given(messages)
def test_whatever_is_in_a_message_its_request_can_be_read(message: Message) -> None:
    rule = route(message, ())
    if rule is None:
        return
    onward = message.passed_on()
    raw = request_for(onward, rule)
    assert usable_id(raw["id"])
    assert usable_id(raw["correlation_id"])
    assert raw["hops"] == message.hops + 1
    assert raw["input"].keys() <= {"action", *ACTIONS[rule.to][raw["input"]["action"]].keys}
    assert None not in raw["input"].values()


@given(st.lists(st.lists(text, min_size=1, max_size=3), min_size=2, max_size=6, unique_by=tuple))
def test_distinct_names_have_distinct_ids(names: list[list[str]]) -> None:
    joined = {"/".join(parts): bounded_id(*parts) for parts in names}
    assert len(set(joined.values())) == len(joined)
    assert all(map(usable_id, joined.values()))


def test_long_ids_that_begin_alike_stay_apart() -> None:
    assert bounded_id("x" * 300 + "1") != bounded_id("x" * 300 + "2")
    assert bounded_id("as", "it", "is") == "as/it/is"
    assert bounded_id(bounded_id("x" * 300)) == bounded_id("x" * 300)


@pytest.mark.parametrize(
    "wrong",
    [
        {"specversion": "0.3"},
        {"type": "other"},
        {"id": ""},
        {"source": None},
        {"subject": 5},
        {"data": [1]},
        {"hops": True},
        {"hops": -1},
        {"to": ["deploykeeper"]},
        {"correlationid": {"a": 1}},
    ],
)
def test_a_wrong_event_is_refused(wrong: dict[str, object]) -> None:
    good = Message(id="1", sender="a", name="b", to="deploykeeper", time="2026-11-23T11:38:03.250Z").to_json()
    assert Message.from_json(good).id == "1"
    with pytest.raises(RequestInvalid):
        Message.from_json({**good, **wrong})


def test_all_mistakes_of_an_event_are_told_at_once() -> None:
    with pytest.raises(RequestInvalid) as caught:
        Message.from_json({"hops": "x" * 10_000})
    assert len(caught.value.mistakes) == 7
    assert len(caught.value.message) < 1000


def test_an_event_without_data_is_fine() -> None:
    event = Message(id="1", sender="a", name="b", to=None, time="2026-11-23T11:38:03.250Z").to_json()
    assert Message.from_json({**event, "data": None}).data == {}


def test_the_hop_limit() -> None:
    message = Message(id="1", sender="a", name="b", to=None, time="t", hops=HOP_LIMIT - 1)
    assert message.passed_on().hops == HOP_LIMIT
    with pytest.raises(TooManyHops):
        message.passed_on().passed_on()


@given(st.dictionaries(text, text), st.dictionaries(text, text))
def test_equal_data_equal_hash(one: dict[str, str], other: dict[str, str]) -> None:
    assert (digest(one) == digest(other)) == (one == other)
    assert digest(one) == digest(dict(reversed(one.items())))


def test_a_pattern_stands_for_any_rest_at_one_end() -> None:
    assert matches("*-finished", "restart-finished")
    assert matches("env-*", "env-changed")
    assert matches("*", "anything")
    assert not matches("*-finished", "finished")
    assert not matches("env", "env-changed")


def test_configured_rules_come_first_and_say_whom_they_take_from() -> None:
    own = Route(on="push", to="dreamkeeper", input={"action": "check"}, from_="github")
    push = Message(id="1", sender="github", name="push", to=None, time="t")
    assert route(push, [own]) is own
    assert route(push, []) in DEFAULTS
    assert route(Message(id="1", sender="other", name="push", to=None, time="t"), [own]) in DEFAULTS
    assert route(Message(id="1", sender="github", name="push", to="envkeeper", time="t"), [own]) is None


def test_every_remedy_has_a_route_to_its_keeper() -> None:
    for name, to in MESSAGES.values():
        rule = route(Message(id="1", sender="dreamkeeper", name=name, to=to, time="t"), ())
        assert rule is not None
        assert rule.to == to


def test_a_sender_cannot_smuggle_keys_or_override_the_rule() -> None:
    data = {"service": "web", "replicas": 3, "action": "deploy", "target": None, "evil": 1}
    message = Message(id="1", sender="a", name="x", to=None, time="t", data=data)
    rule = Route(on="x", to="deploykeeper", input={"action": "restart"})
    assert request_for(message, rule)["input"] == {"action": "restart", "service": "web"}


def test_a_rule_may_leave_out_the_action_as_a_request_may() -> None:
    rule = Route(on="x", to="dreamkeeper", input={"check": "home"})
    message = Message(id="1", sender="a", name="x", to=None, time="t", data={"service": "web"})
    request = parse_request(request_for(message, rule), fresh_id="f")
    assert (request.action, request.input["service"]) == ("check", "web")


@pytest.mark.parametrize("rule", DEFAULTS, ids=[one.on for one in DEFAULTS])
def test_a_webhook_cannot_choose_what_is_done_by_naming_itself(rule: Route) -> None:
    name = rule.on.replace("*", "restart")

    def sent(sender: str) -> Message:
        return Message(id="1", sender=sender, name=name, to=None, time="", data={"service": "web"})

    assert route(sent("dreamkeeper"), ()) == rule
    assert (route(sent("webhook-monitor"), ()) is not None) == (name == "secret-changed")
    assert (route(sent("webhook-github"), ()) is not None) == (name in ("push", "secret-changed"))
    given = Route(on=name, to=rule.to, input=rule.input, from_="webhook-monitor")
    assert route(sent("webhook-monitor"), (given,)) == given
