"""A running stand-in for the tests of the GitHub home, with GitHub's OpenAPI description as judge of every call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from github import Auth, Github

from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.testing.github.standin import StandIn
from dreamnet_actions.testing.memory.clock import VirtualClock
from tests.github.dreams_home import MakeStore, reach, stores
from tests.github.homes import Dispatches, Make, bare, memories

HERE = Path(__file__).parent
OPENAPI = HERE / "node_modules" / "@octokit" / "openapi" / "generated" / "api.github.com.json"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def make_github(clock: VirtualClock, tmp_path: Path) -> Iterator[Callable[..., StandIn]]:
    """Make stand-ins with options of their own; at the end none has seen a violation (``github.violations.clear()``
    where a test caused one)."""
    made: list[StandIn] = []

    def make(**options: Any) -> StandIn:
        options = {"clock": clock, "root": tmp_path / f"github-{len(made)}", "check": OPENAPI} | options
        made.append(StandIn(**options).__enter__())
        return made[-1]

    yield make
    for one in made:
        one.__exit__(None, None, None)
    assert [violation for one in made for violation in one.violations] == []


@pytest.fixture
def github(make_github: Callable[..., StandIn]) -> StandIn:
    """A stand-in with the repository ``octo/shop``: one commit on ``main`` that holds ``README.md``."""
    made = make_github()
    made.create_repository("octo/shop", files={"README.md": "# shop\n"})
    return made


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """An empty repository in a folder."""
    return bare(tmp_path / "remote.git")


@pytest.fixture
def make(remote: Path, clock: VirtualClock) -> Iterator[Make]:
    """Make a memory over the remote, by the virtual clock: one run, or one process, each."""
    with memories(remote, clock) as made:
        yield made


@pytest.fixture
def dispatches(remote: Path) -> Dispatches:
    """What runs dispatch whose memory is made with it."""
    return Dispatches(remote)


def client(github: StandIn, token: str) -> Github:
    """The official client, without its own retries and waits."""
    at_once = {"retry": None, "seconds_between_requests": None, "seconds_between_writes": None}
    return Github(auth=Auth.Token(token), base_url=github.api_url, **at_once)


@pytest.fixture
def make_store(github: StandIn, clock: VirtualClock) -> MakeStore:
    """Make dream stores on ``octo/shop``: one run each."""
    return stores(github, clock)


@pytest.fixture
def person(github: StandIn, clock: VirtualClock) -> GitHubRepository:
    """``octo/shop`` in the hands of somebody who may do anything."""
    return reach(github, clock, github.person("octocat", "admin"), write_spacing=0.0)
