"""Where a file of the configuration's is in its repository: the configuration may lie in any folder of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def inside_repository(file: Path, root: Path, environ: Mapping[str, str]) -> str:
    """Answer a file's path from the root of the checkout that it is in, with ``/`` between the parts; empty where it is
    outside of it.

    The root is the nearest folder above with a ``.git``, else ``root``; in a workflow nothing above its workspace is
    looked at, which may lie in a checkout of somebody else's.
    """
    place, start = file.resolve(), root.resolve()
    above = list(place.parents)
    if environ.get("GITHUB_ACTIONS") == "true" and start in above:
        above = above[: above.index(start) + 1]
    top = next((one for one in above if (one / ".git").exists()), start)
    return place.relative_to(top).as_posix() if place.is_relative_to(top) else ""
