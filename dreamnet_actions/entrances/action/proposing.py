"""A pull request, looked at: what merging it would change and what is wrong with its values; nothing is written but
one comment.

Each entry is planned by itself, with an id of its own, so that one which cannot be seen hides no other. Runs for forks
and for Dependabot have no secrets and mostly a token that only reads: what cannot be seen there is said, and is no
failure. https://docs.github.com/en/actions/reference/security/secure-use and
https://docs.github.com/en/code-security/dependabot/troubleshooting-dependabot/troubleshooting-dependabot-on-github-actions
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamnet_actions.domain.endings import failure
from dreamnet_actions.domain.result import AgentResult, Outcome
from dreamnet_actions.domain.units import counted
from dreamnet_actions.entrances.action.event import Proposed
from dreamnet_actions.entrances.action.naming import request_id
from dreamnet_actions.entrances.action.needs import whole
from dreamnet_actions.entrances.action.proposal import markdown
from dreamnet_actions.entrances.action.telling import judged_values, mistakes_of
from dreamnet_actions.errors import BUG, DreamNetError, PermissionMissing, RequestError

if TYPE_CHECKING:
    from dreamnet_actions.bootstrap import Options, System

TOPIC = "envkeeper-plan"
"""What the comment is about: by it and its author it is found again."""
MOST_SUMMARY = 900_000
"""Bytes of the job's summary; GitHub takes 1 MiB a step."""
_ROBOT = "dependabot[bot]"
_MISTAKEN = RequestError.exit_status
"""How a request ends whose fault is in a file of the pull request. An adapter that is not set up is none of those."""


@dataclass(kw_only=True)
class Proposal:
    """One run for one pull request. ``now`` answers the time in seconds since 1970."""

    proposed: Proposed
    environ: Mapping[str, str]
    now: Callable[[], float]
    dry_run: bool = False
    _unseen: dict[str, str] = field(default_factory=dict, init=False)

    @property
    def restricted(self) -> str:
        """Why the run may see less than others do; empty where it may not."""
        if self.proposed.fork:
            return "it comes from a fork, and such a run has no secrets"
        if self.environ.get("GITHUB_ACTOR") == _ROBOT:
            return "Dependabot started it, and such a run has no secrets of Actions"
        return ""

    # ── looking ──────────────────────────────────────────────────────────────────────────────────────────

    def look(self, system: System) -> AgentResult:
        """Plan and judge every entry; nothing is written or remembered."""
        entries = list(system.config.env)
        judged = self._validated(system, entries)
        plans = {one: self._asked(system, "plan", one) for one in entries}
        findings: list[Mapping[str, Any]] = [dict(one) for result in judged for one in result.findings]
        for entry, plan in plans.items():
            own = [dict(one) | {"entry": entry} for one in plan.findings]
            if plan.error is not None:
                own.append({"entry": entry, "unplanned": self._why(entry, plan)})
            findings += own
        if self._unseen:
            told = f"Not everything could be looked at: {self.restricted}."
            findings.append({"warning": told, "code": "env.unseen"})
        return self._joined(judged, plans, findings)

    def _asked(self, system: System, action: str, entry: str | None) -> AgentResult:
        given = {"action": action, **({"entry": entry} if entry else {})}
        request = {"agent": "envkeeper", "input": given}
        return system.pipe.submit(
            request, id=request_id(self.environ, [action, entry]), dry_run=True, claim=False
        )

    def _validated(self, system: System, entries: Sequence[str]) -> list[AgentResult]:
        """Judge all entries together, so that what one shares with another is found; where something cannot be read,
        each by itself."""
        every = self._asked(system, "validate", None)
        if every.error is None or every.exit_status == _MISTAKEN or len(entries) < 2:
            return [every]
        return [self._asked(system, "validate", one) for one in entries]

    def _why(self, entry: str, plan: AgentResult) -> str:
        if plan.exit_status == _MISTAKEN and any(one.get("mistakes") for one in plan.findings):
            return "its values hold mistakes."
        why = str((plan.error or {}).get("message") or plan.summary)
        if self.restricted and plan.exit_status not in (_MISTAKEN, BUG):
            self._unseen[entry] = why
        return why

    def _joined(
        self,
        judged: Sequence[AgentResult],
        plans: Mapping[str, AgentResult],
        findings: list[Mapping[str, Any]],
    ) -> AgentResult:
        """Make one result of all: mistakes first, then what could not be reached, then the plan."""
        ended = [*judged, *plans.values()]
        bad = [one for one in ended if one.exit_status == _MISTAKEN]
        bugs = [one for one in ended if one.exit_status == BUG]
        away = bugs if self.restricted else [one for one in ended if one.exit_status and one not in bad]
        first = next(iter([*bad, *away]), None)
        changes = [one for plan in plans.values() for one in plan.changes]
        outcome: Outcome = first.outcome if first else "planned" if changes else "unchanged"
        joined = AgentResult(
            id=request_id(self.environ, TOPIC),
            agent="envkeeper",
            action="plan",
            outcome=outcome,
            verdict=None,
            summary="",
            started_at=ended[0].started_at,
            finished_at=ended[-1].finished_at,
            findings=findings,
            changes=changes,
            error=first.error if first else None,
            exit_status=first.exit_status if first else 0,
            http_status=first.http_status if first else 200,
        )
        wrong = [one for one in judged_values(joined, self.environ) if one.get("level") == "error"]
        return replace(joined, summary=self._sentence(joined, len(wrong), len(plans)))

    def _sentence(self, joined: AgentResult, wrong: int, entries: int) -> str:
        if wrong:
            return f"{counted(wrong, 'mistake')} in the values; nothing of that would be written."
        if joined.error is not None:
            return str(joined.error.get("message", "")).partition("\n")[0]
        names = counted(len(joined.changes), "name")
        changed = {str(one.get("entry")) for one in joined.findings if _changes(one)}
        if joined.changes:
            said = f"a sync would change {names} of {', '.join(sorted(changed))}."
        elif len(self._unseen) == entries and entries:
            return "nothing could be planned, for this run has no secrets."
        else:
            said = "nothing changes."
        return f"{said} Not planned: {', '.join(self._unseen)}." if self._unseen else said

    # ── telling ──────────────────────────────────────────────────────────────────────────────────────────

    def shown(self, result: AgentResult) -> str:
        """Answer the job's summary."""
        return self._markdown(result, None, most=MOST_SUMMARY) + "\n"

    def keep(self, system: System, result: AgentResult, error: DreamNetError | None = None) -> AgentResult:
        """Write the pull request's one comment; where that cannot be, the result says so and is what it was.

        Where there is nothing to tell none is begun; the one that is there is kept true.
        """
        if self.dry_run or system.conversation is None:
            return result
        tells = bool(result.changes or result.error)
        version = int(self.environ.get("GITHUB_RUN_ID") or 0)
        try:
            system.conversation.keep(
                self.proposed.pull, TOPIC, self._markdown(result, error), version=version, begin=tells
            )
        except DreamNetError as raised:
            return _noted(result, self._no_comment(raised))
        return result

    def _no_comment(self, raised: DreamNetError) -> Mapping[str, Any]:
        if self.restricted and isinstance(raised, PermissionMissing):
            told = f"No comment on the pull request: {self.restricted}, nor may its token write."
            return {"warning": told, "code": "env.unseen"}
        told = f"No comment on the pull request: {raised.message}"
        return {"warning": told, "code": raised.code, "hint": raised.hint}

    def _markdown(self, result: AgentResult, error: DreamNetError | None, **more: int) -> str:
        return markdown(
            result,
            self.environ,
            head=self.proposed.head,
            judged=judged_values(result, self.environ),
            mistakes=mistakes_of(error, self.environ),
            **more,
        )


def propose(options: Options, proposal: Proposal) -> tuple[AgentResult, str]:
    """Look at the pull request, keep its comment, and answer the result with the job's summary.

    Raises what is wrong with the configuration, once the comment says it.
    """
    from dreamnet_actions import bootstrap

    try:
        system = bootstrap.assemble(options)
    except DreamNetError as error:
        result = failure(error, request_id=request_id(proposal.environ, TOPIC), at=proposal.now())
        result = replace(result, agent="envkeeper", action="plan")
        with tempfile.TemporaryDirectory() as folder:
            empty = Path(folder) / "dreamnet.yml"
            empty.write_text("version: 1\n", encoding="utf-8")
            bare = bootstrap.assemble(replace(options, config=empty))
            try:
                proposal.keep(bare, result, error)
            finally:
                bare.close()
        raise
    try:
        # What the pipe remembers of failed requests stays in memory: this run has no right to write it down.
        result = whole(proposal.keep(system, proposal.look(system)), proposal.environ)
    finally:
        system.close()
    return result, proposal.shown(result)


def _changes(finding: Mapping[str, Any]) -> bool:
    return any(key.get("effect") != "unchanged" for key in finding.get("keys") or ())


def _noted(result: AgentResult, note: Mapping[str, Any]) -> AgentResult:
    return replace(result, findings=[*result.findings, dict(note)])
