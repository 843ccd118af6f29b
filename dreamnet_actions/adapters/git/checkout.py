"""The working copy on this machine, as ``init`` and ``doctor`` see it: its top, default branch, remote and files."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from dreamnet_actions.adapters.gitcalls import Git
from dreamnet_actions.errors import CommandFailed, ConfigError, PermanentError
from dreamnet_actions.ports.hosting import WorkingCopy

MOST_FILES = 20_000
"""Paths that are looked at; a service of a larger repository is found near its top."""
TIMEOUT = 20.0
"""Seconds that each git command has."""
_REMOTE = re.compile(
    r"(?:(?:https?|ssh|git)://(?:[^/@\s]*@)?(?P<host>[^/:\s]+)(?::\d+)?/|(?:[^/@:\s]+@)?(?P<scp>[^/:\s]+):)"
    r"(?P<path>[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+?)(?:\.git)?/?"
)


def working_copy(folder: Path, environment: Mapping[str, str]) -> WorkingCopy | None:
    """Look at the repository that ``folder`` is in; None where it is in none, or git is not installed."""
    try:
        top = _said(Git(folder, environment, TIMEOUT, "git"), "rev-parse", "--show-toplevel")
    except (ConfigError, PermanentError):
        return None
    if not top:
        return None
    git = Git(Path(top), environment, TIMEOUT, "git")
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard")[1]
    found = _REMOTE.fullmatch(_said(git, "config", "--get", "remote.origin.url"))
    return WorkingCopy(
        root=top,
        branch=_default_branch(git),
        repository=found["path"] if found else None,
        host=(found["host"] or found["scp"]) if found else None,
        files=_nearest({one for one in listed.split("\0") if one}),
    )


def _nearest(paths: Collection[str]) -> tuple[str, ...]:
    """Answer the paths in order, of too many those that are nearest to the top."""
    kept = sorted(paths, key=lambda one: (one.count("/"), one))[:MOST_FILES]
    return tuple(sorted(kept))


def _default_branch(git: Git) -> str | None:
    """Answer the branch that the remote calls its default, else main or master, else the one that is checked out."""
    remote = _said(git, "symbolic-ref", "--quiet", "refs/remotes/origin/HEAD")
    if remote:
        return remote.removeprefix("refs/remotes/origin/")
    here = _said(git, "symbolic-ref", "--quiet", "--short", "HEAD")
    for usual in ("main", "master"):
        if usual != here and _said(git, "rev-parse", "--verify", "--quiet", f"refs/heads/{usual}"):
            return usual
    return here or None


def _said(git: Git, *arguments: str) -> str:
    """Answer what git says, without its last line end; empty where it says no."""
    try:
        return git(*arguments, allow=(0, 1))[1].removesuffix("\n")
    except CommandFailed:
        return ""
