"""A stand-in for Google for each test, and the access to a cluster of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.adapters.gcp.gke import GkeAccess
from dreamnet_actions.adapters.gcp.options import GkePlatformOptions
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.testing.google.standin import GoogleStandIn

Access = Callable[..., GkeAccess]


@pytest.fixture
def google(tmp_path: Path) -> Iterator[GoogleStandIn]:
    folder = tmp_path / "google"
    folder.mkdir()
    standin = GoogleStandIn(folder, time.time)
    yield standin
    standin.close()


@pytest.fixture
def told() -> list[SecretValue]:
    """What was to be masked."""
    return []


@pytest.fixture
def access(google: GoogleStandIn, tmp_path: Path, told: list[SecretValue]) -> Access:
    """Makes the access to ``autopilot-cluster-1`` with options and variables of the test's own."""

    def make(
        environ: Mapping[str, str] | None = None, now: Callable[[], float] = time.time, **keys: Any
    ) -> GkeAccess:
        wanted = {"project": "shop-4711", "location": "europe-west1", "cluster": "autopilot-cluster-1"} | keys
        return GkeAccess(
            GkePlatformOptions(**wanted),
            environ=google.environment() | dict(environ or {}),
            root=tmp_path,
            now=now,
            mask=told.append,
        )

    return make
