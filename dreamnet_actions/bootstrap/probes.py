"""Several probes as one: each look goes to the one that knows its kind of check, all at the same time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from dreamnet_actions.domain.health import Report
from dreamnet_actions.domain.spec.models import Check
from dreamnet_actions.ports.probe import Look, Probe


class Probes(Probe):
    """``first`` makes every look that none of ``others`` has a kind for."""

    WRITES: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, first: Probe, *others: Probe) -> None:
        self._first, self._others = first, others
        self.kinds: Sequence[type[Check]] = (*(kind for one in others for kind in one.kinds), *first.kinds)

    def probe(self, looks: Iterable[Look], deadline: float) -> Iterator[Report]:
        """Make all looks (see the port)."""
        shares: dict[int, list[Look]] = {}
        makers = {id(one): one for one in (self._first, *self._others)}
        for look in looks:
            maker = next(
                (one for one in self._others if isinstance(look.check, tuple(one.kinds))), self._first
            )
            shares.setdefault(id(maker), []).append(look)
        if len(shares) == 1:
            ((only, mine),) = shares.items()
            yield from makers[only].probe(mine, deadline)
            return
        told: queue.SimpleQueue[Report | BaseException | None] = queue.SimpleQueue()
        for maker_id, mine in shares.items():
            _run(makers[maker_id], mine, deadline, told)
        left = len(shares)
        while left:
            report = told.get()
            if isinstance(report, BaseException):
                raise report
            if report is None:
                left -= 1
            else:
                yield report


def _run(
    probe: Probe, looks: list[Look], deadline: float, told: queue.SimpleQueue[Report | BaseException | None]
) -> None:
    def run() -> None:
        try:
            for report in probe.probe(looks, deadline):
                told.put(report)
        except BaseException as error:  # noqa: BLE001  # raised again by the reader
            told.put(error)
        told.put(None)

    threading.Thread(target=run, name="dreamnet-probes", daemon=True).start()
