"""ConsoleReleaseReporter: how a release stands, one line a state (the port ``ReleaseReporter``)."""

from __future__ import annotations

from typing import ClassVar

from dreamnet_actions.domain.release import Release
from dreamnet_actions.ports.delivery import ReleaseReporter
from dreamnet_actions.ports.system import Reporter


class ConsoleReleaseReporter(ReleaseReporter):
    """Says each state through ``reporter``, which masks and makes harmless. The text is not repeated: the journal's
    fact of it was said just before."""

    WRITES: ClassVar[frozenset[str]] = frozenset({"report"})

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def report(
        self,
        release: Release,
        *,
        platform: str,
        state: str,
        text: str,  # noqa: ARG002
        url: str | None = None,  # noqa: ARG002
    ) -> None:
        self._reporter.say(f"{release.service} {release.short} on {platform}: {state}")
