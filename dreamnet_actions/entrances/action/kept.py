"""DreamNet's own code, kept on the machine with the bytecode that Python makes of it.

A runner has a fresh copy of the action in each job, so Python would compile all that a step imports each time: 0.4 s of
processor time of 1.4 s that a short step takes. So a copy is kept, named by its content, beside the environments of
``install``; what Python compiled of it is there in the next job. ``scripts/action.py`` reads this file before anything
else of DreamNet, by its path: it may import the standard library alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

PACKAGE = "dreamnet_actions"
LEFT_OUT = ("__pycache__", "testing")
"""Folders of the package that are no part of a copy: a step uses none of ``dreamnet_actions.testing``."""
UNUSED = 2 * 24 * 3600.0
"""Seconds after which a copy that no step began with is taken away, once another is made. No step lasts so long."""


def home(environ: Mapping[str, str]) -> Path:
    """Answer where code and environments are kept: ``action.yml`` hands the same folder to the cache."""
    given = environ.get("DREAMNET_ACTION_HOME")
    if given:
        return Path(given).absolute()  # a step changes its folder; its code stays where it is
    tools = environ.get("RUNNER_TOOL_CACHE") or environ.get("XDG_CACHE_HOME")
    return Path(tools or Path.home() / ".cache") / "dreamnet"


def kept(root: Path, environ: Mapping[str, str]) -> Path:
    """Answer the folder to import DreamNet from: the copy that is kept of ``root``'s, which is made if there is none.

    ``root`` itself where no copy can be: what is wrong with the place, ``install`` says where it matters.
    """
    try:
        place = home(environ) / f"code-{_digest(root / PACKAGE)}"
        if not place.is_dir():
            _make(root / PACKAGE, place)
    except (OSError, RuntimeError):  # RuntimeError: there is no home folder
        return root
    with contextlib.suppress(OSError):  # it may be somebody else's
        os.utime(place)
    return place


def _digest(package: Path) -> str:
    """Name a copy by each file that is in it."""
    found = hashlib.sha256()
    for path in _files(package):
        data = path.read_bytes()
        found.update(f"{path.relative_to(package)}\0{len(data)}\0".encode("utf-8", "surrogateescape"))
        found.update(data)
    return found.hexdigest()[:16]


def _files(package: Path) -> Iterator[Path]:
    for folder, below, names in os.walk(package):
        below[:] = sorted(name for name in below if name not in LEFT_OUT)
        for name in sorted(names):
            yield Path(folder, name)


def _make(package: Path, place: Path) -> None:
    """Copy at once: the copy is whole when it has its name. Of several who make it one wins, and the others use it."""
    import shutil  # once a version: the other steps need neither
    import tempfile

    place.parent.mkdir(parents=True, exist_ok=True)
    _tidy(place.parent)
    unfinished = Path(tempfile.mkdtemp(prefix="code-", dir=place.parent))
    try:
        for path in _files(package):
            target = unfinished / PACKAGE / path.relative_to(package)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        unfinished.chmod(0o755)
        unfinished.rename(place)
    except OSError:
        shutil.rmtree(unfinished, ignore_errors=True)
        if not place.is_dir():
            raise


def _tidy(folder: Path) -> None:
    """Take away copies of other versions that nobody uses any more, and what was cut short."""
    import shutil
    import tempfile

    with contextlib.suppress(OSError):
        # The file system's own clock: nothing else is compared with.
        with tempfile.TemporaryFile(dir=folder) as file:
            today = os.fstat(file.fileno()).st_mtime
        for one in folder.glob("code-*"):
            if one.stat().st_mtime < today - UNUSED:
                gone = Path(tempfile.mkdtemp(prefix="code-", dir=folder))
                one.rename(gone / one.name)  # at once, so that no half of it is ever taken for a copy
                shutil.rmtree(gone, ignore_errors=True)
