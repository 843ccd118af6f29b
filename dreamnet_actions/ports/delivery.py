"""Source, Builder and ReleaseReporter: from a commit to something that a platform can run, and who is told."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar, Protocol

from dreamnet_actions.domain.release import Release
from dreamnet_actions.domain.revert import Proposed, Revert
from dreamnet_actions.domain.spec.models import Service


@dataclass(frozen=True, kw_only=True)
class Commit:
    """One commit: ``revision`` is the full hash; ``at`` seconds since 1970; ``subject`` untrusted text."""

    revision: str
    author: str
    at: float
    subject: str


class Source(Protocol):
    """The commits of one repository. Raises NotFound for an unknown revision or branch."""

    WRITES: ClassVar[frozenset[str]] = frozenset()

    def resolve(self, revision: str) -> Commit:
        """Answer the commit that a branch, tag or (short) hash names."""

    def between(self, old: str, new: str) -> Sequence[Commit]:
        """Answer the commits reachable from ``new`` and not from ``old``, newest first, at most 100."""

    def changed(self, old: str, new: str) -> Sequence[str]:
        """Answer the paths that differ between two revisions, from the repository's root."""

    def checkout(self, revision: str, directory: str) -> None:
        """Write the files of a revision into ``directory`` (made if missing), whole or not at all."""


class Builder(Protocol):
    """Makes a release from a revision: an image's digest, or a directory with a build command run in it.

    (The design's ImageBuilder; widened because on the process platform a release is a directory.)
    """

    WRITES: ClassVar[frozenset[str]] = frozenset({"build"})

    def build(self, service: str, spec: Service, revision: str) -> Release:
        """Build the revision (once: a second call answers the first result). Raises CommandFailed with the build's
        last lines, NotFound for an unknown revision."""

    def foreseen(self, service: str, spec: Service, revision: str) -> AbstractContextManager[Release]:
        """Answer the release that ``build`` would make, with its files for the time of the block; nothing is built. An
        image that is not built yet is there by its name and tag. Raises NotFound for an unknown revision."""


class ReleaseReporter(Protocol):
    """Tells the world how a release stands: a deployment status, a check, a line."""

    WRITES: ClassVar[frozenset[str]] = frozenset({"report", "revert"})

    def revert(self, wanted: Revert) -> Proposed | None:  # noqa: ARG002
        """Propose to revert what was taken back, once for a commit; answer what became of it, None where this tells
        nobody who could. Raises PermissionMissing and RefusedError with what is to be allowed."""
        return None

    def report(
        self, release: Release, *, platform: str, state: str, text: str, url: str | None = None
    ) -> None:
        """``state`` is ``pending``, ``in-progress``, ``deployed``, ``rolled-back``, ``rollback-failed``,
        ``deployed-unverified`` or ``failed``; ``url`` is where the service can be seen."""
