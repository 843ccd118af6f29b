"""Each hostile text alone in each field that the action reads, through both of its stages: nothing is obeyed.

Under act the texts share fields (``test_hostile_act``, ``test_hostile_places``); here each stands alone, also those
that no variable and no dispatch holds. The tests try a fourth of all pairs, in which each text and each field comes
up; ``scripts/prove hostile`` tries all of them.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.domain.actions import ACTIONS
from dreamnet_actions.domain.command import COMMANDS, parse
from dreamnet_actions.entrances.action import answer
from dreamnet_actions.entrances.action.inputs import VARIABLES
from tests.actions.directly import Directly, directly
from tests.actions.fields import REQUESTS, held, message, messages, mistaken, parted, requests, richest
from tests.actions.hostile import EVERY, Hostile, corpus, encodes, of_each
from tests.actions.obeyed import markdown_mistakes

pytestmark = pytest.mark.slow
PUBLISHED = (
    Path(__file__).parents[1] / "github/node_modules/@octokit/webhooks-examples/api.github.com/index.json"
)
COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOO_LONG = "x" * 200_000
"""Longer than a variable may be (128 KiB on Linux)."""


def tried(text: int, field: int) -> bool:
    """Whether the pair of the text and the field of these numbers is tried in this run."""
    return (text + field) % EVERY == 0


@pytest.fixture
def steps(canary: Path, tmp_path: Path) -> Iterator[Directly]:
    with directly(tmp_path) as made:
        yield made
    assert not made.mistakes, "\n".join(made.mistakes[:40])
    assert not canary.exists()
    left = {one.name for one in made.repository.iterdir()}
    assert left <= {".git", ".github", "app.py"}, left


def odd(text: str) -> bool:
    """Whether no JSON of ours may hold it: NUL, half of a surrogate pair."""
    return "\0" in text or not encodes(text)


def put(payload: Any, path: Sequence[Any], value: object) -> Any:
    """Answer a copy in which one field is another; what is missing on the way there is made."""
    made = copy.deepcopy(payload)
    here = made
    for key in path[:-1]:
        here = here[key] if isinstance(here, list) else here.setdefault(key, {})
    here[path[-1]] = value
    return made


# ── that the stories under act hold them all ────────────────────────────────────────────────────────────────


def test_each_field_of_the_stories_holds_each_text(canary: Path) -> None:
    """360 of 365: no variable holds NUL or half a surrogate pair (4), no dispatch 70,000 characters (1)."""
    all_of = corpus(canary)
    texts = [one.text for one in all_of if one.fits_environment and len(one.text) < 5000]
    left = {one.id for one in all_of} - {one.id for one in all_of if one.text in texts}
    assert left == {"command-47", "unicode-03", "unicode-04", "unicode-05", "breaker-32"}
    asked = held([*requests(texts, whole=True), *mistaken(texts)])
    fields = {
        f"{agent}.{key}" for agent, known in ACTIONS.items() for one in known.values() for key in one.keys
    }
    fields -= {"relaybot.data", "envkeeper.context"}  # objects: their keys and values are the texts
    for name in (*fields, *(f"{agent}.action" for agent in ACTIONS)):
        assert [one for one in texts if one not in asked[name]] == [], name
    for name in ("agent", "id", "correlation_id", "hops", "dry_run", "input", "input's keys", "keys"):
        assert [one for one in texts if one not in asked[name]] == [], name
    told = held(messages(texts, whole=True))
    for name in (
        *message(),
        "correlationid",
        "causationid",
        "hops",
        "data's keys",
        "data.service",
        "data.reason",
    ):
        assert [one for one in texts if one not in told[name]] == [], name
    for key in ("dream", "remedy", "check", "target", "cluster", "outcome", "verdict", "summary"):
        assert [one for one in texts if one not in told[f"data.{key}"]] == [], key


def test_each_field_of_the_sample_holds_texts_of_each_kind(canary: Path) -> None:
    """The same fields as in the whole, and as many texts in each as can stand in one."""
    usable = [one for one in corpus(canary) if one.fits_environment and len(one.text) < 5000]
    texts = [one.text for one in usable]
    held_by = max(parted(texts), key=len)
    assert richest(texts) == "\n".join(held_by)
    inside = [one for one in usable if one.text in held_by]
    assert len(inside) > 200
    assert {one.kind for one in inside} == {one.kind for one in usable}
    for made in (requests, messages):
        sample, all_of = held(made(texts, whole=False)), held(made(texts, whole=True))
        assert set(sample) == set(all_of)
        for name in all_of:
            lacks = [one for one in inside if one.text in all_of[name] and one.text not in sample[name]]
            assert lacks == [], name
    kinds = [one.kind for one in of_each(usable, 5)]
    assert kinds == [kind for kind in dict.fromkeys(kinds) for _ in range(5)]
    assert set(kinds) == {one.kind for one in usable}


# ── inputs ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_alone_in_each_input(canary: Path, steps: Directly) -> None:
    for one in corpus(canary):
        if "\0" in one.text:
            continue  # no variable holds it: the kernel ends it there
        # Half of a pair comes as the bytes that Python reads so; no UTF-8.
        text = one.text.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")
        for name in VARIABLES:
            steps.asks(f"{one.id} in {name}", **{name.replace("-", "_"): text})
            blank = not text.strip() and name != "dry-run"
            assert steps.asked is None or blank or name in ("config", "dry-run"), (one.id, name)
    assert set(steps.statuses) == {0, 3}


# ── requests and messages ───────────────────────────────────────────────────────────────────────────────────


def asks(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Answer requests with one text in one field, each named by it."""
    fine = {"agent": "deploykeeper", "input": {"action": "status"}}
    for key in ("agent", "id", "correlation_id", "hops", "dry_run", "input"):
        yield key, fine | {key: text}
    if text not in fine:
        yield "a key", fine | {text: text}
    for agent in ACTIONS:
        yield f"{agent}'s action", {"agent": agent, "input": {"action": text}}
    for agent, action, given, keys in REQUESTS:
        inner = {
            "action": action,
            **{key: "web" for key in keys if key in ("from", "event", "flag", "dream")},
        }
        inner |= {"for": "4h"} if "for" in keys else {}
        inner |= {"event": "a-b"} if action == "publish" else {}
        inner |= {"to": "dreamkeeper", "message": "restart-finished"} if action == "relay" else {}
        for key in keys:
            yield f"{agent}.{action}.{key}", {"agent": agent, "input": inner | given | {key: text}}


@pytest.mark.parametrize("part", range(4))
def test_each_alone_in_each_field_of_a_request(part: int, canary: Path, steps: Directly) -> None:
    for number, one in enumerate(corpus(canary)[part::4]):
        for at, (field, request) in enumerate(asks(one.text)):
            if not tried(number, at):
                continue
            steps.asks(f"{one.id} in {field}", request=json.dumps(request))
            if odd(one.text) or field in (
                "agent",
                "id",
                "correlation_id",
                "hops",
                "dry_run",
                "input",
                "a key",
            ):
                continue
            assert steps.asked is not None
            assert steps.asked.request == request
    assert 70 not in steps.statuses
    assert min(steps.statuses[0], steps.statuses[3]) > 100


def test_each_alone_in_each_field_of_a_message(canary: Path, steps: Directly) -> None:
    """As RelayBot's job has it, by dispatch: it says whose it is, or refuses it."""
    for number, one in enumerate(corpus(canary)):
        whole = message(id=f"m-{number}", correlationid="c", causationid="d", hops=0, data={"service": "web"})
        fields: list[tuple[Any, ...]] = [(name,) for name in whole]
        fields += [("data", key) for key in ("service", "target", "dream", "remedy", "outcome", "summary")]
        fields += [("data", one.text)]
        for at, path in enumerate(fields):
            if not tried(number, at):
                continue
            payload = {
                "action": "dreamnet.message.v1",
                "client_payload": {"dreamnet": put(whole, path, one.text)},
            }
            steps.asks(
                f"{one.id} in {path[-1]!r:.40}",
                event="repository_dispatch",
                payload=payload,
                agent="relaybot",
            )
            assert (steps.asked is None) or not odd(one.text)
    assert 70 not in steps.statuses
    assert min(steps.statuses[0], steps.statuses[3]) > 100


# ── events ──────────────────────────────────────────────────────────────────────────────────────────────────

EVENTS: Mapping[str, tuple[dict[str, Any], tuple[tuple[str, ...], ...]]] = {
    "push": ({"ref": "refs/heads/main", "after": COMMIT}, (("ref",), ("after",))),
    "release": (
        {"action": "published", "release": {"tag_name": "v1"}},
        (("action",), ("release",), ("release", "tag_name"), ("release", "name"), ("release", "body")),
    ),
    "schedule": ({"schedule": "* * * * *"}, (("schedule",),)),
    "repository_dispatch": (
        {"action": "secret-changed", "client_payload": {"entry": "web"}},
        (("action",), ("client_payload",), ("client_payload", "entry"), ("client_payload", "dreamnet")),
    ),
    "workflow_dispatch": (
        {"inputs": {"action": "check"}},
        (
            ("inputs",),
            *(
                ("inputs", one)
                for one in ("agent", "action", "service", "version", "reason", "request", "dry-run", "dream", "for")
            ),
        ),
    ),
    "issue_comment": (
        {
            "action": "created",
            "issue": {"number": 1, "title": "x"},
            "comment": {"id": 7, "body": "/help", "user": {"login": "octocat", "type": "User"}},
        },
        (
            ("action",), ("issue",), ("issue", "title"), ("comment",), ("comment", "id"), ("comment", "body"),
            ("comment", "user", "login"), ("comment", "user", "type"),
        ),
    ),
}  # fmt: skip
"""Events that keepers act on: a payload that is acted on, and the fields that are read of it."""


def test_each_alone_in_each_field_that_is_read_of_an_event(canary: Path, steps: Directly) -> None:
    fields = [(event, payload, path) for event, (payload, paths) in EVENTS.items() for path in paths]
    for number, one in enumerate([*corpus(canary), Hostile("too-long", "own", "own", TOO_LONG)]):
        for at, (event, payload, path) in enumerate(fields):
            if tried(number, at):
                steps.asks(f"{one.id} in {event} {path}", event=event, payload=put(payload, path, one.text))
                assert (steps.asked is None) or not odd(one.text)
    assert 70 not in steps.statuses
    assert min(steps.statuses[0], steps.statuses[3]) > 100


def test_each_alone_as_a_branch_and_a_tag(canary: Path, steps: Directly) -> None:
    """As git takes it: nothing is released from such a branch, and a tag that is not there is refused."""
    legal = {one.branch for one in corpus(canary)} - {"x"}
    assert len(legal) >= 325  # some of 353 are the same to git
    for name in legal:
        steps.asks(f"branch {name}", event="push", payload={"ref": f"refs/heads/{name}", "after": COMMIT})
        assert steps.asked is not None
        assert steps.asked.request is not None
        assert steps.asked.request["input"]["branch"] == name
    assert steps.statuses == {0: len(legal)}
    for name in legal:
        steps.asks(
            f"tag {name}", event="release", payload={"action": "published", "release": {"tag_name": name}}
        )
    assert steps.statuses == {0: len(legal), 3: len(legal)}


def everywhere(node: Any, text: str) -> Any:
    """Answer plain data with every text in it replaced."""
    if isinstance(node, dict):
        return {key: everywhere(one, text) for key, one in node.items()}
    if isinstance(node, list):
        return [everywhere(one, text) for one in node]
    return text if isinstance(node, str) else node


def test_each_in_every_field_of_published_payloads(canary: Path, steps: Directly) -> None:
    """In all of them at once, for each keeper: of 17 events the payloads that GitHub publishes."""
    published = {one["name"]: one["examples"][0] for one in json.loads(PUBLISHED.read_text(encoding="utf-8"))}
    names = [
        "push", "release", "issues", "issue_comment", "pull_request", "pull_request_review", "create", "delete",
        "deployment", "deployment_status", "workflow_run", "workflow_dispatch", "repository_dispatch", "status",
        "label", "milestone", "discussion",
    ]  # fmt: skip
    for number, one in enumerate(corpus(canary)):
        agent = (*ACTIONS, "")[number % 5]
        for at, name in enumerate(names):
            if not tried(number, at):
                continue
            hostile = everywhere(published[name], one.text)
            steps.asks(f"{one.id} in all of {name}", event=name, payload=hostile, agent=agent)
            assert (steps.asked is None) or not odd(one.text)
    assert set(steps.statuses) == {0, 3}


def test_a_file_of_the_event_that_is_no_text(steps: Directly) -> None:
    """It is refused, and says at which byte; whatever the keeper."""
    for body in (
        b"\xff\xfe{",
        b'{"ref": "\xed\xa0\x80"}',
        b'{"ref": "\x00"}',
        b'{"ref": "\\ud800"}',
        b"[" * 100_000,
    ):
        for agent in (*ACTIONS, ""):
            wrote = steps.asks(f"{body[:20]!r} for {agent}", event="push", body=body, agent=agent)
            assert wrote.status == 3
            assert b"::error title=DreamNet" in wrote.printed


# ── comments ────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_answered_to_a_comment_is_text() -> None:
    """Alone, and behind each command; also in the name of who wrote it."""
    wrong = 0
    for number, one in enumerate(corpus("/nowhere/canary")):
        lines = (one.text, f"/{one.text}", *(f"/{name} {one.text}" for name in COMMANDS))
        for at, line in enumerate(lines):
            command = parse(line)
            if command is None or not tried(number, at):
                continue
            said = [answer.not_allowed(command, one.text)]
            if command.mistake:
                wrong += 1
                said.append(answer.not_understood(command))
            for text in said:
                assert not text.startswith("/")
                assert [
                    mistake for mistake in markdown_mistakes(text) if "code_inline" not in mistake
                ] == [], one.id
    assert wrong > 1000 / EVERY
