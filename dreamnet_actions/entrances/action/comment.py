"""A person's comment on a dream, done: whose it is, who may, what it asks for, and what is said to it.

The order keeps what may come twice in effect once: what was answered is left alone, the request has the comment's id,
and the answer is written only when what was done is durable (``told``, after the run's ``finish``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dreamnet_actions.domain.addresses import repository_url, run_url
from dreamnet_actions.domain.approval import objection
from dreamnet_actions.domain.canarywords import WORDS, canary_of, meant
from dreamnet_actions.domain.command import Command, Spoken, agent_of, allows, asks, parse
from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.result import AgentResult, ErrorInfo
from dreamnet_actions.domain.times import rfc3339
from dreamnet_actions.entrances.action import answer
from dreamnet_actions.entrances.views import dream_story
from dreamnet_actions.errors import DreamNetError, NotFound, RequestInvalid
from dreamnet_actions.ports.conversation import Conversation, Receipt

if TYPE_CHECKING:
    from dreamnet_actions.bootstrap import System

PATIENCE = 120.0
"""Seconds for which a command that has to wait (somebody holds its dream) is tried again within the run."""
_RECEIPTS: Mapping[str, Receipt] = {"done": "rocket", "unchanged": "+1"}
"""By the outcome; any other is a refusal."""


@dataclass(kw_only=True)
class Talk:
    """One comment and all that comes of it: ``perform``, then ``told`` once that is durable."""

    system: System
    spoken: Spoken
    environ: Mapping[str, str]
    dry_run: bool = False
    _receipt: Receipt | None = field(default=None, init=False)
    _text: Callable[[], str] = field(default=str, init=False)
    _performed: AgentResult | None = field(default=None, init=False)

    def perform(self) -> AgentResult:
        """Do what the comment asks for; what is to be said of it is kept for ``told``. Raises what GitHub's answers
        raise, before anything was done."""
        self._performed = self._perform()
        return self._performed

    def _perform(self) -> AgentResult:
        spoken = self.spoken
        try:
            dream = self.system.dreams.get(spoken.issue)
            answered = self._conversation.answered(spoken.issue, spoken.comment)
        except NotFound:
            return self._result(f"Nothing to do: issue {spoken.issue} is no dream of ours.")
        command = parse(spoken.text)
        if command is None:
            return self._result("Nothing to do: the comment is no command.")
        if answered:
            return self._result(f"Nothing to do: the comment {spoken.comment} was answered already.")
        if not allows(self._conversation.permission_of(spoken.author), command.needs):
            self._say("-1", lambda: answer.not_allowed(command, spoken.author))
            return self._result(f"Nothing was done: {spoken.author} may not do that here.")
        if not self.dry_run:
            try:
                self._conversation.react(spoken.comment, "eyes")
            except NotFound:
                return self._result("Nothing to do: the comment was taken back.")
        return self._understood(command, dream)

    def told(self, result: AgentResult) -> AgentResult:
        """Put the receipt on the comment and answer it; where that fails, the result says so.

        What became of the performed result on the way is a failure to write it down: then nothing is said, so that the
        same run started once more does what is missing.
        """
        if self._receipt is None or self.dry_run or result is not self._performed:
            return result
        try:
            self._conversation.react(self.spoken.comment, self._receipt)
            self._conversation.answer(self.spoken.issue, self.spoken.comment, self._text())
        except NotFound:
            return replace(result, summary=f"{result.summary} The comment or its issue is gone.")
        except DreamNetError as error:
            summary = f"{result.summary} But the comment could not be answered: {error.message}"
            if result.exit_status:  # that error is the one to mend first
                return replace(result, summary=summary)
            return replace(
                result,
                outcome="deferred",
                summary=summary,
                error=ErrorInfo.of(error).to_json(),
                exit_status=error.exit_status,
                http_status=error.http_status,
            )
        return result

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _conversation(self) -> Conversation:
        if self.system.conversation is None:
            raise RequestInvalid(["Comments are commands where dreams are issues: at home 'github'."])
        return self.system.conversation

    def _understood(self, command: Command, dream: Dream) -> AgentResult:
        """Answer what only asks; let DreamKeeper do the rest."""
        by, run, home = self.spoken.author, run_url(self.environ), repository_url(self.environ)
        if command.mistake:
            self._say("confused", lambda: answer.not_understood(command))
            return self._result("Nothing was done: the comment was not understood.")
        if command.name == "help":
            self._say("+1", answer.help_text)
            return self._result("The commands were listed.")
        if command.name == "explain":
            self._say("+1", lambda: answer.explained(dream, dream_story(self.system, dream), run, home))
            return self._result(f"{dream.key} was explained.")
        pipe, now = self.system.pipe, self.system.clock.now()
        # A run that was cut off may have changed the dream, and then the same words would ask for something else.
        begun = pipe.begun(self.spoken.request_id)
        if command.name in WORDS and command.name != "approve" and meant(command.name, dream) is None:
            mistake = f"/{command.name} is for canaries, and this dream is about none."
            self._say("confused", lambda: answer.not_understood(replace(command, mistake=mistake)))
            return self._result("Nothing was done: the dream is about no canary.")
        waits = canary_of(dream) is None  # what a canary waits for, DeployKeeper knows
        if (
            command.name == "approve"
            and waits
            and begun is None
            and pipe.former(self.spoken.request_id) is None
        ):
            named = command.words or None
            if why := objection(dream.asks, now, what=named, said_at=self.spoken.at):
                self._say("-1" if dream.asks else "+1", lambda: answer.not_approved(why, by, dream, run))
                return self._result(why)
        result = self._done(command, dream, begun or asks(command, dream, by) or {})
        receipt: Receipt = _RECEIPTS.get(result.outcome, "-1")
        # The dream is read again when it is told of: by then it is what the command made of it.
        self._say(
            receipt,
            lambda: answer.of_result(command, by, result, self.system.dreams.get(dream.number), run),
        )
        return result

    def _done(self, command: Command, dream: Dream, asked: Mapping[str, object]) -> AgentResult:
        """Have it done once, whatever the dream has become since it was done first."""
        pipe, spoken = self.system.pipe, self.spoken
        former = pipe.former(spoken.request_id)
        if former is not None:
            return former
        agent = agent_of(command, dream)
        request = {"agent": agent, "input": asked, "correlation_id": dream.correlation_id}
        clock, pause = self.system.clock, 1.0
        until = clock.monotonic() + PATIENCE
        while True:
            result = pipe.submit(request, id=spoken.request_id, dry_run=self.dry_run, claim=True)
            if result.outcome != "deferred" or clock.monotonic() + pause > until:
                break
            with self.system.reporter.waiting(f"/{command.name}: {result.summary}", pause):
                clock.sleep(pause)
            pause = min(pause * 2, 30.0)
        if result.outcome == "done":
            self._note(command, dream)
        return result

    def _note(self, command: Command, dream: Dream) -> None:
        self.system.journal.append(
            Fact(
                kind="command",
                at=self.system.clock.now(),
                text=f"{dream.key}: {self.spoken.author[:60]} wrote /{command.name}",
                service=dream.key,
                dream=dream.correlation_id,
                correlation_id=dream.correlation_id,
                data={"comment": self.spoken.comment, "by": self.spoken.author[:60]},
            )
        )

    def _say(self, receipt: Receipt, text: Callable[[], str]) -> None:
        self._receipt, self._text = receipt, text

    def _result(self, summary: str) -> AgentResult:
        """Answer the result of a comment that changed nothing. It is no failure: whoever wrote it is told there."""
        now = rfc3339(self.system.clock.now())
        return AgentResult(
            id=self.spoken.request_id,
            agent="dreamkeeper",
            action=None,
            outcome="unchanged",
            verdict=None,
            summary=summary,
            started_at=now,
            finished_at=now,
        )
