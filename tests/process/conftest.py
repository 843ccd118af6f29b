from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.home import Home, at_home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with at_home(tmp_path / "state") as home:
        yield home
