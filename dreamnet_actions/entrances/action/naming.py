"""How a run names its request."""

from __future__ import annotations

from collections.abc import Mapping

from dreamnet_actions.domain.message import bounded_id, digest


def request_id(environ: Mapping[str, str], body: object) -> str:
    """Name the request of this step: run, attempt, job, step and what is asked. A second attempt is another request."""
    parts = [environ.get(name) or "0" for name in ("GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT")]
    parts += [environ.get(name) or "-" for name in ("GITHUB_JOB", "GITHUB_ACTION")]
    return bounded_id("actions", *parts, digest(body)[:12])
