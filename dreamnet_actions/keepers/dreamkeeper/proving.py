"""Proving what a remedy, release or sync did: the service is watched until it is well, or the next remedy's turn."""

from __future__ import annotations

from dataclasses import dataclass

from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.request import AgentRequest
from dreamnet_actions.domain.result import Report
from dreamnet_actions.domain.spec.models import Service
from dreamnet_actions.errors import PermanentError, RefusedError, TemporaryError
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.keepers.dreamkeeper.acting import HOLD, Acting
from dreamnet_actions.keepers.dreamkeeper.plan import Decision, decide
from dreamnet_actions.keepers.dreamkeeper.story import Story
from dreamnet_actions.keepers.dreamkeeper.windows import Windows
from dreamnet_actions.keepers.examination import Examination, Examined, stuck
from dreamnet_actions.ports.probe import Probe
from dreamnet_actions.ports.stores import DreamStore


@dataclass(frozen=True, kw_only=True)
class Proving:
    """The action ``verify``."""

    context: Context
    dreams: DreamStore
    probe: Probe
    windows: Windows

    def verify(self, request: AgentRequest) -> Report:
        """Prove what was done to one service, or to all that are meant."""
        services = self.context.services(
            request.input.get("target"), request.input.get("cluster"), request.input.get("service")
        )
        if request.dry_run:
            return Report(
                outcome="planned", summary=f"Would watch {', '.join(services) or 'nothing'} for health."
            )
        story = Story()
        for name, spec in services.items():
            try:
                key = self.context.key(name)
                with self.context.lock.lease(f"dream/{key}", HOLD + spec.heal.recover_within):
                    self._prove(request, name, spec, story)
            except (TemporaryError, PermanentError, RefusedError) as error:
                if len(services) == 1:
                    raise
                story.failed(name, error)
        return story.report(planned=False)

    def _prove(self, request: AgentRequest, name: str, spec: Service, story: Story) -> None:
        acting = Acting(context=self.context, dreams=self.dreams)
        dream = self.dreams.find(self.context.key(name))
        if dream is not None and dream.ended:
            acting.book.surely_resolved(dream)
            dream = None
        outcome, verdict = request.input.get("outcome"), request.input.get("verdict")
        applied = outcome in (None, "done", "unchanged") or verdict == "rolled-back"
        told = dream is not None and _tells_of(request, dream)
        if dream is not None and told and dream.state == "healing" and applied:
            dream = acting.book.verifying(dream)
        well, examined = self._watch(name, spec, applied=applied, patient=dream is not None)
        if well and dream is None and outcome == "failed" and not applied:
            well, examined = False, stuck(examined, request.input.get("summary", ""))
        story.saw(name, examined.health, examined.reports)
        if well:
            acting.gather.reset(name, spec)
            if dream is not None:
                how = f"after {dream.remedy}" if dream.remedy else "by itself"
                dream, change = acting.book.resolve(dream, f"its checks pass again {how}")
                story.changed(dream, change)
        elif examined.health == "unknown":
            story.heard(name, "nothing could be found out, and that is no fault of the service")
        elif dream is not None and dream.state in ("healing", "verifying") and not told:
            story.heard(name, f"{dream.remedy} is still under way")
        else:
            self._not_well(request, acting, examined, spec, dream, story, applied=applied)

    def _watch(self, name: str, spec: Service, *, applied: bool, patient: bool) -> tuple[bool, Examined]:
        examination = Examination(context=self.context, probe=self.probe)
        if applied:
            return examination.recovered(name, spec, spec.heal.recover_within, patient=patient)
        examined = examination.look({name: spec})[name]
        return examined.health == "healthy", examined

    def _not_well(
        self,
        request: AgentRequest,
        acting: Acting,
        examined: Examined,
        spec: Service,
        dream: Dream | None,
        story: Story,
        *,
        applied: bool,
    ) -> None:
        """The proof did not come: write that down and go on to the next remedy, or file what is wrong."""
        one = acting.gather.failed(examined, spec)
        if (why := self.windows.over(examined.service)) is not None:
            story.decided(examined.service, Decision(kind="maintenance", because=why))
            return
        if dream is None:
            blocked = next((need for need in spec.needs if acting.down(need)), None)
            decision = decide(one, self.context.config.watch, blocked_by=blocked, storm=None)
            story.decided(examined.service, decision)
            if decision.kind not in ("open", "reopen"):
                return
            dream, change = acting.book.file(one, decision)
            story.changed(dream, change)
        elif dream.state in ("healing", "verifying"):
            said = str(request.input.get("summary", "it could not be applied"))
            acting.book.ended(dream, worked=False, why="the checks still fail" if applied else said)
        elif dream.state != "open":
            return
        acting.next(acting.gather.again(one), dream, story)


def _tells_of(request: AgentRequest, dream: Dream) -> bool:
    """Say whether the request tells how the dream's present remedy ended, and not a former one or another dream's."""
    given = request.input
    story = f"dream-{dream.number}-"
    return (
        given.get("remedy") == dream.remedy is not None
        and given.get("attempt", dream.attempt) == dream.attempt
        and given.get("dream", str(dream.number)) == str(dream.number)
        and (not request.correlation_id.startswith(story) or request.correlation_id == dream.correlation_id)
    )
