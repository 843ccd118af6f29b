"""The configuration file itself: where it is, and its bytes. Imports nothing of the reading, for a quick start."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from dreamnet_actions.errors.configuration import ConfigInvalid, ConfigMissing, Mistake

MAX_BYTES = 262_144
"""256 KiB: a configuration of a thousand services is below it."""
FOLDER = ".github"
PLACES = (f"{FOLDER}/dreamnet.yml", f"{FOLDER}/dreamnet.yaml", "dreamnet.yml", "dreamnet.yaml")
"""Where the file is looked for below the root of a repository, the first that exists being taken."""


def find(root: Path) -> Path:
    """Answer the configuration file of the repository at ``root``; raises ConfigMissing."""
    for place in PLACES:
        if (root / place).is_file():
            return root / place
    raise ConfigMissing([str(root / place) for place in PLACES])


def root_of(file: Path) -> Path:
    """Answer the folder that the file's paths start from: the repository's root, also for one in ``.github``."""
    folder = file.resolve().parent
    return folder.parent if folder.name == FOLDER else folder


def load_bytes(path: Path) -> bytes:
    """Answer the file's bytes; raises ConfigMissing, or ConfigInvalid when it cannot be read or is over the limit."""
    try:
        with path.open("rb") as file:
            # One byte more than allowed is enough to know that it is too large.
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigMissing([str(path)]) from None
    except OSError as error:
        raise ConfigInvalid(
            [Mistake(str(path), 1, 1, "", f"The file cannot be read: {error.strerror or error}.")]
        ) from None
    if len(data) > MAX_BYTES:
        refuse_size(str(path))
    return data


def refuse_size(file: str) -> NoReturn:
    """Say that the file is over the limit."""
    text = f"The file has more than {MAX_BYTES // 1024} KiB; that is too large."
    raise ConfigInvalid([Mistake(file, 1, 1, "", text)])
