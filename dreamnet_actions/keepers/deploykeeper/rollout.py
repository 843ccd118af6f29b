"""One rollout of one service: build, bring out (plainly or by canary), prove, or take back. Reads as its phases."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dreamnet_actions.config.models import ReleaseRules, Service, Strategy
from dreamnet_actions.domain.release import Release, ServiceState
from dreamnet_actions.domain.request import AgentRequest
from dreamnet_actions.domain.result import Change, ErrorInfo, Report, Verdict
from dreamnet_actions.errors import BudgetSpent, DreamNetError, NotFound, PermanentError, RequestInvalid
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.keepers.deploykeeper.canary import CanaryRun
from dreamnet_actions.keepers.deploykeeper.watching import Watched, Watching
from dreamnet_actions.keepers.examination import Examination
from dreamnet_actions.ports.delivery import Builder, ReleaseReporter, Source
from dreamnet_actions.ports.platform import Platform
from dreamnet_actions.ports.probe import Probe

DEFAULT_STEPS = (0.1, 0.5)
"""The canary's shares where somebody asks for one and the configuration names none."""


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

    @property
    def key(self) -> str:
        """The service's key: ``platform/service``."""
        return self.context.key(self.service)

    @property
    def rules(self) -> ReleaseRules:
        """The service's rules for releases, or the defaults."""
        return self.spec.release or ReleaseRules()

    # ── out ──────────────────────────────────────────────────────────────────────────────────────────────

    def out(self, version: str | None, *, forced_canary: bool) -> Report:
        """Bring ``version`` out (a branch, tag or commit; None: the branch's head, or the configured command)."""
        state = self.platform.observe().services.get(self.service)
        strategy = self._strategy(forced_canary)
        revision = self._revision(version)
        wanted = f"git:{revision}" if revision else self.platform.configured(self.service, self.spec).version
        if self._runs(state, wanted):
            return Report(outcome="unchanged", summary=f"{self.key} runs {_short(wanted)} already.")
        if version is None or self.request.hops > 0:
            self._refuse_held(wanted)  # a person who names a version may insist; a repeated webhook may not
        by_canary = strategy.canary is not None and state is not None and state.stable.ready > 0
        change = self._change(state, wanted)
        if self.request.dry_run:
            how = f"by canary ({_steps(strategy)})" if by_canary else "at once"
            return Report(
                outcome="planned",
                summary=f"Would deploy {_short(wanted)} to {self.key} {how}.",
                changes=[change],
            )
        release = self._build(revision)
        self._began(release, state)
        try:
            taken_back = self._by_canary(release, strategy) if by_canary else self._at_once(release, state)
            return taken_back or self._prove(release, state, change)
        except DreamNetError as error:
            return self._broken_off(release, error)

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

    def _at_once(self, release: Release, state: ServiceState | None) -> Report | None:
        """Replace the stable release; a release that does not become ready is taken back."""
        self.platform.apply(self.service, self.spec, release)
        watched = self._settled()
        return None if watched.settled else self._take_back(release, state, watched.why)

    def _by_canary(self, release: Release, strategy: Strategy) -> Report | None:
        """Let a canary take growing shares; the first clear sign of errors ends it. Then make it the stable one."""
        run = CanaryRun(rollout=self, release=release, strategy=strategy)
        fault = run.run()
        if fault is not None:
            self.platform.withdraw(self.service)
            return self._rolled_back(release, f"its canary {fault}", None)
        self.platform.promote(self.service)
        watched = self._settled()
        if watched.settled:
            return None
        return self._take_back(release, watched.state, watched.why)

    def _prove(self, release: Release, before: ServiceState | None, change: Change) -> Report:
        """The release is out and ready: only its checks make it ``deployed``."""
        well, examined = Examination(context=self.context, probe=self.probe).recovered(
            self.service, self.spec, self.rules.ready_within
        )
        findings = [one.to_json() for one in examined.reports]
        if well:
            text = f"{self.key}: {release.short} is deployed and passes its checks"
            former = before.stable.release.version if before else None
            return self._ended(release, "deployed", text, change, findings=findings, former=former)
        if examined.health == "unknown":
            text = f"{self.key}: {release.short} is out, but nothing could verify it"
            return self._ended(release, "deployed-unverified", text, change, findings=findings)
        failed = next((one for one in examined.reports if one.status in ("failed", "degraded")), None)
        return self._take_back(release, before, failed.detail if failed else examined.health)

    # ── back ─────────────────────────────────────────────────────────────────────────────────────────────

    def back(self) -> Report:
        """Go back to the release before, because somebody asked for it."""
        state = self.platform.observe().services.get(self.service)
        if state is None or not state.former:
            raise NotFound("former release of", self.key)
        former = state.former[0]
        change = Change(
            what=f"release of {self.key}",
            before=state.stable.release.version,
            after=former.version,
            why=self.request.input.get("reason", "a rollback was asked for"),
            undo=f"dreamnet deploy {self.service} --version {state.stable.release.revision or ''}".rstrip(),
        )
        if self.request.dry_run:
            summary = f"Would take {self.key} back to {former.short}."
            return Report(outcome="planned", summary=summary, changes=[change])
        self._hold(state.stable.release.version, change.why)
        former = self.platform.undo(self.service, token=self.request.id)
        watched = self._settled()
        text = f"{self.key}: taken back from {state.stable.release.short} to {former.short}"
        if watched.settled:
            self._note_end(former, "rolled-back", text, held=state.stable.release.version)
            return Report(outcome="done", verdict="healthy", summary=f"{text}.", changes=[change])
        return self._ended(former, "rollback-failed", f"{text}, and it is not ready: {watched.why}", change)

    def _take_back(self, release: Release, before: ServiceState | None, why: str) -> Report:
        """Undo a release that failed, and prove that what was before serves again."""
        current = self.platform.observe().services.get(self.service)
        if before is None or current is None or not current.former:
            text = f"{self.key}: {release.short} failed ({why}), and there is no release before it"
            return self._ended(release, "rollback-failed", text, None)
        self.platform.withdraw(self.service)
        if current.stable.release.version == release.version:
            self.platform.undo(self.service, token=f"{self.request.id}/undo")
        watched = self._settled()
        if not watched.settled:
            text = f"{self.key}: {release.short} failed ({why}), and the release before is not ready: {watched.why}"
            return self._ended(release, "rollback-failed", text, None)
        return self._rolled_back(release, why, watched.state)

    def _rolled_back(self, release: Release, why: str, state: ServiceState | None) -> Report:
        state = state or self.platform.observe().services.get(self.service)
        self._hold(release.version, why)
        former = state.stable.release if state else None
        text = f"{self.key}: {release.short} was taken back, {why}; {former.short if former else 'nothing'} serves"
        change = Change(
            what=f"release of {self.key}",
            before=release.version,
            after=former.version if former else None,
            why=why,
            undo=f"dreamnet deploy {self.service} --version {release.revision or ''}".rstrip(),
        )
        return self._ended(release, "rolled-back", text, change)

    def _broken_off(self, release: Release, error: DreamNetError) -> Report:
        """An error of ours in the middle: stop where it is safe (a canary without traffic) and say so."""
        try:
            self.platform.withdraw(self.service)
        except DreamNetError as another:
            self.context.reporter.say(f"{self.key}: the canary could not be withdrawn: {another.message}")
        self._note_end(
            release, "deployed-unverified", f"{self.key}: {release.short} was broken off: {error.message}"
        )
        raise error

    # ── words and records ────────────────────────────────────────────────────────────────────────────────

    def say(self, text: str, **data: object) -> None:
        """Write one step of this release to the journal."""
        self.context.note(
            "release-step", f"{self.key}: {text}", request=self.request, service=self.key, data=data
        )

    def _settled(self) -> Watched:
        return Watching(context=self.context).until_settled(
            self.platform, self.service, within=self.rules.ready_within
        )

    def _strategy(self, forced: bool) -> Strategy:
        strategy = self.rules.strategy
        return replace(strategy, canary=DEFAULT_STEPS) if forced and strategy.canary is None else strategy

    def _runs(self, state: ServiceState | None, version: str) -> bool:
        return (
            state is not None
            and state.canary is None
            and state.stable.release.version == version
            and state.stable.settled
        )

    def _change(self, state: ServiceState | None, wanted: str) -> Change:
        return Change(
            what=f"release of {self.key}",
            before=state.stable.release.version if state else None,
            after=wanted,
            why=self.request.input.get("reason", "a deploy was asked for"),
            undo=f"dreamnet rollback {self.service}",
        )

    def _began(self, release: Release, state: ServiceState | None) -> None:
        former = state.stable.release.version if state else None
        text = f"{self.key}: release of {release.short} began"
        self.context.note(
            "release-started",
            text,
            request=self.request,
            service=self.key,
            data={"version": release.version, "former": former},
        )
        self.reporter.report(release, platform=self.platform.name, state="in-progress", text=text)

    def _ended(
        self,
        release: Release,
        verdict: Verdict,
        text: str,
        change: Change | None,
        *,
        findings: list[dict[str, object]] | None = None,
        former: str | None = None,
    ) -> Report:
        """Write the verdict to the journal, tell the reporter, and answer."""
        self._note_end(release, verdict, text, former=former)
        good = verdict == "deployed"
        error = (
            None
            if good
            else ErrorInfo(
                code=f"release.{verdict}",
                message=text,
                hint="See 'dreamnet releases'.",
                docs="docs/deploykeeper.md",
            )
        )
        return Report(
            outcome="done" if good else "failed",
            verdict=verdict,
            summary=f"{text}.",
            findings=findings or [],
            changes=[change] if change else [],
            error=error,
        )

    def _note_end(self, release: Release, verdict: str, text: str, **data: object) -> None:
        self.context.note(
            "release-ended",
            text,
            request=self.request,
            service=self.key,
            data={"version": release.version, "verdict": verdict, **data},
        )
        self.reporter.report(release, platform=self.platform.name, state=verdict, text=text)

    def _hold(self, version: str, why: str) -> None:
        """Remember that a version is bad: it is not deployed again unless somebody names it."""
        value = {"at": self.context.clock.now(), "why": why}
        self.context.journal.set_state(f"held/{self.key}/{version}", value)

    def _refuse_held(self, version: str) -> None:
        held, _ = self.context.journal.state(f"held/{self.key}/{version}")
        if held:
            raise BudgetSpent(
                f"{_short(version)} of {self.key} is held: it was taken back before, because {held['why']}.",
                hint=f"Push a fix, or insist: dreamnet deploy {self.service} --version {version.partition(':')[2]}",
            )


def _short(version: str) -> str:
    return Release(service="", version=version).short


def _steps(strategy: Strategy) -> str:
    return ", ".join(f"{share:.0%}" for share in strategy.canary or ())
