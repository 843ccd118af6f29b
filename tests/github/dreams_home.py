"""Dream stores on the stand-in, as runs have them, and the issues behind them as a person sees them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.adapters.github.dreams import GitHubDreamStore
from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.ports.system import Clock
from dreamnet_actions.testing.github.standin import StandIn

REPOSITORY = "octo/shop"
WEB = Dream(key="production/web", cause="refused", opened_at=1_700_000_000.0)
MakeStore = Callable[..., GitHubDreamStore]


def stores(github: StandIn, clock: Clock) -> MakeStore:
    """Answer a function that makes adapters, each with a job's token of its own."""
    runs = 0

    def make_one(token: str | None = None, timeout: float = 10.0, **options: Any) -> GitHubDreamStore:
        nonlocal runs
        runs += 1
        permissions = {"issues": "write", "metadata": "read"}
        token = token or github.workflow_token(REPOSITORY, permissions, job=f"run {runs}")
        repository = reach(github, clock, token, timeout=timeout)
        return GitHubDreamStore(repository, **({"fresh_for": 0.0} | options))

    return make_one


def reach(github: StandIn, clock: Clock, token: str, **options: Any) -> GitHubRepository:
    """Reach the repository with a token."""
    return GitHubRepository(
        REPOSITORY,
        SecretValue(token),
        clock=clock,
        api_url=github.api_url,
        server_url=github.server_url,
        **options,
    )


def issue(person: GitHubRepository, number: int) -> dict[str, Any]:
    return dict(person.call("GET", f"/issues/{number}"))


def issues(person: GitHubRepository, state: str = "all") -> list[dict[str, Any]]:
    listed = person.call("GET", "/issues", parameters={"state": state, "per_page": 100})
    return sorted(listed, key=lambda one: int(one["number"]))


def labels(found: dict[str, Any]) -> set[str]:
    return {one["name"] for one in found["labels"]}


def duplicates(person: GitHubRepository) -> list[dict[str, Any]]:
    return [one for one in issues(person) if "duplicate" in labels(one)]
