"""From one entry's source to the plans for its sinks: versions first, and only the values that somebody has to get.

It reads, checks and compares; it writes nothing. Values are masked before anybody sees them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from dreamnet_actions.domain.mapping import Mapper, Wanted
from dreamnet_actions.domain.secret import Ref, SecretValue, SinkState, Versioned, plan_keys
from dreamnet_actions.domain.validation import DATED, Trouble
from dreamnet_actions.domain.valueforms import span
from dreamnet_actions.errors import DreamNetError, PermanentError, RefusedError, TemporaryError
from dreamnet_actions.keepers.envkeeper.entries import Entry, SinkPlan, see_that_a_key_lasts
from dreamnet_actions.keepers.envkeeper.judging import Judge, invalid
from dreamnet_actions.ports.secrets import Hashing, SecretSink

Mask = Callable[[SecretValue], None]
_MEND = "Nothing was written. Mend the source, then sync again."


class Gathering:
    """What one entry's source has now, and what that means for each of its sinks."""

    def __init__(
        self,
        entry: Entry,
        mask: Mask,
        judge: Judge | None = None,
        told: tuple[str, int] | None = None,
    ) -> None:
        self._entry, self._mask, self._judge, self._told = entry, mask, judge or Judge(entry, 0.0), told
        self.seen: dict[str, Versioned] = {}
        """The values that were looked at, by the names that they are written under."""
        self.errors: list[DreamNetError] = []
        """What kept sinks from being planned."""
        self._lost: list[SecretSink] = []
        self._mapper = Mapper(entry.spec, entry.where)
        self._given: dict[Ref, Versioned] = {}
        self._wanted = Wanted(pieces={})
        self._versions: dict[Ref, str] = {}
        self._hashed: Mapping[bytes, Mapping[Ref, str]] = {}

    def plans(self) -> list[SinkPlan]:
        """Compare the source with each sink; what changed is read and checked whole. A sink that cannot say what it
        holds (``errors``) hides no other.

        Raises ValuesInvalid with every mistake of the values, RefusedError where everything would be wiped.
        """
        self._look()
        states = self._states()
        if self.errors and not states:
            return []
        self._hash({state.key for _, state in states})
        if not self._wanted.refs and self._entry.spec.deletion == "retain":
            _refuse_to_wipe(self._entry, states)
        labels = [self._labels(state) for _, state in states]
        changed = [self._changed(one, state) for one, (_, state) in zip(labels, states, strict=True)]
        made = self._read(set().union(*changed, set()))
        found = self._check(made, states, labels)
        return [
            self._plan(sink, state, one, made, found)
            for one, (sink, state) in zip(labels, states, strict=True)
            if sink not in self._lost
        ]

    def look_over(self) -> list[Trouble]:
        """Read every value of the entry, changed or not, and answer all that is wrong with them."""
        self._look()
        made = self._read(None)
        self.seen = {name: made[name] for name in sorted(self._mapper.written(made))}
        return self._judge.judge(self.seen, self.seen, self.seen, self._wanted)

    def placed(self, trouble: Trouble) -> Trouble:
        """Answer a trouble of the entry's with its place."""
        return self._judge.placed(trouble, self._wanted)

    def again(self, pins: Mapping[str, str], labels: Mapping[str, str]) -> dict[str, Versioned]:
        """Read the values of a former set once more, at the versions that they had.

        Raises PermanentError where the entry's rules no longer make that set, and what the source raises, which may not
        have those versions any more.
        """
        wanted = self._mapper.wanted(sorted({one.partition("@")[0] for one in pins}))
        self._wanted = Wanted(
            pieces={name: one for name, one in wanted.pieces.items() if str(one.ref) in pins},
            whole=tuple(one for one in wanted.whole if str(one.ref) in pins),
        )
        self._versions = {ref: pins[str(ref)] for ref in self._wanted.refs}
        made = self._read(None)
        lost = [name for name, label in labels.items() if name not in made or made[name].version != label]
        if lost:
            raise PermanentError(
                f"{self._entry.name}: its rules no longer make the former {', '.join(sorted(lost))}.",
                hint="Take back what was changed of the entry, then restore again.",
            )
        return {name: made[name] for name in labels}

    def _states(self) -> list[tuple[SecretSink, SinkState]]:
        found = []
        for sink in self._entry.sinks:
            try:
                see_that_a_key_lasts(self._entry, sink)
                found.append((sink, sink.state()))
            except DreamNetError as error:
                self.errors.append(error)
        return found

    # ── phases ───────────────────────────────────────────────────────────────────────────────────────────

    def _look(self) -> None:
        """Ask the source for names and versions; no value is read."""
        source, spec = self._entry.source, self._entry.spec
        labels = spec.find.labels if spec.find else {}
        found = source.names(labels) if self._mapper.lists else ()
        self._wanted = self._mapper.wanted(found)
        self._versions = dict(source.resolve(self._wanted.refs))
        if self._told is not None:
            self._see_that_it_is_there(*self._told)

    def _see_that_it_is_there(self, name: str, number: int) -> None:
        """Raise TemporaryError where the newest version is still older than the one that the sync was told of.

        Secret Manager promises to know a new version at once by its number only; ``latest`` follows within minutes
        (https://cloud.google.com/secret-manager/docs/reference/consistency). Without this the event would come too
        early, find nothing to do, and be over.
        """
        newest = self._versions.get(Ref(name), "")
        if not newest.isdecimal() or int(newest) >= number:
            return
        try:
            self._entry.source.resolve({Ref(name, str(number))})
        except TemporaryError:
            raise
        except DreamNetError:
            return  # it was disabled or destroyed since, so that an older one may well be the newest
        raise TemporaryError(
            f"{self._entry.name}: version {number} of {name} is there, "
            f"and its source still says that {newest} is the newest.",
            hint="It is tried again.",
            retry_after=2.0,
        )

    def _hash(self, keys: Collection[bytes]) -> None:
        """Have a source that knows no versions call its values by the keys that lie beside them in the sinks: those are
        the same in every run, on any machine."""
        source = self._entry.source
        if isinstance(source, Hashing) and any(keys):
            self._hashed = source.hashes(self._wanted.refs, {b"", *keys})
            self._versions = dict(self._hashed[b""])

    def _called(self, state: SinkState) -> Mapping[Ref, str]:
        """Answer the version of every value as one sink calls it."""
        return self._hashed.get(state.key, self._versions)

    def _labels(self, state: SinkState) -> dict[str, str]:
        """Answer the labels that one sink is to have; values whose keys become names are read where it must be."""
        versions = self._called(state)
        labels, unknown = self._mapper.labels(self._wanted, versions, state.versions)
        if unknown:
            self._access(unknown)
            given = {ref: replace(self._given[ref], version=versions[ref]) for ref in unknown}
            held = {name: one.version for name, one in self._mapper.read(self._wanted, given).items()}
            labels, _ = self._mapper.labels(self._wanted, versions, {**state.versions, **held})
        return labels

    def _left(self, labels: Mapping[str, str], state: SinkState) -> frozenset[str]:
        """Answer the names that a hand changed and that stay so: where that is only reported, and a write is not due
        anyhow. A write makes the whole set, so that none could leave them out."""
        wanted = {name: labels[name] for name in self._mapper.written(labels)}
        reports = self._entry.spec.drift == "report" and wanted == dict(state.versions)
        return state.drifted if reports else frozenset()

    def _changed(self, labels: Mapping[str, str], state: SinkState) -> set[str]:
        drifted = state.drifted - self._left(labels, state)
        return {
            name
            for name in self._mapper.written(labels)
            if state.versions.get(name) != labels[name] or name in drifted
        }

    def _read(self, names: Collection[str] | None) -> dict[str, Versioned]:
        """Read what the values of ``names`` are made of (None: of all), and make every name that this is enough for."""
        refs = self._wanted.refs if names is None else self._mapper.needed(self._wanted, names)
        self._access(refs)
        made = self._mapper.read(self._wanted, self._given)
        for one in made.values():
            self._mask(one.value)  # what is decoded or put together is a value of its own
        return made

    def _access(self, refs: Collection[Ref]) -> None:
        """Read values at exactly the versions that were seen; each is read once."""
        rest = {ref: Ref(ref.name, self._versions[ref]) for ref in refs if ref not in self._given}
        if not rest:
            return
        read = self._entry.source.access(set(rest.values()))
        for one in read.values():
            self._mask(one.value)
        self._given |= {ref: read[pinned] for ref, pinned in rest.items()}

    def _check(
        self,
        made: Mapping[str, Versioned],
        states: Sequence[tuple[SecretSink, SinkState]],
        labels: Sequence[Mapping[str, str]],
    ) -> list[Trouble]:
        """Judge every value: those just read, and beside them those that a sink holds already. Answers warnings."""
        fresh = {name: made[name] for name in self._mapper.written(made)}
        names = self._mapper.written({name for one in labels for name in one})
        self.seen = dict(fresh)
        if fresh or not names:
            for sink, _ in states:
                if sink.readable and (rest := names - self.seen.keys()):
                    try:
                        held = sink.read_back()
                    except DreamNetError as error:
                        self.errors.append(error)
                        self._lost.append(sink)
                        continue
                    self.seen |= {
                        name: Versioned(value=held[name], version="") for name in rest & held.keys()
                    }
        found = self._judge.judge(self.seen, names, fresh, self._wanted)
        if (wrong := invalid({self._entry.name: found}, _MEND)) is not None:
            raise wrong
        return found

    def _plan(
        self,
        sink: SecretSink,
        state: SinkState,
        labels: Mapping[str, str],
        made: Mapping[str, Versioned],
        warnings: Sequence[Trouble],
    ) -> SinkPlan:
        wanted = {name: labels[name] for name in self._mapper.written(labels)}
        empty = {name for name, one in made.items() if not one.value}
        left = self._left(labels, state)
        keys = plan_keys(wanted, replace(state, drifted=state.drifted - left), empty)
        changed = {key.name for key in keys if key.effect not in ("unchanged", "removed")}
        return SinkPlan(
            entry=self._entry,
            sink=sink,
            state=state,
            keys=keys,
            values={name: replace(made[name], version=wanted[name]) for name in sorted(changed)},
            keep={name: label for name, label in wanted.items() if name not in changed},
            pins={str(ref): version for ref, version in sorted(self._called(state).items())},
            spans=self._spans(wanted),
            warnings=[*warnings, *(self._by_hand(name, sink) for name in sorted(left))],
        )

    def _by_hand(self, name: str, sink: SecretSink) -> Trouble:
        text = f"{name} in {sink.name} was changed by hand, and stays so (drift: report)."
        return self.placed(Trouble(name=name, rule="drift", level="warning", text=text))

    def _spans(self, names: Collection[str]) -> dict[str, tuple[float, float]]:
        """Answer from when to when the values are valid that were looked at."""
        rules = self._entry.spec.rules
        return {
            name: span(rules[name].type_, one.value.reveal())
            for name, one in self.seen.items()
            if name in names and name in rules and rules[name].type_ in DATED
        }


def reads(entry: Entry, secret: str) -> bool:
    """Say whether an entry reads a value of its source, by name or by a resource's whole name
    (``projects/p/secrets/NAME``). One that cannot be told counts: what is wrong with it is said when it is planned."""
    name = secret.partition("/secrets/")[2].partition("/")[0] if "/secrets/" in secret else secret
    mapper, find = Mapper(entry.spec, entry.where), entry.spec.find
    try:
        found = entry.source.names(find.labels if find else {}) if mapper.lists else ()
        return any(ref.name == name for ref in mapper.wanted(found).refs)
    except DreamNetError:
        return True


def _refuse_to_wipe(entry: Entry, states: Sequence[tuple[SecretSink, SinkState]]) -> None:
    """Raise where a source that had names answers none: that is an outage or a mistake, and it wipes nothing."""
    full = [f"{len(state.versions)} of {sink.name}" for sink, state in states if state.versions]
    if full:
        raise RefusedError(
            f"{entry.name}: its source holds no name any more, and {', '.join(full)} would be removed.",
            hint="Nothing was written. Mend the source; if it is meant, set 'deletion' of the entry, or take the entry "
            "out of the configuration.",
        )
