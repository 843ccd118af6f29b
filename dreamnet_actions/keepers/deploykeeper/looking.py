"""One look at both tracks of a canary: what real clients saw, and what our own probes see."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dreamnet_actions.domain.canary import Tally, enough
from dreamnet_actions.domain.health import Report
from dreamnet_actions.domain.release import ServiceState, Traffic
from dreamnet_actions.domain.spec.models import Check
from dreamnet_actions.ports.probe import Look

if TYPE_CHECKING:
    from dreamnet_actions.keepers.deploykeeper.rollout import Rollout

PACE = 0.25
"""Seconds between two looks."""
MOST = 10
"""Requests of ours to one track in one look: 40 a second."""
_NO_WAY = frozenset({"refused", "timeout", "dns"})
"""Causes that an address has which cannot be reached from here at all."""


@dataclass(kw_only=True)
class Looking:
    """Looks at both tracks of one rollout's service, four times a second. Our requests are spread so that, without any
    client, a step of ``soak`` seconds has enough of them to tell (``domain.canary.enough``).

    Our requests go to the replicas themselves. From where those cannot be reached that must not look like a failing
    canary: nothing is counted until one of them has answered anything. Which looks are counted depends on those before
    alone, as the test demands.
    """

    rollout: Rollout
    soak: float
    margin: float
    reached: bool = False
    detail: str = ""
    """What was wrong with the canary last, in words."""
    _traffic: dict[str, Traffic] | None = field(default=None)

    def probed(self) -> tuple[Tally, Tally]:
        """Send our requests; answer what the canary and the stable track made of them."""
        canary, stable = Tally(), Tally()
        for report in self._probes():
            error = int(report.status == "failed")
            if report.service == "canary":
                canary = canary.plus(1, error)
                self.detail = report.detail if error else self.detail
            else:
                stable = stable.plus(1, error)
        return canary, stable

    @property
    def checks(self) -> dict[str, Check]:
        """The service's checks that can be made on one replica."""
        return {name: one for name, one in self.rollout.spec.checks.items() if hasattr(one, "http")}

    def clients(self, state: ServiceState) -> tuple[Tally, Tally]:
        """Answer what real clients saw on each track since the last look, where the platform measures that."""
        now = {name: track.traffic for name, track in state.tracks.items() if track.traffic is not None}
        before = self._traffic if self._traffic is not None else now
        self._traffic = now
        seen = {}
        for name in ("canary", "stable"):
            one, former = now.get(name, Traffic()), before.get(name, Traffic())
            seen[name] = Tally().plus(one.connections - former.connections, one.errors - former.errors)
        return seen["canary"], seen["stable"]

    def _probes(self) -> list[Report]:
        """Make the service's own checks on every replica of both tracks: without clients, these are the traffic.

        One request after the other to each replica, as its checks come otherwise: a burst would fail at a service whose
        queue is short, or at what it asks in turn, and be taken for the canary's fault.
        """
        rollout, times = self.rollout, dict[str, int]()
        wanted = enough(self.margin) * PACE / max(self.soak, PACE)
        once: dict[str, list[Look]] = {}
        for track in ("canary", "stable"):
            addresses = rollout.platform.replica_addresses(rollout.service, canary=track == "canary")
            once[track] = [
                Look(service=track, name=name, check=check, address=address)
                for address in addresses
                for name, check in self.checks.items()
            ]
            whole = max(1, len(once[track]))
            times[track] = max(1, min(math.ceil(wanted / whole), MOST // whole))
        clock, reports = rollout.context.clock, list[Report]()
        began = clock.monotonic()
        for turn in range(max(times.values())):
            looks = [look for track in once if turn < times[track] for look in once[track]]
            if not looks or (turn and clock.monotonic() - began > PACE):
                break
            deadline = max(look.check.timeout for look in looks)
            # Our own fault is no evidence against either track.
            reports += [one for one in rollout.probe.probe(looks, deadline) if one.status != "unknown"]
        counted = reports if self.reached else []
        self.reached = self.reached or any(
            one.status != "failed" or one.cause not in _NO_WAY for one in reports
        )
        return counted
