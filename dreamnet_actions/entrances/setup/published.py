"""Where the reusable workflows are published, and at which commit. The one place for both."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

PUBLISHED = "dreamnet/dreamnet"
"""The repository whose reusable workflows everybody's callers name."""
MAJOR = "v1"
"""The tag that moves with every release of this major version."""
RELEASED = "released.txt"
"""Beside this module in a released wheel: the release's commit. ``release.yml`` writes it; a checkout has none."""
_SHA = re.compile(r"[0-9a-f]{40}")


def is_pinned(ref: str) -> bool:
    """Say whether ``ref`` is a full commit, which nobody can move."""
    return _SHA.fullmatch(ref) is not None


@cache
def ref() -> str:
    """Answer the commit of this release where it is known, else the moving tag."""
    place = resources.files(__package__ or __name__) / RELEASED
    if not place.is_file():
        return MAJOR
    text = place.read_text("ascii").strip()
    return text if is_pinned(text) else MAJOR


def address(keeper: str, at: str) -> str:
    """Write what stands behind ``uses:`` for a keeper's reusable workflow; a commit gets the tag as a comment."""
    place = f"{PUBLISHED}/.github/workflows/{keeper}.yml@{at}"
    return f"{place} # {MAJOR}" if is_pinned(at) else place
