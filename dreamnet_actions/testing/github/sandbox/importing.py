"""Bringing a user's repository into the stand-in: what is committed, or all that lies there. The user's own is
only read."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from dreamnet_actions.errors import ConfigError
from dreamnet_actions.testing.github.gitstore import ZERO, GitStore, Person

_PATIENCE = 120
_REMOTE = re.compile(r"(?:[:/])(?P<name>[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}?)(?:\.git)?/?$")


class UserRepository:
    """The repository around a folder of the user's. Raises ConfigError where there is none, or nothing is
    committed and ``dirty`` does not say that this is no matter."""

    def __init__(self, folder: Path, *, dirty: bool = False) -> None:
        root = self._git(folder, "rev-parse", "--show-toplevel")
        if root is None:
            raise ConfigError(
                f"{str(folder)!r} is in no git repository.",
                hint="Run it where your repository is, or: git init",
            )
        self.root = Path(root)
        if self.head is None and not dirty:
            raise ConfigError(
                f"The repository {str(self.root)!r} has no commit yet.",
                hint="Commit once (git add -A && git commit -m first), or take what lies there: --dirty",
            )

    @property
    def head(self) -> str | None:
        """The commit that is checked out."""
        return self._git(self.root, "rev-parse", "--verify", "--quiet", "HEAD")

    @property
    def branch(self) -> str:
        """The branch that is checked out; ``main`` where none is."""
        return self._git(self.root, "symbolic-ref", "--short", "--quiet", "HEAD") or "main"

    @property
    def name(self) -> str:
        """``owner/name`` by the remote ``origin``, else by the folder."""
        match = _REMOTE.search(self._git(self.root, "remote", "get-url", "origin") or "")
        if match:
            return match["name"]
        folder = re.sub(r"[^A-Za-z0-9._-]", "-", self.root.name) or "repository"
        return f"me/{folder}"

    def uncommitted(self) -> list[str]:
        """Answer the files that differ from what is committed, or are not committed at all."""
        changed = self._git(self.root, "diff", "--name-only", "-z", "HEAD") or ""
        new = self._git(self.root, "ls-files", "--others", "--exclude-standard", "--full-name", "-z") or ""
        return sorted({one for one in f"{changed}\0{new}".split("\0") if one})

    def bring(self, store: GitStore, branch: str, *, dirty: bool, now: float) -> str:
        """Put HEAD (and with ``dirty`` a commit on top of all that is not committed) on ``branch``; answer the
        commit."""
        sha = None
        if self.head is not None:
            store.run("fetch", "--quiet", "--no-tags", str(self.root), f"+HEAD:refs/heads/{branch}")
            sha = store.head(branch)
            if not dirty:
                return sha
        tree = self._tree(store)
        if sha is not None and tree == store.text("rev-parse", f"{sha}^{{tree}}"):
            return sha
        person = Person("sandbox", "sandbox@users.noreply.github.com", now)
        made = store.write_commit(tree, [sha] if sha else [], "What is not committed yet", person)
        store.set_ref(f"refs/heads/{branch}", made, sha or ZERO)
        return made

    def _tree(self, store: GitStore) -> str:
        """Write the folder as it lies there as a tree of the stand-in's repository: the user's index is not
        touched."""
        index = store.path / "sandbox-index"
        command = ["git", f"--git-dir={store.path}", f"--work-tree={self.root}"]
        environment = {"GIT_INDEX_FILE": str(index), "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin"}
        try:
            for arguments in (["-c", "core.bare=false", "add", "--all"], ["write-tree"]):
                done = subprocess.run(
                    [*command, *arguments],
                    cwd=self.root, env=environment, capture_output=True, text=True, timeout=_PATIENCE, check=True,
                )  # fmt: skip
        except subprocess.CalledProcessError as error:
            raise ConfigError(
                f"What is not committed could not be read: {error.stderr.strip()!r}.",
                hint="Leave --dirty out.",
            ) from error
        finally:
            index.unlink(missing_ok=True)
        return done.stdout.strip()

    @staticmethod
    def _git(folder: Path, *arguments: str) -> str | None:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        return done.stdout.strip() if done.returncode == 0 else None
