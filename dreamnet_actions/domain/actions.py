"""Every action of every keeper with the input it takes: the one table behind requests, docs and command line.

An action's name is the keeper's method, the command and the heading in its docs page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Agent = Literal["dreamkeeper", "deploykeeper", "envkeeper", "relaybot"]
EVERY = "(every)"
"""What a button's drop-down calls "no service named": no service can have this name, and no choice may be empty."""
AGENTS: tuple[Agent, ...] = ("dreamkeeper", "deploykeeper", "envkeeper", "relaybot")
CALLERS: Mapping[Agent, str] = {
    "deploykeeper": "dreamnet-deploy.yml",
    "dreamkeeper": "dreamnet-dream.yml",
    "envkeeper": "dreamnet-env.yml",
    "relaybot": "dreamnet-relay.yml",
}
"""The workflow of a user's repository that has each keeper work, as ``dreamnet init`` names it."""


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key of an input: what it means and what it may hold (``text``, ``integer``, ``boolean``, ``object``, ``any``;
    ``pairs`` is an object that people type as ``name=value``)."""

    doc: str
    form: Literal["text", "integer", "boolean", "object", "pairs", "any"] = "text"
    required: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Action:
    """One action: what it does in a sentence, and its keys. ``writes`` is False for what only looks."""

    doc: str
    keys: Mapping[str, Key]
    writes: bool = True


_TARGET = Key(doc="A platform's name or kind in the configuration, or `self` (this system). Left out: all.")
_CLUSTER = Key(doc="The cluster's name; it must match the platform's, and picks among several.")
_SERVICE = Key(doc="One service's name. Left out: all services there.")
_ENV = Key(doc="An env entry's name. Left out: all entries.")
_SOURCE = Key(doc="An env entry's name, else its source's kind. Left out: all entries.")
_REASON = Key(doc="Why, in words; it is kept in the journal.")
_WHERE = {"target": _TARGET, "cluster": _CLUSTER, "service": _SERVICE}
_ATTEMPT = Key(doc="Which try of the dream this is, counted from 1.", form="integer")
_DREAM = Key(doc="A dream's number or key (`platform/service`).")
_FLAG = Key(doc="The flag's name.", required=True)
_BY = Key(doc="Who asks for it. Left out: the account that DreamNet runs as.")
_ASKED = {"reason": _REASON, "by": _BY}

ACTIONS: Mapping[Agent, Mapping[str, Action]] = {
    "dreamkeeper": {
        "check": Action(
            doc="Look at services, file what is wrong as dreams, start healing, resolve what is well again.",
            keys={
                "check": Key(
                    doc="One check's name; `dreamnet-health` is the built-in set of checks of `self`."
                ),
                **_WHERE,
            },
        ),
        "verify": Action(
            doc="Prove that a remedy, release or sync worked; resolve the dream or try the next remedy.",
            keys={
                **_WHERE,
                "dream": _DREAM,
                "remedy": Key(doc="The remedy that ended."),
                "attempt": _ATTEMPT,
                "outcome": Key(doc="The outcome of the request that applied it."),
                "verdict": Key(doc="The verdict of that request, where it reached one."),
                "summary": Key(doc="What that request said in the end."),
            },
        ),
        "heal": Action(
            doc="Try a remedy on a dream now: the named one, or the one that history favours.",
            keys={
                "dream": Key(doc=_DREAM.doc, required=True),
                "remedy": Key(
                    doc="The remedy.", choices=("restart", "rollback", "restore-config", "scale-up")
                ),
            },
        ),
        "approve": Action(
            doc="Let the remedy happen that a dream waits to be approved for; it does nothing where none waits.",
            keys={
                "dream": Key(doc=_DREAM.doc, required=True),
                "remedy": Key(
                    doc="The remedy that is meant; left out, the one that waits.",
                    choices=("restart", "rollback", "restore-config", "scale-up"),
                ),
                "attempt": Key(
                    doc="The try that is meant, as the dream tells it; left out, the one that waits.",
                    form="integer",
                ),
                "reason": _REASON,
            },
        ),
        "snooze": Action(
            doc="Leave a dream alone for a while.",
            keys={
                "dream": Key(doc=_DREAM.doc, required=True),
                "for": Key(doc="How long, as `4h`.", required=True),
            },
        ),
        "wont-fix": Action(
            doc="Close a dream for good: its problem is respected as it is.",
            keys={"dream": Key(doc=_DREAM.doc, required=True), "reason": _REASON},
        ),
        "reopen": Action(
            doc="Open a dream again that a person had put aside.",
            keys={"dream": Key(doc=_DREAM.doc, required=True), "reason": _REASON},
        ),
    },
    "deploykeeper": {
        "deploy": Action(
            doc="Bring a version out, by canary where the configuration says so, verify it, take it back if it fails.",
            keys={
                **_WHERE,
                "version": Key(
                    doc="A branch, tag or commit. Left out: the event's commit, else the branch's head."
                ),
                "branch": Key(doc="Only services that are released from this branch (a push to it)."),
                "reason": _REASON,
            },
        ),
        "canary": Action(
            doc="Deploy by canary even where the configuration names no steps (then 10%, 50%).",
            keys={**_WHERE, "version": Key(doc="A branch, tag or commit."), "reason": _REASON},
        ),
        "approve": Action(
            doc="Let a canary go on that waits for a person's word; it does nothing where none waits.",
            keys={**_WHERE, "reason": _REASON},
        ),
        "promote": Action(
            doc="Make a canary the stable release now, whatever steps it has before it, and prove it.",
            keys={**_WHERE, "reason": _REASON},
        ),
        "abort": Action(
            doc="End a canary now: the stable release has all the traffic, and the canary's version is held.",
            keys={**_WHERE, "reason": _REASON},
        ),
        "verify": Action(
            doc="Check that what runs is ready and passes its checks.", keys=_WHERE, writes=False
        ),
        "rollback": Action(
            doc="Go back to exactly the release before, and prove it.",
            keys={
                **_WHERE,
                "dream": _DREAM,
                "remedy": Key(doc="The remedy that this is."),
                "attempt": _ATTEMPT,
                "reason": _REASON,
            },
        ),
        "restart": Action(
            doc="Replace every replica by a fresh one, never with fewer ready ones on the way.",
            keys={
                **_WHERE,
                "dream": _DREAM,
                "remedy": Key(doc="The remedy that this is."),
                "attempt": _ATTEMPT,
                "reason": _REASON,
            },
        ),
        "scale": Action(
            doc="Change the number of replicas, and see them ready.",
            keys={
                **_WHERE,
                "replicas": Key(doc="How many, from 0 to 1000.", form="integer", required=True),
                "dream": _DREAM,
                "remedy": Key(doc="The remedy that this is."),
                "attempt": _ATTEMPT,
                "reason": _REASON,
            },
        ),
        "status": Action(
            doc="Say what runs where, in which version, and how it does.", keys=_WHERE, writes=False
        ),
        "releases": Action(
            doc="Say which release of each service is out, what was before it, what is held, and how each one ended.",
            keys={**_WHERE, "limit": Key(doc="At most so many releases of each (20).", form="integer")},
            writes=False,
        ),
    },
    "envkeeper": {
        "plan": Action(
            doc="Show which names would change where: versions, never values.",
            keys={"source": _SOURCE, "entry": _ENV},
            writes=False,
        ),
        "sync": Action(
            doc="Write what changed to where services read it, have them restarted, and put it back if that breaks.",
            keys={"source": _SOURCE, "entry": _ENV, "reason": _REASON},
        ),
        "validate": Action(
            doc="Check every value against its rules without writing anything.",
            keys={"source": _SOURCE, "entry": _ENV},
            writes=False,
        ),
        "restore": Action(
            doc="Put the former values back where a service reads them.",
            keys={
                "entry": _ENV,
                "service": _SERVICE,
                "target": _TARGET,
                "dream": _DREAM,
                "remedy": Key(doc="The remedy that this is."),
                "attempt": _ATTEMPT,
                "reason": _REASON,
            },
        ),
        "flags": Action(
            doc="Answer the feature flags and what a caller gets of each.",
            keys={
                "flag": Key(doc="One flag's name."),
                "context": Key(
                    doc="What is known of the caller: `targetingKey` and whatever the rules ask for.",
                    form="pairs",
                ),
            },
            writes=False,
        ),
        "set-flag": Action(
            doc="Choose a flag's default variant, or turn it on or off.",
            keys={
                "flag": _FLAG,
                "variant": Key(doc="The variant that it shall have by default."),
                "state": Key(doc="Whether it is evaluated at all.", choices=("ENABLED", "DISABLED")),
                **_ASKED,
            },
        ),
        "toggle-flag": Action(
            doc="Choose the other one of a flag's two variants.", keys={"flag": _FLAG, **_ASKED}
        ),
        "kill-flag": Action(
            doc="Turn a flag off at once: every caller gets the default of its own code.",
            keys={"flag": _FLAG, **_ASKED},
        ),
        "enable-flag": Action(doc="Turn a flag on again, as it was.", keys={"flag": _FLAG, **_ASKED}),
        "roll-out": Action(
            doc="Give a variant to a share of callers, at once or by steps that failing checks turn back.",
            keys={
                "flag": _FLAG,
                "variant": Key(doc="The variant. Left out, of two the one that is not the default."),
                "share": Key(doc="To how many callers, as `25%`; `0%` takes the roll-out out."),
                "steps": Key(doc="Shares one after the other, as `5%,25%,50%,100%`."),
                "every": Key(doc="How long each step lasts (`10m`)."),
                "service": Key(
                    doc="Services, joined by commas, whose failing checks turn it back. Left out: all."
                ),
                **_ASKED,
            },
        ),
        "advance-flag": Action(
            doc="Go on to the next step of a flag's roll-out, or end it after the last one.",
            keys={
                "flag": _FLAG,
                "step": Key(
                    doc="The step that is meant, counted from 0; left out, the next one.", form="integer"
                ),
                **_ASKED,
            },
        ),
        "publish-flags": Action(
            doc="Write the flags to where they are published, if they are not there as they are.", keys={}
        ),
        "turn-back-flag": Action(
            doc="Stop a flag's roll-out, and give its variant to as many as before it began.",
            keys={"flag": _FLAG, **_ASKED},
        ),
    },
    "relaybot": {
        "relay": Action(
            doc="Carry a message to a keeper: stored first, then routed, in effect once.",
            keys={
                "from": Key(doc="Who sends it.", required=True),
                "to": Key(doc="The keeper that it is for.", required=True),
                "message": Key(doc="Its name, words joined by hyphens.", required=True),
                "data": Key(doc="What it is about.", form="object"),
                "service": _SERVICE,
                "target": _TARGET,
            },
        ),
        "route": Action(
            doc="Say which keeper handles a message that came from outside, and about what.",
            keys={"event": Key(doc="The message, a CloudEvent.", form="object", required=True)},
        ),
        "deliver": Action(
            doc="Hand waiting messages to their keepers.",
            keys={"limit": Key(doc="At most so many (100).", form="integer")},
        ),
        "publish": Action(
            doc="Put an event on the bus that other programs and routes may follow.",
            keys={
                "event": Key(doc="Its name, words joined by hyphens.", required=True),
                "data": Key(doc="What it is about.", form="object"),
                "from": Key(doc="Who publishes it (`user`)."),
            },
        ),
        "replay": Action(
            doc="Hand a dead message out again.",
            keys={"message": Key(doc="The message's id.", required=True)},
        ),
    },
}


def infer(agent: Agent, keys: Mapping[str, object]) -> str | None:
    """Answer the action that an input without ``action`` means, from its keys; None where nothing follows.

    The seed leaves the action out twice: ``check`` means check, and ``from``, ``to``, ``message`` mean relay.
    """
    if agent == "dreamkeeper" and "check" in keys:
        return "check"
    if agent == "relaybot" and {"from", "to", "message"} <= keys.keys():
        return "relay"
    return None
