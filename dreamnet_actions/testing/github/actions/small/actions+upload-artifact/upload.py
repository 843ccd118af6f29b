"""Keeps files of a job as actions/upload-artifact does: below the folder that all its patterns have in common.

What counts is in that action's own page: lines with ``!`` leave out, hidden files stay unless they are asked for, and a
single file or folder is the artifact's root itself (https://github.com/actions/upload-artifact#inputs).
"""

import glob
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path


def main(given: dict[str, str]) -> None:
    """Copy what the inputs (``given``) name into the run's folder of artifacts."""
    name, patterns = given["NAME"], [one.strip() for one in given["PATTERNS"].splitlines() if one.strip()]
    if re.search(r'[/\\:"<>|*?\r\n]', name) or name in ("", ".", ".."):
        sys.exit(f"::error::The artifact name is not valid: {name}")
    target = Path(given["SANDBOX_ARTIFACTS"]) / name
    if target.exists() and given["OVERWRITE"] != "true":
        sys.exit(
            "::error::Failed to CreateArtifact: an artifact with this name already exists on the workflow run"
        )
    searched = [_searched(one) for one in patterns if not one.startswith("!")]
    hidden = given["HIDDEN"] == "true"
    found = {file for one in patterns if not one.startswith("!") for file in _files(one, hidden=hidden)}
    found -= {file for one in patterns if one.startswith("!") for file in _files(one[1:], hidden=True)}
    if not found:
        said = f"No files were found with the provided path: {', '.join(patterns)}"
        if given["NONE"] == "error":
            sys.exit(f"::error::{said}")
        print(f"::warning::{said}" if given["NONE"] == "warn" else said)  # noqa: T201
        return
    shutil.rmtree(target, ignore_errors=True)
    root = Path(os.path.commonpath(searched))
    if found == {root}:
        root = root.parent
    for file in sorted(found):
        place = target / file.relative_to(root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, place)
    print(f"{len(found)} uploaded as {name}")  # noqa: T201


def _searched(pattern: str) -> Path:
    """Answer the folder or file from which a pattern is looked for: what stands before its first wildcard."""
    parts = []
    for part in Path(pattern).parts:
        if glob.has_magic(part):
            break
        parts.append(part)
    return Path(os.path.normpath(Path.cwd().joinpath(*parts)))


def _files(pattern: str, *, hidden: bool) -> Iterator[Path]:
    start = _searched(pattern).parent
    for match in glob.glob(pattern, recursive=True, include_hidden=True):  # noqa: PTH207 - patterns may be absolute
        place = Path(os.path.normpath(Path.cwd() / match))
        for file in [one for one in place.rglob("*") if one.is_file()] if place.is_dir() else [place]:
            if hidden or not any(part.startswith(".") for part in file.relative_to(start).parts):
                yield file


if __name__ == "__main__":
    main(dict(os.environ))  # noqa: TID251 - a step's own program: its inputs come that way
