"""One rollout of one service: build, bring out (plainly or by canary), prove. Reads as its phases. Its way back is in
``undoing.py``, its canary in ``stepping.py``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from dreamnet_actions.domain.release import Release, ServiceState
from dreamnet_actions.domain.request import AgentRequest
from dreamnet_actions.domain.result import Change, Report, warning
from dreamnet_actions.domain.spec.models import ReleaseRules, Service
from dreamnet_actions.domain.spec.strategies import Strategy
from dreamnet_actions.errors import (
    DreamNetError,
    PermanentError,
    ReleaseFailed,
    RequestInvalid,
)
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.keepers.deploykeeper.planning import drifted, planned
from dreamnet_actions.keepers.deploykeeper.proving import Proof
from dreamnet_actions.keepers.deploykeeper.record import Record, page, short
from dreamnet_actions.keepers.deploykeeper.steadiness import Steady
from dreamnet_actions.keepers.deploykeeper.stepping import DEFAULT_STEPS, Stepping
from dreamnet_actions.keepers.deploykeeper.turns import late
from dreamnet_actions.keepers.deploykeeper.undoing import Undoing, why_not
from dreamnet_actions.ports.delivery import Builder, ReleaseReporter, Source
from dreamnet_actions.ports.metrics import MetricSource
from dreamnet_actions.ports.platform import Platform
from dreamnet_actions.ports.probe import Probe


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """One service's way to another release."""

    context: Context
    request: AgentRequest
    service: str
    spec: Service
    platform: Platform
    probe: Probe
    source: Source | None
    builder: Builder | None
    reporter: ReleaseReporter
    metrics: Callable[[], MetricSource | None] = lambda: None
    """Makes the source of numbers, where the configuration names one."""
    untold: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What people could not be told of this rollout (``Record.untold``)."""

    @property
    def key(self) -> str:
        """The service's key: ``platform/service``."""
        return self.context.key(self.service)

    @property
    def rules(self) -> ReleaseRules:
        """The service's rules for releases, or the defaults."""
        return self.spec.release or ReleaseRules()

    @property
    def proof(self) -> Proof:
        """How it is proved."""
        return Proof(
            context=self.context,
            service=self.service,
            spec=self.spec, platform=self.platform,
            probe=self.probe,
        )  # fmt: skip

    @property
    def record(self) -> Record:
        """Where all of this is written down."""
        return Record(
            context=self.context,
            request=self.request,
            service=self.service,
            key=self.key,
            platform=self.platform.name,
            reporter=self.reporter,
            url=page(self.spec),
            untold=self.untold,
        )

    @property
    def stepping(self) -> Stepping:
        """Its way by canary."""
        return Stepping(rollout=self)

    @property
    def undoing(self) -> Undoing:
        """Its way back."""
        return Undoing(rollout=self)

    # ── out ──────────────────────────────────────────────────────────────────────────────────────────────

    def out(self, version: str | None, *, forced_canary: bool) -> Report:
        """Bring ``version`` out (a branch, tag or commit; None: the branch's head, or the configured command)."""
        record = self.record
        if not self.request.dry_run:
            if (answer := record.answered()) is not None:
                return answer
            self.undoing.finish_former()
        state = self.state()
        mine, strategy = record.mine, self._strategy(forced_canary)
        # A run that was cut off goes on with the commit that it had chosen: a branch may have moved since.
        revision = mine["revision"] if mine and mine.get("revision") else self._revision(version)
        wanted = f"git:{revision}" if revision else self.platform.configured(self.service, self.spec).version
        if state is not None and self._runs(state, wanted) and not record.unproved(wanted):
            return self._kept(state)
        if (newer := late(record, self.source, revision, state)) is not None:
            return record.skipped(wanted, newer)
        if mine is None and (version is None or self.request.hops > 0):
            record.refuse_held(wanted)  # a person who names a version may insist; a repeated webhook may not
        out_already = state is not None and state.stable.release.version == wanted
        by_canary = strategy.canary is not None and state is not None and state.stable.ready > 0
        by_canary = by_canary and not out_already
        change = self.change(state, wanted)
        if self.request.dry_run:
            how = f"by canary ({_steps(strategy)})" if by_canary else "at once"
            summary = f"Would deploy {short(wanted)} to {self.key} {how}."
            return planned(self, revision, summary, change)
        if by_canary and (answer := self.stepping.still_waits(state, wanted)) is not None:
            return answer
        return self.bring_out(self._build(revision), strategy, change, by_canary=by_canary)

    def bring_out(
        self, release: Release, strategy: Strategy, change: Change, *, by_canary: bool, promoted: bool = False
    ) -> Report:
        """Bring a release out that is built: at once, by canary, or (``promoted``) with the canary that serves now."""
        record, state = self.record, self.state()
        former = state.stable.release.version if state else None
        if (intent := record.intent) is not None and intent["version"] == release.version:
            if intent["phase"] == "back" and state is not None:  # of this request, which was cut off there
                return self.undoing.take_back(release, state, intent["why"])
            former = intent.get("former", former)
        record.began(release, former)
        try:
            if not by_canary:
                return self._at_once(release, state, change, former)
            other = self.stepping.by_canary(release, strategy, promoted=promoted)
            return other or self._prove(release, state, change, former, None)
        except DreamNetError as error:
            return self._broken_off(release, error)

    def _kept(self, state: ServiceState) -> Report:
        """The version runs already; what else the configuration says of it (variables, limits, its port) may be new."""
        release = state.stable.release
        same = Report(outcome="unchanged", summary=f"{self.key} runs {release.short} already.")
        if self.request.dry_run:
            return drifted(self, release, same)
        self.platform.apply(self.service, self.spec, release)
        after = self.state()
        if after is not None and after.stable.settled:
            return same
        self.record.began(release, release.version)  # cut off from here on, the next run proves it
        watched = self.proof.settled(state, required=self.rules.required)
        why = f"{self.key} runs {release.short} with the configuration as it is now"
        change = Change(
            what=f"configuration of {self.key}", why=why, undo=f"dreamnet rollback {self.service}"
        )
        if watched.settled:
            return self._prove(release, state, change, release.version, self.proof.steady(release, watched))
        return self.undoing.take_back(release, state, watched.why)

    def _revision(self, version: str | None) -> str | None:
        """Resolve what was asked for to a full hash; None where the service has no repository."""
        if self.source is None:
            if version is not None:
                raise RequestInvalid(
                    [f"{self.key} has no repository, so there is no version {version!r} of it."],
                    hint=f"Add to the configuration:\nservices:\n  {self.service}:\n    release: {{git: .}}",
                )
            return None
        return self.source.resolve(version or self.rules.branch).revision

    def _build(self, revision: str | None) -> Release:
        if revision is None:
            return self.platform.configured(self.service, self.spec)
        if self.builder is None:
            raise PermanentError(f"Nothing can build {self.key}.", hint="Its platform has no builder.")
        with self.context.reporter.group(f"Build {self.key} at {revision[:7]}"):
            return self.builder.build(self.service, self.spec, revision)

    def _at_once(
        self, release: Release, state: ServiceState | None, change: Change, former: str | None
    ) -> Report:
        """Replace the stable release; a release that does not become ready, or does not stay so, is taken back."""
        if state is not None and state.canary is not None and state.canary.release.version != release.version:
            self.platform.withdraw(self.service)  # left by a run that was cut off
        try:
            self.platform.apply(self.service, self.spec, release)
        except ReleaseFailed as error:
            return self.undoing.take_back(release, state, error.message)
        same = state is not None and state.stable.release.version == release.version
        watched = self.proof.settled(state if same else None, required=self.rules.required)
        if not watched.settled:
            return self.undoing.take_back(release, state, watched.why)
        return self._prove(release, state, change, former, self.proof.steady(release, watched))

    def _prove(
        self,
        release: Release,
        before: ServiceState | None,
        change: Change,
        former: str | None,
        steady: Steady | None,
    ) -> Report:
        """The release is out and ready: only its checks, and that it stays ready, make it ``deployed``."""
        proof = self.proof
        well, examined = proof.by_checks(steady)
        if steady is not None and (well or steady.fault):
            watched = proof.stays(steady)
            if not watched.settled:
                return self.undoing.take_back(release, before, watched.why)
        checks = [one.to_json() for one in examined.reports]
        findings: list[dict[str, object]] = [
            {"service": self.service, "health": examined.health, "checks": checks}
        ]
        if well:
            text = f"{self.key}: {release.short} is deployed and passes its checks"
            self._tidy()
            return self.record.ended(release, "deployed", text, change, findings=findings, former=former)
        if examined.health == "unknown":
            text = f"{self.key}: {release.short} is out, but nothing could verify it"
            return self.record.ended(release, "deployed-unverified", text, change, findings=findings)
        return self.undoing.take_back(release, before, why_not(examined))

    def _tidy(self) -> None:
        """Delete what former releases left; that it cannot be deleted breaks no release."""
        try:
            left = self.platform.tidy(self.service, self.spec)
        except DreamNetError as error:
            text = f"{self.key}: what former releases left could not be deleted: {error.message}"
            self.context.reporter.say(text)
            self.untold[text] = warning(text, error)
            return
        if left:
            self.say(f"deleted what left the manifests: {', '.join(left)}", deleted=list(left))

    def _broken_off(self, release: Release, error: DreamNetError) -> Report:
        """An error of ours in the middle: stop where it is safe (a canary without traffic) and say so. The intent
        stays, so that the next run of the request goes on from here."""
        try:
            self.platform.withdraw(self.service)
        except DreamNetError as another:
            self.context.reporter.say(f"{self.key}: the canary could not be withdrawn: {another.message}")
        text = f"{self.key}: {release.short} was broken off: {error.message}"
        self.record.note_end(release, "deployed-unverified", text)
        raise error

    # ── looking ──────────────────────────────────────────────────────────────────────────────────────────

    def say(self, text: str, **data: object) -> None:
        """Write one step of this release to the journal."""
        self.record.step(text, **data)

    def state(self) -> ServiceState | None:
        """Answer the platform's view of the service; None where it does not run."""
        return self.platform.observe().services.get(self.service)

    def _strategy(self, forced: bool) -> Strategy:
        strategy = self.rules.strategy
        return replace(strategy, canary=DEFAULT_STEPS) if forced and strategy.canary is None else strategy

    def _runs(self, state: ServiceState, version: str) -> bool:
        return state.canary is None and state.stable.release.version == version and state.stable.settled

    def change(self, state: ServiceState | None, wanted: str) -> Change:
        """Answer the change that bringing a version out is."""
        return Change(
            what=f"release of {self.key}",
            before=state.stable.release.version if state else None,
            after=wanted,
            why=self.request.input.get("reason", "a deploy was asked for"),
            undo=f"dreamnet rollback {self.service}",
        )


def _steps(strategy: Strategy) -> str:
    return ", ".join(f"{share:.0%}" for share in strategy.canary or ())
