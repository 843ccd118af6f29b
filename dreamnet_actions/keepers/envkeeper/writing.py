"""Writing to sinks: each all or nothing, proved by reading back; the restarts that follow from it are never lost."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from dreamnet_actions.domain.message import bounded_id
from dreamnet_actions.domain.request import AgentRequest
from dreamnet_actions.domain.result import Change, Outgoing
from dreamnet_actions.domain.secret import SinkState, Versioned
from dreamnet_actions.errors import Conflict, DreamNetError, PermanentError, TemporaryError
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.keepers.envkeeper import ends
from dreamnet_actions.keepers.envkeeper.entries import Entry, SinkPlan, changes_of
from dreamnet_actions.keepers.envkeeper.former import Formers
from dreamnet_actions.keepers.envkeeper.judging import doubts
from dreamnet_actions.keepers.envkeeper.planned import note_of
from dreamnet_actions.ports.secrets import SecretSink

HOLD = 300.0
"""Seconds for which a run may hold one sink; a dead run's hold is free at once."""


@dataclass(kw_only=True)
class Writing:
    """What one request does to sinks, one after the other; a sink that goes wrong hides no other.

    Before a sink is touched a note says so (``unfinished/<sink>``); it is forgotten once the restarts that follow are
    on the bus (``then`` of the report). A run that finds such a note finishes what the former one left.
    """

    context: Context
    request: AgentRequest
    why: str
    done: list[SinkPlan] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    messages: list[Outgoing] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    errors: list[DreamNetError] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    findings: list[dict[str, object]] = field(default_factory=list)
    _notes: dict[str, tuple[str, int]] = field(default_factory=dict)

    def each(self, sink: SecretSink, do: Callable[[], None]) -> None:
        """Do something to one sink that nobody else may hold meanwhile; what goes wrong is kept in ``errors``."""
        try:
            with self.context.lock.lease(f"sink/{sink.name}", HOLD):
                self._finish(sink)
                do()
        except DreamNetError as error:
            self.errors.append(error)

    def sync(self, plan: SinkPlan) -> None:
        """Bring one sink in step."""
        if not plan.changes:
            return
        if (put_back := self._held(plan)) is not None:
            self.held.append(f"{plan.sink.name}: {put_back}")
            return
        if plan.sink.state().revision != plan.state.revision:
            raise TemporaryError(f"{plan.sink.name} was changed by somebody else meanwhile.", retry_after=1.0)
        names = ", ".join(f"{key.name} {key.effect}" for key in plan.changes)
        text = f"{plan.sink.name}: {names}"
        made_of = self._formers.made_of(plan)
        self._begin(plan.sink, plan.entry, "env-changed", text, plan.state, made_of)
        self._write(plan)
        ends.remember(self.context.journal, plan)
        self._finish(plan.sink)
        self.done.append(plan)
        self.changes += changes_of(plan, self.why)

    def _write(self, plan: SinkPlan) -> None:
        """Write one sink and see that it holds exactly what was meant; else put back what it held."""
        sink = plan.sink
        try:
            if plan.entry.spec.deletion == "delete" and not plan.versions:
                sink.remove()
            else:
                sink.write(plan.values, plan.keep)
        except DreamNetError as error:
            self._formers.take_back(plan, error)
            raise
        self._prove(plan.entry, sink, plan.state, plan.values, plan.versions)

    def _prove(
        self,
        entry: Entry,
        sink: SecretSink,
        before: SinkState,
        values: Mapping[str, Versioned],
        names: Collection[str],
    ) -> None:
        """See that a sink holds exactly ``names``, and ``values`` under theirs; else put back what it held before."""
        if not sink.readable:
            return
        held = sink.read_back()
        wrong = {name for name, one in values.items() if held.get(name) != one.value}
        wrong |= held.keys() ^ {*names}
        if not wrong:
            return
        if before.revision is not None:
            self._formers.restore(entry, sink, before.revision)
        else:
            sink.write({})
        self._forget(sink)
        raise PermanentError(
            f"{sink.name} does not hold what was written: {', '.join(sorted(wrong))}.",
            hint="The former values were put back.",
        )

    def restore(self, entry: Entry, sink: SecretSink) -> None:
        """Put one sink's former set back; what it held is not written again. Of the same request, twice is once."""
        state = sink.state()
        chosen, _ = self.context.journal.state(self._choice(sink))
        target = chosen or self.former(sink, state)
        if target is None:
            return
        values = self._look(entry, sink, str(target)) if state.revision != target else {}
        before, _ = self.context.journal.state(f"held-env/{sink.name}")
        if not chosen:
            held = {"versions": dict(state.versions), "revision": state.revision, "why": self.why}
            self.context.journal.set_state(f"held-env/{sink.name}", {**held, "asked": self._is_asked})
            self.context.journal.set_state(self._choice(sink), target)
        if state.revision != target:
            text = f"{sink.name}: the former values are back, because {self.why}"
            self._begin(sink, entry, "env-restored", text, state)
            self._formers.put_back(sink, str(target), values)
            try:
                self._prove(entry, sink, state, values, values)
            except PermanentError:
                self.context.journal.set_state(f"held-env/{sink.name}", before)
                self.context.journal.set_state(self._choice(sink), None)
                raise
            self._finish(sink)
        self.changes.append(self.change_back(sink, state, str(target)))
        self.finished.append(sink.name)

    def former(self, sink: SecretSink, state: SinkState) -> str | None:
        """Answer the set to go back to; not to one that was itself put back before, unless a person did that and it
        broke a service."""
        held, _ = self.context.journal.state(f"held-env/{sink.name}")
        put_back = held and held.get("revision") == state.former
        return None if put_back and (self._is_asked or not held.get("asked")) else state.former

    def preview(self, entry: Entry, sink: SecretSink) -> None:
        """Say what a restore of one sink would change, and what is wrong with what would be back."""
        state = sink.state()
        if target := self.former(sink, state):
            self._look(entry, sink, target)
            self.changes.append(self.change_back(sink, state, target))
            self.finished.append(sink.name)

    def _look(self, entry: Entry, sink: SecretSink, revision: str) -> Mapping[str, Versioned]:
        """Read a former set, and keep what is wrong with it: it is told, and stands in no way."""
        values = self._formers.look(entry, sink, revision)
        found = doubts(entry, sink, values, self.context.clock.now())
        self.findings += [found] if found["warnings"] else []
        return values

    @property
    def _is_asked(self) -> bool:
        """Whether a person or a schedule asked for it, and no dream."""
        return self.request.input.get("dream") is None

    def change_back(self, sink: SecretSink, state: SinkState, target: str) -> Change:
        """Say what a restore changes."""
        return Change(
            what=f"values of {sink.name}",
            before=state.revision,
            after=target,
            why=self.why,
            undo="dreamnet sync",
        )

    def settle(self) -> None:
        """Forget the notes: the restarts are on the bus."""
        for key, (_, version) in self._notes.items():
            with contextlib.suppress(
                Conflict
            ):  # somebody else has begun to write since, and left a note of theirs
                self.context.journal.set_state(key, None, version=version)

    # ── notes ────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _formers(self) -> Formers:
        return Formers(self.context.journal, self.context.reporter.mask)

    def _begin(
        self,
        sink: SecretSink,
        entry: Entry,
        kind: str,
        text: str,
        state: SinkState,
        made_of: Mapping[str, object] | None = None,
    ) -> None:
        note = {
            "token": bounded_id(self.request.id, sink.name, self.context.ids.fresh()),
            "entry": entry.name,
            "kind": kind,
            "text": text,
            "former": state.revision,
            "drifted": bool(state.drifted),
            "plan": self.request.input.get("plan"),
            "asked": kind == "env-restored" and self._is_asked,
            **({"made_of": dict(made_of)} if made_of else {}),
        }
        self.context.journal.set_state(note_of(sink.name), note)

    def _finish(self, sink: SecretSink) -> None:
        """Where a note says that the sink was to be touched, and it was: write the fact and ask for the restarts."""
        note, version = self.context.journal.state(note_of(sink.name))
        if not note or self._notes.get(note_of(sink.name)) == (note["token"], version):
            return
        revision = sink.state().revision
        if revision == note["former"] and not note["drifted"]:
            return  # cut off before it was touched: what is to be done is seen anew
        if revision and (made_of := note.get("made_of")):
            self._formers.remember(sink, revision, made_of)
        for service in sink.services or ("",):
            self.context.note(
                note["kind"],
                note["text"],
                request=self.request,
                service=self.context.key(service) if service else "",
                data={
                    "sink": sink.name,
                    "entry": note["entry"],
                    "revision": revision,
                    "former": note["former"],
                    **({"asked": True} if note.get("asked") else {}),
                },
            )
        self._notes[note_of(sink.name)] = (note["token"], version)
        self.messages += self._restarts(sink, note["entry"], note["token"])

    def _forget(self, sink: SecretSink) -> None:
        self.context.journal.set_state(note_of(sink.name), None)

    def _restarts(self, sink: SecretSink, entry: str, token: str) -> list[Outgoing]:
        """Ask for a restart of every running service that reads the sink; a heal's story goes on in it."""
        given = self.request.input
        return [
            Outgoing(
                name="config-changed-needs-restart",
                to="deploykeeper",
                id=bounded_id(token, service),
                data={
                    "service": service,
                    "target": self.context.config.services[service].platform,
                    "key": self.context.key(service),
                    "reason": f"{entry} changed",
                    "dream": given.get("dream"),
                    "remedy": given.get("remedy"),
                    "attempt": given.get("attempt"),
                },
            )
            for service in sink.services
            if self._runs(service)
        ]

    def _runs(self, service: str) -> bool:
        """Say whether a service was started; one that was not reads the values when it is. Not known: it was."""
        try:
            return service in self.context.platform_of(service).observe().services
        except TemporaryError:
            return True

    def _held(self, plan: SinkPlan) -> str | None:
        """Say so when these very versions were put back before: what broke once is not written again."""
        held, _ = self.context.journal.state(f"held-env/{plan.sink.name}")
        if held and held["versions"] == plan.versions:
            return str(held["why"])
        return None

    def _choice(self, sink: SecretSink) -> str:
        return f"restore/{self.request.id}/{sink.name}"
