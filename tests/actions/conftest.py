"""Stories under the real act start many processes: they have more time than other tests before they are given up."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

STORY_SECONDS = 300
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each slow test of this folder its time."""
    for item in items:
        if HERE in item.path.parents and item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.timeout(STORY_SECONDS))


@pytest.fixture
def canary() -> Iterator[Path]:
    """The file that a hostile text creates where it is executed. Its path is short: a field holds more texts so."""
    with tempfile.TemporaryDirectory(prefix="c") as folder:
        yield Path(folder) / "c"
