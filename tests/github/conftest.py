from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dreamnet_actions.testing.memory.clock import VirtualClock
from tests.github.homes import Make, bare, memories


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """An empty repository, as GitHub keeps one."""
    return bare(tmp_path / "remote.git")


@pytest.fixture
def make(remote: Path, clock: VirtualClock) -> Iterator[Make]:
    """Make a memory over the remote, by the virtual clock: one run, or one process, each."""
    with memories(remote, clock) as made:
        yield made
