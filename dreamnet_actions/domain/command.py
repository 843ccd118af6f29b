"""What a person may say to a dream in a comment: the commands, how one is read, and what it asks DreamKeeper for. Pure.

A comment is untrusted text. Of it only its first line is read, and only where that begins with ``/``; what is asked for
is one of a few actions, and what a person added in words goes nowhere but into a reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from dreamnet_actions.domain.actions import ACTIONS, Agent
from dreamnet_actions.domain.canarywords import WORDS, meant
from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.markdown import visible
from dreamnet_actions.domain.units import parse_duration
from dreamnet_actions.errors.words import unknown

Permission = Literal["none", "read", "write", "admin"]
"""What somebody may do in a repository, from nothing to everything (a maintainer writes, a triager reads):
https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user"""
PERMISSIONS: tuple[Permission, ...] = get_args(Permission)
MOST_LINE = 1000
"""Characters of a comment's first line that are read."""
MOST_REASON = 300
"""Characters of a reason that are kept."""
_LINE = re.compile(r"/([^\s/]*)(?:[ \t]+(.*))?", re.DOTALL)
_ENDS = re.compile(r"[\r\n]")
_REMEDIES = ACTIONS["dreamkeeper"]["heal"].keys["remedy"].choices


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """A comment that a person wrote: its own id, the issue's number, who (a login) and what. All of it untrusted.

    ``at`` is when it was written (whole seconds since 1970, GitHub's word), None where that is not known.
    """

    comment: int
    issue: int
    author: str
    text: str
    at: float | None = None

    @property
    def request_id(self) -> str:
        """The id of what is asked for: however often the comment is delivered, it is one request."""
        return f"comment-{self.comment}"


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command as it was read. ``name`` is known (a key of COMMANDS) unless ``mistake`` says in one sentence why the
    line was not understood; that sentence may quote the line and is untrusted, too."""

    name: str
    words: str = ""
    mistake: str = ""

    @property
    def needs(self) -> Permission:
        """The permission that it needs; what is not understood is answered as ``help`` is."""
        return "read" if self.mistake else COMMANDS[self.name].needs


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of command: how it is written, what it does, the permission it needs, and what is wrong with its words
    (an empty text: nothing)."""

    usage: str
    doc: str
    needs: Permission = "write"
    wrong: Callable[[str], str]


def _none(words: str) -> str:
    return f"It takes no words; this has {words[:60]!r}." if words else ""


def _remedy(words: str) -> str:
    return unknown("remedy", words[:60], _REMEDIES) if words and words not in _REMEDIES else ""


def _duration(words: str) -> str:
    if not words:
        return "How long? Write it with a unit."
    try:
        parse_duration(words)
    except ValueError as error:
        return f"{error}."
    return ""


def _any(_words: str) -> str:
    return ""


COMMANDS: Mapping[str, Kind] = {
    "heal": Kind(
        usage="/heal [REMEDY]",
        doc="Try a remedy now: the named one, or the one that history favours.",
        wrong=_remedy,
    ),
    "restart": Kind(usage="/restart", doc="Restart the service now.", wrong=_none),
    "rollback": Kind(usage="/rollback", doc="Take the service back to the release before, now.", wrong=_none),
    "snooze": Kind(usage="/snooze 4h", doc="Leave the dream alone for so long.", wrong=_duration),
    "wontfix": Kind(
        usage="/wontfix [WHY]", doc="Close the dream for good; the reason is kept.", wrong=_any
    ),
    "approve": Kind(
        usage="/approve [REMEDY]",
        doc="Let the remedy happen, or the canary go on, that waits for a person's word; a word for another remedy "
        "does nothing.",
        wrong=_remedy,
    ),
    "promote": Kind(
        usage="/promote",
        doc="Make the canary of this service the release now, whatever steps it has before it.",
        wrong=_none,
    ),
    "abort": Kind(
        usage="/abort",
        doc="End the canary of this service: the release before has all the traffic, and the canary's version is held.",
        wrong=_none,
    ),
    "retry": Kind(
        usage="/retry",
        doc="Try the last remedy once more; a dream that was given up or put aside is opened again.",
        wrong=_none,
    ),
    "explain": Kind(
        usage="/explain", doc="Tell what is known, what was tried and what comes next.", needs="read",
        wrong=_none,
    ),
    "help": Kind(usage="/help", doc="List these commands.", needs="read", wrong=_any),
}  # fmt: skip
"""Every command by its name."""


def parse(text: str) -> Command | None:
    """Read a comment: its first line, where that begins with ``/`` and is no path (``/etc/hosts``); else None.

    What is no command that there is comes back with a ``mistake``. Never raises.
    """
    line = _ENDS.split(text, maxsplit=1)[0][:MOST_LINE].rstrip()
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    name, words = found[1].lower(), (found[2] or "").strip()
    kind = COMMANDS.get(name)
    if kind is None:
        known = [f"/{one}" for one in COMMANDS]
        return Command(name="help", mistake=unknown("command", f"/{found[1][:40]}", known))
    wrong = kind.wrong(words)
    return Command(name=name, words=words, mistake=f"{wrong} Write: {kind.usage}" if wrong else "")


def allows(permission: Permission, needed: Permission) -> bool:
    """Say whether a permission is enough."""
    return PERMISSIONS.index(permission) >= PERMISSIONS.index(needed)


def asks(command: Command, dream: Dream, by: str) -> Mapping[str, Any] | None:
    """Answer a keeper's input (``agent_of``) for a command on a dream as it stands; None for what changes nothing
    (``explain``, ``help``, and ``approve`` where nothing waits for it). ``by`` is who said it."""
    if (service := meant(command.name, dream)) is not None:
        to = {"from": "dreamkeeper", "to": "deploykeeper", "message": WORDS[command.name], "service": service}
        return {"action": "relay", **to, "data": {"reason": _reason(by, f"/{command.name}")}}
    on = {"dream": str(dream.number)}
    if command.name == "heal":
        return {"action": "heal", **on, **({"remedy": command.words} if command.words else {})}
    if command.name in ("restart", "rollback"):
        return {"action": "heal", **on, "remedy": command.name}
    if command.name == "approve" and dream.asks is not None:
        # The try that it was said of: what is asked for by the time that it is done may be another one.
        named = {"remedy": command.words or dream.asks.what, "attempt": dream.asks.attempt}
        return {"action": "approve", **on, **named, "reason": visible(by)[:60]}
    if command.name == "snooze":
        return {"action": "snooze", **on, "for": command.words}
    if command.name == "wontfix":
        return {
            "action": "wont-fix",
            **on,
            "reason": _reason(by, command.words or "it is to be left as it is"),
        }
    if command.name == "retry":
        if dream.ended or dream.state in ("needs-human", "snoozed"):
            return {"action": "reopen", **on, "reason": _reason(by, "try again")}
        return {"action": "heal", **on, **({"remedy": dream.remedy} if dream.remedy else {})}
    return None


def agent_of(command: Command, dream: Dream) -> Agent:
    """Answer the keeper whose input ``asks`` answers: what is said to a canary goes to DeployKeeper by a message, for
    it alone has what the service's platform asks for."""
    return "relaybot" if meant(command.name, dream) is not None else "dreamkeeper"


def _reason(by: str, words: str) -> str:
    return f"{visible(by)[:60]} said: {visible(words)[:MOST_REASON]}"
