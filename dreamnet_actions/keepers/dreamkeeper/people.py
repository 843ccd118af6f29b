"""What people say about dreams: heal it now, let a remedy happen, leave it alone, close it for good, open it again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dreamnet_actions.domain.approval import objection
from dreamnet_actions.domain.dream import Dream, DreamState, may_follow
from dreamnet_actions.domain.remedy import Choice, spent
from dreamnet_actions.domain.request import AgentRequest
from dreamnet_actions.domain.result import Report
from dreamnet_actions.domain.units import parse_duration
from dreamnet_actions.errors import BudgetSpent, NotFound, RefusedError, RequestInvalid
from dreamnet_actions.keepers.context import SELF, Context, lacks_service
from dreamnet_actions.keepers.dreamkeeper.acting import HOLD, Acting, stamp
from dreamnet_actions.keepers.dreamkeeper.plan import Situation, next_remedy
from dreamnet_actions.ports.stores import DreamStore


@dataclass(frozen=True, kw_only=True)
class People:
    """The actions ``heal``, ``approve``, ``snooze``, ``wont-fix`` and ``reopen``."""

    context: Context
    dreams: DreamStore

    def heal(self, request: AgentRequest) -> Report:
        """Try a remedy on a dream now, past cool-down and order; budgets still hold."""
        dream, wanted = self._dream(request), request.input.get("remedy")
        if dream.platform == SELF:
            raise RequestInvalid([f"{dream.key} is about this system itself; it has no remedy."])
        if dream.service not in self.context.config.services:
            raise lacks_service(dream.service, self.context.config)
        book = Acting(context=self.context, dreams=self.dreams).book
        if dream.state in ("healing", "verifying") and wanted in (None, dream.remedy):
            if not request.dry_run and book.is_half_asked(dream):
                with self.context.lock.lease(f"dream/{dream.key}", HOLD):
                    book.surely_asked(dream)
            return Report(
                outcome="planned" if request.dry_run else "done",
                summary=f"{dream.key}: {dream.remedy} is under way.",
                dreams=[dream.key],
                messages=[book.message(dream)],
            )
        self._may_become(dream, "healing")
        if dream.state in ("healing", "verifying"):
            raise RefusedError(
                f"{dream.remedy} is under way on {dream.key}.", hint="Wait for its end, or snooze it."
            )
        one = self._situation(dream)
        choice = self._choice(dream, one, wanted)
        if choice.asks:
            raise RefusedError(
                f"{dream.key}: {choice.remedy} would be next, and waits for a person's word.",
                hint=f"Name it: dreamnet heal {dream.key} {choice.remedy}",
            )
        return self._asked_for(request, dream, one, choice)

    def _asked_for(self, request: AgentRequest, dream: Dream, one: Situation, choice: Choice) -> Report:
        """Ask for the remedy that was chosen, unless the dream changed meanwhile."""
        book = Acting(context=self.context, dreams=self.dreams).book
        if request.dry_run or choice.remedy is None:
            return Report(
                outcome="planned" if request.dry_run else "refused",
                summary=f"{dream.key}: {choice.remedy or 'no remedy'}, {choice.because}.",
                dreams=[dream.key],
            )
        with self.context.lock.lease(f"dream/{dream.key}", HOLD):
            if stamp(self.dreams.get(dream.number)) != stamp(dream):
                raise RefusedError(f"{dream.key} has just changed.", hint="Look at it again.")
            if dream.state == "snoozed":
                dream, _ = book.move(dream, "open", "a person wants it healed")
            dream, change, message = book.ask(dream, choice, one)
        return Report(
            outcome="done",
            summary=f"{dream.key}: {choice.remedy} was asked for.",
            changes=[change],
            dreams=[dream.key],
            messages=[message],
        )

    def approve(self, request: AgentRequest) -> Report:
        """Let the remedy happen that a dream waits to be approved for: that one, in that try, and no other."""
        dream, given = self._dream(request), request.input
        now, asked = self.context.clock.now(), dream.asks
        why = objection(asked, now, what=given.get("remedy"), attempt=given.get("attempt"))
        if asked is None:
            return Report(outcome="unchanged", summary=f"{dream.key}: {why}", dreams=[dream.key])
        if why:
            hint = f"See what it waits for: dreamnet dreams show {dream.number}"
            raise RefusedError(f"{dream.key}: {why}", hint=hint)
        if dream.service not in self.context.config.services:
            raise lacks_service(dream.service, self.context.config)
        one = self._situation(dream)
        because = f"it was approved ({given.get('reason', 'a person said so')}); {asked.why}"
        choice = replace(self._choice(dream, one, asked.what), because=because)
        return self._asked_for(request, dream, one, choice)

    def _situation(self, dream: Dream) -> Situation:
        spec = self.context.config.services[dream.service]
        return Acting(context=self.context, dreams=self.dreams).gather.of_dream(dream, spec)

    def _choice(self, dream: Dream, one: Situation, wanted: str | None) -> Choice:
        """The remedy that was named, where it is possible; else the next one, without waiting for a cool-down."""
        if (why := spent(one.spec.heal, one.key, one.ledger, one.now)) is not None:
            raise BudgetSpent(f"{dream.key}: {why}.", hint="Wait, or raise 'heal: {tries-per-hour: …}'.")
        if wanted is None:
            return next_remedy(one, dream, patient=False)
        if wanted not in one.possible:
            possible = ", ".join(sorted(one.possible))
            raise RequestInvalid([f"{wanted!r} is not possible for {dream.key}; possible now: {possible}."])
        return Choice(remedy=wanted, because="a person asked for it")

    def snooze(self, request: AgentRequest) -> Report:
        """Leave a dream alone for a while."""
        try:
            seconds = parse_duration(request.input["for"])
        except ValueError as error:
            raise RequestInvalid([f"'input.for': {error}"]) from error
        until = self.context.clock.now() + seconds
        because = f"a person wants no remedy for {request.input['for']}"
        return self._moved(request, "snoozed", because, until=until)

    def wont_fix(self, request: AgentRequest) -> Report:
        """Close a dream for good."""
        return self._moved(request, "wont-fix", request.input.get("reason", "a person said so"))

    def reopen(self, request: AgentRequest) -> Report:
        """Open a dream again that a person had put aside, with all remedies before it."""
        return self._moved(request, "open", request.input.get("reason", "a person opened it again"))

    def _moved(
        self, request: AgentRequest, state: DreamState, because: str, *, until: float | None = None
    ) -> Report:
        dream = self._dream(request)
        self._may_become(dream, state)
        if request.dry_run:
            return Report(outcome="planned", summary=f"{dream.key} would be {state}.", dreams=[dream.key])
        book = Acting(context=self.context, dreams=self.dreams).book
        if dream.state == state and dream.because == because:
            # Said before, by somebody else or by a run of this request that was cut off.
            with self.context.lock.lease(f"dream/{dream.key}", HOLD):
                ours = book.surely_moved(dream, request.id)
            if ours:
                return Report(outcome="done", summary=f"{dream.key} is {state}.", dreams=[dream.key])
        if dream.state == state and until is None:
            return Report(outcome="unchanged", summary=f"{dream.key} is {state} already.", dreams=[dream.key])
        with self.context.lock.lease(f"dream/{dream.key}", HOLD):
            dream, change = book.move(
                self.dreams.get(dream.number), state, because, until=until, request=request.id
            )
        return Report(
            outcome="done", summary=f"{dream.key} is {state}.", changes=[change], dreams=[dream.key]
        )

    def _may_become(self, dream: Dream, state: DreamState) -> None:
        if may_follow(dream.state, state) or (dream.state == "snoozed" and state == "healing"):
            return
        hint = f"Run 'dreamnet reopen {dream.key}' first." if dream.ended else ""
        raise RefusedError(f"{dream.key} is {dream.state}; from there it does not become {state}.", hint=hint)

    def _dream(self, request: AgentRequest) -> Dream:
        """Find the dream that a person names by number or key."""
        name = str(request.input["dream"]).removeprefix("#")
        numbered = name.isascii() and name.isdecimal() and len(name) <= 9
        found = self.dreams.get(int(name)) if numbered else self.dreams.find(name)
        if found is None:
            raise NotFound("dream", name, [dream.key for dream in self.dreams.search(limit=50)])
        return found
