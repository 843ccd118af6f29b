"""Images by Google Cloud Build: real google-auth, the stand-in's builds really build, a real registry."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from dreamnet_actions.adapters.git.builder import DirectoryBuilder
from dreamnet_actions.adapters.git.source import GitSource
from dreamnet_actions.adapters.images.cloudbuild import CloudBuildBuilder
from dreamnet_actions.adapters.registry import Reference
from dreamnet_actions.domain.spec.images import CloudBuild, ImageBuild
from dreamnet_actions.domain.spec.models import ReleaseRules, Service
from dreamnet_actions.errors import (
    CommandFailed,
    ConfigError,
    DeadlineExceeded,
    PermissionMissing,
    TemporaryError,
)
from dreamnet_actions.testing.contracts.delivery import BuilderContract, Repository
from dreamnet_actions.testing.memory.delivery import RecordingReporter
from tests.contracts.test_delivery import RealRepository
from tests.images.cloud import Cloud, cloud
from tests.images.registries import CONTAINERFILE, Running, environment

pytestmark = pytest.mark.slow
BUCKET = CloudBuild(project="p", region="europe-west1", bucket="sources")


@pytest.fixture
def google(tmp_path: Path) -> Iterator[Cloud]:
    with cloud(tmp_path / "cloud") as running:
        yield running


@pytest.fixture
def real(tmp_path: Path) -> RealRepository:
    made = RealRepository(tmp_path / "repository")
    made.commit({"Containerfile": CONTAINERFILE, "a": "0"})
    return made


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def cloud_builder(
    google: Cloud, real: RealRepository, pauses: list[float], tmp_path: Path
) -> CloudBuildBuilder:
    address = f"http://127.0.0.1:{google.server_port}"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {"type": "service_account", "client_email": "a@p.example", "private_key": pem.decode()}
    (tmp_path / "account.json").write_text(json.dumps({**account, "token_uri": f"{address}/token"}), "utf-8")
    environ = environment(tmp_path) | {
        "GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "account.json"),
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDBUILD": address,
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE": f"{address}/",
    }
    files = DirectoryBuilder(
        GitSource(real.directory, environment=environ), tmp_path / "state", environment=environ
    )
    reporter = RecordingReporter()
    return CloudBuildBuilder(
        files, state=tmp_path / "state", environ=environ, reporter=reporter, pause=pauses.append
    )


def service(push: str, where: CloudBuild = BUCKET, command: tuple[str, ...] = (), **image: object) -> Service:
    build = ImageBuild(push=push, cloud_build=where, **image)  # type: ignore[arg-type]
    return Service(platform="here", release=ReleaseRules(image=build, build=command, build_timeout=100.0))


class TestCloudBuildBuilder(BuilderContract):
    @pytest.fixture
    def repository(self, real: RealRepository) -> Repository:
        return real

    @pytest.fixture
    def builder(self, cloud_builder: CloudBuildBuilder) -> CloudBuildBuilder:
        return cloud_builder

    @pytest.fixture(autouse=True)
    def somewhere(self, open_registry: Running) -> None:
        self.push = f"{open_registry.host}/cloud-{os.urandom(4).hex()}"

    def service(self, build: tuple[str, ...] = ()) -> Service:
        return service(self.push, command=build)


@pytest.fixture
def push(open_registry: Running) -> str:
    return f"{open_registry.host}/cloud-{os.urandom(4).hex()}"


def test_a_build_is_asked_for_once_watched_and_answered_by_its_digest(
    google: Cloud,
    cloud_builder: CloudBuildBuilder,
    real: RealRepository,
    open_registry: Running,
    push: str,
    pauses: list[float],
) -> None:
    revision = real.git("rev-parse", "HEAD")
    made = cloud_builder.build("web", service(push, args={"GREETING": "$HOME"}), "main")
    image = Reference.parse(made.image or "")
    config = open_registry.config(image.path, image.digest)["config"]
    assert "GREETING=$HOME" in config["Env"], "Cloud Build would put a substitution there"
    assert config["Labels"]["org.opencontainers.image.revision"] == revision
    (build,) = google.builds.values()
    assert build["name"].startswith("projects/p/locations/europe-west1/builds/")
    assert build["timeout"] == "100s"
    assert list(google.objects) == [f"sources/dreamnet/web/{revision}.tar.gz"]
    assert len(pauses) == 3
    assert cloud_builder.build("web", service(push, args={"GREETING": "$HOME"}), "main") == made
    assert len(google.builds) == 1


def test_a_run_that_was_cut_off_finds_the_build_that_it_began(
    google: Cloud, cloud_builder: CloudBuildBuilder, push: str
) -> None:
    google.cut = True
    with pytest.raises(TemporaryError):
        cloud_builder.build("web", service(push), "main")
    assert cloud_builder.build("web", service(push), "main").image
    assert len(google.builds) == 1


def test_what_goes_wrong_is_told(
    google: Cloud, cloud_builder: CloudBuildBuilder, real: RealRepository, push: str
) -> None:
    real.commit({"Containerfile": "FROM scratch\nCOPY not-there /a\n"})
    with pytest.raises(CommandFailed, match="not-there") as caught:
        cloud_builder.build("web", service(push), "main")
    assert "console.cloud.google.com" in caught.value.message
    real.commit({"Containerfile": CONTAINERFILE})
    google.looks = 10**9
    slow = service(push)
    object.__setattr__(slow.release, "build_timeout", 0.0)
    with pytest.raises(DeadlineExceeded):
        cloud_builder.build("web", slow, "main")
    assert [one["status"] for one in google.builds.values()] == ["FAILURE", "CANCELLED"]
    google.refused = 403
    with pytest.raises(PermissionMissing, match=r"does not have permission") as refused:
        cloud_builder.build("web", service(push), "main")
    assert "roles/cloudbuild" in refused.value.hint
    for wrong in (CloudBuild(project="p"), CloudBuild(project="p", bucket="b" * 3, repository="r")):
        with pytest.raises(ConfigError, match="one place"):
            cloud_builder.build("web", service(push, wrong), "main")


@pytest.mark.parametrize(
    ("repository", "kind"),
    [
        ("https://example.com/o/r.git", "gitSource"),
        ("projects/p/locations/l/connections/c/repositories/r", "connectedRepository"),
    ],
)
def test_cloud_build_reads_a_repository_itself(
    google: Cloud,
    cloud_builder: CloudBuildBuilder,
    real: RealRepository,
    push: str,
    repository: str,
    kind: str,
) -> None:
    revision = real.commit({"app/Dockerfile": CONTAINERFILE, "app/a": "1"})
    google.looks = 10**9
    where = CloudBuild(project="p", repository=repository, service_account="builds@p.example")
    asked: Callable[[], Service] = lambda: service(push, where, build="app")  # noqa: E731
    spec = asked()
    object.__setattr__(spec.release, "build_timeout", 0.0)
    with pytest.raises(DeadlineExceeded):
        cloud_builder.build("web", spec, "main")
    (build,) = google.builds.values()
    assert build["source"][kind]["revision"] == revision
    assert build["source"][kind]["dir"] == "app"
    assert build["serviceAccount"] == "projects/p/serviceAccounts/builds@p.example"
    assert build["options"] == {"logging": "CLOUD_LOGGING_ONLY"}
    assert google.objects == {}
