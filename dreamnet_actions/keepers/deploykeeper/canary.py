"""One canary: growing shares of the traffic, evidence from real requests and our own probes alike, a verdict as soon
as there is enough of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from dreamnet_actions.domain.canary import Evidence, read
from dreamnet_actions.domain.release import Release, ServiceState, TrackState
from dreamnet_actions.domain.spec.strategies import Strategy
from dreamnet_actions.errors import TemporaryError
from dreamnet_actions.keepers.deploykeeper.gauges import EVERY, Gauges, Reading
from dreamnet_actions.keepers.deploykeeper.looking import PACE, Looking
from dreamnet_actions.keepers.deploykeeper.watching import Watched, Watching

if TYPE_CHECKING:
    from dreamnet_actions.keepers.deploykeeper.rollout import Rollout


@dataclass(frozen=True, kw_only=True)
class End:
    """How a canary's watch ended. ``waits``: a person has to say how it goes on; ``paused``: the metric source has to
    be there again, or a person says so."""

    kind: Literal["good", "bad", "promote", "abort", "waits", "paused"]
    why: str = ""
    step: int = 0


@dataclass(kw_only=True)
class CanaryRun:
    """Takes one release through its steps, from the step on that the record names."""

    rollout: Rollout
    release: Release
    strategy: Strategy
    shares: Sequence[float]
    evidence: Evidence = field(init=False)
    _shifted: tuple[int, int] | None = field(default=None, init=False)
    _restarts: int = field(default=0, init=False)

    def run(self) -> End:
        """Answer how it ended."""
        rollout, record = self.rollout, self.rollout.record
        self._gauges()  # what is wrong with the configuration is said before anything runs
        kept = record.canary
        state = rollout.state()
        there = state.canary if state is not None else None
        if not kept or there is None or there.release.version != self.release.version:
            # One that is there goes on as it is, whatever the configuration says by now.
            rollout.platform.apply(rollout.service, rollout.spec, self.release, canary=True)
        watched = self._ready()
        if not watched.settled:
            return End(kind="bad", why=f"did not become ready: {watched.why}")
        fresh = Evidence.fresh(len(self.shares), self.strategy.max_error_rate)
        self.evidence = read(kept.get("evidence"), fresh)
        first = min(int(kept.get("step", 0)), len(self.shares))
        self._restarts = _restarts(watched.state.stable) if watched.state else 0
        for step in range(first, len(self.shares)):
            record.at_step(step, self.shares, self.evidence.to_json())
            end = self._soak(step, self.shares[step])
            if end.kind != "good":
                return end
            self.evidence = self.evidence.next_step()
        return End(kind="good")

    def _ready(self) -> Watched:
        rollout = self.rollout
        return Watching(context=rollout.context).until_settled(
            rollout.platform, rollout.service, within=rollout.rules.ready_within, canary=True
        )

    def _gauges(self) -> Gauges:
        source = self.rollout.metrics() if self.strategy.metrics else None
        return Gauges(metrics=self.strategy.metrics, source=source, service=self.rollout.service)

    def _soak(self, step: int, share: float) -> End:
        """Watch one step until the evidence is clear or its time is over; a dead canary ends it at once."""
        rollout, clock, soak = self.rollout, self.rollout.context.clock, self.strategy.soak
        before = rollout.platform.observe().services.get(rollout.service)
        self._shifted = _numbers(before) if before else None
        rollout.platform.shift(rollout.service, share)
        rollout.say(f"canary {self.release.short} gets {share:.0%} of the traffic", share=share)
        watched = self._ready()  # a larger share may need more replicas
        if not watched.settled:
            return End(kind="bad", why=f"did not become ready at {share:.0%}: {watched.why}")
        if watched.state is not None:
            self._keep_share(watched.state, share)
        looking = Looking(rollout=rollout, soak=soak, margin=self.evidence.margin)
        meter = Meter(run=self, gauges=self._gauges(), every=min(EVERY, max(PACE, soak / 6)))
        began = clock.monotonic()
        while (lasted := clock.monotonic() - began - meter.away) < soak:
            clock.sleep(min(PACE, soak))
            state = rollout.platform.observe().services.get(rollout.service)
            if (fault := self._fallen(state)) is not None or state is None:
                return End(kind="bad", why=fault or "is gone")
            if (word := rollout.record.word()) is not None:
                return End(kind="promote" if word[0] == "promote" else "abort", why=word[1])
            self._keep_share(state, share)
            reading = self._look(state, looking, meter)
            if reading.fault is not None:
                return End(kind="bad", why=f"is not as it has to be: {reading.fault}")
            judgement = self.evidence.judged(min(1.0, lasted / soak))
            if judgement == "bad":
                return End(kind="bad", why=self._failed(share, looking.detail))
            if judgement == "good" and meter.gauges.lacking is None and not meter.down:
                break
            if meter.away > self.strategy.wait_for_metrics:
                why = f"the metric source has been away for {meter.away:.0f} s"
                return End(kind="paused", why=why, step=step)
        return self._over(step, share, lasted, looking, meter)

    def _over(self, step: int, share: float, lasted: float, looking: Looking, meter: Meter) -> End:
        """Say how a step ends that found nothing bad, and write it down."""
        canary = self.evidence.canary
        text = f"canary failed {canary.errors} of {canary.requests} requests in {lasted:.1f} s at {share:.0%}"
        self.rollout.say(text, share=share, requests=canary.requests, errors=canary.errors)
        good = self.evidence.at_last == "good" or not self.strategy.soak
        # Where nothing is there that could ask it for anything, its numbers alone are the evidence.
        good = good or (not canary.requests and meter.gauges.bounded)
        if good and meter.gauges.lacking is None:
            return End(kind="good")
        if good:
            return End(kind="waits", why=meter.gauges.lacking or "", step=step)
        why = f"it failed {canary.errors} of {canary.requests} requests at {share:.0%}, too little evidence that it "
        why += f"fails less than {self.evidence.margin:.1%} more often than stable"
        if not canary.requests:
            why = f"nobody asked it for anything at {share:.0%}"
            why += _hint(looking)
        return End(kind="waits", why=why, step=step)

    def _look(self, state: ServiceState, looking: Looking, meter: Meter) -> Reading:
        """Add what was seen since the last look, no request twice: a source that counts them counts ours, too."""
        clients, probes, reading = looking.clients(state), looking.probed(), meter.read(state)
        if meter.gauges.counters:
            clients = reading.canary, reading.stable
        self.evidence = self.evidence.seen("clients", *clients)
        if not meter.gauges.counting:
            self.evidence = self.evidence.seen("probes", *probes)
        return reading

    def _failed(self, share: float, detail: str) -> str:
        canary, stable = self.evidence.canary, self.evidence.stable
        said = f"failed {canary.errors} of {canary.requests} requests at {share:.0%} of the traffic"
        said += f", and stable {stable.errors} of {stable.requests}" if stable.errors else ""
        return f"{said} ({detail})" if detail else said

    def _fallen(self, state: ServiceState | None) -> str | None:
        """Say what ended the canary; a crash counts unless stable crashes as well: then its requests have to tell."""
        if state is None or state.canary is None:
            return "is gone"
        if state.canary.ready == 0:
            return f"stopped being ready: {state.canary.failure or 'no replica of it answers'}"
        if _restarts(state.canary) and _restarts(state.stable) <= self._restarts:
            return f"crashed: {state.canary.failure or 'a replica of it had to be started again'}"
        return None

    def _keep_share(self, state: ServiceState, share: float) -> None:
        """Shift anew where the number of replicas has changed, by an autoscaler or because a new one got ready, and
        where somebody has set the share back."""
        now = _numbers(state)
        if self._shifted != now or (state.canary is not None and state.canary.adrift):
            self.rollout.platform.shift(self.rollout.service, share)
        self._shifted = now


@dataclass(kw_only=True)
class Meter:
    """Reads a step's numbers in their rhythm, and counts the seconds in which they could not be had (``away``)."""

    run: CanaryRun
    gauges: Gauges
    every: float
    away: float = 0.0
    down: bool = False
    _at: float | None = None

    def read(self, state: ServiceState) -> Reading:
        """Answer what there is to be read now; nothing between two readings, and none while the source is away."""
        clock = self.run.rollout.context.clock
        now = clock.monotonic()
        if not self.gauges.metrics or (self._at is not None and now - self._at < self.every):
            return Reading()
        if self.down and self._at is not None:
            self.away += now - self._at
        self._at = now
        try:
            reading = self.gauges.read(state)
        except TemporaryError as error:
            self._say_once(True, f"the canary keeps its share and waits: {error.message}")
            return Reading()
        self._say_once(False, "the metric source is back, and the canary goes on")
        return reading

    def _say_once(self, down: bool, text: str) -> None:
        if down != self.down:
            self.run.rollout.say(text)
        self.down = down


def _numbers(state: ServiceState) -> tuple[int, int]:
    """Answer what a share is made of, on platforms that count replicas."""
    return state.stable.desired, state.canary.ready if state.canary else 0


def _restarts(track: TrackState) -> int:
    return sum(one.restarts for one in track.replicas)


def _hint(looking: Looking) -> str:
    if not looking.checks:
        return ": the service has no 'http' check, and nothing counts its clients' requests"
    return "" if looking.reached else ": its replicas cannot be reached from here"
