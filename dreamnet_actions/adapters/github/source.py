"""GitHubSource: the commits of a repository at GitHub (the port ``Source``); REST tells, git fetches the files."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from dreamnet_actions.adapters.checkout import checkout
from dreamnet_actions.adapters.gitcalls import Git, checked
from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.adapters.github.gittoken import token_forms, token_settings
from dreamnet_actions.adapters.github.gitwords import TEMPORARY
from dreamnet_actions.errors import (
    CommandFailed,
    Conflict,
    NotFound,
    PermanentError,
    PermissionMissing,
    RequestError,
    TemporaryError,
    Unauthenticated,
)
from dreamnet_actions.ports.delivery import Commit

MOST = 100
"""The most commits that ``between`` answers (the port's figure), and GitHub's largest page."""
MOST_FILES = 300
"""The most files that GitHub lists in a comparison
(https://docs.github.com/en/rest/commits/commits#compare-two-commits)."""


class GitHubSource:
    """Reads one repository. Needs ``contents: read``.

    ``environment`` is what git gets, without its ``GIT_*`` variables; ``timeout`` is for each command, in seconds.
    """

    WRITES: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self,
        repository: GitHubRepository,
        *,
        environment: Mapping[str, str],
        timeout: float = 300.0,
        program: str = "git",
    ) -> None:
        self._repository = repository
        self._environment, self._timeout, self._program = dict(environment), timeout, program

    def resolve(self, revision: str) -> Commit:
        """Answer the commit that a branch, tag or (short) hash names."""
        path = f"/commits/{quote(checked(revision), safe='')}"
        try:
            # One file a page: GitHub would send the differences of all, too.
            return _commit(self._repository.call("GET", path, parameters={"per_page": 1, "page": 1}))
        except (NotFound, Conflict, RequestError) as error:
            # 404 and 422: no such commit, by the form of the name; 409: no commit at all.
            raise NotFound("revision", revision) from error

    def between(self, old: str, new: str) -> Sequence[Commit]:
        """Answer what ``new`` has and ``old`` has not, newest first."""
        first = self._compare(old, new, page=1)
        total = int(first["total_commits"])
        if total <= MOST:
            return [_commit(one) for one in reversed(first["commits"])]
        # Oldest first, page by page: the newest are on the last page, and the rest on the one before.
        last = -(-total // MOST)
        listed: list[Any] = []
        for page in (last - 1, last):
            listed += (first if page == 1 else self._compare(old, new, page=page))["commits"]
        return [_commit(one) for one in listed[: -MOST - 1 : -1]]

    def changed(self, old: str, new: str) -> Sequence[str]:
        """Answer the paths that differ, a renamed file with both of its names."""
        found = self._compare(old, new, page=1, size=1)
        files = found.get("files") or []
        if found["status"] in ("ahead", "identical") and len(files) < MOST_FILES:
            names = [[one["filename"], one.get("previous_filename")] for one in files]
            return list(dict.fromkeys(name for pair in names for name in pair if name))
        # GitHub compares with the common ancestor, and lists no more files: git itself knows.
        commits = [self.resolve(one).revision for one in (old, new)]
        with self._fetched(*commits) as git:
            _, listed = git(
                "diff-tree", "-r", "-z", "--name-only", "--no-renames", "--no-ext-diff", "--end-of-options", *commits
            )  # fmt: skip
        return [path for path in listed.split("\0") if path]

    def checkout(self, revision: str, directory: str) -> None:
        """Write a revision's files into ``directory``, as ``adapters.checkout`` does it."""
        commit = self.resolve(revision).revision
        with self._fetched(commit) as git:
            checkout(git, commit, directory)

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    def _compare(self, old: str, new: str, *, page: int, size: int = MOST) -> Any:
        heads = f"{quote(checked(old), safe='')}...{quote(checked(new), safe='')}"
        try:
            return self._repository.call(
                "GET", f"/compare/{heads}", parameters={"per_page": size, "page": page}
            )
        except (NotFound, Conflict, RequestError) as error:
            for one in (old, new):
                self.resolve(one)
            raise PermanentError(
                f"GitHub cannot compare {old!r} with {new!r}; they may have no history in common."
            ) from error

    @contextlib.contextmanager
    def _fetched(self, *commits: str) -> Iterator[Git]:
        """Give a repository of our own that holds these commits, without their history."""
        url, token = f"{self._repository.url}.git", self._repository.token.reveal()
        with tempfile.TemporaryDirectory(prefix="dreamnet-source-") as place:
            git = Git(Path(place), self._environment, self._timeout, self._program)
            git("init", "--quiet", "--bare", "--template=", ".")
            try:
                git(
                    "fetch", "--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules",
                    url, *dict.fromkeys(commits), extra=token_settings(url, token),
                )  # fmt: skip
            except CommandFailed as error:
                raise _trouble(url, error, token) from None  # the cause may repeat the token
            yield git


def _commit(data: Mapping[str, Any]) -> Commit:
    commit = data["commit"]
    subject = " ".join(str(commit["message"]).strip().split("\n\n")[0].split("\n"))
    return Commit(
        revision=str(data["sha"]),
        author=str((commit.get("author") or {}).get("name") or ""),
        at=datetime.fromisoformat(commit["committer"]["date"]).timestamp(),
        subject=subject,
    )


def _trouble(url: str, error: CommandFailed, token: str) -> Exception:
    """Say what a failed fetch means; REST answered just before, so that the repository is there."""
    said = error.tail
    for secret in token_forms(token):
        said = said.replace(secret, "***")
    if re.search(r"returned error: 401|Authentication failed|could not read Username", said):
        return Unauthenticated(f"git fetch of {url}: the token was not accepted.", hint="Renew GITHUB_TOKEN.")
    if re.search(r"returned error: 40[34]|not found", said):
        return PermissionMissing(
            f"git fetch of {url}: the token may not read the repository's files.",
            hint="Add to the workflow's job:\npermissions:\n  contents: read",
        )
    if TEMPORARY.search(said):
        return TemporaryError(f"git fetch of {url} did not come through. It says:\n{said}", retry_after=30.0)
    return CommandFailed("git fetch", error.status, said)
