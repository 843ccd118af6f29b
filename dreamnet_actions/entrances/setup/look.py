"""Reading a repository: which files there are, and the text of those that tell how its services start."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from dreamnet_actions.entrances.setup.seen import MOST_BYTES, MOST_FILES, Seen, worth_reading

_PASSED_OVER = frozenset({".git", ".venv", "node_modules", "venv", "__pycache__", ".dreamnet", "vendor"})


def look(folder: Path, environ: Mapping[str, str]) -> tuple[Path, Seen]:
    """Look at the repository that ``folder`` is in, or at the folder itself outside git; answers its top as well."""
    from dreamnet_actions.bootstrap.setting_up import working_copy

    copy = working_copy(folder, environ)
    if copy is None:
        root, files = folder.resolve(), tuple(sorted(_walk(folder.resolve())))
    else:
        root, files = Path(copy.root), copy.files
    texts = {}
    for path in worth_reading(files):
        if (text := _text(root, path)) is not None:
            texts[path] = text
    repository = copy.repository if copy else None
    name = repository.rpartition("/")[2] if repository else root.name
    return root, Seen(
        name=name, files=files, texts=texts, branch=copy.branch if copy else None, repository=repository
    )


def _walk(root: Path) -> Iterator[str]:
    """Go through the files below a folder that is no repository; at most so many."""
    count = 0
    for here, folders, names in os.walk(root, followlinks=False):
        folders[:] = sorted(one for one in folders if one not in _PASSED_OVER)
        for name in sorted(names):
            count += 1
            if count > MOST_FILES:
                return
            yield (Path(here) / name).relative_to(root).as_posix()


def _text(root: Path, path: str) -> str | None:
    """Read a small text file that is really below the root; None for anything else (a link out of it, a device)."""
    file = root / path
    try:
        if (
            not file.is_file()
            or root.resolve() not in file.resolve().parents
            or file.stat().st_size > MOST_BYTES
        ):
            return None
        return file.read_text("utf-8")
    except (OSError, ValueError):
        return None
