"""Former sets of sinks that keep no values: what they were made of is remembered, and read at its source once more.

A sink whose values cannot be read back (Actions secrets) has nothing to go back to. What is remembered of each of its
sets (``made-of/<sink>`` in the journal's shared state) are the names' labels and the versions of the source's values;
so a former set can be made again as long as the source has those versions, and its rules are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dreamnet_actions.domain.secret import SecretValue, Versioned
from dreamnet_actions.errors import DreamNetError, NotFound
from dreamnet_actions.keepers.envkeeper.entries import Entry, SinkPlan
from dreamnet_actions.keepers.envkeeper.gathering import Gathering
from dreamnet_actions.ports.secrets import SecretSink
from dreamnet_actions.ports.stores import Journal

SETS = 5
"""How many sets of each sink are remembered."""


class Formers:
    """Remembers what sets were made of, and puts a former one back."""

    def __init__(self, journal: Journal, mask: Callable[[SecretValue], None]) -> None:
        self._journal, self._mask = journal, mask

    @staticmethod
    def made_of(plan: SinkPlan) -> dict[str, Any] | None:
        """Answer what a plan's set is made of; None for a sink that keeps its values itself."""
        return None if plan.sink.keeps else {"pins": dict(plan.pins), "labels": plan.versions}

    def remember(self, sink: SecretSink, revision: str, made_of: Mapping[str, Any]) -> None:
        """Remember a set that was written, and forget the oldest beyond ``SETS``."""
        sets = [one for one in self._sets(sink) if one[0] != revision]
        self._journal.set_state(_key(sink), [*sets, [revision, dict(made_of)]][-SETS:])

    def look(self, entry: Entry, sink: SecretSink, revision: str) -> dict[str, Versioned]:
        """Answer what a former set holds: as the sink keeps it, else as the source has it; every value is masked.

        Raises NotFound where nobody remembers it, and what source and sink raise.
        """
        try:
            values = dict(sink.former_set(revision))
        except NotFound:
            made_of = dict(self._sets(sink)).get(revision)
            if sink.keeps or made_of is None:
                raise
            values = Gathering(entry, self._mask).again(made_of["pins"], made_of["labels"])
        for one in values.values():
            self._mask(one.value)
        return values

    def put_back(self, sink: SecretSink, revision: str, values: Mapping[str, Versioned]) -> None:
        """Make a former set current again that was looked at: by the sink where it keeps it, else by writing it."""
        try:
            sink.restore(revision)
        except NotFound:
            if sink.keeps:
                raise
            sink.write(values)

    def restore(self, entry: Entry, sink: SecretSink, revision: str) -> None:
        """Make a former set current again. Raises NotFound where nobody remembers it, and what source and sink
        raise."""
        self.put_back(sink, revision, self.look(entry, sink, revision))

    def take_back(self, plan: SinkPlan, error: DreamNetError) -> None:
        """After a write that failed half-way into a sink that keeps no values: put the former set back where that can
        be, and say so. Where it cannot, the error tells already what is left, and the next sync finishes it."""
        sink, before = plan.sink, plan.state
        if sink.keeps or before.revision is None:
            return
        try:
            if not sink.state().drifted - before.drifted:
                return
            self.restore(plan.entry, sink, before.revision)
        except DreamNetError:
            return
        error.message = f"{error.message} The former values were put back."
        error.args = (error.message,)

    def _sets(self, sink: SecretSink) -> list[Any]:
        return list(self._journal.state(_key(sink))[0] or ())


def _key(sink: SecretSink) -> str:
    return f"made-of/{sink.name}"
