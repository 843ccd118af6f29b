"""EnvKeeper's actions: plan, sync, validate, restore, flags, set-flag."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dreamnet_actions.domain.actions import Agent
from dreamnet_actions.domain.request import AgentRequest
from dreamnet_actions.domain.result import Change, ErrorInfo, Outgoing, Report
from dreamnet_actions.domain.secret import SinkState, Versioned, plan_keys
from dreamnet_actions.errors import NotFound, PermanentError, RequestInvalid
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.keepers.envkeeper.entries import (
    Entry,
    SinkPlan,
    changes_of,
    findings_of,
    lacks_entry,
    summarise,
)
from dreamnet_actions.keepers.envkeeper.flags import FlagBoard
from dreamnet_actions.keepers.envkeeper.rules import mistakes
from dreamnet_actions.ports.flags import FlagStore
from dreamnet_actions.ports.secrets import SecretSink

HOLD = 300.0
"""Seconds for which a run may hold one sink; a dead run's hold is free at once."""


@dataclass(frozen=True, kw_only=True)
class EnvKeeper:
    """Syncs values and flags."""

    context: Context
    entries: Mapping[str, Entry]
    flag_store: FlagStore | None
    agent: Agent = "envkeeper"

    def perform(self, request: AgentRequest) -> Report:
        """Do the request's action."""
        flags = FlagBoard(context=self.context, flag_store=self.flag_store)
        actions: dict[str, Callable[[AgentRequest], Report]] = {
            "plan": self.plan,
            "sync": self.sync,
            "validate": self.validate,
            "restore": self.restore,
            "flags": flags.flags,
            "set-flag": flags.set_flag,
        }
        return actions[request.action](request)

    # ── values ───────────────────────────────────────────────────────────────────────────────────────────

    def plan(self, request: AgentRequest) -> Report:
        """Show which names would change where."""
        plans = [plan for entry in self._meant(request) for plan in self._plans(entry)]
        changes = [change for plan in plans for change in changes_of(plan, "a plan was asked for")]
        return Report(
            outcome="planned" if changes else "unchanged",
            summary=summarise(plans, "Would write"),
            findings=findings_of(plans),
            changes=changes,
        )

    def validate(self, request: AgentRequest) -> Report:
        """Check every value against its rules; writes nothing."""
        found = {}
        for entry in self._meant(request):
            values = self._values(entry)
            found[entry.name] = mistakes(entry.spec, values)
        bad = [f"{name}: {text}" for name, texts in found.items() for text in texts]
        findings = [{"entry": name, "mistakes": texts} for name, texts in found.items()]
        if bad:
            raise RequestInvalid(bad, hint="Mend the source, then validate again.")
        return Report(
            outcome="done",
            summary=f"{', '.join(found) or 'No entry'}: every value is valid.",
            findings=findings,
        )

    def sync(self, request: AgentRequest) -> Report:
        """Write what changed, prove it by reading back, and have the services that read it restarted."""
        entries = self._meant(request)
        plans = [plan for entry in entries for plan in self._plans(entry)]
        why = request.input.get("reason", "a sync was asked for")
        if request.dry_run:
            changes = [change for plan in plans for change in changes_of(plan, why)]
            return Report(
                outcome="planned",
                summary=summarise(plans, "Would write"),
                findings=findings_of(plans),
                changes=changes,
            )
        done: list[SinkPlan] = []
        messages: list[Outgoing] = []
        held: list[str] = []
        for plan in plans:
            if not plan.changes:
                continue
            if (put_back := self._held(plan)) is not None:
                held.append(f"{plan.sink.name}: {put_back}")
                continue
            with self.context.lock.lease(f"sink/{plan.sink.name}", HOLD):
                self._write(request, plan)
            done.append(plan)
            messages += self._restarts(request, plan.sink, plan.entry.name)
        return self._synced(plans, done, messages, held, why)

    def _synced(
        self, plans: list[SinkPlan], done: list[SinkPlan], messages: list[Outgoing], held: list[str], why: str
    ) -> Report:
        summary = summarise(done, "Wrote") if done else "Everything is in step already."
        if held:
            summary = f"Held back, for these values were put back before: {'; '.join(held)}."
        changes = [change for plan in done for change in changes_of(plan, why)]
        if held and not done:
            info = ErrorInfo(
                code="env.held",
                message=summary,
                hint="Change the source, then sync again.",
                docs="docs/envkeeper.md",
            )
            return Report(outcome="refused", summary=summary, findings=findings_of(plans), error=info)
        return Report(
            outcome="done" if done else "unchanged",
            summary=summary,
            findings=findings_of(plans),
            changes=changes,
            messages=messages,
        )

    def _write(self, request: AgentRequest, plan: SinkPlan) -> None:
        """Write one sink and see that it holds exactly what was meant."""
        sink = plan.sink
        revision = sink.write(plan.values)
        held = sink.read_back()
        wrong = [name for name, one in plan.values.items() if held.get(name) != one.value]
        if wrong or set(held) != set(plan.values):
            names = ", ".join(sorted(wrong) or sorted(set(held) ^ set(plan.values)))
            if plan.state.revision is not None:
                sink.restore(plan.state.revision)
            raise PermanentError(
                f"{sink.name} does not hold what was written: {names}.",
                hint="The former values were put back.",
            )
        names = ", ".join(f"{key.name} {key.effect}" for key in plan.changes)
        for service in sink.services or ("",):
            key = self.context.key(service) if service else ""
            self.context.note(
                "env-changed",
                f"{sink.name}: {names}",
                request=request,
                service=key,
                data={
                    "sink": sink.name,
                    "entry": plan.entry.name,
                    "revision": revision,
                    "former": plan.state.revision,
                },
            )

    def restore(self, request: AgentRequest) -> Report:
        """Put the former values back where a service reads them, and have it restarted."""
        sinks = self._sinks(request)
        why = request.input.get("reason", "a restore was asked for")
        changes: list[Change] = []
        messages: list[Outgoing] = []
        for entry, sink in sinks:
            state = sink.state()
            target = self._target(request, sink) or state.former
            if target is None:
                continue
            changes.append(
                Change(
                    what=f"values of {sink.name}",
                    before=state.revision,
                    after=target,
                    why=why,
                    undo="dreamnet sync",
                )
            )
            if request.dry_run:
                continue
            with self.context.lock.lease(f"sink/{sink.name}", HOLD):
                self._put_back(request, entry, sink, state, target, why)
            messages += self._restarts(request, sink, entry.name)
        if not changes:
            raise NotFound(
                "former values of", request.input.get("service") or request.input.get("entry") or "anything"
            )
        names = ", ".join(sink.name for _, sink in sinks)
        if request.dry_run:
            return Report(
                outcome="planned", summary=f"Would put the former values of {names} back.", changes=changes
            )
        return Report(
            outcome="done",
            summary=f"The former values of {names} are back.",
            changes=changes,
            messages=messages,
        )

    def _target(self, request: AgentRequest, sink: SecretSink) -> str | None:
        """Answer the set that this very request already chose, where it was cut off before its end."""
        target, _ = self.context.journal.state(f"restore/{request.id}/{sink.name}")
        return str(target) if target else None

    def _put_back(
        self, request: AgentRequest, entry: Entry, sink: SecretSink, state: SinkState, target: str, why: str
    ) -> None:
        """Restore one sink; what it held is not written again. The choice is stored first, so that twice is once."""
        if self._target(request, sink) is None:
            held = {"versions": dict(state.versions), "at": self.context.clock.now(), "why": why}
            self.context.journal.set_state(f"held-env/{sink.name}", held)
            self.context.journal.set_state(f"restore/{request.id}/{sink.name}", target)
        sink.restore(target)
        for service in sink.services or ("",):
            key = self.context.key(service) if service else ""
            self.context.note(
                "env-restored",
                f"{sink.name}: the former values are back, because {why}",
                request=request,
                service=key,
                data={"sink": sink.name, "entry": entry.name},
            )

    def _restarts(self, request: AgentRequest, sink: SecretSink, entry: str) -> list[Outgoing]:
        """Ask for a restart of every running service that reads the sink; a heal's story goes on in it."""
        messages = []
        for service in sink.services:
            if service not in self.context.platform_of(service).observe().services:
                continue  # it reads the values when it is started first
            data = {
                "service": service,
                "target": self.context.config.services[service].platform,
                "key": self.context.key(service),
                "reason": f"{entry} changed",
                "dream": request.input.get("dream"),
                "remedy": request.input.get("remedy"),
            }
            messages.append(Outgoing(name="config-changed-needs-restart", to="deploykeeper", data=data))
        return messages

    def _held(self, plan: SinkPlan) -> str | None:
        """Say so when these very versions were put back before: what broke once is not written again."""
        held, _ = self.context.journal.state(f"held-env/{plan.sink.name}")
        if held and held["versions"] == {name: one.version for name, one in plan.values.items()}:
            return str(held["why"])
        return None

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

    def _sinks(self, request: AgentRequest) -> list[tuple[Entry, SecretSink]]:
        service = request.input.get("service")
        return [
            (entry, sink)
            for entry in self._meant(request)
            for sink in entry.sinks
            if service is None or service in sink.services
        ]

    def _plans(self, entry: Entry) -> list[SinkPlan]:
        """Read the source whole, check it whole, and compare it with each sink."""
        values = self._values(entry)
        if wrong := mistakes(entry.spec, values):
            raise RequestInvalid(
                [f"{entry.name}: {text}" for text in wrong],
                hint="Nothing was written. Mend the source, then sync again.",
            )
        plans = []
        for sink in entry.sinks:
            state = sink.state()
            plans.append(
                SinkPlan(entry=entry, sink=sink, state=state, keys=plan_keys(values, state), values=values)
            )
        return plans

    def _values(self, entry: Entry) -> dict[str, Versioned]:
        """Read the wanted names at their versions; everything is masked before anybody sees it."""
        names = dict(entry.spec.keys)
        if not names:
            names = {name: name for name in entry.source.versions()}
        wanted = {}
        for reference in names.values():
            name, _, version = reference.partition("@")
            wanted[name] = version or "latest"
        read = entry.source.access(wanted)
        for one in read.values():
            self.context.reporter.mask(one.value)
        return {target: read[reference.partition("@")[0]] for target, reference in names.items()}
