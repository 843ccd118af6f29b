"""Dreams as issues: the contract of every DreamStore on the stand-in, and what only issues can get wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.adapters.github.dreams import GitHubDreamStore
from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.health import Report
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.errors import Conflict, NotFound, RefusedError, TemporaryError
from dreamnet_actions.testing.contracts.dream_store import FULL, DreamStoreContract
from dreamnet_actions.testing.contracts.together import together
from dreamnet_actions.testing.github.standin import StandIn
from dreamnet_actions.testing.memory.clock import VirtualClock

REPOSITORY = "octo/shop"
Make = Callable[..., GitHubDreamStore]


@pytest.fixture
def make(github: StandIn, clock: VirtualClock) -> Make:
    """Make adapters as runs have them: each with a job's token of its own."""
    runs = 0

    def make_one(token: str | None = None, **options: Any) -> GitHubDreamStore:
        nonlocal runs
        runs += 1
        token = token or github.workflow_token(
            REPOSITORY, {"issues": "write", "metadata": "read"}, job=f"run {runs}"
        )
        repository = GitHubRepository(
            REPOSITORY,
            SecretValue(token),
            clock=clock,
            api_url=github.api_url,
            server_url=github.server_url,
            timeout=10.0,
        )
        return GitHubDreamStore(repository, **({"fresh_for": 0.0} | options))

    return make_one


@pytest.fixture
def store(make: Make) -> GitHubDreamStore:
    return make()


@pytest.fixture
def another(make: Make) -> GitHubDreamStore:
    return make()


class TestGitHubDreamStore(DreamStoreContract):
    @pytest.fixture
    def store(self, make: Make) -> GitHubDreamStore:
        return make()

    @pytest.fixture
    def another(self, make: Make) -> GitHubDreamStore:
        return make()
