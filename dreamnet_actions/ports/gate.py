"""The gate before every write: shut while DreamNet is paused, and for a dry run. One place for both."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

from dreamnet_actions.domain.times import rfc3339
from dreamnet_actions.errors import Paused
from dreamnet_actions.ports.stores import Journal

STATE = "paused"
"""The key of the pause in the journal's shared state: ``{"by", "at", "reason"}``, or nothing."""

P = TypeVar("P")


class Gate:
    """Asked before each write. ``always`` names who paused DreamNet from outside (``DREAMNET_PAUSED``), if anybody;
    ``barrier`` makes durable what must be known before the outside is touched, where memory is written behind."""

    def __init__(
        self, journal: Journal, *, always: str | None = None, barrier: Callable[[], None] | None = None
    ) -> None:
        self._journal = journal
        self._always = always
        self._barrier = barrier
        self._thread = threading.local()

    def dry(self, on: bool) -> None:
        """Say whether the request that this thread runs is a dry run."""
        self._thread.dry = on

    def pass_(self, what: str) -> None:
        """Let one write through, or raise Paused. The journal is read again each time: a pause holds from the next
        write on, also in a run that began before it (one that works in memory sees it at a barrier). A write in a dry
        run is a bug and raises AssertionError."""
        if getattr(self._thread, "dry", False):
            raise AssertionError(f"{what} was called in a dry run")
        if self._always is not None:
            raise Paused(self._always, "this run began")
        paused, _ = self._journal.state(STATE)
        if paused:
            raise Paused(str(paused["by"]), rfc3339(paused["at"]))

    def before(self, port: P, *, outside: bool = False) -> P:
        """Answer the same port with this gate before each method that its ``WRITES`` names. ``outside``: it writes to
        the user's system, where nothing shows what a run that was cut off had meant to do."""
        return cast("P", _Guarded(port, self, outside=outside))

    def remember(self) -> None:
        """Make durable what was remembered until now. Raises what the journal's store raises."""
        if self._barrier is not None:
            self._barrier()


class _Guarded:
    """A port behind a gate. Everything but its writes passes through untouched."""

    def __init__(self, port: Any, gate: Gate, *, outside: bool) -> None:
        self._port = port
        self._gate = gate
        self._outside = outside
        self._writes: frozenset[str] = type(port).WRITES if hasattr(type(port), "WRITES") else port.WRITES

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if name not in self._writes:
            return found
        return self._guard(name, found)

    def _guard(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if self._outside:
                self._gate.remember()  # first: it may look again, and so see a pause that somebody just asked for
            self._gate.pass_(f"{type(self._port).__name__}.{name}")
            return method(*args, **kwargs)

        return guarded
