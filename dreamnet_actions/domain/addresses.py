"""Addresses on GitHub that a run can point people at, from the variables that GitHub sets in it. Pure.

https://docs.github.com/en/actions/reference/workflows-and-actions/variables
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote


def repository_url(environ: Mapping[str, str]) -> str:
    """Answer the repository's address, from ``GITHUB_SERVER_URL``; empty where the environment names none."""
    server, name = environ.get("GITHUB_SERVER_URL", "").rstrip("/"), environ.get("GITHUB_REPOSITORY", "")
    return f"{server}/{quote(name)}" if server and name else ""


def run_url(environ: Mapping[str, str]) -> str:
    """Answer the address of this very attempt of the run; empty outside of one."""
    base, run = repository_url(environ), environ.get("GITHUB_RUN_ID", "")
    if not base or not run:
        return ""
    attempt = environ.get("GITHUB_RUN_ATTEMPT", "")
    return f"{base}/actions/runs/{quote(run)}" + (f"/attempts/{quote(attempt)}" if attempt else "")
