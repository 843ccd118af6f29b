"""Commits at GitHub: the contract of every Source on the stand-in, and what only GitHub's answers can get wrong."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.adapters.github.source import GitHubSource
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.errors import DreamNetError, NotFound, PermanentError, TemporaryError, Unauthenticated
from dreamnet_actions.testing.contracts.delivery import SourceContract, files_in
from dreamnet_actions.testing.github.standin import StandIn
from dreamnet_actions.testing.memory.clock import VirtualClock

pytestmark = pytest.mark.slow

REPOSITORY = "octo/code"
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "GIT_DIR": "/nowhere",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "HOME": "/nowhere",
}


@dataclass
class AtGitHub:
    github: StandIn

    def commit(
        self, files: Mapping[str, str | None], subject: str = "a change", branch: str | None = None
    ) -> str:
        return self.github.commit(REPOSITORY, files, subject, branch=branch)

    def commit_many(self, count: int) -> list[str]:
        """Put so many commits on ``main`` at once, ``change 1`` and so on; answers them, oldest first."""
        git = self.github.world.git(self.github.world.repository(REPOSITORY))
        said = []
        for n in range(1, count + 1):
            message = f"change {n}\n\nbody"
            begins = f"from {git.head('main')}\n" if n == 1 else ""
            said.append(
                f"commit refs/heads/main\nmark :{n}\ncommitter octocat <o@example.com> {1_790_000_000 + n} +0000\n"
                f"data {len(message)}\n{message}\n{begins}M 100644 inline a\ndata {len(str(n))}\n{n}\nget-mark :{n}\n"
            )
        return git.text("fast-import", "--quiet", data="".join(said).encode()).split()


@pytest.fixture
def repository(github: StandIn) -> AtGitHub:
    github.create_repository(REPOSITORY)
    return AtGitHub(github)


@pytest.fixture
def token(github: StandIn, repository: AtGitHub) -> str:
    return github.workflow_token(REPOSITORY, {"contents": "read", "metadata": "read"}, job="deploykeeper")


@pytest.fixture
def source(github: StandIn, token: str, clock: VirtualClock) -> GitHubSource:
    return source_with(github, token, clock)


def source_with(github: StandIn, token: str, clock: VirtualClock) -> GitHubSource:
    repository = GitHubRepository(
        REPOSITORY, SecretValue(token), clock=clock, api_url=github.api_url, server_url=github.server_url
    )
    return GitHubSource(repository, environment=ENVIRONMENT, timeout=30.0)


class TestGitHubSource(SourceContract):
    @pytest.fixture
    def repository(self, repository: AtGitHub) -> AtGitHub:
        return repository

    @pytest.fixture
    def source(self, source: GitHubSource) -> GitHubSource:
        return source


def test_many_commits_are_the_newest_hundred(repository: AtGitHub, source: GitHubSource) -> None:
    made = [repository.commit({"a": "0"}), *repository.commit_many(230)]
    found = source.between(made[0], "main")
    assert [one.revision for one in found] == made[:-101:-1]
    assert found[0].subject == "change 230"
    assert [one.revision for one in source.between(made[30], made[130])] == made[130:30:-1]
    assert [one.revision for one in source.between(made[29], made[130])] == made[130:30:-1]


def test_branches_that_parted(repository: AtGitHub, source: GitHubSource) -> None:
    first = repository.commit({"a": "1", "b": "1"})
    side = repository.commit({"b": "2"}, branch="feature/side")
    main = repository.commit({"a": "2", "b": "2"})
    assert source.resolve("feature/side").revision == side
    assert [one.revision for one in source.between("feature/side", "main")] == [main]
    # Both have the same b: it does not differ, though both changed it.
    assert list(source.changed("feature/side", "main")) == ["a"]
    assert sorted(source.changed(main, first)) == ["a", "b"]


def test_many_files_are_all_told(repository: AtGitHub, source: GitHubSource) -> None:
    first = repository.commit({"a": "1"})
    second = repository.commit({f"d/{n}": str(n) for n in range(350)})
    assert sorted(source.changed(first, second)) == sorted(f"d/{n}" for n in range(350))


def test_an_empty_repository_has_no_commit(source: GitHubSource, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        source.resolve("main")
    with pytest.raises(NotFound):
        source.checkout("main", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_failed_fetch_writes_nothing_and_tells_no_token(
    repository: AtGitHub,
    github: StandIn,
    source: GitHubSource,
    token: str,
    clock: VirtualClock,
    tmp_path: Path,
) -> None:
    repository.commit({"a": "1"})
    github.faults.add("502", path=f"/{REPOSITORY}.git/*")
    with pytest.raises(TemporaryError) as caught:
        source.checkout("main", str(tmp_path / "out"))
    assert list(tmp_path.glob("*out*")) == []
    source.checkout("main", str(tmp_path / "out"))
    assert files_in(tmp_path / "out") == {"a": "1"}
    github.faults.add("401", path=f"/{REPOSITORY}.git/*", times=None)
    with pytest.raises(Unauthenticated):
        source.checkout("main", str(tmp_path / "other"))
    errors: list[DreamNetError] = [caught.value]
    assert all(token not in one.message + one.hint + repr(one) for one in errors)


def test_other_files_are_not_harmed(repository: AtGitHub, source: GitHubSource, tmp_path: Path) -> None:
    first = repository.commit({"a": "1"})
    repository.commit({"a": "2"})
    source.checkout(first, str(tmp_path / "out"))
    with pytest.raises(PermanentError):
        source.checkout("main", str(tmp_path / "out"))
    assert files_in(tmp_path / "out") == {"a": "1"}
