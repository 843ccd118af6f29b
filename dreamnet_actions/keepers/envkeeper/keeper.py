"""EnvKeeper's actions: plan, sync, validate, restore; those of flags are in ``flags``."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from dreamnet_actions.domain.actions import Agent
from dreamnet_actions.domain.request import AgentRequest
from dreamnet_actions.domain.result import ErrorInfo, Outcome, Report
from dreamnet_actions.domain.secretevents import told_version
from dreamnet_actions.errors import (
    ConfigError,
    DreamNetError,
    NothingBefore,
    PermanentError,
    RefusedError,
    TemporaryError,
)
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.keepers.envkeeper import planned
from dreamnet_actions.keepers.envkeeper.entries import (
    Entry,
    SinkPlan,
    changes_of,
    findings_of,
    lacks_entry,
    summarise,
)
from dreamnet_actions.keepers.envkeeper.flags import FlagBoard
from dreamnet_actions.keepers.envkeeper.gathering import reads
from dreamnet_actions.keepers.envkeeper.outcomes import joined, with_errors, worse
from dreamnet_actions.keepers.envkeeper.planning import Planning, findings_beside
from dreamnet_actions.keepers.envkeeper.trying import MakeCheck
from dreamnet_actions.keepers.envkeeper.writing import Writing
from dreamnet_actions.ports.flags import FlagStore, FlagTarget
from dreamnet_actions.ports.probe import Probe
from dreamnet_actions.ports.secrets import SecretSink


@dataclass(frozen=True, kw_only=True)
class EnvKeeper:
    """Syncs values and flags."""

    context: Context
    entries: Mapping[str, Entry]
    flag_store: FlagStore | None
    account: str = "somebody"
    flag_targets: Sequence[FlagTarget] = ()
    probe: Probe | None = None
    """What values are tried with where an entry asks for it; None: none is."""
    check: MakeCheck | None = None
    """Makes the checks for it."""
    agent: Agent = "envkeeper"

    def perform(self, request: AgentRequest) -> Report:
        """Do the request's action."""
        flags = self._flags()
        actions: dict[str, Callable[[AgentRequest], Report]] = {
            "plan": self.plan,
            "sync": self.sync,
            "validate": self.validate,
            "restore": self.restore,
            "flags": flags.flags,
            "set-flag": flags.set_flag,
            "toggle-flag": flags.toggle_flag,
            "kill-flag": flags.kill_flag,
            "enable-flag": flags.enable_flag,
            "roll-out": flags.roll_out,
            "advance-flag": flags.advance_flag,
            "turn-back-flag": flags.turn_back_flag,
            "publish-flags": flags.publish_flags,
        }
        named = {"entry", "source"} & request.input.keys()
        if not self.entries and not named and request.action in ("plan", "validate"):
            return Report(outcome="unchanged", summary="No env entry is configured; nothing to do.")
        return actions[request.action](request)

    def _flags(self) -> FlagBoard:
        return FlagBoard(
            context=self.context,
            flag_store=self.flag_store,
            account=self.account,
            targets=self.flag_targets,
        )

    # ── values ───────────────────────────────────────────────────────────────────────────────────────────

    def plan(self, request: AgentRequest) -> Report:
        """Show which names would change where."""
        planning = self._planning()
        plans, errors = planning.plans(self._reading(request)), planning.errors
        why = request.input.get("reason", f"a {request.action} was asked for")
        changes = [change for plan in plans for change in changes_of(plan, why)]
        outcome: Outcome = "planned" if changes else "unchanged"
        findings = findings_of(plans)
        if changes and not errors:
            findings.append({"plan": planned.identity(plans)})
        return Report(
            outcome=worse(outcome, errors),
            summary=with_errors(summarise(plans, "Would write"), errors),
            findings=[*findings, *findings_beside(errors)],
            changes=changes,
            error=ErrorInfo.of(errors[0]) if errors else None,
        )

    def validate(self, request: AgentRequest) -> Report:
        """Check every value against its rules; writes nothing."""
        return self._planning().validate(self._meant(request))

    def sync(self, request: AgentRequest) -> Report:
        """Bring all in step: the values that are meant, and where no certain ones are, the published flags, too."""
        some = {"entry", "source", "secret", "plan"} & request.input.keys()
        publishes = not some and self.flag_store is not None and bool(self.flag_targets)
        report = Report(outcome="unchanged", summary="No env entry is configured; nothing to do.")
        try:
            if self.entries or some:
                report = self._sync(request)
        except DreamNetError:
            if publishes:  # what fails hides nothing; the flags have their own way to tell
                with contextlib.suppress(DreamNetError):
                    self._flags().publish_flags(request)
            raise
        if not publishes:
            return report
        try:
            return joined(report, self._flags().publish_flags(request))
        except (ConfigError, PermanentError, RefusedError, TemporaryError) as error:
            if report.outcome == "unchanged":
                raise
            outcome = worse("done", [error])
            return joined(report, Report(outcome=outcome, summary=error.message, error=ErrorInfo.of(error)))

    def _sync(self, request: AgentRequest) -> Report:
        """Write what changed, prove it by reading back, and have the services that read it restarted."""
        if request.dry_run:
            return self.plan(request)
        if not (meant := self._reading(request)):
            return Report(outcome="unchanged", summary=f"No entry reads {request.input['secret']!r}.")
        planning = self._planning()
        planning.told = told_version(request.input.get("secret", ""))
        plans, errors = planning.plans(meant), planning.errors
        if (shown := request.input.get("plan")) is not None:
            if errors:
                raise errors[0]
            planned.hold(self.context.journal, shown, plans)
        writing = self._writing(request, "a sync was asked for")
        for plan in plans:
            writing.each(plan.sink, lambda plan=plan: writing.sync(plan))  # type: ignore[misc]
        if len(plans) == 1 and writing.errors and not errors and not writing.messages:
            raise writing.errors[0]
        errors = [*errors, *writing.errors]
        report = self._synced(plans, writing)
        return replace(
            report,
            outcome=worse(report.outcome, errors),
            summary=with_errors(report.summary, errors),
            findings=[*report.findings, *findings_beside(errors)],
            error=ErrorInfo.of(errors[0]) if errors else report.error,
        )

    def _synced(self, plans: list[SinkPlan], writing: Writing) -> Report:
        findings, done = findings_of(plans), writing.done
        if writing.held and not done:
            summary = f"Held back, for these values were put back before: {'; '.join(writing.held)}."
            info = ErrorInfo(
                code="env.held",
                message=summary,
                hint="Change the source, then sync again.",
                docs="docs/envkeeper.md",
            )
            return Report(
                outcome="refused",
                summary=summary,
                findings=findings,
                error=info,
                messages=writing.messages,
                then=writing.settle,
            )
        summary = summarise(done, "Wrote") if done else "Everything is in step already."
        if writing.messages and not done:
            summary = "Everything is in step; the restarts that a former run left out are asked for."
        if writing.held:
            summary += f" Held back, for these values were put back before: {'; '.join(writing.held)}."
        return Report(
            outcome="done" if done or writing.messages else "unchanged",
            summary=summary,
            findings=findings,
            changes=writing.changes,
            messages=writing.messages,
            then=writing.settle,
        )

    def restore(self, request: AgentRequest) -> Report:
        """Put the former values back where a service reads them, and have it restarted."""
        writing = self._writing(request, "a restore was asked for")
        sinks = self._sinks(request)
        if request.dry_run:
            for entry, sink in sinks:
                try:
                    writing.preview(entry, sink)
                except DreamNetError as error:
                    writing.errors.append(error)
            errors = writing.errors
            would = f"Would put the former values of {', '.join(writing.finished) or 'nothing'} back."
            return Report(
                outcome=worse("planned", errors),
                summary=with_errors(would, errors),
                findings=writing.findings,
                changes=writing.changes,
                error=ErrorInfo.of(errors[0]) if errors else None,
            )
        for entry, sink in sinks:
            writing.each(sink, lambda entry=entry, sink=sink: writing.restore(entry, sink))  # type: ignore[misc]
        if writing.errors and not writing.changes and not writing.messages:
            raise writing.errors[0]
        if not writing.changes and not writing.messages:
            asked = request.input.get("service") or request.input.get("entry") or "Nothing here"
            raise NothingBefore("set of values", asked)
        return Report(
            outcome=worse("done", writing.errors),
            summary=with_errors(
                f"The former values of {', '.join(writing.finished) or 'nothing'} are back.", writing.errors
            ),
            findings=writing.findings,
            changes=writing.changes,
            messages=writing.messages,
            error=ErrorInfo.of(writing.errors[0]) if writing.errors else None,
            then=writing.settle,
        )

    def _writing(self, request: AgentRequest, why: str) -> Writing:
        return Writing(context=self.context, request=request, why=request.input.get("reason", why))

    # ── what is meant ────────────────────────────────────────────────────────────────────────────────────

    def _meant(self, request: AgentRequest) -> list[Entry]:
        """Answer the entries that a request means: by entry, by name or kind of source, or all."""
        entry, source = request.input.get("entry"), request.input.get("source")
        if entry is not None and entry not in self.entries:
            raise lacks_entry(entry, self.entries)
        chosen = [one for name, one in self.entries.items() if entry in (None, name)]
        if source is None:
            if not chosen:
                raise lacks_entry("app", self.entries)
            return chosen
        named = [one for one in chosen if one.name == source]
        kind = [one for one in chosen if one.spec.from_.kind == source]
        if not named and not kind:
            raise lacks_entry(source, self.entries)
        return named or kind

    def _reading(self, request: AgentRequest) -> list[Entry]:
        """Answer the entries that are meant; where the request names one value of a source, those that read it."""
        meant, secret = self._meant(request), request.input.get("secret")
        return meant if secret is None else [one for one in meant if reads(one, secret)]

    def _sinks(self, request: AgentRequest) -> list[tuple[Entry, SecretSink]]:
        service = request.input.get("service")
        return [
            (entry, sink)
            for entry in self._meant(request)
            for sink in entry.sinks
            if service is None or service in sink.services
        ]

    def _planning(self) -> Planning:
        return Planning(context=self.context, probe=self.probe, check=self.check)
