"""Probe: looks at services from outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from dreamnet_actions.domain.health import Report
from dreamnet_actions.domain.spec.models import Check


@dataclass(frozen=True, kw_only=True)
class Look:
    """One check to be made. ``address`` (``host:port``) goes there instead of where the check's own address points,
    with the same request: how one replica is looked at."""

    service: str
    name: str
    check: Check
    address: str | None = None


class Probe(Protocol):
    """Makes checks of the kinds it knows, all at the same time."""

    WRITES: ClassVar[frozenset[str]] = frozenset()
    kinds: Sequence[type[Check]]
    """The classes of checks that it makes."""

    def probe(self, looks: Iterable[Look], deadline: float) -> Iterator[Report]:
        """Make all ``looks`` concurrently and yield each report as it is done, in any order; every look yields exactly
        one. After ``deadline`` seconds the rest are reported ``failed`` with cause ``timeout``. A fault of ours
        is a report with status ``unknown``; nothing is raised for a target's behaviour, whatever bytes it sends."""
