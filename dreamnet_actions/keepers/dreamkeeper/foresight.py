"""What a dream tells its readers beside its state: what history teaches about it, and what happens next and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from dreamnet_actions.domain import lessons, outlook
from dreamnet_actions.domain.approval import KEY as APPROVAL
from dreamnet_actions.domain.approval import Approval
from dreamnet_actions.domain.cron import parse_cron
from dreamnet_actions.domain.dream import CALLS, Dream
from dreamnet_actions.domain.health import main_cause
from dreamnet_actions.domain.outlook import Outlook
from dreamnet_actions.domain.remedy import Attempt, Choice, attempts
from dreamnet_actions.domain.schedule import STATE, Schedule, soonest
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.keepers.dreamkeeper.plan import GRACE, Situation, next_remedy

_STILL = 3.0
"""Rounds without a tick after which the loop is taken to have ended."""


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What a dream is filed with beyond its evidence: fields of it, and what its data hold."""

    fields: Mapping[str, Any]
    data: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Foresight:
    """Reads the journal only."""

    context: Context

    def begun(self, one: Situation, choice: Choice) -> Begun:
        """Answer what a problem's dream is filed with, the first thing being done about it at once."""
        if choice.remedy is not None and not choice.asks:
            fields: dict[str, Any] = {"state": "healing", "remedy": choice.remedy, "attempt": 1}
            data = {"replicas": one.desired + 1, **self.under_way(one, Dream(key=one.key), choice)}
            return Begun(fields={**fields, "because": choice.because}, data=data)
        if choice.wait is not None:
            return Begun(fields={"because": choice.because}, data=self.waiting(None, choice))
        if choice.remedy is None:
            return Begun(fields={"state": "needs-human", "because": choice.because}, data={CALLS: 1})
        asked = self.asking(one, choice, 1)
        fields = {"state": "needs-human", "because": waits(asked)}
        return Begun(fields=fields, data={CALLS: 1, APPROVAL: asked.to_json()})

    def asking(self, one: Situation, choice: Choice, attempt: int) -> Approval:
        """Write what a person is asked to approve."""
        now = self.context.clock.now()
        return Approval(
            what=str(choice.remedy),
            why=choice.because,
            attempt=attempt,
            asked_at=now,
            until=now + one.spec.heal.approve_within,
        )

    def lessons(self, one: Situation) -> dict[str, Any]:
        """Answer what history teaches about a problem, as its dream keeps it."""
        worked = [attempt for attempt in one.ledger if attempt.worked and attempt.remedy == "rollback"]
        back: dict[str, str] = {}
        for attempt in worked[-lessons.MOST_LINKS :]:
            ended = self.context.journal.read(kinds={"release-ended"}, correlation_id=attempt.dream)
            versions = [
                fact.data.get("version") for fact in ended if fact.data.get("verdict") == "rolled-back"
            ]
            if versions:
                back[attempt.dream] = str(versions[-1])
        cause = main_cause(one.reports)
        found = lessons.learned(one.ledger, service=one.key, cause=cause, change=one.change, back=back)
        return {lessons.KEY: found.to_json()}

    def under_way(self, one: Situation, dream: Dream, choice: Choice) -> dict[str, Any]:
        """Answer what comes after a remedy that is asked for now, should it not help."""
        now = self.context.clock.now()
        this = Attempt(
            service=one.key,
            dream=dream.correlation_id,
            remedy=str(choice.remedy),
            cause=main_cause(one.reports) or "",
            at=now,
            worked=False,
        )
        at = now + one.spec.heal.recover_within + GRACE
        then = next_remedy(replace(one, ledger=[*one.ledger, this], now=at), dream)
        return self._kept(Outlook(remedy=then.remedy or then.later, at=at), dream)

    def waiting(self, dream: Dream | None, choice: Choice) -> dict[str, Any]:
        """Answer when the remedy that is waited with has its turn."""
        if choice.wait is None or choice.later is None:
            return self._kept(Outlook(), dream)
        return self._kept(Outlook(remedy=choice.later, at=self.context.clock.now() + choice.wait), dream)

    def over(self, dream: Dream) -> dict[str, Any]:
        """Answer until when a problem that is over now opens its dream again."""
        return self._kept(
            Outlook(at=self.context.clock.now() + self.context.config.watch.reopen_within), dream
        )

    def open(self, dream: Dream | None = None) -> dict[str, Any]:
        """Answer what is known of any dream: what was tried on it, and when DreamNet looks again. None: a new one."""
        return self._kept(Outlook(), dream)

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    def _kept(self, found: Outlook, dream: Dream | None) -> dict[str, Any]:
        tried = self._tried(dream) if dream is not None and dream.number else []
        return {outlook.KEY: replace(found, **self._rhythm()).to_json(), lessons.TRIED: tried}

    def _tried(self, dream: Dream) -> list[list[Any]]:
        """Answer the remedies that came to an end since the dream was opened last, and what they did."""
        kinds = {"remedy-started", "remedy-ended"}
        found = attempts(self.context.journal.read(kinds=kinds, dream=dream.correlation_id))
        ended = [one for one in found if one.worked is not None]
        return [[one.remedy, one.at, bool(one.worked), one.seconds] for one in ended[-lessons.MOST_TRIED :]]

    def _rhythm(self) -> Mapping[str, Any]:
        """Answer when DreamNet looks again: by the loop where one runs, else by a schedule that started a run."""
        now, every = self.context.clock.now(), self.context.config.watch.every
        ticks = [
            one for one in self.context.journal.read(kinds={"tick"}, limit=50) if "workflow" not in one.data
        ]
        if ticks and not ticks[-1].data.get("last") and now - ticks[-1].at < _STILL * every:
            return {"look": ticks[-1].at + every, "every": every}
        schedules = [Schedule.from_json(one) for one in self.context.journal.states(STATE).values()]
        ours = [one for one in schedules if "dream" in one.workflow.rpartition("/")[2].lower()]
        planned = []
        for one in ours:
            try:
                at = soonest(parse_cron(one.cron), now)
            except ValueError:
                continue
            if at is not None:
                planned.append((at, one.cron))
        return {"look": min(planned)[0], "cron": min(planned)[1]} if planned else {}


def waits(asked: Approval) -> str:
    """Say why a dream waits for a person's word."""
    return f"{asked.what} waits for a person's word; {asked.why}"
