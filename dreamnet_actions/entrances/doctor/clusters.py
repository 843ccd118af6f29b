"""The clusters that services run on: whether they answer, what DreamNet may do there, how a job proves who it is."""

from __future__ import annotations

from collections.abc import Iterator

from dreamnet_actions.entrances.doctor.check import Finding, Surroundings
from dreamnet_actions.entrances.setup import published
from dreamnet_actions.entrances.setup.called import DEPLOY, ENV, FEDERATED, RELAY, REUSABLE
from dreamnet_actions.entrances.setup.choose import federated_platforms, federated_sources
from dreamnet_actions.entrances.setup.reading import Caller
from dreamnet_actions.entrances.setup.yaml import flow
from dreamnet_actions.errors import ConfigError, TemporaryError
from dreamnet_actions.errors.configuration import ExtraMissing


def clusters(at: Surroundings) -> Iterator[Finding]:
    """Every cluster answers, and allows what each action needs."""
    if isinstance(at.config, ConfigError):
        return
    from dreamnet_actions.bootstrap.platforms import clusters as names
    from dreamnet_actions.bootstrap.platforms import inspected

    if at.environ is None:
        for name in names(at.config):
            yield Finding(status="unknown", what=f"cluster of {name}", detail="not looked at: --offline")
        return
    for name, seen in inspected(at.config, at.environ, lambda _: None):
        if isinstance(seen, (TemporaryError, ExtraMissing)):
            yield Finding(status="unknown", what=f"cluster of {name}", detail=seen.message, fix=seen.hint)
        elif isinstance(seen, Exception):
            yield Finding(status="failed", what=f"cluster of {name}", detail=seen.message, fix=seen.hint)
        else:
            yield Finding(
                status="ok" if seen.well else "failed", what=seen.what, detail=seen.detail, fix=seen.fix
            )


def federation(at: Surroundings) -> Iterator[Finding]:
    """Where a platform or source takes GitHub's tokens, the jobs of each keeper that reaches it have one."""
    if isinstance(at.config, ConfigError):
        return
    named = [*federated_platforms(at.config.config), *federated_sources(at.config.config)]
    if not named:
        return
    what = f"federation of {', '.join(named)}"
    reaching = [one for one in at.callers if not one.inner and _works(one) and at.wanted.shows(one.keeper)]
    without = [one for one in reaching if not _shows(one)]
    for one in without:
        yield Finding(
            status="failed",
            what=what,
            detail=f"jobs of {one.keeper} have no 'id-token: write', so they cannot prove to the cloud who they are",
            fix=_lines(one.keeper),
            file=one.path,
            line=one.uses_line,
        )
    if not reaching:
        detail = "no workflow has a keeper work whose jobs have 'id-token: write'"
        yield Finding(
            status="failed", what=what, detail=detail, fix=_lines(DEPLOY if at.wanted.federated else ENV)
        )
    elif not without:
        detail = "its jobs have a token of GitHub's"
        yield Finding(status="ok", what=what, detail=detail, file=reaching[0].path)


def _works(one: Caller) -> bool:
    """Say whether a job looks at clusters: RelayBot's own only carries messages."""
    return one.calls or one.keeper != RELAY


def _shows(one: Caller) -> bool:
    """Say whether a job has a token to show; what a workflow grants that it calls is judged with all permissions."""
    had, _ = one.permissions()
    return one.federated if one.calls else isinstance(had, dict) and had.get("id-token") == "write"


def _lines(keeper: str) -> str:
    """Write what the job of a keeper has to be."""
    return (
        "Run 'dreamnet init', or write in the job:\n"
        f"    permissions: {flow(REUSABLE[keeper].granted(federated=True))}\n"
        f"    uses: {published.address(keeper + FEDERATED, published.ref())}"
    )
