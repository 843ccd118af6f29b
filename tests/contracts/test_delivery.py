"""The contracts of Source, Builder and ReleaseReporter, in memory and over real git; and what only those can do."""

from __future__ import annotations

import io
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dreamnet_actions.adapters.console.releases import ConsoleReleaseReporter
from dreamnet_actions.adapters.console.reporter import ConsoleReporter
from dreamnet_actions.adapters.git.builder import DirectoryBuilder
from dreamnet_actions.adapters.git.source import GitSource
from dreamnet_actions.errors import CommandFailed, ConfigError, NotFound, PermanentError
from dreamnet_actions.ports.delivery import Builder, ReleaseReporter, Source
from dreamnet_actions.testing.contracts.delivery import (
    BuilderContract,
    ReleaseReporterContract,
    Repository,
    SourceContract,
    files_in,
    service_with,
)
from dreamnet_actions.testing.memory.delivery import MemoryBuilder, MemorySource, RecordingReleaseReporter

ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "GIT_DIR": "/nowhere",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}


class RealRepository:
    """A git repository on this machine's disk."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "somebody")
        self.git("config", "user.email", "somebody@example.invalid")

    def git(self, *arguments: str) -> str:
        run = subprocess.run(
            ["git", *arguments],
            cwd=self.directory,
            check=True,
            capture_output=True,
            text=True,
            env={
                "PATH": ENVIRONMENT["PATH"],
                "GIT_CONFIG_GLOBAL": "/dev/null",
                "GIT_CONFIG_SYSTEM": "/dev/null",
            },
        )
        return run.stdout.strip()

    def commit(self, files: Mapping[str, str | None], subject: str = "a change") -> str:
        for path, text in files.items():
            file = self.directory / path
            if text is None:
                file.unlink()
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", subject)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def real(tmp_path: Path) -> RealRepository:
    return RealRepository(tmp_path / "repository")


@pytest.fixture
def git_source(real: RealRepository) -> GitSource:
    return GitSource(real.directory, environment=ENVIRONMENT)


@pytest.fixture
def directory_builder(git_source: GitSource, tmp_path: Path) -> DirectoryBuilder:
    return DirectoryBuilder(git_source, tmp_path / "state", environment=ENVIRONMENT)


class TestMemorySource(SourceContract):
    @pytest.fixture
    def repository(self) -> Repository:
        return MemorySource()

    @pytest.fixture
    def source(self, repository: MemorySource) -> Source:
        return repository


class TestGitSource(SourceContract):
    @pytest.fixture
    def repository(self, real: RealRepository) -> Repository:
        return real

    @pytest.fixture
    def source(self, git_source: GitSource) -> Source:
        return git_source

    def test_tags_and_odd_branches_name_commits(self, real: RealRepository, git_source: GitSource) -> None:
        revision = real.commit({"a": "1"})
        for name in ("v1.0", "feature/ü", "a+b"):
            real.git("tag", "-a", "-m", "x", name)
            assert git_source.resolve(name).revision == revision
        assert git_source.resolve("HEAD").revision == revision

    def test_a_hundred_commits_at_most(self, real: RealRepository, git_source: GitSource) -> None:
        first = real.commit({"a": "1"})
        tree = real.git("rev-parse", "HEAD^{tree}")
        last = first
        for number in range(103):
            last = real.git("commit-tree", "-p", last, "-m", f"{number}", tree)
        found = git_source.between(first, last)
        assert len(found) == 100
        assert found[0].revision == last

    def test_checkout_is_what_was_committed(
        self, real: RealRepository, git_source: GitSource, tmp_path: Path
    ) -> None:
        real.commit(
            {".gitattributes": "secret export-ignore\nv export-subst\n", "secret": "s", "v": "$Format:%H$"}
        )
        (real.directory / "run").write_text("#!/bin/sh\n")
        (real.directory / "run").chmod(0o755)
        (real.directory / "link").symlink_to("run")
        real.commit({})
        source_status = real.git("status", "--porcelain")
        git_source.checkout("main", str(tmp_path / "out"))
        assert set(files_in(tmp_path / "out")) == {".gitattributes", "secret", "v", "run", "link"}
        assert (tmp_path / "out" / "v").read_text() == "$Format:%H$"
        assert (tmp_path / "out" / "run").stat().st_mode & 0o111
        assert (tmp_path / "out" / "link").readlink() == Path("run")
        assert real.git("status", "--porcelain") == source_status == ""

    def test_runs_no_hook_of_the_repository(
        self, real: RealRepository, git_source: GitSource, tmp_path: Path
    ) -> None:
        real.commit({"a": "1"})
        for name in ("post-checkout", "post-index-change", "reference-transaction"):
            hook = real.directory / ".git" / "hooks" / name
            hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran-{name}\n")
            hook.chmod(0o755)
        real.git("config", "core.fsmonitor", f"touch {tmp_path}/ran-monitor")
        git_source.checkout("main", str(tmp_path / "out"))
        git_source.checkout("main", str(tmp_path / "out"))
        git_source.resolve("main")
        assert list(tmp_path.glob("ran-*")) == []

    def test_reads_a_bare_repository(self, real: RealRepository, tmp_path: Path) -> None:
        revision = real.commit({"a": "1"})
        real.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
        source = GitSource(tmp_path / "bare.git", environment=ENVIRONMENT)
        source.checkout("main", str(tmp_path / "out"))
        assert source.resolve("main").revision == revision
        assert files_in(tmp_path / "out") == {"a": "1"}

    def test_no_repository_is_a_mistake_in_the_configuration(self, tmp_path: Path) -> None:
        for place in (tmp_path / "none", tmp_path):
            with pytest.raises(ConfigError):
                GitSource(place, environment=ENVIRONMENT).resolve("main")

    def test_no_git_is_told(self, real: RealRepository) -> None:
        with pytest.raises(PermanentError, match="git was not found"):
            GitSource(real.directory, environment=ENVIRONMENT, program="no-such-git").resolve("main")

    def test_an_empty_repository_has_no_commit(self, real: RealRepository, git_source: GitSource) -> None:
        with pytest.raises(NotFound):
            git_source.resolve("main")


class TestMemoryBuilder(BuilderContract):
    @pytest.fixture
    def repository(self) -> Repository:
        return MemorySource()

    @pytest.fixture
    def builder(self, repository: MemorySource) -> Builder:
        return MemoryBuilder(repository)


class TestDirectoryBuilder(BuilderContract):
    @pytest.fixture
    def repository(self, real: RealRepository) -> Repository:
        return real

    @pytest.fixture
    def builder(self, directory_builder: DirectoryBuilder) -> Builder:
        return directory_builder

    def test_builds_once_in_the_checkout(
        self, real: RealRepository, directory_builder: DirectoryBuilder, tmp_path: Path
    ) -> None:
        revision = real.commit({"a": "1"})
        spec = service_with(("sh", "-c", "echo x >> built"))
        for _ in range(2):
            release = directory_builder.build("web", spec, "main")
        assert release.directory == str(tmp_path / "state" / "releases" / "web" / revision)
        assert files_in(Path(release.directory)) == {"a": "1", "built": "x\n"}

    def test_a_build_that_was_cut_short_is_done_again(
        self, real: RealRepository, directory_builder: DirectoryBuilder
    ) -> None:
        real.commit({"a": "1"})
        spec = service_with(("sh", "-c", "test ! -e half && touch whole"))
        release = directory_builder.build("web", spec, "main")
        directory = Path(release.directory or "")
        # As a SIGKILL in the middle leaves it: files, but no mark.
        directory.with_name(f"{directory.name}.json").unlink()
        (directory / "half").write_text("")
        (directory / "whole").unlink()
        assert directory_builder.build("web", spec, "main") == release
        assert set(files_in(directory)) == {"a", "whole"}

    def test_two_at_once_build_once(self, real: RealRepository, directory_builder: DirectoryBuilder) -> None:
        real.commit({"a": "1"})
        spec = service_with(("sh", "-c", "echo x >> built; sleep 0.3"))
        threads = [
            threading.Thread(target=lambda: directory_builder.build("web", spec, "main")) for _ in range(3)
        ]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        release = directory_builder.build("web", spec, "main")
        assert (Path(release.directory or "") / "built").read_text() == "x\n"

    def test_a_failed_build_shows_its_last_lines(
        self, real: RealRepository, directory_builder: DirectoryBuilder
    ) -> None:
        real.commit({"a": "1"})
        with pytest.raises(CommandFailed, match="what is wrong") as caught:
            directory_builder.build(
                "web", service_with(("sh", "-c", "seq 99999; echo what is wrong; exit 7")), "main"
            )
        assert caught.value.status == 7
        assert len(caught.value.tail.splitlines()) == 20
        with pytest.raises(CommandFailed, match="could not be started"):
            directory_builder.build("web", service_with(("no-such-program",)), "main")

    @pytest.mark.slow
    def test_a_build_that_does_not_end_is_ended_with_its_children(
        self, real: RealRepository, directory_builder: DirectoryBuilder, tmp_path: Path
    ) -> None:
        real.commit({"a": "1"})
        spec = service_with(("sh", "-c", f"(sleep 2; touch {tmp_path}/survived) & sleep 60"))
        object.__setattr__(spec.release, "build_timeout", 0.5)
        began = time.monotonic()
        with pytest.raises(CommandFailed, match=r"still running after 0\.5 s"):
            directory_builder.build("web", spec, "main")
        assert time.monotonic() - began < 50, "nobody waits for it"
        time.sleep(2.2)
        assert not (tmp_path / "survived").exists()

    def test_old_builds_go_but_none_that_is_in_use(
        self, real: RealRepository, git_source: GitSource, tmp_path: Path
    ) -> None:
        used: list[str] = []
        builder = DirectoryBuilder(
            git_source, tmp_path / "state", environment=ENVIRONMENT, in_use=lambda: used, kept=2
        )
        for number in range(5):
            real.commit({"a": str(number)})
            release = builder.build("web", service_with(), "main")
            if number == 0:
                used.append(release.directory or "")
        left = [one for one in (tmp_path / "state" / "releases" / "web").iterdir() if one.is_dir()]
        assert len(left) == 3
        assert {(one / "a").read_text() for one in left} == {"0", "3", "4"}

    def test_a_name_cannot_lead_elsewhere(
        self, real: RealRepository, directory_builder: DirectoryBuilder
    ) -> None:
        real.commit({"a": "1"})
        for name in ("../web", "a/b", ".", ""):
            with pytest.raises(PermanentError):
                directory_builder.build(name, service_with(), "main")


class TestRecordingReleaseReporter(ReleaseReporterContract):
    @pytest.fixture
    def reporter(self) -> ReleaseReporter:
        return RecordingReleaseReporter()

    @pytest.fixture
    def said(self, reporter: RecordingReleaseReporter) -> Callable[[], str]:
        return lambda: " ".join(
            f"{one.release.service} {one.release.short} {one.platform} {one.state} {one.text}"
            for one in reporter.reports
        )


class TestConsoleReleaseReporter(ReleaseReporterContract):
    @pytest.fixture
    def stream(self) -> io.StringIO:
        return io.StringIO()

    @pytest.fixture
    def reporter(self, stream: io.StringIO) -> ReleaseReporter:
        return ConsoleReleaseReporter(ConsoleReporter(stream))

    @pytest.fixture
    def said(self, stream: io.StringIO) -> Callable[[], str]:
        return stream.getvalue
