"""Leases on the branch: the port's suite."""

from __future__ import annotations

import pytest

from dreamnet_actions.adapters.github.locks import GitHubLock
from dreamnet_actions.testing.contracts.lock import LockContract
from tests.github.homes import Make


@pytest.mark.slow
class TestGitHubLock(LockContract):
    THREADS = 3
    ROUNDS = 2

    @pytest.fixture
    def lock(self, make: Make) -> GitHubLock:
        return make("eager").lock

    @pytest.fixture
    def another(self, lock: GitHubLock, make: Make) -> GitHubLock:
        return make("eager").lock
