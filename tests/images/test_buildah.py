"""Images of commits by real buildah, at a real registry."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dreamnet_actions.adapters.git.builder import DirectoryBuilder
from dreamnet_actions.adapters.git.source import GitSource
from dreamnet_actions.adapters.images.buildah import BuildahBuilder
from dreamnet_actions.adapters.images.choice import origin
from dreamnet_actions.adapters.registry import Reference
from dreamnet_actions.domain.spec.images import ImageBuild
from dreamnet_actions.domain.spec.models import ReleaseRules, Service
from dreamnet_actions.errors import CommandFailed, NotFound
from dreamnet_actions.testing.contracts.delivery import BuilderContract, Repository
from dreamnet_actions.testing.memory.delivery import RecordingReporter
from tests.contracts.test_delivery import RealRepository
from tests.images.registries import CONTAINERFILE, Running, environment

pytestmark = pytest.mark.slow


@pytest.fixture
def real(tmp_path: Path) -> RealRepository:
    made = RealRepository(tmp_path / "repository")
    made.commit({"Containerfile": CONTAINERFILE, "a": "0"})
    return made


@pytest.fixture
def name() -> str:
    return f"web-{os.urandom(4).hex()}"


@pytest.fixture
def make(real: RealRepository, tmp_path: Path) -> Callable[[], BuildahBuilder]:
    """A builder as one more process makes it, on a machine that has built nothing yet."""

    def made() -> BuildahBuilder:
        state = tmp_path / f"state-{os.urandom(2).hex()}"
        environ = environment(tmp_path)
        files = DirectoryBuilder(GitSource(real.directory, environment=environ), state, environment=environ)
        reporter = RecordingReporter()
        return BuildahBuilder(
            files,
            state=state,
            environ=environ,
            reporter=reporter,
            origin=lambda: origin(real.directory, environ),
        )

    return made


def service(push: str, command: tuple[str, ...] = (), **image: object) -> Service:
    rules = ReleaseRules(image=ImageBuild(push=push, **image), build=command, build_timeout=100.0)  # type: ignore[arg-type]
    return Service(platform="here", release=rules)


class TestBuildahBuilder(BuilderContract):
    @pytest.fixture
    def repository(self, real: RealRepository) -> Repository:
        return real

    @pytest.fixture
    def builder(self, make: Callable[[], BuildahBuilder]) -> BuildahBuilder:
        return make()

    @pytest.fixture(autouse=True)
    def somewhere(self, open_registry: Running, name: str) -> None:
        self.push = f"{open_registry.host}/{name}"

    def service(self, build: tuple[str, ...] = ()) -> Service:
        return service(self.push, build)


def test_an_image_is_built_once_a_commit_and_answered_by_its_digest(
    real: RealRepository, make: Callable[[], BuildahBuilder], open_registry: Running, name: str
) -> None:
    real.git("remote", "add", "origin", "https://somebody:word@example.com/o/r.git")
    first = real.commit({"a": "1"})
    spec = service(f"{open_registry.host}/{name}")
    release = make().build("web", spec, "main")
    image = Reference.parse(release.image or "")
    assert (image.name, release.version) == (f"{open_registry.host}/{name}", f"git:{first}")
    config = open_registry.config(name, image.digest)["config"]
    assert config["Labels"]["org.opencontainers.image.revision"] == first
    assert config["Labels"]["org.opencontainers.image.source"] == "https://example.com/o/r.git"
    assert open_registry.tags(name) == [first]

    other = make()  # another machine: it builds nothing, it asks
    assert other.build("web", spec, first).image == release.image
    assert not (other._state / "buildah").exists()

    second = real.commit({"a": "2"})
    with other.foreseen("web", spec, "main") as seen:
        assert seen.image == f"{open_registry.host}/{name}:{second}"
    assert (after := other.build("web", spec, "main").image) != release.image
    with make().foreseen("web", spec, "main") as seen:
        assert seen.image == after


def test_dockerfile_target_arguments_platforms_and_the_command_before_count(
    real: RealRepository, make: Callable[[], BuildahBuilder], open_registry: Running, name: str
) -> None:
    stages = (
        "FROM scratch AS one\nARG WHO=nobody\nENV WHO=$WHO\nCOPY made /made\nFROM scratch\nCOPY made /other\n"
    )
    commit = real.commit({"app/build/Dockerfile.web": stages, "app/b": "1"})
    more = {"build": "app", "file": "build/Dockerfile.web", "target": "one", "args": {"WHO": "we $all"}}
    push, builder = f"{open_registry.host}/{name}", make()
    made = builder.build("web", service(push, ("sh", "-c", "cp app/b app/made"), **more), "main").image
    digest = Reference.parse(made or "").digest
    assert "WHO=we $all" in open_registry.config(name, digest)["config"]["Env"]
    (tag,) = open_registry.tags(name)
    assert tag.startswith(f"{commit}-"), "another service may push the folder as it is under the commit alone"
    pair = ("linux/amd64", "linux/arm64")
    many = builder.build("web", service(push, platforms=pair), "main").image
    index = open_registry.manifest(name, Reference.parse(many or "").digest)
    assert {one["platform"]["architecture"] for one in index["manifests"]} == {"amd64", "arm64"}


def test_a_build_that_fails_says_its_last_lines_and_leaves_no_image(
    real: RealRepository, make: Callable[[], BuildahBuilder], open_registry: Running, name: str
) -> None:
    spec = service(f"{open_registry.host}/{name}")
    real.commit({"Containerfile": "FROM scratch\nCOPY not-there /a\n"})
    with pytest.raises(CommandFailed, match="not-there") as caught:
        make().build("web", spec, "main")
    assert "buildah build" in caught.value.message
    assert open_registry.tags(name) == []
    real.commit({"Containerfile": None})
    with pytest.raises(NotFound, match="Containerfile or Dockerfile"):
        make().build("web", spec, "main")
    real.commit({"Containerfile": CONTAINERFILE})
    nowhere = service("127.0.0.1:9/web")
    with pytest.raises(Exception, match="could not be asked"):
        make().build("web", nowhere, "main")
