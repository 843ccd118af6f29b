"""GitSource: the commits of a local repository (the port ``Source``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from dreamnet_actions.adapters.checkout import checkout
from dreamnet_actions.adapters.gitcalls import Git, checked
from dreamnet_actions.errors import CommandFailed, NotFound
from dreamnet_actions.ports.delivery import Commit

MOST = 100
"""The most commits that ``between`` answers (the port's figure)."""
_FORMAT = "--format=%H%x00%an%x00%ct%x00%s"


class GitSource:
    """Reads one repository, with a work tree or bare, through the ``git`` command; writes nothing into it.

    ``environment`` is what git gets, without its ``GIT_*`` variables; ``timeout`` is for each command, in seconds.
    """

    WRITES: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self,
        repository: str | Path,
        *,
        environment: Mapping[str, str],
        timeout: float = 60.0,
        program: str = "git",
    ) -> None:
        self._git = Git(Path(repository), environment, timeout, program)

    def resolve(self, revision: str) -> Commit:
        """Answer the commit that a branch, tag or (short) hash names."""
        commits = self._log("--max-count=1", self._hash(revision))
        return commits[0]

    def between(self, old: str, new: str) -> Sequence[Commit]:
        """Answer what ``new`` has and ``old`` has not, newest first."""
        old, new = self._hash(old), self._hash(new)
        return self._log(f"--max-count={MOST}", new, f"^{old}")

    def changed(self, old: str, new: str) -> Sequence[str]:
        """Answer the paths that differ, a renamed file with both of its names."""
        old, new = self._hash(old), self._hash(new)
        _, listed = self._git(
            "diff-tree",
            "-r",
            "-z",
            "--name-only",
            "--no-renames",
            "--no-ext-diff",
            "--end-of-options",
            old,
            new,
        )
        return [path for path in listed.split("\0") if path]

    def checkout(self, revision: str, directory: str) -> None:
        """Write a revision's files into ``directory``, as ``adapters.checkout`` does it."""
        checkout(self._git, self._hash(revision), directory)

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    def _hash(self, revision: str) -> str:
        # --verify --quiet: status 1 and no word for a name that there is not; 128 is git's own trouble.
        wanted = checked(revision) + "^{commit}"
        try:
            status, said = self._git(
                "rev-parse", "--verify", "--quiet", "--end-of-options", wanted, allow=(0, 1)
            )
        except CommandFailed as error:
            if "ambiguous" in error.tail:  # a short hash that several commits begin with
                raise NotFound("revision", revision) from error
            raise
        found = said.strip().removeprefix("--end-of-options").strip()  # git before 2.38 repeats it
        if status != 0 or not found:
            raise NotFound("revision", revision)
        return found

    def _log(self, *arguments: str) -> list[Commit]:
        _, said = self._git("log", "-z", _FORMAT, "--no-show-signature", *arguments, "--")
        fields = said.split("\0")
        commits = []
        for place in range(0, len(fields) - 3, 4):
            revision, author, at, subject = (_text(one) for one in fields[place : place + 4])
            commits.append(Commit(revision=revision.strip(), author=author, at=float(at), subject=subject))
        return commits


def _text(field: str) -> str:
    """Make what is no UTF-8 in a commit printable."""
    return field.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
