"""What the engine reads from a bare git repository: workflow files, changed paths, messages, and whole trees.

It only reads. git is run with an environment of its own, so that no setting of the user's changes what it does.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

from dreamnet_actions.errors import PermanentError
from dreamnet_actions.testing.github.actions.triggers import NOTHING
from dreamnet_actions.testing.github.actions.workflow import Workflow, read

FOLDER = ".github/workflows"
MOST_FILES = 300
"""Changed files above which GitHub does not look at path filters
(https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#git-diff-comparisons)."""
_PATIENCE = 60
_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C.UTF-8",
}


class Repository:
    """One bare repository, read-only."""

    def __init__(self, git_dir: Path) -> None:
        self._git_dir = git_dir

    def resolve(self, ref: str) -> str | None:
        """Answer the commit behind a branch, tag, full ref or sha; None where there is none."""
        if ref.startswith("-"):
            return None
        for name in (ref, f"refs/tags/{ref}", f"refs/heads/{ref}"):
            done = self._run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
            if done.returncode == 0:
                return done.stdout.decode().strip()
        return None

    def full_ref(self, ref: str) -> str | None:
        """Answer ``refs/heads/x`` or ``refs/tags/x`` for a branch's or tag's name; None where there is none."""
        names = (ref,) if ref.startswith("refs/") else (f"refs/heads/{ref}", f"refs/tags/{ref}")
        return next((one for one in names if self.resolve(one)), None)

    def message(self, sha: str) -> str:
        """Answer a commit's message."""
        return self._ask("log", "-1", "--format=%B", sha).decode("utf-8", "replace")

    def summary(self, sha: str) -> dict[str, str]:
        """Answer a commit's tree, message, time, author's and committer's names and addresses."""
        text = self._ask("log", "-1", "--format=%T%x00%B%x00%cI%x00%an%x00%ae%x00%cn%x00%ce", sha)
        keys = ("tree", "message", "at", "author", "author_email", "committer", "committer_email")
        return dict(zip(keys, text.decode("utf-8", "replace").strip("\n").split("\0"), strict=True))

    def workflows(self, sha: str) -> list[Workflow]:
        """Read every workflow file at a commit, in the order of their names."""
        listed = self._run("ls-tree", "-z", "--name-only", sha, f"{FOLDER}/")
        paths = [one for one in listed.stdout.decode("utf-8", "replace").split("\0") if one]
        return [read(path, self.file(sha, path) or b"") for path in paths if path.endswith((".yml", ".yaml"))]

    def file(self, sha: str, path: str) -> bytes | None:
        """Answer a file's bytes at a commit; None where there is none."""
        done = self._run("cat-file", "blob", f"{sha}:{path}")
        return done.stdout if done.returncode == 0 else None

    def changed(self, before: str, after: str) -> Sequence[str] | None:
        """Answer the paths that differ between two commits; None where GitHub would not look: too many, or
        nothing known.

        A new branch is compared with its commit's parent.
        """
        base = before if before and before != NOTHING and self.resolve(before) else f"{after}^"
        done = self._run("diff", "--name-only", "-z", "--no-renames", base, after)
        if done.returncode != 0:
            done = self._run("ls-tree", "-r", "-z", "--name-only", after)
        paths = [one for one in done.stdout.decode("utf-8", "replace").split("\0") if one]
        return paths if len(paths) <= MOST_FILES else None

    def export(self, sha: str, target: Path) -> None:
        """Write a commit's whole tree into a folder, without git's own."""
        target.mkdir(parents=True, exist_ok=True)
        with tarfile.open(fileobj=io.BytesIO(self._ask("archive", "--format=tar", sha))) as archive:
            archive.extractall(target, filter="data")

    def _ask(self, *arguments: str) -> bytes:
        done = self._run(*arguments)
        if done.returncode != 0:
            told = done.stderr.decode("utf-8", "replace").strip()
            raise PermanentError(f"git could not {arguments[0]} in the stand-in's repository: {told!r}.")
        return done.stdout

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["git", f"--git-dir={self._git_dir}", *arguments],
            capture_output=True,
            timeout=_PATIENCE,
            env=_ENVIRONMENT,
            check=False,
        )
