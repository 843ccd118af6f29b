"""Comparing what would be written with what is there, and writing it: never over a file, and all of it or nothing."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dreamnet_actions.errors import PermanentError, RefusedError

State = Literal["new", "unchanged", "differs"]


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One file: what would be written, and what is there (None: nothing)."""

    path: str
    text: str
    there: str | None

    @property
    def state(self) -> State:
        """Say how the two compare."""
        if self.there is None:
            return "new"
        return "unchanged" if self.there == self.text else "differs"

    def diff(self) -> str:
        """Write the difference as ``diff -u`` does, from what is there to what would be written; empty for none."""
        before = "/dev/null" if self.there is None else f"a/{self.path}"
        lines = difflib.unified_diff(
            (self.there or "").splitlines(keepends=True),
            self.text.splitlines(keepends=True),
            before,
            f"b/{self.path}",
        )
        return "".join(
            one if one.endswith("\n") else f"{one}\n\\ No newline at end of file\n" for one in lines
        )


def plan(root: Path, texts: Mapping[str, str]) -> list[Planned]:
    """Compare every file with what is there. Raises RefusedError where a path leads out of the repository."""
    return [Planned(path=path, text=text, there=_there(root, path)) for path, text in texts.items()]


def write(root: Path, planned: Sequence[Planned]) -> list[str]:
    """Write the new ones of the files; answers their paths. What is there is never touched.

    Where one cannot be written, those written before it are taken away again. Raises RefusedError when a file has come
    up meanwhile, PermanentError when the system says no.
    """
    made: list[Path] = []
    written = []
    try:
        for one in planned:
            if one.state == "new":
                _inside(root, one.path)
                made += _folders(root, (root / one.path).parent)
                # "x": whoever made the file meanwhile keeps it.
                with (root / one.path).open("x", encoding="utf-8", newline="\n") as file:
                    made.append(root / one.path)
                    file.write(one.text)
                written.append(one.path)
    except FileExistsError as error:
        _take_away(made)
        raise RefusedError(
            f"{error.filename} has come up meanwhile; nothing was written.", hint="Run dreamnet init again."
        ) from error
    except OSError as error:
        _take_away(made)
        raise PermanentError(
            f"{error.filename or root} cannot be written: {error.strerror or error}. Nothing was written.",
            hint="Make the folder writable, then run dreamnet init again.",
        ) from error
    except BaseException:
        _take_away(made)
        raise
    return written


def _there(root: Path, path: str) -> str | None:
    _inside(root, path)
    file = root / path
    try:
        return file.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        # A link to nothing is something that is there too: writing would follow it.
        return None if not file.is_symlink() else ""
    except NotADirectoryError as error:
        raise RefusedError(
            f"A file stands where the folder of {path!r} has to be.",
            hint="Move it, then run dreamnet init again.",
        ) from error
    except OSError as error:
        raise RefusedError(
            f"{path!r} cannot be read: {error.strerror or error}.",
            hint="Move it, then run dreamnet init again.",
        ) from error


def _inside(root: Path, path: str) -> None:
    """See that no link on the way leads out of the repository."""
    top, target = root.resolve(), (root / path).parent.resolve()
    if target != top and top not in target.parents:
        raise RefusedError(
            f"{path!r} would be written outside the repository, to {target}.",
            hint="Take the link away, then run dreamnet init again.",
        )


def _folders(root: Path, folder: Path) -> Iterator[Path]:
    """Make the folders that are missing; answers them, outermost first."""
    missing = [
        one for one in (folder, *folder.parents) if one != root and root in one.parents and not one.exists()
    ]
    for one in reversed(missing):
        one.mkdir()
        yield one


def _take_away(made: Sequence[Path]) -> None:
    """Take away what was made, newest first; a folder that somebody else has put something into stays."""
    for one in reversed(made):
        try:
            one.rmdir() if one.is_dir() else one.unlink()
        except OSError:
            continue
