"""DeployKeeper's actions: releases, what people say to canaries, restart, scale, and looking."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from dreamnet_actions.domain.actions import Agent
from dreamnet_actions.domain.health import worst
from dreamnet_actions.domain.release import ServiceState
from dreamnet_actions.domain.request import AgentRequest
from dreamnet_actions.domain.result import Change, ErrorInfo, Outcome, Report, Verdict
from dreamnet_actions.domain.spec.models import ReleaseRules, Service
from dreamnet_actions.errors import (
    BudgetSpent,
    DreamNetError,
    Leased,
    PermanentError,
    RequestInvalid,
    TemporaryError,
)
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.keepers.deploykeeper.asking import told
from dreamnet_actions.keepers.deploykeeper.history import history
from dreamnet_actions.keepers.deploykeeper.record import skipped
from dreamnet_actions.keepers.deploykeeper.reverting import reverted
from dreamnet_actions.keepers.deploykeeper.rollout import Rollout
from dreamnet_actions.keepers.deploykeeper.scaling import Scaling
from dreamnet_actions.keepers.deploykeeper.standing import standing
from dreamnet_actions.keepers.deploykeeper.stepping import DEFAULT_STEPS
from dreamnet_actions.keepers.deploykeeper.turns import turn
from dreamnet_actions.keepers.deploykeeper.watching import Watching
from dreamnet_actions.keepers.examination import Examination
from dreamnet_actions.ports.delivery import Builder, ReleaseReporter, Source
from dreamnet_actions.ports.metrics import MetricSource
from dreamnet_actions.ports.probe import Probe

HOLD = 600.0
"""Seconds for which a run may hold one service beside the time that its rules give it; a dead run's hold is free at
once."""
MAX_REPLICAS = 1000


@dataclass(frozen=True, kw_only=True)
class DeployKeeper:
    """Brings versions out and keeps them running."""

    context: Context
    probe: Probe
    sources: Mapping[str, Source]
    builders: Mapping[str, Builder]
    reporter: ReleaseReporter
    metrics: Callable[[], MetricSource | None] = lambda: None
    """Makes the source of numbers, where the configuration names one."""
    agent: Agent = "deploykeeper"

    def perform(self, request: AgentRequest) -> Report:
        """Do the request's action."""
        actions: dict[str, Callable[[AgentRequest], Report]] = {
            "deploy": self.deploy,
            "canary": self.canary,
            "verify": self.verify,
            "approve": self.approve,
            "promote": self.promote,
            "abort": self.abort,
            "rollback": self.rollback,
            "restart": self.restart,
            "scale": self.scale,
            "status": self.status,
            "releases": self.releases,
        }
        return actions[request.action](request)

    # ── releases ─────────────────────────────────────────────────────────────────────────────────────────

    def deploy(self, request: AgentRequest) -> Report:
        """Bring a version of every meant service out."""
        return self._release(request, forced_canary=False)

    def canary(self, request: AgentRequest) -> Report:
        """Bring a version out by canary, with default steps where the configuration names none."""
        return self._release(request, forced_canary=True)

    def approve(self, request: AgentRequest) -> Report:
        """Let a canary go on that showed too little evidence and waits for a person's word."""

        def one(name: str, spec: Service) -> Report:
            rollout = self._rollout(request, name, spec)
            return _after(rollout, rollout.stepping.approve())

        return self._each(request, one)

    def promote(self, request: AgentRequest) -> Report:
        """Make a canary the stable release now; a run that watches it is told."""
        return self._said(request, "promote", lambda rollout: rollout.stepping.promote())

    def abort(self, request: AgentRequest) -> Report:
        """End a canary now; a run that watches it is told."""
        return self._said(request, "abort", lambda rollout: rollout.stepping.abort())

    def _said(self, request: AgentRequest, word: str, do: Callable[[Rollout], Report]) -> Report:
        """Do what a person says to a canary, or leave the word to the run that holds the service."""

        def one(name: str, spec: Service) -> Report:
            rollout = self._rollout(request, name, spec)
            try:
                with self._holding(request, name, spec):
                    return _after(rollout, do(rollout))
            except Leased:
                why = request.input.get("reason", f"somebody said '{word}'")
                if request.dry_run or not rollout.record.say_word(word, why):
                    raise
            return Report(outcome="done", summary=f"{rollout.key}: the run that watches its canary was told.")

        return self._each(request, one, held=True)

    def rollback(self, request: AgentRequest) -> Report:
        """Go back to exactly the release before."""
        return self._each(request, lambda name, spec: self._rollout(request, name, spec).undoing.asked())

    def _release(self, request: AgentRequest, *, forced_canary: bool) -> Report:
        version = request.input.get("version")

        def one(name: str, spec: Service) -> Report:
            rollout = self._rollout(request, name, spec)
            return _after(rollout, rollout.out(version, forced_canary=forced_canary))

        return self._each(request, one)

    def _rollout(self, request: AgentRequest, name: str, spec: Service) -> Rollout:
        return Rollout(
            context=self.context,
            request=request,
            service=name,
            spec=spec,
            platform=self.context.platform_of(name),
            probe=self.probe,
            source=self.sources.get(name),
            builder=self.builders.get(name),
            reporter=self.reporter,
            metrics=self.metrics,
        )

    # ── restart and scale ────────────────────────────────────────────────────────────────────────────────

    def restart(self, request: AgentRequest) -> Report:
        """Replace every replica by a fresh one and see them ready."""
        return self._each(request, lambda name, spec: self._restart(request, name, spec))

    def _restart(self, request: AgentRequest, name: str, spec: Service) -> Report:
        platform, key = self.context.platform_of(name), self.context.key(name)
        state = platform.observe().services.get(name)
        why = request.input.get("reason", "it was asked for")
        change = Change(
            what=f"service {key}",
            before=_replicas(state),
            after="fresh replicas",
            why=why,
        )
        if state is not None and (blocked := platform.constraints(name).restart) is not None:
            raise BudgetSpent(f"{key} is not restarted: {blocked}")
        if request.dry_run:
            return Report(outcome="planned", summary=f"Would restart {key}.", changes=[change])
        if state is None:
            platform.apply(name, spec, platform.configured(name, spec))
        else:
            platform.restart(name, token=request.id)
        within = spec.release.ready_within if spec.release else 60.0
        watched = Watching(context=self.context).until_settled(platform, name, within=within)
        if not watched.settled:
            serving = watched.state.stable.ready if watched.state else 0
            still = f"; replicas that still serve: {serving}" if serving else "; no replica serves"
            return _failed(key, f"{key} was restarted and is not ready: {watched.why}{still}", [change])
        self.context.note(
            "restarted", f"{key}: restarted; {watched.why}", request=request, service=key, data={"why": why}
        )
        return Report(outcome="done", summary=f"{key} was restarted; {watched.why}.", changes=[change])

    def scale(self, request: AgentRequest) -> Report:
        """Change the number of replicas and see them ready."""
        replicas = request.input["replicas"]
        if not 0 <= replicas <= MAX_REPLICAS:
            raise RequestInvalid([f"'input.replicas' is {replicas}; expected 0 to {MAX_REPLICAS}."])
        if "service" not in request.input and len(self.context.config.services) > 1:
            raise RequestInvalid(["'input.service' is missing: say which service gets the replicas."])
        return self._each(request, lambda name, spec: self._scale(request, name, spec, replicas))

    def _scale(self, request: AgentRequest, name: str, spec: Service, replicas: int) -> Report:
        scaling = Scaling(
            context=self.context,
            request=request,
            service=name,
            spec=spec,
            platform=self.context.platform_of(name),
        )
        return scaling.to(replicas)

    # ── looking ──────────────────────────────────────────────────────────────────────────────────────────

    def verify(self, request: AgentRequest) -> Report:
        """Check that what runs is ready and passes its checks; changes nothing."""
        services = self._meant(request)
        examined = Examination(context=self.context, probe=self.probe).look(services)
        findings = [
            {"service": name, "health": one.health, "checks": [r.to_json() for r in one.reports]}
            for name, one in examined.items()
        ]
        verdict: Verdict = worst(one.health for one in examined.values()) if examined else "healthy"
        said = "; ".join(f"{name} is {one.health}" for name, one in examined.items())
        return Report(
            outcome="done", verdict=verdict, summary=f"{said or 'Nothing to verify'}.", findings=findings
        )

    def status(self, request: AgentRequest) -> Report:
        """Say what runs where, in which version, and how it does."""
        findings = []
        for name, spec in self._meant(request).items():
            state = self.context.platforms[spec.platform].observe().services.get(name)
            intent, _ = self.context.journal.state(f"rollout/{self.context.key(name)}")
            status = standing(state, intent) | skipped(self.context, name, state)
            findings.append({"service": name, "platform": spec.platform} | status)
        said = "; ".join(f"{one['service']}: {one['text']}" for one in findings)
        return Report(outcome="done", summary=f"{said or 'Nothing is configured there'}.", findings=findings)

    def releases(self, request: AgentRequest) -> Report:
        """Say which release of each service is out, what was before it, what is held, and how each one ended."""
        limit = request.input.get("limit", 20)
        if not 1 <= limit <= 1000:
            raise RequestInvalid([f"'input.limit' is {limit}; expected 1 to 1000."])
        findings = [history(self.context, name, limit) for name in self._meant(request)]
        said = "; ".join(f"{one['service']}: {one['text']}" for one in findings)
        return Report(outcome="done", summary=f"{said or 'Nothing is configured there'}.", findings=findings)

    # ── several services ─────────────────────────────────────────────────────────────────────────────────

    def _meant(self, request: AgentRequest) -> dict[str, Service]:
        given = request.input
        found = self.context.services(given.get("target"), given.get("cluster"), given.get("service"))
        if (branch := given.get("branch")) is None:
            return found
        return {
            name: spec
            for name, spec in found.items()
            if spec.release is not None
            and spec.release.repository is not None
            and spec.release.branch == branch
        }

    @contextmanager
    def _holding(self, request: AgentRequest, name: str, spec: Service) -> Iterator[None]:
        """Hold one service: one deployer each, in this home and on its platform. A dry run holds nothing."""
        if request.dry_run:
            yield
            return
        with (
            self.context.lock.lease(f"service/{self.context.key(name)}", _longest(spec)),
            turn(self.context, name, self.sources.get(name), request.input.get("version")),
        ):
            yield

    def _each(
        self, request: AgentRequest, do: Callable[[str, Service], Report], *, held: bool = False
    ) -> Report:
        """Do it for each meant service, one deployer a service; one that fails never hides the others. ``held``: ``do``
        holds its service itself."""
        services = self._meant(request)
        if not services:
            branch = request.input.get("branch")
            where = f"is released from the branch {branch!r}" if branch else "is configured there"
            return Report(outcome="unchanged", summary=f"No service {where}.")
        reports: dict[str, Report] = {}
        for name, spec in services.items():
            try:
                with nullcontext() if held else self._holding(request, name, spec):
                    reports[name] = do(name, spec)
            except DreamNetError as error:
                if len(services) == 1:
                    raise
                reports[name] = _error_of(name, error)
        return _together(list(reports.values()))


def _after(rollout: Rollout, report: Report) -> Report:
    """Answer the report of a rollout once others know of it: who reverts, who asks people."""
    return told(rollout, reverted(rollout, report))


def _longest(spec: Service) -> float:
    """Answer the seconds that a rollout of the service may take: its build, each step, getting ready, and back."""
    rules = spec.release or ReleaseRules()
    soaks = len(rules.strategy.canary or DEFAULT_STEPS) * rules.strategy.soak
    away = rules.strategy.wait_for_metrics if rules.strategy.metrics else 0.0
    builds = (2 if rules.image else 1) * rules.build_timeout
    return HOLD + builds + soaks + away + rules.soak + 6 * rules.ready_within


def _error_of(name: str, error: DreamNetError) -> Report:
    """Answer the report of one service of several that something was wrong with."""
    outcome: Outcome = "failed" if isinstance(error, PermanentError) else "refused"
    if isinstance(error, TemporaryError):
        outcome = "deferred"
    return Report(outcome=outcome, summary=f"{name}: {error.message}", error=ErrorInfo.of(error))


def _together(reports: list[Report]) -> Report:
    """Fold the reports of several services into one: the worst outcome and verdict decide."""
    if len(reports) == 1:
        return reports[0]
    outcomes = ("failed", "refused", "deferred", "planned", "done", "unchanged")
    verdicts = ("rollback-failed", "rolled-back", "deployed-unverified", "deployed")
    outcome = next(one for one in outcomes if any(report.outcome == one for report in reports))
    verdict = next((one for one in verdicts if any(report.verdict == one for report in reports)), None)
    return Report(
        outcome=outcome,  # type: ignore[arg-type]
        verdict=verdict,  # type: ignore[arg-type]
        summary=" ".join(report.summary for report in reports),
        findings=[one for report in reports for one in report.findings],
        changes=[one for report in reports for one in report.changes],
        messages=[one for report in reports for one in report.messages],
        error=next((report.error for report in reports if report.error), None),
    )


def _failed(key: str, why: str, changes: list[Change]) -> Report:
    info = ErrorInfo(
        code=PermanentError.code,
        message=why,
        hint=f"See 'dreamnet status' and the logs of {key}.",
        docs=f"docs/errors/{PermanentError.code}.md",
    )
    return Report(outcome="failed", summary=f"{why}.", changes=changes, error=info)


def _replicas(state: ServiceState | None) -> str:
    return f"{state.stable.ready} of {state.stable.desired} ready" if state else "not running"
