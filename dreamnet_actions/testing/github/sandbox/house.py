"""DreamNet's own repository in a sandbox: what ``uses: dreamnet/dreamnet/…@…`` means there, without a network.

From a checkout it is that checkout as it lies there. An installed DreamNet carries the action, its start, its lock
files and the reusable workflows beside this module (``pyproject.toml`` puts them there), and is itself the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

NAME = "dreamnet/dreamnet"
PUBLISHED = "published"
"""The folder beside this module in a wheel, laid out as the repository is."""
_REF = re.compile(r"dreamnet/dreamnet(?:/[^\s@'\"]*)?@([A-Za-z0-9._/-]+)")
_LEFT_OUT = ("__pycache__", PUBLISHED)


def refs(texts: Iterable[bytes]) -> set[str]:
    """Answer the refs by which workflow files call DreamNet's own action and workflows."""
    return {ref for text in texts for ref in _REF.findall(text.decode("utf-8", "replace"))}


def checkout(package: Path) -> Path | None:
    """Answer the checkout that this DreamNet (``package``) runs from, if it has the action."""
    root = package.parent
    return root if (root / "action.yml").is_file() and (root / ".git").exists() else None


def installed(package: Path, published: Path | None = None) -> dict[str, bytes]:
    """Answer the repository's files as an installed DreamNet has them, by path; none where it was built without.

    ``published`` is the folder with what is no part of the package, if not the one beside this module.
    """
    folder = published or Path(__file__).with_name(PUBLISHED)
    if not (folder / "action.yml").is_file():
        return {}
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in _files(folder)}
    for path in _files(package):
        inside = path.relative_to(package)
        if not any(part in _LEFT_OUT for part in inside.parts):
            found[f"{package.name}/{inside.as_posix()}"] = path.read_bytes()
    return found


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
