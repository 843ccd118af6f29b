"""Runner: what a step of a workflow may say to the runner that executes it."""

from __future__ import annotations

from typing import Literal, Protocol

Level = Literal["error", "warning", "notice"]


class Runner(Protocol):
    """A workflow's runner. Text may be untrusted: it never becomes a command, another output or another file."""

    def annotate(
        self,
        level: Level,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        title: str | None = None,
    ) -> None:
        """Show a message at a place of the repository (``line`` and ``column`` count from 1), or at the run."""

    def output(self, name: str, value: str) -> None:
        """Set an output of the step: any text. Raises ValueError where ``name`` is no output's."""

    def summary(self, markdown: str) -> None:
        """Add to the page that GitHub shows for the job. What is over the limit of 1 MiB is cut, with a note."""
