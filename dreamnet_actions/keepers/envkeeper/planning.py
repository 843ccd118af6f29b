"""All entries that a request means, read and judged: plans for a sync, or every mistake at once for ``validate``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dreamnet_actions.domain.lints import Sealed, sealed, shared
from dreamnet_actions.domain.result import Report
from dreamnet_actions.domain.units import counted
from dreamnet_actions.domain.validation import Trouble, ValuesInvalid
from dreamnet_actions.errors import DreamNetError, RequestInvalid
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.keepers.envkeeper import ends
from dreamnet_actions.keepers.envkeeper.entries import Entry, SinkPlan
from dreamnet_actions.keepers.envkeeper.gathering import Gathering
from dreamnet_actions.keepers.envkeeper.judging import Judge, finding, invalid
from dreamnet_actions.keepers.envkeeper.trying import MakeCheck, Trying
from dreamnet_actions.ports.probe import Probe


@dataclass(kw_only=True)
class Planning:
    """Reads entries one after the other; what is wrong with one hides no other."""

    context: Context
    probe: Probe | None = None
    check: MakeCheck | None = None
    errors: list[DreamNetError] = field(default_factory=list)
    """What kept entries from being planned, all their mistakes as one."""
    told: tuple[str, int] | None = None
    """The secret and its version that the source has to know of by now, for somebody told of it."""
    _gathered: dict[str, Gathering] = field(default_factory=dict)
    _sealed: dict[str, Sealed] = field(default_factory=dict)

    def plans(self, entries: Sequence[Entry]) -> list[SinkPlan]:
        """Plan every entry. Raises where none could be planned."""
        plans: list[SinkPlan] = []
        now = self.context.clock.now()
        key = self.context.ids.fresh().encode()
        for entry in entries:
            gathering = self._gathering(entry)
            try:
                for plan in gathering.plans():
                    soon = [gathering.placed(one) for one in ends.warn(self.context.journal, plan, now)]
                    plans.append(replace(plan, warnings=[*plan.warnings, *soon]))
            except DreamNetError as error:
                self.errors.append(error)
            self.errors += gathering.errors
            self._seal(entry, gathering, key)
        self.errors = _as_one(self.errors)
        if self.errors and not plans:
            raise self.errors[0]
        twins = self._twins()
        return [replace(plan, warnings=[*plan.warnings, *twins.get(plan.entry.name, ())]) for plan in plans]

    def validate(self, entries: Sequence[Entry]) -> Report:
        """Read and judge every value. Raises ValuesInvalid with every mistake of all entries."""
        found: dict[str, list[Trouble]] = {}
        key = self.context.ids.fresh().encode()
        for entry in entries:
            gathering = self._gathering(entry)
            try:
                found[entry.name] = gathering.look_over()
            except RequestInvalid as error:
                found[entry.name] = [
                    Trouble(name="", rule="source", level="error", text=one) for one in error.mistakes
                ]
            except DreamNetError as error:
                self.errors.append(error)
            self._seal(entry, gathering, key)
        for name, twins in self._twins().items():
            found[name] += twins
        if (wrong := invalid(found, "Mend the source, then validate again.")) is not None:
            raise wrong
        if self.errors:
            raise self.errors[0]
        count = sum(map(len, found.values()))
        warned = f", with {counted(count, 'warning')}" if count else ""
        return Report(
            outcome="done",
            summary=f"{', '.join(found) or 'No entry'}: every value is valid{warned}.",
            findings=[finding(name, all_) for name, all_ in found.items()],
        )

    def _gathering(self, entry: Entry) -> Gathering:
        judge = Judge(entry, self.context.clock.now())
        if entry.spec.probe and self.probe is not None and self.check is not None:
            judge.probe = Trying(spec=entry.spec, probe=self.probe, check=self.check)
        return Gathering(entry, self.context.reporter.mask, judge, self.told)

    def _seal(self, entry: Entry, gathering: Gathering, key: bytes) -> None:
        self._gathered[entry.name] = gathering
        self._sealed[entry.name] = sealed(entry.name, entry.spec, gathering.seen, key)

    def _twins(self) -> dict[str, list[Trouble]]:
        """Answer which entries share a secret with another environment."""
        found = shared(self._sealed)
        return {entry: [self._gathered[entry].placed(one) for one in some] for entry, some in found.items()}


def findings_beside(errors: Sequence[DreamNetError]) -> list[Mapping[str, object]]:
    """Answer what errors found, for a result that also tells of what went well."""
    return [one for error in errors for one in error.findings]


def _as_one(errors: Sequence[DreamNetError]) -> list[DreamNetError]:
    """Put all mistakes of values into one error, in front of the others."""
    wrong = [one for one in errors if isinstance(one, ValuesInvalid)]
    rest = [one for one in errors if not isinstance(one, ValuesInvalid)]
    if len(wrong) < 2:
        return list(errors)
    told = [text for one in wrong for text in one.mistakes]
    return [ValuesInvalid(told, findings=findings_beside(wrong), hint=wrong[0].hint), *rest]
