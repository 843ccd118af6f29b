"""Examining services: all their checks at once, failing ones again, and what it means. Shared by those who must prove.

The platform's own word (``workload``, ``metric``) is read from one snapshot; every other check goes through Probe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from dreamnet_actions.domain.health import Health, Report, judge, shorten
from dreamnet_actions.domain.release import ServiceState, Snapshot, needed
from dreamnet_actions.domain.spec.metrics import only_load
from dreamnet_actions.domain.spec.models import MetricCheck, Service, WorkloadCheck
from dreamnet_actions.errors import DreamNetError
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.ports.probe import Look, Probe

IN_RUN = 15.0
"""Seconds that re-checks may take within one run; what is still unclear then waits for the next run."""
SHORTEST = 0.5
"""Seconds that a look within a run has at the least; where less is left, the next run goes on."""


@dataclass(frozen=True, kw_only=True)
class Examined:
    """One service after a look: its health, the reports behind it, the platform's view (None when that failed)."""

    service: str
    health: Health
    reports: tuple[Report, ...]
    state: ServiceState | None = None
    failures: int = 0
    """Looks in a row that failed, within this run."""


@dataclass(frozen=True, kw_only=True)
class Examination:
    """Looks at services through probes and platforms."""

    context: Context
    probe: Probe

    def look(self, services: Mapping[str, Service], only: str | None = None) -> dict[str, Examined]:
        """Make every check of ``services`` once (``only`` that one check by name) and judge each service."""
        states, faults = self._states(services)
        reports: dict[str, list[Report]] = {name: [] for name in services}
        looks = []
        for name, spec in services.items():
            for check_name, check in spec.checks.items():
                if only not in (None, check_name):
                    continue
                if isinstance(check, WorkloadCheck | MetricCheck):
                    fault = faults.get(spec.platform)
                    required = spec.release.required if spec.release else 1.0
                    word = _platform_word(name, check_name, check, states.get(name), fault, required)
                    reports[name].append(word)
                else:
                    looks.append(Look(service=name, name=check_name, check=check))
        deadline = max((one.check.timeout for one in looks), default=0.0) + 1.0
        missing = {(one.service, one.name) for one in looks}
        for report in self.probe.probe(looks, deadline) if looks else ():
            reports[report.service].append(shorten(report))
            missing.discard((report.service, report.check))
        for service, name in sorted(missing):  # a probe that says nothing about a look proves nothing by it
            reports[service].append(
                Report(service=service, check=name, status="unknown", detail="The probe gave no answer.")
            )
        return {
            name: Examined(
                service=name,
                health=judge(found, {check: spec.severity for check, spec in services[name].checks.items()}),
                reports=tuple(_explained(found, states.get(name))),
                state=states.get(name),
            )
            for name, found in reports.items()
        }

    def confirm(
        self, services: Mapping[str, Service], already: Mapping[str, int], only: str | None = None
    ) -> dict[str, Examined]:
        """Look, and look again at what fails until its threshold is reached, it passes, or 15 s are over.

        ``already`` are the failures in a row of earlier runs. One blip is never a verdict, and one run is enough: also
        for what does not answer at all. Its first look waits as long as its check says; those after it share what is
        left of the 15 s. All services are looked at together, so that it takes no longer for many than for one.
        """
        clock = self.context.clock
        began = clock.monotonic()
        results = self.look(services, only)
        counts = {name: int(one.health in ("failing", "degraded")) for name, one in results.items()}
        while True:
            lacks = {
                name: services[name].thresholds.failures - counts[name] - already.get(name, 0)
                for name, one in results.items()
                if one.health in ("failing", "degraded")
            }
            lacks = {name: looks for name, looks in lacks.items() if looks > 0}
            pause = max((services[name].thresholds.again_after for name in lacks), default=0.0)
            looks = max(lacks.values(), default=0)
            share = (IN_RUN - (clock.monotonic() - began)) / looks - pause if looks else 0.0
            if not lacks or share < SHORTEST:
                break
            clock.sleep(pause)
            for name, one in self.look(
                {name: _within(services[name], share) for name in lacks}, only
            ).items():
                counts[name] = counts[name] + 1 if one.health in ("failing", "degraded") else 0
                if not _cut(one, services[name], share):  # else the longer look says more
                    results[name] = one
        return {
            name: Examined(
                service=name, health=one.health, reports=one.reports, state=one.state, failures=counts[name]
            )
            for name, one in results.items()
        }

    def recovered(
        self,
        service: str,
        spec: Service,
        within: float,
        *,
        patient: bool = True,
        broken: Callable[[ServiceState | None], bool] = lambda _: False,
    ) -> tuple[bool, Examined]:
        """Watch one service until enough looks in a row pass (True), or ``within`` seconds are over (False).

        Without patience, as many failed looks in a row as count anywhere else end it sooner; so does ``broken``, which
        is shown the platform's view with each look.
        """
        clock = self.context.clock
        began, passes, failures = clock.monotonic(), 0, 0
        with self.context.reporter.waiting(f"{service} to be healthy", within) as tell:
            while True:
                one = _without_loads(self.look({service: spec})[service], spec)
                if broken(one.state):
                    return False, one
                passes = passes + 1 if one.health == "healthy" else 0
                tell(f"{one.health}, {passes} of {spec.thresholds.successes} looks in a row passed")
                if passes >= spec.thresholds.successes:
                    return True, one
                failures = failures + 1 if one.health in ("failing", "degraded") else 0
                if not patient and failures >= spec.thresholds.failures:
                    return False, one
                pause = min(spec.thresholds.again_after, 1.0)
                if clock.monotonic() - began + pause > within:
                    return False, one
                clock.sleep(pause)

    def _states(self, services: Mapping[str, Service]) -> tuple[dict[str, ServiceState], dict[str, str]]:
        """Take one snapshot of each platform concerned; a platform that cannot be asked is a fault of ours."""
        states: dict[str, ServiceState] = {}
        faults: dict[str, str] = {}
        for platform in {spec.platform for spec in services.values()}:
            try:
                snapshot: Snapshot = self.context.platforms[platform].observe()
            except DreamNetError as error:
                faults[platform] = error.message
                continue
            states |= {
                name: state
                for name, state in snapshot.services.items()
                if name in services and services[name].platform == platform
            }
        return states, faults


def _without_loads(one: Examined, spec: Service) -> Examined:
    """Answer an examination to which loads that could not be measured say nothing: how much a service has to do is no
    part of the proof that it is well. Where nothing else was looked at, it stays unknown."""
    said = [each for each in one.reports if each.status != "unknown" or not only_load(spec, each.check)]
    if one.health != "unknown" or not said:
        return one
    return replace(one, health=judge(said, {check: each.severity for check, each in spec.checks.items()}))


def _within(spec: Service, seconds: float) -> Service:
    """Answer a service none of whose checks takes longer than that."""
    if all(check.timeout <= seconds for check in spec.checks.values()):
        return spec
    checks = {
        name: replace(check, timeout=min(check.timeout, seconds)) for name, check in spec.checks.items()
    }
    return replace(spec, checks=checks)


def _cut(one: Examined, spec: Service, seconds: float) -> bool:
    """Say whether a look ended by a limit that is shorter than the check's own."""
    short = {name for name, check in spec.checks.items() if check.timeout > seconds}
    return any(report.check in short and report.cause == "timeout" for report in one.reports)


def stuck(examined: Examined, why: str) -> Examined:
    """Answer the examination of a service whose former replicas are well while a change to it could not be applied.

    Without this a bad value would wait, unseen, for the next restart.
    """
    report = Report(service=examined.service, check="change", status="failed", cause="not-ready", detail=why)
    return replace(examined, health="failing", reports=(report, *examined.reports))


def _platform_word(
    service: str,
    name: str,
    check: WorkloadCheck | MetricCheck,
    state: ServiceState | None,
    fault: str | None,
    required: float,
) -> Report:
    """Turn the platform's snapshot into a report; not being able to ask is ``unknown``."""
    if fault is not None:
        return Report(
            service=service, check=name, status="unknown", detail=f"The platform did not answer: {fault}"
        )
    if isinstance(check, MetricCheck):
        if state is None:
            return Report(service=service, check=name, status="unknown", detail="It was never started.")
        measured = [track.traffic for track in state.tracks.values()]
        if (seen := [one for one in measured if one is not None]) != measured:
            detail = f"The platform of {service} measures no {check.metric}, so nothing is scaled by it."
            return Report(service=service, check=name, status="unknown", detail=detail)
        load = sum(one.per_second if check.metric == "requests-per-second" else one.open for one in seen)
        text = f"{check.metric} is {load:g}."
        scale = check.scale
        if scale and load > scale.target * scale.max * (1 + scale.tolerance):
            text = (
                f"{check.metric} is {load:g}, more than its {scale.max} replicas (the maximum) should carry."
            )
            return Report(
                service=service, check=name, status="degraded", cause="overload", value=load, detail=text
            )
        return Report(service=service, check=name, status="passed", value=load, detail=text)
    if state is None:
        return Report(
            service=service, check=name, status="failed", cause="not-ready", detail="It was never started."
        )
    ready, desired = state.stable.ready, state.stable.desired
    if (told := state.stable.told) is not None:
        if state.stable.failure:
            return Report(service=service, check=name, status="failed", cause="crash", detail=f"{told}.")
        return Report(service=service, check=name, status="passed", detail=f"{told}.")
    if ready >= desired and state.stable.failure:
        text = f"What was wanted last cannot start, and the former replicas serve on: {state.stable.failure}"
        return Report(service=service, check=name, status="degraded", cause="crash", detail=text)
    if ready >= needed(desired, required):
        detail = f"{ready} of {desired} replicas ready" + (
            f", {required:.0%} are required." if ready < desired else "."
        )
        return Report(service=service, check=name, status="passed", detail=detail)
    crashed = any(replica.state in ("exited", "back-off") for replica in state.stable.replicas)
    return Report(
        service=service,
        check=name,
        status="failed",
        cause="crash" if crashed else "not-ready",
        detail=state.stable.failure or f"{ready} of {desired} replicas ready.",
    )


def _explained(reports: list[Report], state: ServiceState | None) -> list[Report]:
    """Add what the platform knows to a fault that a client saw: an ended process explains a refused connection."""
    failed = any(report.status == "failed" for report in reports)
    told = any(report.cause == "crash" for report in reports)
    if not failed or told or state is None or state.stable.told is not None:
        return reports
    ended = [replica for replica in state.stable.replicas if replica.state in ("exited", "back-off")]
    if not ended and state.stable.replicas:
        return reports
    one = ended[0] if ended else None
    how = f"ended with status {one.exit_status}" if one and one.exit_status is not None else "is not running"
    return [
        *reports,
        Report(
            service=reports[0].service,
            check="platform",
            status="failed",
            cause="crash",
            detail=state.stable.failure or f"Its process {how}.",
        ),
    ]
