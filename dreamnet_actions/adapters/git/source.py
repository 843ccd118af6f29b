"""GitSource: the commits of a local repository (the port ``Source``)."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from dreamnet_actions.adapters.git.command import Git, checked
from dreamnet_actions.errors import CommandFailed, NotFound, PermanentError
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
        """Write a revision's files into ``directory``.

        They are written beside it and put in place by one rename. A directory that holds exactly these files is left
        as it is; one that holds anything else is refused (PermanentError): nothing of somebody else's is removed.
        """
        commit = self._hash(revision)
        place = Path(directory).absolute()
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            if place.is_dir() and self._holds(place, commit):
                return
            raise PermanentError(
                f"{place} holds other files than revision {commit[:7]}, so nothing is written there.",
                hint="Move it away, or name another directory.",
            )
        place.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".part", dir=place.parent))
        try:
            part.chmod(0o755)
            with self._index(commit, part) as extra:
                self._git("checkout-index", "--all", "--force", "--quiet", directory=part, extra=extra)
            # A rename replaces an empty directory, and fails on one that somebody filled meanwhile.
            part.rename(place)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise PermanentError(
                f"{place} cannot be written: {why}.", hint="See who may write there."
            ) from error
        finally:
            shutil.rmtree(part, ignore_errors=True)

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

    @contextlib.contextmanager
    def _index(self, commit: str, work_tree: Path) -> Iterator[dict[str, str]]:
        """Give an index of our own that holds ``commit``, as git's environment; the repository's stays untouched.

        Unlike ``git archive`` this leaves out nothing that the attributes mark ``export-ignore``.
        """
        _, git_directory = self._git("rev-parse", "--absolute-git-dir")
        with tempfile.TemporaryDirectory(prefix="dreamnet-index-") as held:
            extra = {
                "GIT_DIR": git_directory.rstrip("\n"),
                "GIT_WORK_TREE": str(work_tree),
                "GIT_INDEX_FILE": str(Path(held) / "index"),
            }
            self._git("read-tree", "--end-of-options", commit, directory=work_tree, extra=extra)
            yield extra

    def _holds(self, directory: Path, commit: str) -> bool:
        """Tell whether a directory holds exactly the files of a commit."""
        with self._index(commit, directory) as extra:
            self._git("update-index", "-q", "--refresh", directory=directory, extra=extra, allow=(0, 1))
            differs, _ = self._git("diff-files", "--quiet", directory=directory, extra=extra, allow=(0, 1))
            _, others = self._git("ls-files", "--others", "-z", directory=directory, extra=extra)
            return differs == 0 and not others


def _text(field: str) -> str:
    """Make what is no UTF-8 in a commit printable."""
    return field.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
