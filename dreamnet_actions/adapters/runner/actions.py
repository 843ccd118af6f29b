"""ActionsRunner: what a step says to GitHub's runner (the port ``Runner``)."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping
from typing import TextIO

from dreamnet_actions.adapters.runner import commands
from dreamnet_actions.ports.runner import Level, Runner


class ActionsRunner(Runner):
    """Writes commands to ``stream`` and the step's files; a file that the environment does not name is left out."""

    def __init__(
        self,
        stream: TextIO,
        *,
        output: str = "",
        summary: str = "",
    ) -> None:
        self._stream = stream
        self._output, self._summary = output, summary

    @classmethod
    def of(cls, environ: Mapping[str, str], *, aside: bool = False) -> ActionsRunner:
        """Make it from the step's environment. ``aside``: commands go to standard error, which the runner reads, too,
        for standard output is somebody's answer."""
        return cls(
            sys.stderr if aside else sys.stdout,
            output=environ.get("GITHUB_OUTPUT", ""),
            summary=environ.get("GITHUB_STEP_SUMMARY", ""),
        )

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
        said = commands.annotation(level, message, file=file, line=line, col=column, title=title)
        self._stream.write(f"{said}\n")
        self._stream.flush()

    def output(self, name: str, value: str) -> None:
        if self._output:
            commands.output(self._output, name, value, delimiter=f"dreamnet-{secrets.token_hex(16)}")

    def summary(self, markdown: str) -> None:
        if self._summary:
            commands.summary(self._summary, markdown)
