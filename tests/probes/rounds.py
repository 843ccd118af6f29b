"""Rounds of checks over the real probe."""

from __future__ import annotations

from typing import Any

from dreamnet_actions.adapters.probes.outside import OutsideProbe
from dreamnet_actions.domain.health import Report
from dreamnet_actions.domain.spec.models import Check
from dreamnet_actions.ports.probe import Look
from dreamnet_actions.testing.memory.clock import VirtualClock


def probe_with(**options: Any) -> OutsideProbe:
    return OutsideProbe(clock=VirtualClock(), **options)


def looks(*checks: Check) -> list[Look]:
    return [Look(service="web", name=str(number), check=check) for number, check in enumerate(checks)]


def round_of(*checks: Check, deadline: float = 20.0, **options: Any) -> list[Report]:
    reports = {one.check: one for one in probe_with(**options).probe(looks(*checks), deadline)}
    return [reports[str(number)] for number in range(len(checks))]
