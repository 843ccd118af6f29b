"""The branch ``dreamnet`` at one commit with one run's changes upon it, and what a change is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dreamnet_actions.adapters.github.daybook import FOLDER, Daybook, Lines
from dreamnet_actions.adapters.github.remote import RemoteBranch
from dreamnet_actions.adapters.github.rows import FILE, View, decoded
from dreamnet_actions.adapters.github.weights import Weight
from dreamnet_actions.errors import DreamNetError, JournalDamaged

BODIES = "messages/"
"""The folder of the bodies of large messages."""
README = b"""# The memory of DreamNet

This branch is written by DreamNet (dreamnet[bot]) and by nobody else: `state.json` holds what its runs share,
`journal/` what happened, one file a day, `messages/` the bodies of large messages.

Do not edit or merge it. What is damaged is found by `dreamnet journal verify` and mended by `dreamnet journal repair`.
"""


@dataclass(eq=False)
class Change:
    """One change of the unit. ``apply`` may be called again upon another head; it raises Conflict or Leased where what
    it rests on is gone. ``needs`` are changes without which it is void, ``touches`` names the rows that it wrote."""

    apply: Callable[[Snapshot], Any]
    weight: Weight
    needs: tuple[Change, ...] = ()
    touches: tuple[str, ...] = ()
    tried: set[str] = field(default_factory=set)
    lost: DreamNetError | None = None


class Snapshot:
    """The branch at one commit, with this run's changes upon it."""

    def __init__(self, remote: RemoteBranch, head: str | None, parsed: dict[str, Lines]) -> None:
        self.head = head
        self._remote = remote
        self._files = remote.files(head) if head else {}
        where = remote.ref.removeprefix("refs/heads/")
        self.rows = View()
        if FILE in self._files:
            self.rows = decoded(remote.content(self._files[FILE]), f"{where}:{FILE}")
        elif any(path.startswith((FOLDER, BODIES)) for path in self._files):
            raise JournalDamaged(f"{where}:{FILE}", "it is not there, though facts or messages are")
        self.book = Daybook(self.rows, self._files, remote.content, parsed, where)
        self.wrote: dict[str, Change] = {}
        """Which change of the unit wrote a row last."""
        self._bodies: dict[str, bytes | None] = {}
        self._origin = self.rows.encoded()

    def committed(self) -> dict[str, bytes]:
        """Answer every file of the commit, as it is there."""
        held = self._remote.contents(self._files.values())
        return {path: held[blob] for path, blob in self._files.items()}

    def body(self, path: str) -> bytes | None:
        """Answer a file of the branch; None where there is none."""
        if path in self._bodies:
            return self._bodies[path]
        return self._remote.content(self._files[path]) if path in self._files else None

    def put_body(self, path: str, content: bytes | None) -> None:
        """Store a file (None: take it away)."""
        self._bodies[path] = content

    def is_changed(self) -> bool:
        """Say whether anything differs from the commit."""
        return self.rows.encoded() != self._origin or self.book.is_changed()

    def changes(self) -> dict[str, bytes | None]:
        """Answer all files that the next commit changes."""
        first: dict[str, bytes | None] = {} if self.head else {"README.md": README}
        bodies = {
            path: body for path, body in self._bodies.items() if body is not None or path in self._files
        }
        return first | bodies | self.book.changes() | {FILE: self.rows.encoded()}
