"""What every Source, Builder and ReleaseReporter must do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import pytest

from dreamnet_actions.domain.release import Release
from dreamnet_actions.domain.spec.models import ReleaseRules, Service
from dreamnet_actions.errors import CommandFailed, NotFound, PermanentError
from dreamnet_actions.ports.delivery import Builder, ReleaseReporter, Source

STATES = (
    "pending",
    "in-progress",
    "deployed",
    "rolled-back",
    "rollback-failed",
    "deployed-unverified",
    "failed",
)


class Repository(Protocol):
    """The repository below a source: whoever tests writes commits into it, to the branch ``main``."""

    def commit(self, files: Mapping[str, str | None], subject: str = ...) -> str:
        """Change these files (None removes one) in a new commit; answers its full hash."""


def files_in(directory: Path) -> dict[str, str]:
    """Answer the files below a directory, by path."""
    return {
        str(one.relative_to(directory)): one.read_text()
        for one in sorted(directory.rglob("*"))
        if one.is_file()
    }


class SourceContract:
    """Override ``repository`` (empty) and ``source`` (of that repository)."""

    @pytest.fixture
    def repository(self) -> Repository:
        """Answer a repository without a commit."""
        raise NotImplementedError

    @pytest.fixture
    def source(self, repository: Repository) -> Source:
        """Answer the source that reads it."""
        raise NotImplementedError

    def test_a_branch_follows_its_commits(self, repository: Repository, source: Source) -> None:
        first = repository.commit({"a": "1"}, "the first")
        assert source.resolve("main").revision == first
        second = repository.commit({"a": "2"}, "the second")
        found = source.resolve("main")
        assert (found.revision, found.subject) == (second, "the second")
        assert source.resolve(first[:10]).revision == first
        assert source.resolve(first) == source.resolve(first[:10])

    @pytest.mark.parametrize(
        "unknown",
        [
            "nope",
            "0" * 40,
            "",
            " ",
            "-h",
            "--upload-pack=id",
            "--output=x",
            "main..main",
            "main:a",
            "a\nb",
            "\0",
        ],
    )
    def test_what_names_no_commit_is_not_found(
        self, repository: Repository, source: Source, unknown: str, tmp_path: Path
    ) -> None:
        known = repository.commit({"a": "1"})
        for call in (
            lambda: source.resolve(unknown),
            lambda: source.between(unknown, known),
            lambda: source.between(known, unknown),
            lambda: source.changed(known, unknown),
            lambda: source.checkout(unknown, str(tmp_path / "out")),
        ):
            with pytest.raises(NotFound):
                call()
        assert not (tmp_path / "out").exists()

    def test_between_is_newest_first(self, repository: Repository, source: Source) -> None:
        first, second, third = (repository.commit({"a": str(number)}) for number in range(3))
        assert [one.revision for one in source.between(first, "main")] == [third, second]
        assert source.between("main", "main") == []

    def test_changed_answers_paths(self, repository: Repository, source: Source) -> None:
        first = repository.commit({"a": "1", "b/c": "1", "d": "1"})
        repository.commit({"a": "2"})
        second = repository.commit({"b/é x": "1", "d": None})
        assert sorted(source.changed(first, second)) == ["a", "b/é x", "d"]
        assert list(source.changed(second, second)) == []

    def test_checkout_writes_the_files_of_that_revision(
        self, repository: Repository, source: Source, tmp_path: Path
    ) -> None:
        first = repository.commit({"a": "1", "b/c": "x\n"})
        repository.commit({"a": "2"})
        source.checkout(first, str(tmp_path / "new" / "out"))
        assert files_in(tmp_path / "new" / "out") == {"a": "1", "b/c": "x\n"}
        source.checkout(first, str(tmp_path / "new" / "out"))
        assert files_in(tmp_path / "new" / "out") == {"a": "1", "b/c": "x\n"}
        assert [one.name for one in (tmp_path / "new").iterdir()] == ["out"]

    def test_checkout_fills_an_empty_directory(
        self, repository: Repository, source: Source, tmp_path: Path
    ) -> None:
        repository.commit({"a": "1"})
        (tmp_path / "out").mkdir()
        source.checkout("main", str(tmp_path / "out"))
        assert files_in(tmp_path / "out") == {"a": "1"}

    def test_checkout_harms_no_other_files(
        self, repository: Repository, source: Source, tmp_path: Path
    ) -> None:
        repository.commit({"a": "1"})
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "mine").write_text("mine")
        with pytest.raises(PermanentError):
            source.checkout("main", str(tmp_path / "out"))
        assert files_in(tmp_path / "out") == {"mine": "mine"}


def service_with(build: tuple[str, ...] = ()) -> Service:
    """Answer a service that is released from a repository with this build command."""
    return Service(platform="here", release=ReleaseRules(git="repository", build=build, build_timeout=20.0))


class BuilderContract:
    """Override ``repository`` (empty) and ``builder`` (of that repository)."""

    @pytest.fixture
    def repository(self) -> Repository:
        """Answer a repository without a commit."""
        raise NotImplementedError

    @pytest.fixture
    def builder(self, repository: Repository) -> Builder:
        """Answer a builder that has built nothing yet."""
        raise NotImplementedError

    def service(self, build: tuple[str, ...] = ()) -> Service:
        """Answer the service that is built. Override it where a builder needs to be told more."""
        return service_with(build)

    def test_a_build_is_a_release(self, repository: Repository, builder: Builder) -> None:
        revision = repository.commit({"a": "1"})
        release = builder.build("web", self.service(), "main")
        assert (release.service, release.version, release.revision) == ("web", f"git:{revision}", revision)

    def test_twice_is_once(self, repository: Repository, builder: Builder) -> None:
        revision = repository.commit({"a": "1"})
        assert builder.build("web", self.service(), "main") == builder.build("web", self.service(), revision)

    def test_revisions_and_services_stay_apart(self, repository: Repository, builder: Builder) -> None:
        repository.commit({"a": "1"})
        first, other = (
            builder.build("web", self.service(), "main"),
            builder.build("api", self.service(), "main"),
        )
        repository.commit({"a": "2"})
        second = builder.build("web", self.service(), "main")
        assert len({(one.service, one.version) for one in (first, other, second)}) == 3

    def test_what_is_foreseen_is_built_later(self, repository: Repository, builder: Builder) -> None:
        revision = repository.commit({"a": "1"})
        with builder.foreseen("web", self.service(("false",)), "main") as release:
            assert (release.service, release.version, release.revision) == (
                "web",
                f"git:{revision}",
                revision,
            )
            if release.directory:
                assert (Path(release.directory) / "a").read_text() == "1"
        assert not release.directory or not Path(release.directory).exists()
        assert builder.build("web", self.service(), "main").version == release.version

    def test_a_failed_build_says_why_and_is_tried_again(
        self, repository: Repository, builder: Builder
    ) -> None:
        repository.commit({"a": "1"})
        for _ in range(2):
            with pytest.raises(CommandFailed):
                builder.build("web", self.service(("false",)), "main")
        assert builder.build("web", self.service(("true",)), "main").service == "web"

    def test_an_unknown_revision_is_not_found(self, repository: Repository, builder: Builder) -> None:
        repository.commit({"a": "1"})
        with pytest.raises(NotFound):
            builder.build("web", self.service(), "nope")


class ReleaseReporterContract:
    """Override ``reporter`` and ``said`` (what people were told so far, as one text)."""

    @pytest.fixture
    def reporter(self) -> ReleaseReporter:
        """Answer the reporter."""
        raise NotImplementedError

    @pytest.fixture
    def said(self, reporter: ReleaseReporter) -> Callable[[], str]:
        """Answer a function that answers what was told."""
        raise NotImplementedError

    @pytest.mark.parametrize("state", STATES)
    def test_tells_every_state(self, reporter: ReleaseReporter, said: Callable[[], str], state: str) -> None:
        release = Release(service="web", version="git:" + "ab" * 20)
        reporter.report(release, platform="here", state=state, text="as it is")
        for part in ("web", "abababa", "here", state):  # the text too, unless people read it already
            assert part in said()
