"""The port's writes as pure changes of what is wanted. Each answers the new state; the same write again, the same.

No clock, file or process here: the supervisor saves what comes back and brings it about.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from dreamnet_actions.adapters.process.state import (
    FORMER_KEPT,
    TOKENS_KEPT,
    PlatformState,
    Run,
    Wanted,
    Workload,
)
from dreamnet_actions.domain.release import Release
from dreamnet_actions.errors import NotFound


def apply(
    state: PlatformState,
    service: str,
    release: Release,
    workload: Workload,
    *,
    canary: bool,
    replicas: int,
    configured: int,
    environment: str | None,
) -> PlatformState:
    """Run ``release``. ``configured`` is the number of replicas in the configuration, ``environment`` the current set
    of synced values, which a release without one of its own starts with."""
    known = state.services.get(service)
    if canary:
        return _apply_canary(state, service, release, workload, replicas=replicas, environment=environment)
    if known is None:
        run = _new_run(state, release, workload, environment)
        wanted = Wanted(stable=run, replicas=replicas or configured)
        return replace(state, generation=run.generation).with_service(service, wanted)
    wanted = replace(known, replicas=replicas or known.replicas)
    if _same(known.stable, release, workload):
        return state.with_service(service, replace(wanted, stable=replace(known.stable, workload=workload)))
    if known.canary and _same(known.canary, release, workload):
        return promote(state.with_service(service, wanted), service)
    run = _new_run(state, release, workload, environment)
    wanted = replace(wanted, stable=run, former=_pushed(known.stable, known.former))
    return replace(state, generation=run.generation).with_service(service, wanted)


def restart(state: PlatformState, service: str, token: str, *, environment: str | None) -> PlatformState:
    """Have every stable replica replaced. Where the current set of synced values is another one than the release runs
    with, it becomes a run of its own, so that ``undo`` also goes back to the former values."""
    known = _known(state, service)
    if token in known.restarted:
        return state
    wanted = replace(known, restarted=_kept(token, known.restarted))
    if environment is None or environment == known.stable.release.environment:
        run = replace(known.stable, restarts=known.stable.restarts + 1)
        return state.with_service(service, replace(wanted, stable=run))
    release = replace(known.stable.release, environment=environment)
    run = _new_run(state, release, known.stable.workload, environment)
    wanted = replace(wanted, stable=run, former=_pushed(known.stable, known.former))
    return replace(state, generation=run.generation).with_service(service, wanted)


def scale(state: PlatformState, service: str, replicas: int) -> PlatformState:
    """Let this many run on the stable track, for later releases too."""
    return state.with_service(service, replace(_known(state, service), replicas=replicas))


def shift(state: PlatformState, service: str, share: float) -> PlatformState:
    """Give the canary this share of new connections."""
    known = _known(state, service)
    if known.canary is None:
        raise NotFound("canary", service, [name for name, one in state.services.items() if one.canary])
    return state.with_service(service, replace(known, share=share))


def promote(state: PlatformState, service: str) -> PlatformState:
    """Make the canary's run the stable one; its replicas stay and are joined by more. No canary: it was done before."""
    known = _known(state, service)
    if known.canary is None:
        return state
    wanted = replace(
        known, stable=known.canary, canary=None, share=0.0, former=_pushed(known.stable, known.former)
    )
    return state.with_service(service, wanted)


def withdraw(state: PlatformState, service: str) -> PlatformState:
    """Take the canary back."""
    known = _known(state, service)
    return state.with_service(service, replace(known, canary=None, share=0.0))


def undo(
    state: PlatformState, service: str, token: str, skip: Collection[str] = ()
) -> tuple[PlatformState, Release]:
    """Go back to the first of ``former`` that is of no version in ``skip``, with its own generation: replicas of it
    that still run are as wanted."""
    known = _known(state, service)
    for done, release in known.undone:
        if done == token:
            return state, release
    left = [one for one in known.former if one.release.version not in skip]
    if not left:
        raise NotFound("former release of", service)
    run = left[0]
    rest = known.former[known.former.index(run) + 1 :]
    undone = ((token, run.release), *known.undone)[:TOKENS_KEPT]
    wanted = replace(known, stable=run, former=tuple(rest), undone=undone)
    return state.with_service(service, wanted), run.release


def remove(state: PlatformState, service: str) -> PlatformState:
    """Forget the service."""
    return state.with_service(service, None)


def _apply_canary(
    state: PlatformState,
    service: str,
    release: Release,
    workload: Workload,
    *,
    replicas: int,
    environment: str | None,
) -> PlatformState:
    known = _known(state, service)
    if known.canary and _same(known.canary, release, workload):
        run = replace(known.canary, workload=workload)
        wanted = replace(known, canary=run, canary_replicas=replicas or known.canary_replicas)
        return state.with_service(service, wanted)
    run = _new_run(state, release, workload, environment)
    wanted = replace(known, canary=run, canary_replicas=replicas or 1, share=0.0)
    return replace(state, generation=run.generation).with_service(service, wanted)


def _known(state: PlatformState, service: str) -> Wanted:
    try:
        return state.services[service]
    except KeyError:
        raise NotFound("service", service, state.services) from None


def _new_run(state: PlatformState, release: Release, workload: Workload, environment: str | None) -> Run:
    filled = release if release.environment else replace(release, environment=environment)
    return Run(generation=state.generation + 1, release=filled, workload=workload)


def _same(run: Run, release: Release, workload: Workload) -> bool:
    """Tell whether this run is what is asked for. A release that names no environment has none of its own to differ
    in: only ``restart`` moves a running release to newer values."""
    asked = release if release.environment else replace(release, environment=run.release.environment)
    return run.release == asked and run.workload.recipe == workload.recipe


def _pushed(run: Run, former: Iterable[Run]) -> tuple[Run, ...]:
    return (run, *former)[:FORMER_KEPT]


def _kept(token: str, tokens: Iterable[str]) -> tuple[str, ...]:
    return (token, *tokens)[:TOKENS_KEPT]
