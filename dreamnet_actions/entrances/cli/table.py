"""Every command in the order of ``dreamnet --help``: what it does in a line, and where it is. Nothing else is imported.

The four keepers' own actions are not here: they follow from ``domain.actions.ACTIONS``. ``SHORT`` names those that may
also be called without their keeper's name: nearly all of them only one keeper has. ``approve`` is of a dream's remedy;
the one of a canary takes its keeper's name.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """One command: ``place`` is ``module:name`` below this package, ``summary`` its line in the help."""

    section: str
    place: str
    summary: str


_DO, _LOOK, _RUN, _SET = "Do", "Look", "Run", "Set up"

COMMANDS: dict[str, Row] = {
    "status": Row(_LOOK, "status:status", "What runs where, in which version, and how it does."),
    "dreams": Row(_LOOK, "dreams:dreams", "The problems there are; `dreams show KEY` tells one's story."),
    "messages": Row(_LOOK, "messages:messages", "What the keepers told each other."),
    "releases": Row(_LOOK, "releases:releases", "Which versions went out, and how that ended."),
    "timeline": Row(_LOOK, "timeline:timeline", "What happened, from the journal."),
    "journal": Row(_LOOK, "journal:journal", "Look through what is remembered, repair it, write it out."),
    "trace": Row(_LOOK, "tracing:trace", "Who told whom, and what came of it."),
    "follow": Row(_LOOK, "messages:follow", "Print messages and events as they come."),
    "watch": Row(_RUN, "running:watch", "Check on a schedule and deliver messages, until stopped."),
    "serve": Row(_RUN, "running:serve", "Answer requests and webhooks over HTTP, until stopped."),
    "call": Row(_RUN, "call:call", "Run one request, given as JSON, and answer its result as JSON."),
    "sandbox": Row(_RUN, "sandbox:sandbox", "A GitHub of your own on this machine, for this repository."),
    "demo": Row(_RUN, "running:demo", "Show the scenarios on this machine, with real processes."),
    "pause": Row(_RUN, "pausing:pause", "Stop every write, in every run on this state."),
    "resume": Row(_RUN, "pausing:resume", "Allow writes again."),
    "down": Row(_RUN, "pausing:down", "End the services that run as processes on this machine."),
    "init": Row(_SET, "init:init", "Set DreamNet up in this repository: configuration and workflows."),
    "doctor": Row(_SET, "doctor:doctor", "What is missing, here and at GitHub, with the line to add."),
    "roles": Row(_SET, "roles:roles", "What a cluster has to allow to DreamNet, as Roles for kubectl."),
    "validate": Row(_SET, "settings:validate", "Check the configuration; every mistake with its line."),
    "config": Row(_SET, "settings:config", "Every value of the configuration, with where it comes from."),
}

SHORT: dict[str, str] = {
    "check": "dreamkeeper",
    "heal": "dreamkeeper",
    "approve": "dreamkeeper",
    "snooze": "dreamkeeper",
    "wont-fix": "dreamkeeper",
    "reopen": "dreamkeeper",
    "deploy": "deploykeeper",
    "canary": "deploykeeper",
    "promote": "deploykeeper",
    "abort": "deploykeeper",
    "rollback": "deploykeeper",
    "restart": "deploykeeper",
    "scale": "deploykeeper",
    "plan": "envkeeper",
    "sync": "envkeeper",
    "restore": "envkeeper",
    "flags": "envkeeper",
    "set-flag": "envkeeper",
    "toggle-flag": "envkeeper",
    "kill-flag": "envkeeper",
    "enable-flag": "envkeeper",
    "roll-out": "envkeeper",
    "advance-flag": "envkeeper",
    "turn-back-flag": "envkeeper",
    "publish-flags": "envkeeper",
    "relay": "relaybot",
    "publish": "relaybot",
    "replay": "relaybot",
}
"""Actions that are commands of their own, with their keeper."""

SECTIONS: tuple[str, ...] = (_DO, _LOOK, _RUN, _SET, "Keepers")
