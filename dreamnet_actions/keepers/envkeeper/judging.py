"""What is said of an entry's values before anything is written: rules, lints and probes, each with its place.

Everything here says names and forms, never a value.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dreamnet_actions.domain.lints import lints
from dreamnet_actions.domain.mapping import Wanted
from dreamnet_actions.domain.secret import Versioned
from dreamnet_actions.domain.validation import SLOW, Trouble, ValuesInvalid, troubles
from dreamnet_actions.keepers.envkeeper.entries import Entry
from dreamnet_actions.ports.secrets import Locating, SecretSink

Try = Callable[[Mapping[str, Versioned]], Sequence[Trouble]]
"""Tries the values that are to be probed, and says what came of it."""


@dataclass
class Judge:
    """Looks at one entry's values at one moment (``now``, in seconds since 1970)."""

    entry: Entry
    now: float
    probe: Try = field(default=lambda _: ())

    def judge(
        self, values: Mapping[str, Versioned], known: Collection[str], fresh: Collection[str], wanted: Wanted
    ) -> list[Trouble]:
        """Answer all that is wrong with ``values``; of those, ``fresh`` are to be written and are probed if all else is
        right. ``known`` are all names, ``wanted`` says where they come from."""
        spec = self.entry.spec
        public = [sink.name for sink in self.entry.sinks if getattr(sink, "public", False)]
        broken = troubles(spec, values, known, self.now)
        told = {one.name for one in broken}
        found = broken + [
            one for one in lints(spec, values, public) if one.name not in told or one.level == "error"
        ]
        bad = {one.name for one in found if one.level == "error"}
        found += self.probe(
            {name: values[name] for name in sorted(spec.probe) if name in values and name in {*fresh} - bad}
        )
        return [self.placed(one, wanted) for one in sorted(found, key=lambda one: one.name)]

    def placed(self, trouble: Trouble, wanted: Wanted) -> Trouble:
        """Say where to mend it: where the source has the value, else where the configuration speaks of it."""
        source, piece = self.entry.source, wanted.pieces.get(trouble.name)
        at_source = piece and isinstance(source, Locating) and trouble.rule != SLOW
        place = source.place(piece.ref.name) if piece and at_source and isinstance(source, Locating) else None
        place = place or self.entry.place(trouble.name)
        return trouble.at(*place) if place else trouble


def doubts(entry: Entry, sink: SecretSink, values: Mapping[str, Versioned], now: float) -> dict[str, object]:
    """Write what is wrong with a former set that is put back: whatever it is, it is told and stands in no way, for
    going back is what is left when the newest values are worse."""
    found = Judge(entry, now).judge(values, values, (), Wanted(pieces={}))
    told = [replace(one, level="warning").to_json() for one in found]
    return {"entry": entry.name, "sink": sink.name, "warnings": told}


def invalid(found: Mapping[str, Iterable[Trouble]], hint: str) -> ValuesInvalid | None:
    """Answer the error for what was found by entry; None where there are warnings at most."""
    bad = {entry: [one for one in all_ if one.level == "error"] for entry, all_ in found.items()}
    if not any(bad.values()):
        return None
    told = [f"{entry}: {one}" for entry, some in bad.items() for one in some]
    return ValuesInvalid(told, findings=[finding(entry, all_) for entry, all_ in found.items()], hint=hint)


def finding(entry: str, found: Iterable[Trouble]) -> dict[str, object]:
    """Write what was found with one entry as plain data."""
    all_ = list(found)
    return {
        "entry": entry,
        "mistakes": [one.to_json() for one in all_ if one.level == "error"],
        "warnings": [one.to_json() for one in all_ if one.level == "warning"],
    }
