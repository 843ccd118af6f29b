"""DreamKeeper's actions. ``check`` is here; ``verify`` is in ``proving``, what people say in ``people``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from dreamnet_actions.domain.actions import Agent
from dreamnet_actions.domain.request import AgentRequest
from dreamnet_actions.domain.result import Report
from dreamnet_actions.domain.spec.metrics import only_load
from dreamnet_actions.domain.spec.models import Service
from dreamnet_actions.errors import (
    Leased,
    Paused,
    PermanentError,
    RefusedError,
    RequestInvalid,
    TemporaryError,
)
from dreamnet_actions.errors.words import unknown
from dreamnet_actions.keepers.context import SELF, Context
from dreamnet_actions.keepers.dreamkeeper.acting import HOLD, Acting
from dreamnet_actions.keepers.dreamkeeper.calling import Calling
from dreamnet_actions.keepers.dreamkeeper.flagwatch import FlagWatch
from dreamnet_actions.keepers.dreamkeeper.gather import Gather
from dreamnet_actions.keepers.dreamkeeper.hosted import House
from dreamnet_actions.keepers.dreamkeeper.load import LoadWatch
from dreamnet_actions.keepers.dreamkeeper.people import People
from dreamnet_actions.keepers.dreamkeeper.plan import Decision, Situation, decide, storm
from dreamnet_actions.keepers.dreamkeeper.proving import Proving
from dreamnet_actions.keepers.dreamkeeper.selfcheck import NAME, SPEC, SelfCheck
from dreamnet_actions.keepers.dreamkeeper.story import Story
from dreamnet_actions.keepers.dreamkeeper.umbrella import Umbrella
from dreamnet_actions.keepers.dreamkeeper.windows import Windows
from dreamnet_actions.keepers.examination import Examination, Examined
from dreamnet_actions.ports.hosting import Hosting
from dreamnet_actions.ports.keeping import Keeping
from dreamnet_actions.ports.notices import Notices
from dreamnet_actions.ports.notifier import Notifier
from dreamnet_actions.ports.probe import Probe
from dreamnet_actions.ports.stores import DreamStore, MessageBus


@dataclass(frozen=True, kw_only=True)
class DreamKeeper:
    """Watches services and this system; files, heals, proves and learns."""

    context: Context
    dreams: DreamStore
    bus: MessageBus
    probe: Probe
    keeping: Keeping | None = None
    hosting: Hosting | None = None
    house: House | None = None
    notices: Notices | None = None
    notifiers: Mapping[str, Notifier] = field(default_factory=dict)
    page: Callable[[int], str] | None = None
    agent: Agent = "dreamkeeper"

    def perform(self, request: AgentRequest) -> Report:
        """Do the request's action."""
        people = People(context=self.context, dreams=self.dreams)
        proving = Proving(context=self.context, dreams=self.dreams, probe=self.probe, windows=self._windows())
        actions: dict[str, Callable[[AgentRequest], Report]] = {
            "check": self.check,
            "verify": proving.verify,
            "heal": people.heal,
            "approve": people.approve,
            "snooze": people.snooze,
            "wont-fix": people.wont_fix,
            "reopen": people.reopen,
        }
        report = actions[request.action](request)
        # Once its messages are out: who is called for does not hold up what heals.
        return report if request.dry_run else replace(report, then=self._calling.call)

    @property
    def _calling(self) -> Calling:
        where = {"page": self.page} if self.page is not None else {}
        return Calling(context=self.context, dreams=self.dreams, notifiers=self.notifiers, **where)

    def check(self, request: AgentRequest) -> Report:
        """Look at services (and at this system), and act on what is seen: open, heal, resolve, scale."""
        only, target = request.input.get("check"), request.input.get("target")
        services = self._meant(request)
        story = Story()
        if target == SELF or (
            target is None and request.input.get("service") is None and only in (None, NAME)
        ):
            self._check_self(
                request, story, None if only == NAME else only, asked=target == SELF or only == NAME
            )
        if services:
            self._check_services(request, services, only, story)
        return story.report(planned=request.dry_run)

    def _meant(self, request: AgentRequest) -> dict[str, Service]:
        """Answer the services that a check means; raises RequestInvalid for a check that nobody has."""
        only, target = request.input.get("check"), request.input.get("target")
        if only == NAME and target not in (None, SELF):
            raise RequestInvalid([f"{NAME!r} is a check of 'self', not of {target!r}: leave the target out."])
        if target == SELF or only == NAME:
            known = self._self_checks(request).checks
            if only not in (None, NAME, *known):
                raise RequestInvalid([unknown("check of self", only, [NAME, *known])])
            return {}
        services = self.context.services(target, request.input.get("cluster"), request.input.get("service"))
        if only is not None:
            services = {name: spec for name, spec in services.items() if only in spec.checks}
            if not services:
                names = {name for spec in self.context.config.services.values() for name in spec.checks}
                raise RequestInvalid([unknown("check", only, names | {NAME})])
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
        for name, one in situations.items():
            story.saw(name, one.health, one.reports)
        if only is not None:
            situations = _without_half_proofs(situations, only, story)
        if not request.dry_run:
            gather.remember(situations)
        situations = FlagWatch(context=self.context).watch(situations, story)
        self._act(situations, story, dry_run=request.dry_run, services=True)
        load = LoadWatch(context=self.context, windows=self._windows())
        for name in situations:
            if _carries_load(examined[name], services[name]):
                load.watch(name, services[name], examined[name], story, dry_run=request.dry_run)

    def _check_self(self, request: AgentRequest, story: Story, only: str | None, *, asked: bool) -> None:
        """Look at this system; each of its checks is a dream of its own, and a person is told."""
        gather = self._gather()
        situations = {}
        for report in self._self_checks(request).look(only, asked=asked):
            one = gather.own(report, SPEC)
            situations[one.key] = one
            story.saw(one.key, one.health, one.reports)
        self._act(situations, story, dry_run=request.dry_run, services=False)

    def _act(
        self, situations: Mapping[str, Situation], story: Story, *, dry_run: bool, services: bool
    ) -> None:
        """Decide on each service and do it; one that somebody else works on is left to them, and one that goes
        wrong hides no other."""
        acting = Acting(context=self.context, dreams=self.dreams)
        windows = self._windows()
        closed = {
            name: why
            for name, one in situations.items()
            if services and one.confirmed and (why := windows.over(name)) is not None
        }
        news = {name: one for name, one in situations.items() if name not in closed}
        raging = storm(news, self.context.config.watch)
        failing = {name for name, one in situations.items() if one.confirmed and one.health == "failing"}
        decisions: dict[str, Decision] = {}
        for name, one in situations.items():
            blocked = next((need for need in one.spec.needs if need in failing or acting.down(need)), None)
            decisions[name] = decide(
                one, self.context.config.watch, blocked_by=blocked, storm=raging, maintenance=closed.get(name)
            )
        if services:
            umbrella = Umbrella(acting=acting, situations=situations, story=story, dry_run=dry_run)
            decisions = self._gathered(umbrella, decisions)
        for name, decision in decisions.items():
            one = situations[name]
            story.decided(name, decision)
            if dry_run or not acting.is_left_to_do(one, decision):
                continue
            try:
                with self.context.lock.lease(f"dream/{one.key}", HOLD):
                    acting.carry_out(one, decision, story, raging)
            except Leased:
                story.heard(name, "somebody else is working on it")
            except Paused as error:
                story.heard(name, error.message)
            except (TemporaryError, PermanentError, RefusedError) as error:
                story.failed(name, error)

    def _gathered(self, umbrella: Umbrella, decisions: dict[str, Decision]) -> dict[str, Decision]:
        """Let the umbrella speak for what it covers; where it cannot be written, each fault is filed by itself."""
        try:
            return umbrella.over(decisions)
        except (TemporaryError, PermanentError, RefusedError) as error:
            self.context.reporter.say(f"The umbrella dream could not be written: {error.message}")
            return decisions

    def _windows(self) -> Windows:
        return Windows(context=self.context, notices=self.notices)

    def _gather(self) -> Gather:
        return Gather(context=self.context, dreams=self.dreams)

    def _self_checks(self, request: AgentRequest) -> SelfCheck:
        return SelfCheck(
            context=self.context,
            dreams=self.dreams,
            bus=self.bus,
            keeping=self.keeping,
            house=self.house,
            hosting=self.hosting,
            calling=self._calling,
            writes=not request.dry_run,
        )


def _without_half_proofs(
    situations: Mapping[str, Situation], only: str, story: Story
) -> dict[str, Situation]:
    """Leave out services that are well by one of several checks: a fault seen so is one, but well they may not be."""
    kept = {}
    for name, one in situations.items():
        if one.health == "healthy" and len(one.spec.checks) > 1:
            story.heard(name, f"only {only!r} was looked at, and it passed")
        else:
            kept[name] = one
    return kept


def _carries_load(examined: Examined, spec: Service) -> bool:
    """Say whether a service's load may be acted on: it is well, or nothing but its load is wrong."""
    wrong = [one for one in examined.reports if one.status != "passed"]
    return all(only_load(spec, one.check) for one in wrong)
