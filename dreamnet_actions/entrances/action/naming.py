"""How a run names its request, and the places on GitHub that a run may point at."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from dreamnet_actions.domain.message import bounded_id, digest


def request_id(environ: Mapping[str, str], body: object) -> str:
    """Name the request of this step: run, attempt, job, step and what is asked. A second attempt is another request."""
    parts = [environ.get(name) or "0" for name in ("GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT")]
    parts += [environ.get(name) or "-" for name in ("GITHUB_JOB", "GITHUB_ACTION")]
    return bounded_id("actions", *parts, digest(body)[:12])


def repository_url(environ: Mapping[str, str]) -> str:
    """Answer the repository's address, from ``GITHUB_SERVER_URL``; empty where the run names none."""
    server, name = environ.get("GITHUB_SERVER_URL", "").rstrip("/"), environ.get("GITHUB_REPOSITORY", "")
    return f"{server}/{quote(name)}" if server and name else ""


def run_url(environ: Mapping[str, str]) -> str:
    """Answer the address of this very attempt of the run; empty where it is not known."""
    base, run = repository_url(environ), environ.get("GITHUB_RUN_ID", "")
    if not base or not run:
        return ""
    attempt = environ.get("GITHUB_RUN_ATTEMPT", "")
    return f"{base}/actions/runs/{quote(run)}" + (f"/attempts/{quote(attempt)}" if attempt else "")
