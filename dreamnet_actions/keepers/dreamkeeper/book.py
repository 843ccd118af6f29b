"""The book of dreams: every change of a dream with its fact, in the order that survives being cut at any point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dreamnet_actions.domain.approval import KEY as APPROVAL
from dreamnet_actions.domain.dream import BLIP, CALLS, RETRIED, Dream, calls
from dreamnet_actions.domain.health import Report, main_cause
from dreamnet_actions.domain.patterns import describe
from dreamnet_actions.domain.remedy import MESSAGES, Choice
from dreamnet_actions.domain.result import Change, Outgoing
from dreamnet_actions.keepers.dreamkeeper.foresight import Foresight, waits
from dreamnet_actions.keepers.dreamkeeper.letters import KEY as LETTERS
from dreamnet_actions.keepers.dreamkeeper.plan import Decision, Situation
from dreamnet_actions.keepers.dreamkeeper.telling import Telling, shown
from dreamnet_actions.keepers.dreamkeeper.witness import last_words


@dataclass(frozen=True, kw_only=True)
class DreamBook(Telling):
    """Writes dreams and their facts. Each method answers the dream as it now stands."""

    @property
    def foresight(self) -> Foresight:
        """What a dream tells its readers beside its state."""
        return Foresight(context=self.context)

    def file(
        self, one: Situation, decision: Decision, *, data: Mapping[str, object] | None = None
    ) -> tuple[Dream, Change]:
        """Open a dream, or the former one again where the decision says so."""
        if decision.kind == "reopen" and one.dream is not None:
            return self._reopen(one.dream, one, decision, data or {})
        return self._open(one, decision, data or {})

    def file_with(
        self, one: Situation, decision: Decision, choice: Choice
    ) -> tuple[Dream, Change, Outgoing | None, bool]:
        """Open a dream (or the former one again) with the first thing done about it, in one write: a remedy under way
        (its message is answered, too), one that is waited with or asked for, or a person called.

        Where somebody filed it just before, theirs is answered, and False: what it needs is not known here.
        """
        begun = self.foresight.begun(one, choice)
        if decision.kind == "reopen" and one.dream is not None:
            how = f"reopened ({decision.because})"
            dream = self.dreams.update(
                replace(self._again(one.dream, one, decision, begun.data), **begun.fields)
            )
        else:
            how, asked = "filed", replace(self._new(one, decision, begun.data), **begun.fields)
            dream = self.dreams.open(asked)
            if replace(dream, number=0, evidence=()) != replace(asked, evidence=()):
                return dream, self._opened(dream, one, how), None, False
        change = replace(self._opened(dream, one, how, f"{dream.state}: {dream.because}"), after=dream.state)
        if dream.state == "healing":
            self.started(dream, dream.because)
            return dream, replace(change, after=f"healing by {dream.remedy}"), self.message(dream), True
        if dream.state == "needs-human":
            self._called(dream)
        return dream, change, None, True

    def _open(self, one: Situation, decision: Decision, data: Mapping[str, object]) -> tuple[Dream, Change]:
        """File a new dream (or answer the one that somebody just filed)."""
        dream = self.dreams.open(self._new(one, decision, data))
        return dream, self._opened(dream, one, "filed")

    def _new(self, one: Situation, decision: Decision, data: Mapping[str, object]) -> Dream:
        """Write a new dream with its evidence, cause and pattern."""
        now = self.context.clock.now()
        return Dream(
            key=one.key,
            health=one.health,
            cause=main_cause(one.reports),
            opened_at=now,
            changed_at=now,
            evidence=(*_evidence(one), *last_words(self.context, one)),
            because=decision.because,
            pattern=self._pattern(one, now),
            umbrella=decision.umbrella,
            data={**self.foresight.open(), **self.foresight.lessons(one), **data},
        )

    def _reopen(
        self, former: Dream, one: Situation, decision: Decision, data: Mapping[str, object]
    ) -> tuple[Dream, Change]:
        """Open the former dream again and count a flap."""
        dream = self.dreams.update(self._again(former, one, decision, data))
        return dream, self._opened(dream, one, f"reopened ({decision.because})")

    def _again(self, former: Dream, one: Situation, decision: Decision, data: Mapping[str, object]) -> Dream:
        """Write a former dream anew: with one flap more, and none of what was tried."""
        if RETRIED in former.data:
            data = {**data, RETRIED: former.data[RETRIED]}
        return replace(self._new(one, decision, data), number=former.number, flaps=former.flaps + 1)

    def ask(self, dream: Dream, choice: Choice, one: Situation) -> tuple[Dream, Change, Outgoing]:
        """Ask for a remedy: the dream first, then the fact, then the message, whose id is that of this attempt."""
        before = dream.state
        dream = self._to(
            dream,
            "healing",
            choice.because,
            remedy=choice.remedy,
            attempt=dream.attempt + 1,
            until=None,
            data={
                **_held(dream),
                "replicas": one.desired + 1,
                **self.foresight.under_way(one, dream, choice),
            },
        )
        self.started(dream, choice.because)
        change = Change(
            what=f"dream {dream.key}",
            before=before,
            after=f"healing by {choice.remedy}",
            why=choice.because,
            undo=f"dreamnet snooze {dream.key} 4h",
        )
        return dream, change, self.message(dream)

    def message(self, dream: Dream) -> Outgoing:
        """Write the message that asks for the dream's remedy; the same attempt is always the same message.

        Its hops begin anew: it is the budget that bounds how often a dream asks, and a story of four remedies is no
        loop.
        """
        name, to = MESSAGES[dream.remedy or ""]
        data: dict[str, object] = {
            "service": dream.service,
            "target": dream.platform,
            "key": dream.key,
            "dream": str(dream.number),
            "remedy": dream.remedy,
            "attempt": dream.attempt,
            "reason": f"dream {dream.number}: {dream.cause or dream.health}",
        }
        if dream.remedy == "scale-up":
            data["replicas"] = dream.data.get("replicas")
        return Outgoing(
            name=name,
            to=to,
            data=data,
            id=f"{dream.correlation_id}-{dream.attempt}",
            correlation_id=dream.correlation_id,
            hops=0,
        )

    def verifying(self, dream: Dream) -> Dream:
        """Say that the remedy ended and its proof is being looked for. ``changed_at`` stays: time runs from asking."""
        return self.dreams.update(
            replace(dream, state="verifying", because=f"{dream.remedy} ended; checking")
        )

    def resolve(self, dream: Dream, because: str) -> tuple[Dream, Change]:
        """End the dream: a check saw that the problem is gone."""
        now = self.context.clock.now()
        before = dream.state
        blip = now - dream.opened_at < self.context.config.watch.blip_under
        data = (
            {name: value for name, value in _held(dream).items() if name != BLIP}
            | ({BLIP: True} if blip else {})
            | self.foresight.over(dream)
        )
        dream = self.dreams.update(
            replace(
                dream,
                state="resolved",
                resolved_at=now,
                changed_at=now,
                because=because,
                until=None,
                data=data,
            )
        )
        self.surely_resolved(dream)
        return dream, Change(what=f"dream {dream.key}", before=before, after="resolved", why=because)

    def needs_human(self, dream: Dream, because: str, **data: object) -> tuple[Dream, Change]:
        """Stop healing and ask for a human; ``data`` is what the dream holds for them."""
        before = dream.state
        held = {**_held(dream), **self.foresight.open(dream), CALLS: calls(dream) + (before != "needs-human")}
        dream = self._to(dream, "needs-human", because, data={**held, **data})
        self._called(dream)
        return dream, Change(what=f"dream {dream.key}", before=before, after="needs-human", why=because)

    def wants_approval(self, dream: Dream, choice: Choice, one: Situation) -> tuple[Dream, Change]:
        """Stop until a person lets the remedy happen, and say what it is and why."""
        asked = self.foresight.asking(one, choice, dream.attempt + 1)
        return self.needs_human(dream, waits(asked), **{APPROVAL: asked.to_json()})

    def unapproved(self, dream: Dream, because: str) -> tuple[Dream, Change]:
        """Say that what waited for a person's word waits no longer."""
        return self.needs_human(dream, because)

    def move(
        self, dream: Dream, state: str, because: str, *, until: float | None = None, request: str = ""
    ) -> tuple[Dream, Change]:
        """Do what a person said (by the request of that id): snooze, won't fix, reopen. What had come to an end is a
        new story, with no remedy tried."""
        before = dream.state
        fresh: dict[str, object] = {}
        if state == "open" and before in ("resolved", "wont-fix", "needs-human"):
            fresh = {"remedy": None, "attempt": 0, "flaps": dream.flaps + 1}
            if dream.ended:
                fresh |= {"opened_at": self.context.clock.now(), "resolved_at": None}
            else:
                data = {**_held(dream), **self.foresight.open(dream)}
                fresh["data"] = {**data, RETRIED: dream.flaps + 1 - dream.came_back}
        dream = self._write(dream, state, because, until=until, **fresh)
        self._moved(dream, request)
        return dream, Change(
            what=f"dream {dream.key}",
            before=before,
            after=state,
            why=because,
            undo=f"dreamnet reopen {dream.key}",
        )

    def refresh(self, dream: Dream, one: Situation) -> Dream:
        """Keep up with what is wrong: a fault may change its cause, and a degraded service go down."""
        cause = main_cause(one.reports) or dream.cause
        if not one.bad:
            return dream
        # What waits for a person is told as it stands now: one dream for all messages that are dead.
        evidence = _evidence(one) if one.key == LETTERS else dream.evidence
        if (dream.health, dream.cause, dream.evidence) == (one.health, cause, evidence):
            return dream
        now = self.context.clock.now()
        self.dreams.comment(dream.number, now, f"now {one.health}, {cause}: {_detail(one.reports, dream)}")
        return self.dreams.update(replace(dream, health=one.health, cause=cause, evidence=evidence))

    def wait(self, dream: Dream, choice: Choice) -> Dream:
        """Keep the dream open until a remedy may be tried again."""
        if dream.state == "open" and dream.because == choice.because:
            return dream
        data = {**_held(dream), **self.foresight.waiting(dream, choice)}
        return self._to(dream, "open", choice.because, data=data)

    def _to(self, dream: Dream, state: str, because: str, **fields: object) -> Dream:
        dream = self._write(dream, state, because, **fields)
        self._line(dream)
        return dream

    def _write(self, dream: Dream, state: str, because: str, **fields: object) -> Dream:
        now = self.context.clock.now()
        given: dict[str, Any] = {"data": {**_held(dream), **self.foresight.open(dream)}, **fields}
        changed = replace(dream, state=state, because=because, changed_at=now, **given)  # type: ignore[arg-type]
        return self.dreams.update(changed)

    def _pattern(self, one: Situation, now: float) -> str:
        facts = self.context.journal.read(service=one.key, kinds={"dream-opened"})
        return describe(
            service=one.key,
            cause=main_cause(one.reports),
            facts=facts,
            ledger=one.ledger,
            change=one.change,
            now=now,
        )


def _detail(reports: Sequence[Report], dream: Dream) -> str:
    failed = next((r for r in reports if r.status in ("failed", "degraded")), None)
    return shown(failed, dream) if failed else dream.because


def _evidence(one: Situation) -> tuple[Report, ...]:
    """Keep what failed first, and at most ten reports."""
    return tuple(sorted(one.reports, key=lambda report: report.status == "passed")[:10])


def _held(dream: Dream) -> dict[str, Any]:
    """Answer what a dream holds but for what it waited to be approved for: each change asks anew, or not at all."""
    return {name: value for name, value in dream.data.items() if name != APPROVAL}
