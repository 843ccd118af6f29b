"""FlagCopy: the flags, published as a file of this machine (the port ``FlagTarget``)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from dreamnet_actions.adapters.files.atomic import write_bytes
from dreamnet_actions.adapters.files.options import FlagCopyOptions
from dreamnet_actions.errors import TemporaryError
from dreamnet_actions.ports.site import Site


class FlagCopy:
    """One file, replaced whole by one rename: who reads it never sees half of it."""

    WRITES: ClassVar[frozenset[str]] = frozenset({"publish"})

    def __init__(self, file: Path, name: str) -> None:
        self._file, self.name = file, name

    @classmethod
    def at(cls, options: FlagCopyOptions, site: Site) -> FlagCopy:
        """Make it for a place in the configuration."""
        return cls(site.root / options.file, options.file)

    def current(self) -> str | None:
        try:
            return self._file.read_bytes().decode("utf-8", "replace")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise TemporaryError(
                f"{self._file} cannot be read: {why}.", hint="See who may read it."
            ) from error

    def publish(self, text: str) -> None:
        write_bytes(self._file, text.encode("utf-8"))
