"""One open registry for all tests of a run's worker: each test has names of its own in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.images.registries import Running, registry


@pytest.fixture(scope="session")
def open_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with registry(tmp_path_factory.mktemp("registry")) as running:
        yield running
