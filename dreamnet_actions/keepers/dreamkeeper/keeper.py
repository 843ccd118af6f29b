"""DreamKeeper's actions: check, verify, heal, snooze, wont-fix, reopen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dreamnet_actions.config.models import Service
from dreamnet_actions.domain.actions import Agent
from dreamnet_actions.domain.dream import ENDED, Dream
from dreamnet_actions.domain.request import AgentRequest
from dreamnet_actions.domain.result import Report
from dreamnet_actions.domain.units import parse_duration
from dreamnet_actions.errors import Leased, NotFound, Paused, RequestInvalid, unknown
from dreamnet_actions.keepers.context import SELF, Context
from dreamnet_actions.keepers.dreamkeeper.book import DreamBook
from dreamnet_actions.keepers.dreamkeeper.gather import Gather
from dreamnet_actions.keepers.dreamkeeper.load import LoadWatch
from dreamnet_actions.keepers.dreamkeeper.plan import Decision, Situation, decide, next_remedy, storm
from dreamnet_actions.keepers.dreamkeeper.selfcheck import NAME, SPEC, SelfCheck
from dreamnet_actions.keepers.dreamkeeper.story import Story
from dreamnet_actions.keepers.examination import Examination, Examined, stuck
from dreamnet_actions.ports.probe import Probe
from dreamnet_actions.ports.stores import DreamStore, MessageBus

HOLD = 300.0
"""Seconds for which a run may hold one dream; a dead run's hold is free at once."""


@dataclass(frozen=True, kw_only=True)
class DreamKeeper:
    """Watches services and this system; files, heals, proves and learns."""

    context: Context
    dreams: DreamStore
    bus: MessageBus
    probe: Probe
    agent: Agent = "dreamkeeper"

    def perform(self, request: AgentRequest) -> Report:
        """Do the request's action."""
        actions: dict[str, Callable[[AgentRequest], Report]] = {
            "check": self.check,
            "verify": self.verify,
            "heal": self.heal,
            "snooze": self.snooze,
            "wont-fix": self.wont_fix,
            "reopen": self.reopen,
        }
        return actions[request.action](request)

    # ── check ────────────────────────────────────────────────────────────────────────────────────────────

    def check(self, request: AgentRequest) -> Report:
        """Look at services (and at this system), and act on what is seen: open, heal, resolve, scale."""
        only, target = request.input.get("check"), request.input.get("target")
        services = self._meant(request)
        story = Story()
        if target == SELF or (
            target is None and request.input.get("service") is None and only in (None, NAME)
        ):
            self._check_self(request, story, None if only == NAME else only)
        if services:
            self._check_services(request, services, only, story)
        return story.report(planned=request.dry_run)

    def _meant(self, request: AgentRequest) -> dict[str, Service]:
        """Answer the services that a check means; raises RequestInvalid for a check that nobody has."""
        only, target = request.input.get("check"), request.input.get("target")
        if target == SELF or only == NAME:
            if only not in (None, NAME, *self._self_checks().checks):
                raise RequestInvalid([unknown("check of self", only, [NAME, *self._self_checks().checks])])
            return {}
        services = self.context.services(target, request.input.get("cluster"), request.input.get("service"))
        if only is not None:
            services = {name: spec for name, spec in services.items() if only in spec.checks}
            if not services:
                known = {name for spec in self.context.config.services.values() for name in spec.checks}
                raise RequestInvalid([unknown("check", only, known | {NAME})])
        return services

    def _check_services(
        self, request: AgentRequest, services: Mapping[str, Service], only: str | None, story: Story
    ) -> None:
        gather = self._gather()
        streaks = gather.streaks(services)
        examined = Examination(context=self.context, probe=self.probe).confirm(
            services, {name: streak.failures for name, streak in streaks.items()}, only
        )
        situations = {
            name: gather.situation(one, services[name], streaks[name]) for name, one in examined.items()
        }
        if not request.dry_run:
            gather.remember(situations)
        for name, one in situations.items():
            story.saw(name, one.health, one.reports)
        self._act(situations, story, dry_run=request.dry_run)
        load = LoadWatch(context=self.context)
        for name, one in situations.items():
            if one.health == "healthy":
                load.watch(name, services[name], examined[name], story, dry_run=request.dry_run)

    def _check_self(self, request: AgentRequest, story: Story, only: str | None) -> None:
        """Look at this system; each of its checks is a dream of its own, and a person is told."""
        gather = self._gather()
        situations = {}
        for report in self._self_checks().look():
            if only not in (None, report.check):
                continue
            one = gather.own(report, SPEC)
            situations[one.key] = one
            story.saw(one.key, one.health, one.reports)
        self._act(situations, story, dry_run=request.dry_run)

    # ── acting on situations ─────────────────────────────────────────────────────────────────────────────

    def _act(self, situations: Mapping[str, Situation], story: Story, *, dry_run: bool) -> None:
        """Decide on each service and do it; one that somebody else works on is left to them."""
        raging = storm(situations, self.context.config.watch)
        failing = {name for name, one in situations.items() if one.confirmed and one.health == "failing"}
        for name, one in situations.items():
            blocked = next((need for need in one.spec.needs if need in failing or self._is_down(need)), None)
            decision = decide(one, self.context.config.watch, blocked_by=blocked, storm=raging)
            story.decided(name, decision)
            if dry_run or decision.kind in (
                "nothing",
                "unknown",
                "suspected",
                "held",
                "left-alone",
                "recovering",
            ):
                continue
            try:
                with self.context.lock.lease(f"dream/{one.key}", HOLD):
                    self._carry_out(one, decision, story, raging)
            except Leased:
                story.heard(name, "somebody else is working on it")
            except Paused as error:
                story.heard(name, error.message)

    def _carry_out(self, one: Situation, decision: Decision, story: Story, raging: str | None) -> None:
        """Do what was decided, on the dream as it stands now that nobody else holds it."""
        book, kind = self._book(), decision.kind
        found = self.dreams.find(one.key)
        if _stamp(found) != _stamp(one.dream):
            return  # somebody acted on it while we looked; the next round sees it as it is now
        if kind == "resolve" and found is not None:
            dream, change = book.resolve(found, decision.because)
            story.changed(dream, change)
        elif kind in ("open", "reopen"):
            dream, change = book.file(one, decision)
            story.changed(dream, change)
            self._next(one, dream, story, raging)
        elif kind == "heal" and found is not None:
            self._next(one, found, story, raging)
        elif kind == "under-way" and found is not None:
            self._ask_again(one, found, story)
        elif kind == "overdue" and found is not None:
            book.ended(found, worked=False, why=decision.because)
            self._next(self._gather().again(one), found, story, raging)

    def _next(self, one: Situation, dream: Dream, story: Story, raging: str | None = None) -> None:
        """Ask for the next remedy, wait for a cool-down, or ask for a human."""
        book = self._book()
        choice = next_remedy(one, dream, raging)
        if choice.remedy is not None:
            dream, change, message = book.ask(dream, choice, one)
            story.changed(dream, change, message)
        elif choice.wait is not None:
            dream = book.wait(dream, choice.because)
            story.touched(dream)
        else:
            dream, change = book.needs_human(dream, choice.because)
            story.changed(dream, change)

    def _ask_again(self, one: Situation, dream: Dream, story: Story) -> None:
        """Send the message of the remedy under way again: the same one, so that it is in effect once even if
        the run that should have sent it was cut off just before."""
        recorded = any(a.dream == dream.correlation_id and a.remedy == dream.remedy for a in one.ledger)
        if not recorded:
            self._book().started(dream, dream.because)
        story.says(self._book().message(dream, one))
        story.touched(dream)

    def _is_down(self, service: str) -> bool:
        found = self.dreams.find(self.context.key(service))
        return found is not None and found.state not in ENDED and found.health == "failing"

    # ── verify ───────────────────────────────────────────────────────────────────────────────────────────

    def verify(self, request: AgentRequest) -> Report:
        """Prove what a remedy, release or sync did to one service, or to all that are meant."""
        services = self.context.services(
            request.input.get("target"), request.input.get("cluster"), request.input.get("service")
        )
        if request.dry_run:
            return Report(
                outcome="planned", summary=f"Would watch {', '.join(services) or 'nothing'} for health."
            )
        story = Story()
        for name, spec in services.items():
            with self.context.lock.lease(f"dream/{self.context.key(name)}", HOLD):
                self._verify_one(request, name, spec, story)
        return story.report(planned=False)

    def _verify_one(self, request: AgentRequest, name: str, spec: Service, story: Story) -> None:
        book, gather = self._book(), self._gather()
        dream = self.dreams.find(self.context.key(name))
        if dream is not None and dream.state in ("resolved", "wont-fix"):
            dream = None
        remedy_ended = dream is not None and dream.remedy == request.input.get("remedy", dream.remedy)
        outcome, verdict = request.input.get("outcome"), request.input.get("verdict")
        applied = outcome in (None, "done", "unchanged") or verdict == "rolled-back"
        if dream is not None and dream.state == "healing" and remedy_ended and applied:
            dream = book.verifying(dream)
        examination = Examination(context=self.context, probe=self.probe)
        if applied:
            well, examined = examination.recovered(
                name, spec, spec.heal.recover_within, patient=dream is not None
            )
        else:
            examined = examination.look({name: spec})[name]
            well = examined.health == "healthy"
        if well and dream is None and outcome == "failed" and not applied:
            well, examined = False, stuck(examined, request.input.get("summary", ""))
        story.saw(name, examined.health, examined.reports)
        if well:
            gather.reset(name, spec)
            if dream is not None:
                how = f"after {dream.remedy}" if dream.remedy else "by itself"
                dream, change = book.resolve(dream, f"its checks pass again {how}")
                story.changed(dream, change)
            return
        self._not_well(request, examined, spec, dream, story, applied=applied)

    def _not_well(
        self,
        request: AgentRequest,
        examined: Examined,
        spec: Service,
        dream: Dream | None,
        story: Story,
        *,
        applied: bool,
    ) -> None:
        """The proof did not come: write that down and go on to the next remedy, or file what is wrong."""
        book, gather = self._book(), self._gather()
        one = gather.failed(examined, spec)
        if dream is None:
            decision = decide(one, self.context.config.watch, blocked_by=None, storm=None)
            if decision.kind not in ("open", "reopen"):
                return
            dream, change = book.file(one, decision)
            story.changed(dream, change)
        elif dream.state in ("healing", "verifying"):
            said = request.input.get("summary", "it could not be applied")
            book.ended(dream, worked=False, why="the checks still fail" if applied else str(said))
        elif dream.state != "open":
            return
        self._next(gather.again(one), dream, story)

    # ── what people say ──────────────────────────────────────────────────────────────────────────────────

    def heal(self, request: AgentRequest) -> Report:
        """Try a remedy on a dream now, past cool-down and order; budgets still hold."""
        dream = self._dream(request)
        if dream.platform == SELF:
            raise RequestInvalid([f"{dream.key} is about this system itself; it has no remedy."])
        spec = self.context.config.services[dream.service]
        one = self._gather().of_dream(dream, spec)
        choice = next_remedy(one, dream)
        if wanted := request.input.get("remedy"):
            if wanted not in one.possible:
                possible = ", ".join(sorted(one.possible))
                raise RequestInvalid(
                    [f"{wanted!r} is not possible for {dream.key}; possible now: {possible}."]
                )
            choice = type(choice)(remedy=wanted, because="a person asked for it")
        if request.dry_run or choice.remedy is None:
            return Report(
                outcome="planned" if request.dry_run else "refused",
                summary=f"{dream.key}: {choice.remedy or 'no remedy'}, {choice.because}.",
                dreams=[dream.key],
            )
        with self.context.lock.lease(f"dream/{dream.key}", HOLD):
            dream, change, message = self._book().ask(dream, choice, one)
        summary = f"{dream.key}: {choice.remedy} was asked for."
        return Report(
            outcome="done", summary=summary, changes=[change], dreams=[dream.key], messages=[message]
        )

    def snooze(self, request: AgentRequest) -> Report:
        """Leave a dream alone for a while."""
        try:
            seconds = parse_duration(request.input["for"])
        except ValueError as error:
            raise RequestInvalid([f"'input.for': {error}"]) from error
        until = self.context.clock.now() + seconds
        return self._moved(
            request, "snoozed", f"a person wants no remedy for {request.input['for']}", until=until
        )

    def wont_fix(self, request: AgentRequest) -> Report:
        """Close a dream for good."""
        return self._moved(request, "wont-fix", request.input.get("reason", "a person said so"))

    def reopen(self, request: AgentRequest) -> Report:
        """Open a dream again that a person had put aside."""
        return self._moved(request, "open", request.input.get("reason", "a person opened it again"))

    def _moved(
        self, request: AgentRequest, state: str, because: str, *, until: float | None = None
    ) -> Report:
        dream = self._dream(request)
        if request.dry_run:
            return Report(outcome="planned", summary=f"{dream.key} would be {state}.", dreams=[dream.key])
        if dream.state == state:
            return Report(outcome="unchanged", summary=f"{dream.key} is {state} already.", dreams=[dream.key])
        with self.context.lock.lease(f"dream/{dream.key}", HOLD):
            dream, change = self._book().move(dream, state, because, until=until)
        return Report(
            outcome="done", summary=f"{dream.key} is {state}.", changes=[change], dreams=[dream.key]
        )

    def _dream(self, request: AgentRequest) -> Dream:
        """Find the dream that a person names by number or key."""
        name = str(request.input["dream"]).removeprefix("#")
        found = self.dreams.get(int(name)) if name.isdigit() else self.dreams.find(name)
        if found is None:
            raise NotFound("dream", name, [dream.key for dream in self.dreams.search(limit=50)])
        return found

    def _gather(self) -> Gather:
        return Gather(context=self.context, dreams=self.dreams)

    def _book(self) -> DreamBook:
        return DreamBook(context=self.context, dreams=self.dreams)

    def _self_checks(self) -> SelfCheck:
        return SelfCheck(context=self.context, dreams=self.dreams, bus=self.bus)


def _stamp(dream: Dream | None) -> tuple[object, ...] | None:
    """What must not have changed between looking at a dream and acting on it."""
    return (dream.number, dream.state, dream.changed_at, dream.attempt) if dream else None
