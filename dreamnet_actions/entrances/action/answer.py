"""What DreamNet answers to a comment: Markdown for the people of an issue. Pure.

All texts of a result, a dream or a comment may be untrusted; each is made neutral (``domain.markdown``) before it
stands here. No answer begins with ``/``: none can be taken for a command.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dreamnet_actions.domain import briefing, outlook
from dreamnet_actions.domain.briefing import Links
from dreamnet_actions.domain.command import COMMANDS, Command
from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.health import principal
from dreamnet_actions.domain.markdown import inline
from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.domain.units import counted

MOST_STORY = 15
"""Lines of a dream's story that are told, the newest."""
MOST_WORDS = 1000
"""Characters of one text."""
_SAID = {
    "done": "done",
    "unchanged": "nothing to do",
    "planned": "planned",
    "deferred": "not done yet",
    "refused": "refused",
    "failed": "failed",
}


def of_result(command: Command, by: str, result: AgentResult, dream: Dream, run: str) -> str:
    """Say what came of a command: what was done, by whom, what happens next. ``run`` is the run's address, or empty."""
    said = f"**/{command.name}** by {inline(by, 60)}: {_SAID[result.outcome]}."
    lines = [f"{said} {_sentence(result.summary)}", ""]
    lines += [
        f"- {inline(str(one.get('what')))}: {inline(str(one.get('to')))}, because {inline(str(one.get('why')))}"
        for one in result.changes
    ]
    lines += [f"- **Next:** {_next(result, dream)}"]
    return _ended(lines, run)


def not_allowed(command: Command, by: str) -> str:
    """Say that somebody may not do that."""
    named = "This" if command.mistake else f"**/{command.name}**"
    needed = "write to" if command.needs == "write" else "read"
    return f"{named} was not done: it is for people who may {needed} this repository, and {inline(by, 60)} may not."


def not_understood(command: Command) -> str:
    """Say what is wrong with a command, and what there is."""
    return f"{_sentence(command.mistake)}\n\n{help_text()}"


def help_text() -> str:
    """List the commands."""
    rows = [f"| `{kind.usage}` | {kind.doc} |" for kind in COMMANDS.values()]
    rest = "A command stands at the very beginning of a new comment; an edited comment is not read again."
    return "\n".join(["| comment | what it does |", "|---|---|", *rows, "", rest])


def not_approved(why: str, by: str, dream: Dream, run: str) -> str:
    """Say why an approval does nothing."""
    said = f"**/approve** by {inline(by, 60)} did nothing. {_sentence(why)}"
    return _ended([said, "", f"- **Next:** {outlook.sentences(dream)}"], run)


def explained(dream: Dream, story: Sequence[Mapping[str, Any]], run: str, home: str = "") -> str:
    """Tell what is known about a dream: what, since when, what was tried, what is next, and its story.

    ``story`` are the lines of ``views.dream_story``; ``home`` is the repository's address, or empty.
    """
    links = Links(home=home, run=run)
    failed = principal(dream.evidence)
    lines = [f"**{inline(dream.key)}** is {inline(dream.health)}; this dream is {dream.state}.", ""]
    if dream.because:
        lines.append(f"- **Why it is {dream.state}:** {inline(dream.because)}")
    lines.append(f"- **Since:** {outlook.when(dream.opened_at)}")
    if failed is not None and failed.detail:
        lines.append(f"- **Seen:** {inline(failed.detail)}")
    lines += briefing.lines(dream, links)
    if dream.flaps:
        lines.append(f"- **Came back:** {counted(dream.flaps, 'time')}")
    lines.append(f"- **Next:** {outlook.sentences(dream)}")
    if story:
        lines += ["", "**What happened**", ""]
        left = len(story) - MOST_STORY
        lines += [f"- {counted(left, 'earlier line')} left out"] if left > 0 else []
        lines += [
            f"- {outlook.when(float(one['at']))} {inline(str(one['text']))}" for one in story[-MOST_STORY:]
        ]
    return _ended(lines, run)


def _next(result: AgentResult, dream: Dream) -> str:
    """Say what comes next: what a person has to do, where something kept the command from being done."""
    error = result.error or {}
    hint = f" {_sentence(str(error['hint']))}" if error.get("hint") else ""
    if result.outcome == "deferred":
        return f"Write the command again later.{hint}"
    if result.outcome in ("refused", "failed"):
        return f"Nothing more comes of this comment.{hint} {outlook.sentences(dream)}"
    if result.messages:
        return f"RelayBot carries the message to the keeper whose work it is. {outlook.sentences(dream)}"
    return outlook.sentences(dream)


def _sentence(text: str) -> str:
    return inline(text, MOST_WORDS)


def _ended(lines: Sequence[str], run: str) -> str:
    return "\n".join([*lines, *(["", f"[The run]({run})"] if run else [])])
