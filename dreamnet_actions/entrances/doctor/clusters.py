"""The clusters that services run on: whether they answer, what DreamNet may do there, how a job proves who it is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dreamnet_actions.entrances.doctor.check import Finding, Surroundings
from dreamnet_actions.errors import ConfigError, ExtraMissing, TemporaryError

_ITSELF = re.compile(r"^\s*-?\s*uses:\s*(?:dreamnet/dreamnet@|\./\s*$)", re.M)
_ASKS = re.compile(r"^\s*id-token:\s*write\b|[{,]\s*id-token:\s*write\b", re.M)
_LINES = (
    "Write a workflow whose job has these lines (docs/gke.md has the whole of it):\n"
    "    permissions: {contents: write, deployments: write, issues: read, id-token: write}\n"
    "    steps:\n"
    "      - uses: actions/checkout@<commit> # v7\n"
    "      - uses: dreamnet/dreamnet@<commit> # v1"
)


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
    """Where a platform takes GitHub's tokens, there is a job that has one: no reusable workflow asks for it."""
    if isinstance(at.config, ConfigError):
        return
    named = [
        name
        for name, one in at.config.config.platforms.items()
        if getattr(one.options, "identity_provider", None) is not None
    ]
    if not named:
        return
    asking = [path for path, text in at.workflows.items() if _ITSELF.search(text) and _ASKS.search(text)]
    what = f"federation of {', '.join(named)}"
    if asking:
        yield Finding(status="ok", what=what, detail="a job of it has a token of GitHub's", file=asking[0])
    else:
        detail = "no job that runs the action has 'id-token: write', so none can prove to Google who it is"
        yield Finding(status="failed", what=what, detail=detail, fix=_LINES)
