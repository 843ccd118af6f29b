"""Requests: the seed's four, every mistake at once, and nothing that breaks the reader."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamnet_actions.domain.actions import ACTIONS, AGENTS
from dreamnet_actions.domain.message import HOP_LIMIT
from dreamnet_actions.domain.request import MAX_DEPTH, AgentRequest, parse_request, usable_id
from dreamnet_actions.errors import DreamNetError, RequestInvalid, TooManyHops

SEED = [
    ({"agent": "dreamkeeper", "input": {"check": "dreamnet-health", "target": "self"}}, "check"),
    (
        {
            "agent": "deploykeeper",
            "input": {"action": "deploy", "target": "gke", "cluster": "autopilot-cluster-1"},
        },
        "deploy",
    ),
    ({"agent": "envkeeper", "input": {"action": "sync", "source": "gcp-secret-manager"}}, "sync"),
    (
        {
            "agent": "relaybot",
            "input": {
                "from": "dreamkeeper",
                "to": "deploykeeper",
                "message": "health-check-failed-needs-restart",
            },
        },
        "relay",
    ),
]

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
almost = st.fixed_dictionaries(
    {},
    optional={
        "agent": st.sampled_from([*AGENTS, "dreamkeper"]) | plain,
        "input": st.fixed_dictionaries(
            {},
            optional={
                "action": st.sampled_from(["check", "sync", "relay", "deploy"]) | plain,
                "check": plain,
                "service": plain,
                "replicas": plain,
                "data": plain,
            },
        )
        | plain,
        "id": plain,
        "correlation_id": plain,
        "hops": plain,
        "dry_run": plain,
    },
)


def parse(raw: object) -> AgentRequest:
    return parse_request(raw, fresh_id="fresh")


def mistakes(raw: object) -> tuple[str, ...]:
    with pytest.raises(RequestInvalid) as caught:
        parse(raw)
    return caught.value.mistakes


@pytest.mark.parametrize(("raw", "action"), SEED)
def test_the_seeds_requests_are_read_word_for_word(raw: dict[str, Any], action: str) -> None:
    request = parse(raw)
    assert (request.agent, request.action) == (raw["agent"], action)
    assert request.input == {key: value for key, value in raw["input"].items() if key != "action"}
    assert (request.id, request.correlation_id, request.hops, request.dry_run) == ("fresh", "fresh", 0, False)


@given(plain | almost)
def test_any_plain_data_is_a_request_or_our_error(raw: object) -> None:
    request, error = None, None
    try:
        request = parse(raw)
    except DreamNetError as raised:
        error = raised
    if request is not None:
        wire = json.dumps(request.to_json(), allow_nan=False)
        assert parse(json.loads(wire)) == request
        return
    assert error is not None
    assert error.exit_status in (3, 4)
    assert len(error.message) < 5000
    error.message.encode()


def test_every_mistake_is_told_at_once_with_the_nearest_name() -> None:
    told = mistakes(
        {
            "agnet": 1,
            "agent": "deploykeeper",
            "input": {"action": "scale", "replicas": "3", "servise": "web", "reason": " "},
            "id": "with blank",
            "hops": -1,
            "dry_run": "yes",
        }
    )
    text = " ".join(told)
    assert len(told) == 7
    for word in ("'agent'", "'service'", "expected integer", "'id'", "'hops'", "'dry_run'", "is empty"):
        assert word in text


def test_a_missing_action_lists_the_known_ones() -> None:
    (told,) = mistakes({"agent": "envkeeper", "input": {}})
    assert all(action in told for action in ACTIONS["envkeeper"])


def test_an_unknown_agent_and_action_name_the_nearest() -> None:
    assert "Did you mean 'dreamkeeper'?" in mistakes({"agent": "dreamkeper"})[0]
    assert (
        "Did you mean 'rollback'?" in mistakes({"agent": "deploykeeper", "input": {"action": "rolback"}})[0]
    )


@pytest.mark.parametrize(
    "value",
    ["", "a b", "x" * 201, "ä", "a\n", "a\0", 5, None, ["a"]],
)
def test_ids_are_short_visible_ascii(value: object) -> None:
    assert not usable_id(value)
    if value is not None:
        assert mistakes({**SEED[0][0], "id": value})
        assert mistakes({**SEED[0][0], "correlation_id": value})
    else:
        assert parse({**SEED[0][0], "id": None}).id == "fresh"


def test_an_entrances_own_id_must_have_the_form_too() -> None:
    with pytest.raises(RequestInvalid, match="'id'"):
        parse_request(SEED[0][0], fresh_id="two words")


@pytest.mark.parametrize(
    "flag", [True, 1.0, "1", None, -1, 1 << 20_000], ids=lambda value: type(value).__name__
)
def test_hops_are_a_whole_number(flag: object) -> None:
    with pytest.raises((RequestInvalid, TooManyHops)):
        parse({**SEED[0][0], "hops": flag})


def test_the_hop_limit() -> None:
    assert parse({**SEED[0][0], "hops": HOP_LIMIT}).hops == HOP_LIMIT
    with pytest.raises(TooManyHops):
        parse({**SEED[0][0], "hops": HOP_LIMIT + 1})


def nested(depth: int, inner: object = None) -> object:
    for _ in range(depth):
        inner = [inner]
    return inner


def test_depth_is_limited_and_never_recursed_into() -> None:
    fits = {"agent": "relaybot", "input": {"action": "publish", "event": "x", "data": {"a": nested(1)}}}
    assert parse(fits).input["data"] == {"a": [None]}
    assert "deeper than" in mistakes({"agent": "relaybot", "input": {"data": nested(MAX_DEPTH)}})[0]
    assert "deeper than" in mistakes(nested(100_000))[0]


@pytest.mark.parametrize(
    "value",
    ["\ud800", float("nan"), float("inf"), {1: 2}, {0: 1}, b"x", {1, 2}, 1 << 20_000],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_json_is_refused_wherever_it_stands(value: object) -> None:
    raw = {"agent": "relaybot", "input": {"action": "publish", "event": "x", "data": {"deep": [value]}}}
    (told,) = mistakes(raw)
    told.encode()


def test_a_key_that_is_half_a_character_is_refused() -> None:
    assert mistakes({"agent": "dreamkeeper", "\udfff": 1})


def test_hostile_sizes_are_cut_in_the_answer() -> None:
    long = "y" * 200_000
    for raw in (
        {"agent": long},
        {"agent": "dreamkeeper", "input": {"action": long}},
        {"agent": "dreamkeeper", "input": {"action": "check", long: 1}},
        {"agent": "dreamkeeper", "input": {"action": "heal", "dream": "1", "remedy": long}},
        {"agent": "dreamkeeper", "input": {"action": "heal", "dream": 10**5000}},
        {"agent": "dreamkeeper", "id": long},
        {long: 1, "agent": "dreamkeeper"},
        long,
        [long],
    ):
        assert sum(map(len, mistakes(raw))) < 2000


def test_true_is_no_integer_and_choices_are_closed() -> None:
    scale = {"action": "scale", "replicas": True}
    assert "expected integer" in mistakes({"agent": "deploykeeper", "input": scale})[0]
    flag = {"action": "set-flag", "flag": "f", "state": "ENABLE"}
    assert "Did you mean 'ENABLED'?" in mistakes({"agent": "envkeeper", "input": flag})[0]


def test_equal_bodies_have_equal_digests_and_ids_do_not_count() -> None:
    raw = {"agent": "deploykeeper", "input": {"action": "scale", "replicas": 2, "service": "web"}}
    turned = {"input": {"service": "web", "replicas": 2, "action": "scale"}, "agent": "deploykeeper"}
    first = parse({**raw, "id": "a", "correlation_id": "b", "hops": 3})
    assert first.digest == parse({**turned, "id": "c"}).digest
    assert first.digest != parse({**raw, "dry_run": True}).digest
    assert first.digest != parse({**raw, "input": {**raw["input"], "replicas": 3}}).digest  # type: ignore[dict-item]


@given(st.dictionaries(st.text(), st.integers() | st.text(), max_size=5))
def test_the_digest_follows_the_data(data: dict[str, Any]) -> None:
    try:
        one = parse({"agent": "relaybot", "input": {"action": "publish", "event": "x", "data": data}})
    except RequestInvalid:
        return
    again = {
        "agent": "relaybot",
        "input": {"action": "publish", "event": "x", "data": dict(reversed(data.items()))},
    }
    assert parse(again).digest == one.digest
    again["input"]["data"] = {**data, "one-more": 1}  # type: ignore[index]
    assert parse(again).digest != one.digest


def test_either_wish_makes_a_dry_run() -> None:
    assert parse_request({**SEED[0][0], "dry_run": True}, fresh_id="x").dry_run
    assert parse_request(SEED[0][0], fresh_id="x", dry_run=True).dry_run
