"""Whose turn it is: one deployer a service, whatever home it works from, and the newest commit first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from dreamnet_actions.domain.release import ServiceState
from dreamnet_actions.errors import Leased, NotFound
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.keepers.deploykeeper.record import Record
from dreamnet_actions.ports.delivery import Source

PATIENCE = 120.0
"""Seconds to wait for another home's deployer: one that died is known to be dead well before."""
PAUSE = 1.0
"""Seconds between two tries."""
WAY = 3.0
"""Seconds for which one that has a newer commit to bring out is let go first: it tries every ``PAUSE``."""


@contextmanager
def turn(context: Context, service: str, source: Source | None, version: str | None) -> Iterator[None]:
    """Hold a service on its platform for the block; wait for whoever has it, and let who brings a newer commit go
    first. ``version`` is the commit, branch or tag that is to be brought out, if one is. Raises Leased."""
    platform, clock, key = context.platform_of(service), context.clock, context.key(service)
    until, wants, told = clock.monotonic() + PATIENCE, "", ""
    while True:
        over = clock.monotonic() >= until
        with ExitStack() as stack:
            try:
                waits = stack.enter_context(platform.hold(service, wants=wants))
            except Leased as error:
                if over:
                    raise
                why, pause = error.message, PAUSE
                if source is not None and version is not None and not wants:
                    wants = f"git:{source.resolve(version).revision}"
            else:
                mine, other = wants.removeprefix("git:"), waits.removeprefix("git:")
                if over or not mine or not overtaken(source, mine, [other]):
                    yield
                    return
                why, pause = f"Let go first: {other[:7]}, which is newer, is to be brought out too.", WAY
        if why != told:
            context.reporter.say(f"{key}: {why}")
            told = why
        with context.reporter.waiting(f"its turn at {key}", max(0.0, until - clock.monotonic())):
            clock.sleep(pause)


def overtaken(source: Source | None, revision: str, others: Iterable[str | None]) -> str | None:
    """Answer the first of ``others`` that has all commits which ``revision`` has, and more; None where there is none.
    A commit that this repository does not know is no newer one."""
    for other in others:
        if source is None or not other or other == revision:
            continue
        try:
            if not source.between(other, revision):
                return other
        except NotFound:
            continue
    return None


def late(
    record: Record, source: Source | None, revision: str | None, state: ServiceState | None
) -> str | None:
    """Answer the newer commit that is out, or is being brought out, where an event's commit comes late. A person who
    names a commit gets it, and a branch's head is never late."""
    request = record.request
    by_event = "branch" in request.input or request.hops > 0
    if revision is None or "version" not in request.input or not by_event or record.mine:
        return None
    intent = record.intent or {}
    wanted = intent.get("revision") if intent.get("phase") == "out" else None
    return overtaken(source, revision, [state.stable.release.revision if state else None, wanted])
