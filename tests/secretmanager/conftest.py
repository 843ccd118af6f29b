"""A stand-in for Google with Secret Manager in it, and a source over it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from dreamnet_actions.adapters.gcp.options import SecretManagerOptions, SecretManagerSourceOptions
from dreamnet_actions.adapters.gcp.secrets import SecretManagerSource
from dreamnet_actions.domain.spec.models import Config
from dreamnet_actions.ports.site import Site
from dreamnet_actions.testing.google.secretmanager.server import SecretManagerServer
from dreamnet_actions.testing.google.standin import GoogleStandIn
from dreamnet_actions.testing.memory.clock import VirtualClock

PROJECT = "shop-4711"
READER = f"reader@{PROJECT}.iam.gserviceaccount.com"
ME = f"serviceAccount:{READER}"
"""Who every source here is, by the key of a service account."""
Make = Callable[..., SecretManagerSource]


@pytest.fixture(scope="session")
def key() -> Any:
    """The key of the account; one will do."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def clock() -> VirtualClock:
    """The source's clock; the service's is moved on by it."""
    return VirtualClock()


@pytest.fixture
def google(tmp_path: Path, clock: VirtualClock, key: Any) -> Iterator[GoogleStandIn]:
    folder = tmp_path / "google"
    folder.mkdir()
    standin = GoogleStandIn(folder, lambda: time.time() + clock.monotonic())
    standin.key_of(READER, key)
    standin.world.issuer.rotate(key)
    yield standin
    standin.close()


@pytest.fixture
def server(google: GoogleStandIn) -> SecretManagerServer:
    """Secret Manager, in which the source may do all it needs in the whole project."""
    for role in ("viewer", "secretAccessor"):
        google.secrets.grant(ME, role)
    return google.secrets


@pytest.fixture
def make(
    google: GoogleStandIn, server: SecretManagerServer, clock: VirtualClock, tmp_path: Path
) -> Iterator[Make]:
    """Makes a source with options and variables of the test's own."""
    made: list[SecretManagerSource] = []

    def source(environ: dict[str, str] | None = None, **options: Any) -> SecretManagerSource:
        site = Site(
            root=tmp_path,
            state=tmp_path,
            environ=google.environment() | (environ or {}),
            clock=clock,
            config=Config(version=1),
            hash_key=lambda: b"",
        )
        wanted = SecretManagerOptions(
            **({"project": PROJECT, "credentials": str(google.folder / "key.json")} | options)
        )
        made.append(SecretManagerSource.at(SecretManagerSourceOptions(gcp_secret_manager=wanted), site))
        return made[-1]

    yield source
    for one in made:
        one.close()
