"""One canary: growing shares of the traffic, evidence from real requests and our own probes alike, a verdict as soon
as there is enough of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dreamnet_actions.domain.canary import Tally, judge
from dreamnet_actions.domain.release import Release, ServiceState, Traffic
from dreamnet_actions.domain.spec.models import MetricCheck, Strategy, WorkloadCheck
from dreamnet_actions.keepers.deploykeeper.watching import Watching
from dreamnet_actions.ports.probe import Look

if TYPE_CHECKING:
    from dreamnet_actions.keepers.deploykeeper.rollout import Rollout

PACE = 0.25
"""Seconds between two rounds of probes to both tracks."""


@dataclass(kw_only=True)
class CanaryRun:
    """Takes one release through its steps. ``canary`` and ``stable`` tally what each track answered."""

    rollout: Rollout
    release: Release
    strategy: Strategy
    canary: Tally = field(default_factory=Tally)
    stable: Tally = field(default_factory=Tally)
    detail: str = ""

    def run(self) -> str | None:
        """Answer None when the canary may become the stable release, else what is wrong with it, in words."""
        rollout = self.rollout
        rollout.platform.apply(rollout.service, rollout.spec, self.release, canary=True)
        watched = Watching(context=rollout.context).until_settled(
            rollout.platform, rollout.service, within=rollout.rules.ready_within, canary=True
        )
        if not watched.settled:
            return f"did not become ready: {watched.why}"
        for share in self.strategy.canary or ():
            rollout.platform.shift(rollout.service, share)
            rollout.say(f"canary {self.release.short} gets {share:.0%} of the traffic", share=share)
            if (fault := self._soak(share)) is not None:
                return fault
        return None

    def _soak(self, share: float) -> str | None:
        """Watch one step until the evidence is clear or its time is over; a dead canary ends it at once."""
        clock = self.rollout.context.clock
        began = clock.monotonic()
        traffic = self._traffic()
        while clock.monotonic() - began < self.strategy.soak:
            clock.sleep(min(PACE, self.strategy.soak))
            state = self._state()
            if state is None or state.canary is None:
                return "is gone"
            if state.canary.ready == 0:
                return f"stopped being ready: {state.canary.failure or 'no replica of it answers'}"
            if any(one.restarts for one in state.canary.replicas):
                return f"crashed: {state.canary.failure or 'a replica of it had to be started again'}"
            traffic = self._count(state, traffic)
            self._probe()
            verdict = judge(self.canary, self.stable, self.strategy.max_error_rate)
            if verdict == "bad":
                failed = f"failed {self.canary.errors} of {self.canary.requests} requests"
                return f"{failed} at {share:.0%} of the traffic" + (
                    f" ({self.detail})" if self.detail else ""
                )
            if verdict == "good":
                break
        seconds = clock.monotonic() - began
        failed = f"{self.canary.errors} of {self.canary.requests} requests"
        text = f"canary failed {failed} in {seconds:.1f} s at {share:.0%}"
        self.rollout.say(text, share=share, requests=self.canary.requests, errors=self.canary.errors)
        self.canary, self.stable = Tally(), Tally()
        return None

    def _count(self, state: ServiceState, before: dict[str, Traffic]) -> dict[str, Traffic]:
        """Add what real clients saw on each track since the last look."""
        now = _measured(state)
        for name, traffic in now.items():
            former = before.get(name, Traffic())
            requests, errors = traffic.connections - former.connections, traffic.errors - former.errors
            if name == "canary":
                self.canary = self.canary.plus(requests, errors)
            else:
                self.stable = self.stable.plus(requests, errors)
        return now

    def _probe(self) -> None:
        """Make the service's own checks on every replica of both tracks: without clients, these are the traffic."""
        rollout = self.rollout
        looks: list[Look] = []
        for track in ("canary", "stable"):
            addresses = rollout.platform.replica_addresses(rollout.service, canary=track == "canary")
            looks += [
                Look(service=track, name=name, check=check, address=address)
                for address in addresses
                for name, check in rollout.spec.checks.items()
                if not isinstance(check, WorkloadCheck | MetricCheck) and hasattr(check, "http")
            ]
        deadline = max((look.check.timeout for look in looks), default=1.0)
        for report in rollout.probe.probe(looks, deadline) if looks else ():
            if report.status == "unknown":
                continue  # our own fault is no evidence against either track
            error = int(report.status == "failed")
            if report.service == "canary":
                self.canary = self.canary.plus(1, error)
                self.detail = report.detail if error else self.detail
            else:
                self.stable = self.stable.plus(1, error)

    def _state(self) -> ServiceState | None:
        return self.rollout.platform.observe().services.get(self.rollout.service)

    def _traffic(self) -> dict[str, Traffic]:
        state = self._state()
        return _measured(state) if state else {}


def _measured(state: ServiceState) -> dict[str, Traffic]:
    """Answer what the platform measured on each track; where it measures nothing, our probes are all the evidence."""
    return {name: track.traffic for name, track in state.tracks.items() if track.traffic is not None}
