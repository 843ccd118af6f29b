"""What each event asks for: GitHub's own published payloads, our two dispatches, buttons, and hostile ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamnet_actions.domain.actions import ACTIONS, AGENTS
from dreamnet_actions.domain.command import Spoken
from dreamnet_actions.domain.message import Message
from dreamnet_actions.domain.request import parse_request
from dreamnet_actions.entrances.action.event import DISPATCHER, Asked, Happened, asked
from dreamnet_actions.entrances.action.inputs import VARIABLES, Inputs, read_inputs
from dreamnet_actions.errors import DreamNetError, RequestInvalid

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "tests/github/node_modules/@octokit/webhooks-examples/api.github.com/index.json"
SHA = "0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c"
EXAMPLES: list[tuple[str, dict[str, Any]]] = [
    (event["name"], example)
    for event in json.loads(PUBLISHED.read_text(encoding="utf-8"))
    for example in event["examples"]
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def ask(name: str, payload: Any = None, **inputs: Any) -> Asked:
    return asked(Inputs(**inputs), Happened.read(name, json.dumps(payload or {}).encode()))


def is_one_thing(found: Asked) -> bool:
    """A request that can be understood, a message, a person's command, or a reason to do nothing: exactly one."""
    if found.request is not None:
        parse_request(found.request, fresh_id="x")
    things = (
        found.request is not None,
        found.message is not None,
        found.spoken is not None,
        found.proposed is not None,
        bool(found.ignored),
    )
    return sum(things) == 1


def refused_or(do: Callable[[], Any]) -> Any:
    """Answer what ``do`` answers, or the error of ours that it raises; anything else is a bug."""
    try:
        return do()
    except DreamNetError as error:
        return error


# ── published payloads ──────────────────────────────────────────────────────────────────────────────────


def test_there_are_hundreds_of_published_payloads() -> None:
    assert len(EXAMPLES) > 300
    assert len({name for name, _ in EXAMPLES}) > 50


@pytest.mark.parametrize("agent", [None, *AGENTS])
def test_every_published_payload_is_handled_or_ignored_by_rule(agent: Any) -> None:
    handled = set()
    for name, payload in EXAMPLES:
        found = refused_or(lambda payload=payload, name=name: ask(name, payload, agent=agent))
        if isinstance(found, Asked):
            assert refused_or(lambda found=found: is_one_thing(found)) is True or name == "workflow_dispatch"
        else:  # a workflow_dispatch that presses a button of somebody else's: told, and nothing else
            assert name == "workflow_dispatch", found.message
        if not (isinstance(found, Asked) and found.ignored):
            handled.add(name)
    expected: dict[Any, set[str]] = {
        None: {"push", "release", "workflow_dispatch"},
        "deploykeeper": {"push", "release", "workflow_dispatch"},
        "dreamkeeper": {"push", "deployment_status", "workflow_run", "workflow_dispatch"},
        "envkeeper": {"push", "pull_request", "workflow_dispatch"},
        "relaybot": {"workflow_dispatch"},
    }
    assert handled == expected[agent]


def test_a_published_push_is_a_deployment_of_its_commit() -> None:
    pushes = [payload for name, payload in EXAMPLES if name == "push"]
    seen = set()
    for payload in pushes:
        found = ask("push", payload)
        if payload["ref"].startswith("refs/heads/") and not payload["deleted"]:
            assert found.request is not None
            branch = payload["ref"].removeprefix("refs/heads/")
            assert found.request["input"] == {
                "action": "deploy",
                "version": payload["after"],
                "branch": branch,
                "reason": f"push to {branch}",
            }
            seen.add("deploy")
        else:
            assert found.ignored
            seen.add("ignored")
    assert seen == {"deploy", "ignored"}


def test_a_release_deploys_its_tag_once_it_is_published() -> None:
    for name, payload in EXAMPLES:
        if name == "release":
            found = ask(name, payload)
            assert (found.request is not None) == (payload["action"] == "published")
            if found.request:
                assert found.request["input"]["version"] == payload["release"]["tag_name"]


def test_a_schedule_is_a_look_whose_id_is_not_kept() -> None:
    found = ask("schedule", {"schedule": "17 * * * *"})
    assert (found.request, found.claim) == ({"agent": "dreamkeeper", "input": {"action": "check"}}, False)
    assert ask("schedule", agent="envkeeper").request == {"agent": "envkeeper", "input": {"action": "sync"}}


# ── comments ────────────────────────────────────────────────────────────────────────────────────────────

COMMENTS = [payload for name, payload in EXAMPLES if name == "issue_comment"]


def comment(**changes: Any) -> Asked:
    """Ask with a published payload of a new comment, some of its fields changed: ``comment__body="/heal"``."""
    payload = json.loads(json.dumps(next(one for one in COMMENTS if one["action"] == "created")))
    for place, value in {"comment__body": "/restart", **changes}.items():
        *outer, last = place.split("__")
        inner = payload
        for name in outer:
            inner = inner[name]
        inner[last] = value
    return ask("issue_comment", payload)


def test_a_persons_new_comment_is_a_command() -> None:
    found = comment(comment__id=12, issue__number=7, comment__user__login="alice")
    assert found.agent == "dreamkeeper"
    assert found.spoken == Spoken(comment=12, issue=7, author="alice", text="/restart", at=1557933621.0)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"action": "edited"}, "when it is made"),
        ({"action": "deleted"}, "when it is made"),
        ({"issue__pull_request": {"url": "x"}}, "pull request"),
        ({"comment__user__type": "Bot"}, "no person's"),
        ({"comment__user__login": "dependabot[bot]"}, "no person's"),
        ({"comment__user": None}, "no person's"),
        ({"comment__body": "It is down again"}, "no command"),
        ({"comment__body": "Try this:\n/restart"}, "no command"),
        ({"comment__body": None}, "no command"),
    ],
)
def test_other_comments_are_ignored_by_rule(changes: dict[str, Any], why: str) -> None:
    found = comment(**changes)
    assert found.spoken is None
    assert why in found.ignored


def test_published_edits_and_deletions_of_comments_are_ignored_whatever_they_say() -> None:
    actions = set()
    for payload in COMMENTS:
        payload = json.loads(json.dumps(payload))
        payload["comment"]["body"] = "/restart"
        found = ask("issue_comment", payload)
        actions.add(payload["action"])
        assert (found.spoken is not None) == (payload["action"] == "created")
    assert actions == {"created", "edited", "deleted"}


@pytest.mark.parametrize("agent", ["deploykeeper", "envkeeper", "relaybot"])
def test_a_comment_is_dreamkeepers_and_nobody_elses(agent: Any) -> None:
    payload = {
        "action": "created",
        "comment": {"id": 1, "body": "/heal", "user": {"login": "a", "type": "User"}},
    }
    assert ask("issue_comment", payload | {"issue": {"number": 1}}, agent=agent).ignored


@pytest.mark.parametrize("number", [None, "7", True, 0, -1, 7.0])
def test_a_comment_without_its_numbers_is_refused(number: Any) -> None:
    with pytest.raises(RequestInvalid):
        comment(issue__number=number)


@pytest.mark.slow
@given(JSON)
def test_any_payload_of_a_comment_is_one_thing_or_refused(payload: Any) -> None:
    wrapped = payload if isinstance(payload, dict) else {"comment": payload, "issue": payload}
    found = refused_or(lambda: ask("issue_comment", {"action": "created", **wrapped}))
    assert isinstance(found, RequestInvalid) or is_one_thing(found)


# ── dispatches ──────────────────────────────────────────────────────────────────────────────────────────

MESSAGE = Message(
    id="m-1",
    sender="dreamkeeper",
    name="health-check-failed-needs-restart",
    to="deploykeeper",
    time="2026-11-26T00:00:00Z",
    data={"service": "web"},
)


def dispatch(kind: str, inner: Any, **inputs: Any) -> Asked:
    return ask("repository_dispatch", {"action": kind, "client_payload": inner}, **inputs)


def test_a_message_comes_out_of_its_dispatch_as_it_was_sent() -> None:
    found = dispatch("dreamnet.message.v1", {"dreamnet": MESSAGE.to_json()}, agent="relaybot")
    assert found.message == Message.from_json(MESSAGE.to_json())
    assert found.relayed


@pytest.mark.parametrize("seed", AGENTS)
def test_a_request_comes_out_of_its_dispatch_as_it_was_sent(seed: str) -> None:
    raw = json.loads((ROOT / f"examples/requests/{seed}.json").read_text(encoding="utf-8"))
    found = dispatch("dreamnet.request.v1", {"dreamnet": raw}, agent="relaybot")
    assert (found.request, found.agent, found.relayed) == (raw, seed, True)
    assert dispatch("dreamnet.request.v1", {"dreamnet": raw}).request == raw


def test_anybodys_secret_changed_is_a_message_of_a_webhooks_rank() -> None:
    found = dispatch("secret-changed", {"source": "app"}, agent="relaybot")
    assert found.message is not None
    assert (found.message.sender, found.message.name) == (DISPATCHER, "secret-changed")
    assert found.message.data == {"source": "app"}


@pytest.mark.parametrize("kind", ["push", "health-check-failed-needs-restart", "restart-finished", "x", None])
def test_any_other_dispatch_is_none_of_ours(kind: Any) -> None:
    assert dispatch(kind, {"service": "web"}, agent="relaybot").ignored


@pytest.mark.parametrize("inner", [None, {}, {"dreamnet": None}, {"dreamnet": []}, {"dreamnet": "x"}, []])
@pytest.mark.parametrize("kind", ["dreamnet.message.v1", "dreamnet.request.v1"])
def test_a_dispatch_without_its_envelope_says_what_to_send(kind: str, inner: Any) -> None:
    with pytest.raises(RequestInvalid) as refused:
        dispatch(kind, inner)
    assert kind in refused.value.hint


# ── precedence and buttons ──────────────────────────────────────────────────────────────────────────────

RESTART = {"agent": "deploykeeper", "input": {"action": "restart", "service": "web"}}


def test_request_wins_over_agent_and_input_which_win_over_the_event() -> None:
    push = {"ref": "refs/heads/main", "after": SHA}
    both = {"agent": "deploykeeper", "input": {"action": "status"}}
    assert ask("push", push, request=RESTART, **both).request == RESTART
    assert ask("push", push, **both).request == both
    assert ask("push", push, agent="deploykeeper").request["input"]["version"] == SHA  # type: ignore[index]


def test_a_request_for_another_keeper_is_refused_by_this_ones_step() -> None:
    with pytest.raises(RequestInvalid, match="deploykeeper") as refused:
        ask("push", request=RESTART, agent="envkeeper")
    assert "repository_dispatch" in refused.value.hint


def test_a_message_may_be_handed_over_as_request() -> None:
    for given_ in (MESSAGE.to_json(), {"dreamnet": MESSAGE.to_json()}):
        found = ask("repository_dispatch", request=given_, agent="deploykeeper")
        assert found.message is not None
        assert (found.message.id, found.relayed) == ("m-1", False)


@pytest.mark.parametrize(
    ("agent", "fields", "expected"),
    [
        ("deploykeeper", {"action": "restart", "service": "web", "version": ""}, RESTART["input"]),
        ("deploykeeper", {"action": "scale", "replicas": "3"}, {"action": "scale", "replicas": 3}),
        ("deploykeeper", {}, {"action": "deploy"}),
        ("dreamkeeper", {"action": "heal", "dream": "7", "for": ""}, {"action": "heal", "dream": "7"}),
        ("dreamkeeper", {"dry-run": "false"}, {"action": "check"}),
        ("envkeeper", {"action": "plan"}, {"action": "plan"}),
        ("relaybot", {"action": "replay", "message": "m-1"}, {"action": "replay", "message": "m-1"}),
    ],
)  # fmt: skip
def test_a_button_is_a_request(agent: Any, fields: dict[str, str], expected: dict[str, Any]) -> None:
    found = ask("workflow_dispatch", {"inputs": fields}, agent=agent)
    assert found.request == {"agent": agent, "input": expected}
    assert is_one_thing(found)


def test_a_button_that_asks_for_a_plan_gets_no_more_than_a_plan() -> None:
    for fields in ({"action": "restart"}, {"request": json.dumps(RESTART)}):
        found = ask("workflow_dispatch", {"inputs": {**fields, "dry-run": "true"}}, agent="deploykeeper")
        assert found.request is not None
        assert found.request["dry_run"] is True


def test_a_buttons_field_request_wins() -> None:
    fields = {"action": "status", "request": json.dumps(RESTART)}
    assert ask("workflow_dispatch", {"inputs": fields}, agent="deploykeeper").request == RESTART


# ── hostile ones ────────────────────────────────────────────────────────────────────────────────────────

NAMES = ["push", "release", "schedule", "workflow_dispatch", "repository_dispatch", "issues", "no-such-event"]


@pytest.mark.slow
@given(
    name=st.sampled_from(NAMES),
    payload=st.dictionaries(
        st.sampled_from(["ref", "after", "deleted", "inputs", "action", "client_payload", "release"]), JSON
    ),
    agent=st.sampled_from([None, *AGENTS]),
)
def test_no_payload_is_more_than_a_request_a_message_or_a_clear_refusal(
    name: str, payload: Any, agent: Any
) -> None:
    found = refused_or(lambda: is_one_thing(ask(name, payload, agent=agent)))
    assert found is True or (found.message and found.exit_status in (3, 4))


@given(values=st.dictionaries(st.sampled_from(sorted(VARIABLES.values())), st.text(max_size=60)))
def test_no_input_is_more_than_an_input_or_a_clear_refusal(values: dict[str, str]) -> None:
    found = refused_or(lambda: read_inputs(values))
    assert isinstance(found, Inputs) or found.mistakes


def test_every_mistake_of_the_inputs_is_told_at_once() -> None:
    with pytest.raises(RequestInvalid) as refused:
        read_inputs(
            {
                "DREAMNET_INPUT_AGENT": "dreamkeper",
                "DREAMNET_INPUT_INPUT": "[1]",
                "DREAMNET_INPUT_REQUEST": '{"a":',
                "DREAMNET_INPUT_CONFIG": "a\nb",
                "DREAMNET_INPUT_DRY_RUN": "maybe",
            }
        )
    assert len(refused.value.mistakes) == 5
    assert "Did you mean 'dreamkeeper'?" in refused.value.mistakes[0]


def test_every_action_can_be_pressed() -> None:
    for agent in AGENTS:
        for action in ACTIONS[agent]:
            found = ask("workflow_dispatch", {"inputs": {"action": action}}, agent=agent)
            assert found.request == {"agent": agent, "input": {"action": action}}
