"""LocalDocument: a text in a file of this machine (the port ``Document``)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import ClassVar

from dreamnet_actions.adapters.files.atomic import read_text, write_bytes
from dreamnet_actions.errors import Conflict, NotFound
from dreamnet_actions.ports.flags import Held, Note, Written


class LocalDocument:
    """One file. ``what`` and ``hint`` are what is said when it is not there, ``shown`` is what messages call it.

    With ``state_directory`` the content before the last change is kept there for ``undo``.
    """

    WRITES: ClassVar[frozenset[str]] = frozenset({"write", "undo"})

    def __init__(
        self,
        file: str | Path,
        *,
        what: str,
        hint: str = "",
        state_directory: str | Path | None = None,
        shown: str | None = None,
    ) -> None:
        self._file, self._what, self._hint = Path(file), what, hint
        self.shown = shown or str(file)
        self._former: Path | None = None
        if state_directory is not None:
            place = hashlib.sha256(str(self._file.absolute()).encode("utf-8", "surrogateescape")).hexdigest()
            self._former = Path(state_directory) / f"{self._file.name}-{place[:12]}.former"

    def read(self) -> Held:
        text = read_text(self._file, self._what, hint=self._hint)
        return Held(text=text, revision=_revision(text))

    def write(self, text: str, *, over: str, note: Note) -> Written:  # noqa: ARG002  who and why is the journal's here
        now = self.read()
        if now.revision != over:
            raise Conflict(self.shown)
        if self._former is not None:
            write_bytes(self._former, now.text.encode("utf-8"), mode=0o600)
        write_bytes(self._file, text.encode("utf-8"))
        return Written()

    def undo(self) -> None:
        """Put the file back as it was before the last change, byte for byte; a second time undoes that."""
        if self._former is None or not self._former.exists():
            raise NotFound("former content of", self.shown)
        former, now = self._former.read_bytes(), self._file.read_bytes()
        write_bytes(self._file, former)
        write_bytes(self._former, now, mode=0o600)


def _revision(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
