"""Another number of replicas for one service: asked of whoever decides it, seen ready, and never worse than before."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dreamnet_actions.domain.constraints import Constraints, Scaler
from dreamnet_actions.domain.release import ServiceState
from dreamnet_actions.domain.request import AgentRequest
from dreamnet_actions.domain.result import Change, ErrorInfo, Report
from dreamnet_actions.domain.spec.metrics import bounds
from dreamnet_actions.domain.spec.models import Service
from dreamnet_actions.errors import BudgetSpent, DreamNetError, NotFound, PermanentError, PlatformFailed
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.keepers.deploykeeper.watching import Watched, Watching
from dreamnet_actions.ports.platform import Platform

WITHIN = 60.0
"""Seconds that replicas may take to be ready where ``release.ready-within`` says nothing."""


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """One service's way to another number of replicas."""

    context: Context
    request: AgentRequest
    service: str
    spec: Service
    platform: Platform

    @property
    def key(self) -> str:
        """The service's key: ``platform/service``."""
        return self.context.key(self.service)

    @property
    def by_message(self) -> bool:
        """Whether no person asked for it."""
        return self.request.correlation_id != self.request.id

    @property
    def why(self) -> str:
        """Why it is done."""
        return str(self.request.input.get("reason", "it was asked for"))

    def to(self, replicas: int) -> Report:
        """Let so many run. Raises BudgetSpent where a message asks for more or less than may be."""
        state = self.platform.observe().services.get(self.service)
        if state is None:
            raise NotFound("running service", self.service, self.platform.observe().services)
        if state.stable.told is not None:
            raise PlatformFailed(
                f"{self.key} runs to its end; it has no replicas to scale.",
                hint="How many of its pods run side by side is 'parallelism' in its manifest.",
            )
        limits = self.platform.constraints(self.service)
        self._within(replicas, state.stable.desired, limits)
        if limits.scaler is not None and replicas > 0:
            return self._by_scaler(limits.scaler, replicas, state)
        before = state.stable.desired
        change = Change(
            what=f"replicas of {self.key}",
            before=str(before),
            after=str(replicas),
            why=self.why,
            undo=f"dreamnet scale {self.service} {before}",
        )
        if before == replicas and state.stable.settled:
            return Report(outcome="unchanged", summary=f"{self.key} has {replicas} replicas already.")
        if self.request.dry_run:
            summary = f"Would scale {self.key} from {before} to {replicas}."
            return Report(outcome="planned", summary=summary, changes=[change])
        self.platform.scale(self.service, replicas)
        watched = self._settled()
        if not watched.settled:
            return self._short(replicas, before, watched, change)
        self._note(
            f"{self.key}: {before} → {replicas} replicas, because {self.why}; stable", before, replicas
        )
        summary = f"{self.key} has {replicas} replicas (had {before})."
        if limits.scaler is not None:
            summary += f" The {limits.scaler.title} does nothing until it is scaled up again."
        return Report(outcome="done", summary=summary, changes=[change])

    def _within(self, replicas: int, current: int, limits: Constraints) -> None:
        """Refuse what no message may ask for; a person may."""
        if limits.scaler is not None and limits.scaler.refused is not None:
            raise PlatformFailed(
                f"The {limits.scaler.title} decides how many replicas {self.key} has.",
                hint=limits.scaler.refused,
            )
        allowed, budget = bounds(self.spec), limits.budget
        if not self.by_message:
            return
        if allowed and not allowed[0] <= replicas <= allowed[1]:
            raise BudgetSpent(
                f"{self.key} is kept between {allowed[0]} and {allowed[1]} replicas; {replicas} was asked for."
            )
        if budget is not None and replicas < min(current, budget.least):
            raise BudgetSpent(
                f"The disruption budget {budget.name} wants {budget.least} healthy replicas of {self.key}; "
                f"{replicas} was asked for."
            )

    # ── somebody else decides ────────────────────────────────────────────────────────────────────────────

    def _by_scaler(self, scaler: Scaler, replicas: int, state: ServiceState) -> Report:
        """Move the bounds of whoever decides: a number that we wrote would be theirs again a moment later."""
        before = state.stable.desired
        low, high = scaler.moved(replicas, before)
        change = Change(
            what=f"bounds of the {scaler.title} of {self.key}",
            before=f"{scaler.low}–{scaler.high}",
            after=f"{low}–{high}",
            why=self.why,
            undo=f"dreamnet scale {self.service} {scaler.low}",
        )
        said = f"the {scaler.title} decides how many replicas {self.key} has"
        if (low, high) == (scaler.low, scaler.high) and state.stable.desired >= low:
            return Report(
                outcome="unchanged", summary=f"{said}, and its least is {low} already.".capitalize()
            )
        if self.request.dry_run:
            summary = f"Would move its bounds from {change.before} to {change.after}: {said}."
            return Report(outcome="planned", summary=summary, changes=[change])
        self.platform.scale(self.service, replicas)
        if replicas > before:
            watched = self._settled(least=replicas)
            if not watched.settled:
                return self._short(replicas, before, watched, change, scaler)
        now = self.platform.observe().services[self.service].stable.desired
        text = f"{self.key}: {said}; its bounds are {low}–{high} (were {change.before}), because {self.why}"
        self._note(text, before, now)
        summary = (
            f"The bounds of the {scaler.title} are {low}–{high} (were {change.before}): {said}, {now} now."
        )
        return Report(outcome="done", summary=summary, changes=[change])

    # ── not all of them came ─────────────────────────────────────────────────────────────────────────────

    def _settled(self, least: int = 0) -> Watched:
        rules = self.spec.release
        within = rules.ready_within if rules else WITHIN
        watching, began = Watching(context=self.context), self.context.clock.monotonic()
        while True:
            left = within - (self.context.clock.monotonic() - began)
            watched = watching.until_settled(self.platform, self.service, within=max(0.0, left))
            if not watched.settled or watched.state is None or watched.state.stable.desired >= least:
                return watched
            if left <= 0:
                why = f"{watched.state.stable.desired} replicas are wanted, not {least}"
                return replace(watched, end="timeout", why=why)
            self.context.clock.sleep(0.2)  # whoever decides has not yet looked at its new bounds

    def _short(
        self, replicas: int, before: int, watched: Watched, change: Change, scaler: Scaler | None = None
    ) -> Report:
        """Not all replicas became ready: keep those that did, as many as there were before at the least. What hangs
        would be taken for a fault of the service, and waits for room that nobody may be about to make."""
        why = f"{self.key} should have {replicas} replicas: {_reason(watched)}"
        if replicas <= before:
            return _failed(self.key, why, [change])
        least = before if scaler is None else scaler.low
        kept, after = least, watched
        try:
            # What is only on its way may yet get there; the second time only what did counts.
            for hopeful in (True, False):
                kept = max(least, min(_living(after, hopeful=hopeful), replicas))
                self.platform.scale(self.service, kept)
                after = self._settled()
                if after.settled or kept == least:
                    break
        except DreamNetError as error:
            return _failed(self.key, f"{why}; and it could not be set back: {error.message}", [change])
        stands = f"{kept} serve (had {before})" if after.settled else f"set back to {kept}, and {after.why}"
        if kept != before:
            told = f"{self.key}: {before} → {kept} replicas of the {replicas} that were asked for"
            self._note(told, before, kept)
        shown = f"{kept}–{scaler.high}" if scaler else str(kept)
        return _failed(self.key, f"{why}; {stands}", [replace(change, after=shown)])

    def _note(self, text: str, before: int, after: int) -> None:
        data = {"before": before, "after": after}
        self.context.note("scaled", text, request=self.request, service=self.key, data=data)


def _living(watched: Watched, *, hopeful: bool) -> int:
    """Answer how many replicas are ready; ``hopeful`` counts those on their way, where the time is not over."""
    replicas = watched.state.stable.replicas if watched.state else ()
    counted = ("ready", "starting", "unready") if hopeful and watched.end == "failed" else ("ready",)
    return sum(one.state in counted for one in replicas)


def _reason(watched: Watched) -> str:
    """Answer why not all are ready: the platform's own words, where it has any."""
    waits = next(
        (one.waits for one in (watched.state.stable.replicas if watched.state else ()) if one.waits), None
    )
    return f"{watched.why} ({waits})" if waits and waits not in watched.why else watched.why


def _failed(key: str, why: str, changes: list[Change]) -> Report:
    info = ErrorInfo(
        code=PermanentError.code,
        message=why,
        hint=f"See 'dreamnet status' and the logs of {key}.",
        docs=f"docs/errors/{PermanentError.code}.md",
    )
    return Report(outcome="failed", summary=f"{why}.", changes=changes, error=info)
