"""What an event of GitHub's asks for: a request, a message that came by dispatch, or nothing (by rule, and it says so).

Standard library only. Payloads are untrusted data: of each only the named fields are read, and only in the form that
they must have. Nothing here raises for a payload's content but RequestInvalid.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dreamnet_actions.domain.actions import ACTIONS, AGENTS, EVERY, Agent
from dreamnet_actions.domain.command import Spoken, parse
from dreamnet_actions.domain.message import EVENT_TYPE, REQUEST_TYPE, TYPE
from dreamnet_actions.domain.message import Message as CloudEvent
from dreamnet_actions.domain.route import DISPATCHED, WEBHOOK
from dreamnet_actions.entrances.action.inputs import Inputs
from dreamnet_actions.entrances.wire import read_json
from dreamnet_actions.errors import RequestInvalid
from dreamnet_actions.errors.words import unknown

ENVELOPE = "dreamnet"
"""The one top-level key of a dispatch's ``client_payload``."""
DISPATCHER = f"{WEBHOOK}dispatch"
"""The sender of a message that somebody else dispatched: it may use the rules that are open to webhooks."""
_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
DEFAULT_AGENT: Mapping[str, Agent] = {
    "push": "deploykeeper",
    "release": "deploykeeper",
    "schedule": "dreamkeeper",
    "issue_comment": "dreamkeeper",
}
"""Whose an event is where the step names no agent."""


@dataclass(frozen=True, kw_only=True)
class Proposed:
    """A pull request whose plan is asked for: its number, the commit at its head (for people), and whether it comes
    from another repository: then its run has no secrets, and a token that only reads."""

    pull: int
    head: str = ""
    fork: bool = False


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is to be done: exactly one of a request (plain JSON data), a message, a person's command (``spoken``) and a
    pull request (``proposed``), or none: then ``ignored`` says by which rule.

    ``agent`` is whose step this is, or who the event is for. ``claim``: the request's id is kept, so that a second run
    with it is not done again. ``relayed``: RelayBot's own job, which hands on what is another keeper's.
    """

    agent: Agent | None = None
    relayed: bool = False
    request: Mapping[str, Any] | None = None
    message: CloudEvent | None = None
    spoken: Spoken | None = None
    proposed: Proposed | None = None
    ignored: str = ""
    claim: bool = True


@dataclass(frozen=True, kw_only=True)
class Happened:
    """The event that started the run: GitHub's name of it and its payload."""

    name: str
    payload: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, name: str, body: bytes) -> Happened:
        """Read the event's file; raises RequestInvalid. GitHub allows payloads of 25 MB."""
        payload = read_json(body, limit=25 * 1024 * 1024) if body.strip() else {}
        if not isinstance(payload, Mapping):
            raise RequestInvalid([f"The file of the event {name!r} holds no JSON object."])
        return cls(name=name, payload=payload)


def asked(inputs: Inputs, happened: Happened) -> Asked:
    """Answer what the step's inputs and the event ask for: ``request``, else ``agent`` with ``input``, else the event.

    Raises RequestInvalid for a request that is somebody else's than the step's ``agent``: its job was given that
    keeper's permissions and no others.
    """
    if inputs.request is not None:
        return _given(inputs.request, inputs.agent)
    if inputs.agent is not None and inputs.input is not None:
        return Asked(agent=inputs.agent, request={"agent": inputs.agent, "input": dict(inputs.input)})
    if happened.name == "repository_dispatch":
        found = _dispatched(happened.payload, inputs.agent)
        return replace(found, relayed=inputs.agent == "relaybot")
    agent = inputs.agent or DEFAULT_AGENT.get(happened.name)
    if happened.name == "workflow_dispatch":
        return _button(happened.payload, agent)
    if agent is None:
        return Asked(ignored=f"the event {happened.name!r} is none that a keeper acts on by itself")
    rule = RULES.get((agent, happened.name))
    if rule is None:
        return Asked(agent=agent, ignored=f"{agent} does nothing on the event {happened.name!r}")
    return rule(happened.payload)


def _given(data: Mapping[str, Any], agent: Agent | None) -> Asked:
    """Read the input ``request``: an AgentRequest, a message, or either in the envelope of a dispatch."""
    inner = data[ENVELOPE] if set(data) == {ENVELOPE} else data
    if not isinstance(inner, Mapping):
        raise RequestInvalid([f"{ENVELOPE!r} in 'request' is no JSON object."])
    if "specversion" in inner:
        message = CloudEvent.from_json(inner)
        return Asked(agent=agent or _keeper(message.to), message=message)
    named = inner.get("agent")
    if agent is not None and named is not None and named != agent:
        raise RequestInvalid(
            [f"The request is for {named!r:.60}, and this step is {agent}'s."],
            hint=f"Start {named}'s workflow with it, or send it to RelayBot by repository_dispatch.",
        )
    whole = inner if agent is None or named is not None else {"agent": agent, **inner}
    return Asked(agent=_keeper(whole.get("agent")), request=whole)


def _keeper(name: object) -> Agent | None:
    return next((agent for agent in AGENTS if agent == name), None)


# ── repository_dispatch ─────────────────────────────────────────────────────────────────────────────────


def _dispatched(payload: Mapping[str, Any], agent: Agent | None) -> Asked:
    """Read a dispatch: our own two types, or anybody's whose type is a message that webhooks may send."""
    kind, body = payload.get("action"), payload.get("client_payload")
    body = body if isinstance(body, Mapping) else {}
    if kind in (TYPE, EVENT_TYPE, REQUEST_TYPE):
        inner = body.get(ENVELOPE)
        if not isinstance(inner, Mapping):
            raise RequestInvalid(
                [f"The dispatch {kind!r} has no object {ENVELOPE!r} in its client_payload."],
                hint='Send {"event_type": "' + str(kind) + '", "client_payload": {"dreamnet": {…}}}.',
            )
        if kind == REQUEST_TYPE:
            return _given(inner, None if agent == "relaybot" else agent)
        return Asked(agent=agent, message=CloudEvent.from_json(inner))
    if isinstance(kind, str) and kind in DISPATCHED:
        return Asked(agent=agent, message=_foreign(kind, body))
    return Asked(agent=agent, ignored=f"the dispatch {kind!r:.60} is none of ours")


def _foreign(kind: str, body: Mapping[str, Any]) -> CloudEvent:
    """Make a message of somebody else's dispatch. Its id is completed by the run's (``run.named``)."""
    return CloudEvent(id="", sender=DISPATCHER, name=kind, to="envkeeper", time="", data=dict(body))


# ── workflow_dispatch ───────────────────────────────────────────────────────────────────────────────────


def _button(payload: Mapping[str, Any], agent: Agent | None) -> Asked:
    """Read a button's fields: ``request`` (a whole AgentRequest) wins over ``agent``, ``action`` and the other keys.

    A field that was left empty, or at "every service", was not given. Fields that the chosen action does not know are
    mistakes, unless they are the drop-downs that every button of ours has.
    """
    found = payload.get("inputs")
    fields = {
        str(key): value
        for key, value in (found.items() if isinstance(found, Mapping) else ())
        if value not in (None, "", EVERY)
    }
    if "request" in fields:
        data = read_json(str(fields["request"]).encode("utf-8", "surrogateescape"))
        if not isinstance(data, Mapping):
            raise RequestInvalid(["The field 'request' holds no JSON object."])
        planned = str(fields.get("dry-run", "")).lower() == "true"
        return _given({**data, "dry_run": True} if planned else data, agent)
    named = fields.pop("agent", None)
    chosen = agent or _keeper(named) or ("dreamkeeper" if named is None else None)
    if chosen is None:
        raise RequestInvalid([unknown("agent", str(named)[:60], AGENTS)])
    if named not in (None, chosen):
        raise RequestInvalid([f"The field 'agent' is {named!r:.60}, and this step is {chosen}'s."])
    planned = str(fields.pop("dry-run", "")).lower() == "true"
    action = str(fields.pop("action", None) or _PRESSED[chosen])
    known = ACTIONS[chosen][action].keys if action in ACTIONS[chosen] else {}
    typed = {key: _typed(value, known[key].form if key in known else "text") for key, value in fields.items()}
    asks = {"agent": chosen, "input": {"action": action, **typed}, **({"dry_run": True} if planned else {})}
    return Asked(agent=chosen, request=asks)


_PRESSED: Mapping[Agent, str] = {
    "dreamkeeper": "check",
    "deploykeeper": "deploy",
    "envkeeper": "sync",
    "relaybot": "deliver",
}
"""What a button does that names no action."""


def _typed(value: object, form: str) -> object:
    """Give a field, which comes as text, the form that the action wants; what does not fit stays and is refused."""
    if not isinstance(value, str):
        return value
    if form == "integer" and re.fullmatch(r"-?[0-9]{1,9}", value):
        return int(value)
    if form == "boolean" and value in ("true", "false"):
        return value == "true"
    if form == "object":
        return read_json(value.encode("utf-8", "surrogateescape"))
    return value


# ── everything else ─────────────────────────────────────────────────────────────────────────────────────


def _push(payload: Mapping[str, Any]) -> Asked:
    """A push to a branch deploys the services that are released from it; tags and deleted branches bring nothing."""
    ref, after = payload.get("ref"), payload.get("after")
    if not isinstance(ref, str) or not ref.startswith("refs/heads/"):
        return Asked(agent="deploykeeper", ignored="only a push to a branch brings a version")
    if payload.get("deleted") is True or not isinstance(after, str) or not after.strip("0"):
        return Asked(agent="deploykeeper", ignored="the branch was deleted")
    if not _SHA.fullmatch(after):
        raise RequestInvalid([f"'after' of the push is {after!r:.60}; expected a commit's hash."])
    branch = ref.removeprefix("refs/heads/")
    given = {"action": "deploy", "version": after, "branch": branch, "reason": f"push to {branch}"}
    return Asked(agent="deploykeeper", request={"agent": "deploykeeper", "input": given})


def _release(payload: Mapping[str, Any]) -> Asked:
    """A published release deploys its tag."""
    release = payload.get("release")
    tag = release.get("tag_name") if isinstance(release, Mapping) else None
    if payload.get("action") != "published":
        return Asked(agent="deploykeeper", ignored="a release brings a version when it is published")
    if not isinstance(tag, str) or not tag:
        raise RequestInvalid(["The release has no 'tag_name'."])
    given = {"action": "deploy", "version": tag, "reason": f"release {tag}"}
    return Asked(agent="deploykeeper", request={"agent": "deploykeeper", "input": given})


def _comment(payload: Mapping[str, Any]) -> Asked:
    """A person's new comment on an issue may be a command.

    Edits, deletions, pull requests and programs bring none: what was written once is what was meant, and no two
    programs talk for ever.

    https://docs.github.com/en/webhooks/webhook-events-and-payloads#issue_comment
    """
    issue, comment = (_object(payload, name) for name in ("issue", "comment"))
    user = _object(comment, "user")
    author, text = user.get("login"), comment.get("body")
    if payload.get("action") != "created":
        return Asked(agent="dreamkeeper", ignored="a comment is read when it is made, and not again")
    if issue.get("pull_request"):
        return Asked(agent="dreamkeeper", ignored="a comment on a pull request is none on a dream")
    if not isinstance(author, str) or user.get("type") != "User" or author.endswith("[bot]"):
        return Asked(agent="dreamkeeper", ignored="the comment is no person's")
    if not isinstance(text, str) or parse(text) is None:
        return Asked(agent="dreamkeeper", ignored="the comment is no command")
    ids = (comment.get("id"), issue.get("number"))
    if not all(isinstance(one, int) and not isinstance(one, bool) and one > 0 for one in ids):
        raise RequestInvalid([f"The comment has the id {ids[0]!r:.60} on the issue {ids[1]!r:.60}."])
    spoken = Spoken(
        comment=ids[0],  # type: ignore[arg-type]
        issue=ids[1],  # type: ignore[arg-type]
        author=author,
        text=text,
        at=_seconds(comment.get("created_at")),
    )
    return Asked(agent="dreamkeeper", spoken=spoken)


def _seconds(text: object) -> float | None:
    """Read a time of GitHub's; None where there is none that can be read."""
    from datetime import datetime

    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return at.timestamp() if at is not None and at.tzinfo is not None else None


def _object(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = data.get(name)
    return found if isinstance(found, Mapping) else {}


def _look(_payload: Mapping[str, Any]) -> Asked:
    """All services are checked."""
    return Asked(
        agent="dreamkeeper", request={"agent": "dreamkeeper", "input": {"action": "check"}}, claim=False
    )


def _sync(_payload: Mapping[str, Any]) -> Asked:
    """All entries of `env` are brought in step."""
    return Asked(agent="envkeeper", request={"agent": "envkeeper", "input": {"action": "sync"}}, claim=False)


def _propose(payload: Mapping[str, Any]) -> Asked:
    """What merging the pull request would change is planned and every value is checked; nothing is written.

    https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request
    """
    pull = _object(payload, "pull_request")
    number, head = pull.get("number"), _object(pull, "head")
    if payload.get("action") == "closed":
        return Asked(agent="envkeeper", ignored="the pull request is closed")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise RequestInvalid([f"The pull request has the number {number!r:.60}."])
    sha = head.get("sha")
    here = _object(payload, "repository").get("full_name")
    proposed = Proposed(
        pull=number,
        head=sha if isinstance(sha, str) and _SHA.fullmatch(sha) else "",
        fork=not here or _object(head, "repo").get("full_name") != here,  # a fork that is gone has no name
    )
    return Asked(agent="envkeeper", proposed=proposed, claim=False)


RULES: Mapping[tuple[Agent, str], Callable[[Mapping[str, Any]], Asked]] = {
    ("deploykeeper", "push"): _push,
    ("deploykeeper", "release"): _release,
    ("dreamkeeper", "issue_comment"): _comment,
    ("dreamkeeper", "schedule"): _look,
    ("dreamkeeper", "push"): _look,
    ("dreamkeeper", "deployment_status"): _look,
    ("dreamkeeper", "workflow_run"): _look,
    ("envkeeper", "schedule"): _sync,
    ("envkeeper", "push"): _sync,
    ("envkeeper", "pull_request"): _propose,
}
"""Which event means what to which keeper; any other is nothing to it. ``docs/github.md`` lists them, by the first line
of each rule's docstring."""
