"""Routes: which message becomes which request. Built-in ones carry the mission's messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dreamnet_actions.domain.actions import ACTIONS, Agent, infer
from dreamnet_actions.domain.canarywords import CHANGED, WORDS
from dreamnet_actions.domain.flagrollout import BACK, DUE
from dreamnet_actions.domain.message import REQUEST_TYPE, TYPE, Message, bounded_id
from dreamnet_actions.domain.spec.models import Route

DEFAULTS: tuple[Route, ...] = (
    Route(on="health-check-failed-needs-restart", to="deploykeeper", input={"action": "restart"}),
    Route(on="health-check-failed-needs-rollback", to="deploykeeper", input={"action": "rollback"}),
    Route(on="health-check-failed-needs-config-restore", to="envkeeper", input={"action": "restore"}),
    Route(on="health-check-failed-needs-scale-up", to="deploykeeper", input={"action": "scale"}),
    Route(on="load-changed-needs-scale", to="deploykeeper", input={"action": "scale"}),
    Route(on="config-changed-needs-restart", to="deploykeeper", input={"action": "restart"}),
    Route(on="source-changed-needs-deploy", to="deploykeeper", input={"action": "deploy"}),
    Route(on=BACK, to="envkeeper", input={"action": "turn-back-flag"}),
    Route(on=DUE, to="envkeeper", input={"action": "advance-flag"}),
    Route(on="secret-changed", to="envkeeper", input={"action": "sync"}),
    Route(on="push", to="deploykeeper", input={"action": "deploy"}),
    Route(on=WORDS["approve"], to="deploykeeper", input={"action": "approve"}),
    Route(on=WORDS["promote"], to="deploykeeper", input={"action": "promote"}),
    Route(on=WORDS["abort"], to="deploykeeper", input={"action": "abort"}),
    Route(on=CHANGED, to="dreamkeeper", input={"action": "check", "target": "self"}),
    Route(
        on="schedule-fell-silent",
        to="dreamkeeper",
        input={"action": "check", "target": "self", "check": "ticks"},
    ),
    Route(on="*-finished", to="dreamkeeper", input={"action": "verify"}),
)
"""Built-in rules, after the configured ones; ``docs/relaybot.md`` lists them."""

WEBHOOK = "webhook-"
"""How the sender of a message begins that came by a webhook; the webhook's name follows."""
OPEN_TO_WEBHOOKS: Mapping[str, str | None] = {"push": "webhook-github", "secret-changed": None}
"""The built-in rules that webhooks may use: of which sender only, or None for every signed one."""
DISPATCHED: tuple[str, ...] = (
    TYPE,
    REQUEST_TYPE,
    *(on for on, sender in OPEN_TO_WEBHOOKS.items() if sender is None),
)
"""The types of ``repository_dispatch`` that RelayBot's workflow answers, and no other may: our own two, and those of
the built-in rules that every sender may use."""


def matches(pattern: str, name: str) -> bool:
    """Say whether a message's name fits a rule's ``on``: equal, or ``*`` at one end stands for any rest."""
    if pattern.startswith("*"):
        return name.endswith(pattern[1:])
    if pattern.endswith("*"):
        return name.startswith(pattern[:-1])
    return pattern == name


def route(message: Message, rules: Sequence[Route]) -> Route | None:
    """Answer the first rule that fits the message's name, addressee and sender; configured ones come first.

    A webhook's body chooses its own name, and so must not choose what is done: of the built-in rules it gets only
    those that are made for webhooks. Any other is given to it by a line of the configuration.
    """
    built_in = DEFAULTS
    if message.sender.startswith(WEBHOOK):
        built_in = tuple(
            one for one in DEFAULTS if OPEN_TO_WEBHOOKS.get(one.on, "") in (None, message.sender)
        )
    for rule in (*rules, *built_in):
        if (
            matches(rule.on, message.name)
            and message.to in (None, rule.to)
            and rule.from_ in (None, message.sender)
        ):
            return rule
    return None


def request_for(message: Message, rule: Route) -> dict[str, Any]:
    """Write the request that a rule makes of a message: its own input, filled up from the message's data.

    Only keys that the action knows are taken from the data, so that a sender cannot smuggle in others. The id
    follows from the message and the rule, so the same message is the same request.
    """
    agent: Agent = rule.to
    action = str(rule.input.get("action") or infer(agent, rule.input))
    known: Mapping[str, Any] = ACTIONS[agent][action].keys if action in ACTIONS[agent] else {}
    filled = {key: value for key, value in message.data.items() if key in known and value is not None}
    return {
        "agent": agent,
        "input": {**filled, **rule.input},
        "id": bounded_id(message.sender, message.id, rule.on.replace("*", "any")),
        "correlation_id": bounded_id(message.correlation_id or message.id),
        "hops": message.hops,
    }
