"""What a whole run costs in calls and commits, held to the aim that ``scripts/bench github`` measures at full size."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.github import Services, aim, bench
from dreamnet_actions.adapters.github import body
from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.adapters.github.dreams import GitHubDreamStore
from dreamnet_actions.testing.github.standin import StandIn
from tests.github.dreams_home import WEB, MakeStore, issue, labels

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    made = Services()
    yield made
    made.close()


@pytest.mark.parametrize(
    "case", ["quiet", "one-newly-down", "all-newly-down", "one-still-down", "one-recovered", "one-again-down"]
)
@pytest.mark.parametrize("size", [1, 40])
def test_a_run_keeps_to_the_aim(services: Services, case: str, size: int) -> None:
    with bench(size, services) as one:
        cost = one.case(case)
    assert cost.rest_calls <= aim(case, cost), cost.endpoints
    assert cost.commits <= (0 if case in ("quiet", "one-still-down") else 1)


def test_a_label_that_github_made_gets_its_looks(
    make_store: MakeStore, person: GitHubRepository, github: StandIn
) -> None:
    store = make_store()
    store.open(WEB)
    made = {one["name"]: one for one in person.call("GET", "/labels")}
    ours = body.labels()
    assert set(made) & set(ours) == {"dream", "dream: open"}
    for name in ("dream", "dream: open"):
        assert (made[name]["color"], made[name]["description"]) == ours[name]
    assert github.calls.count("PATCH", "/repos/{owner}/{repo}/labels/{name}") == 2


def test_a_github_that_makes_no_labels_by_itself(make_store: MakeStore, person: GitHubRepository) -> None:
    store: GitHubDreamStore = make_store()
    create = store._issues.create

    def without_labels(**fields: object) -> object:
        return create(**{**fields, "labels": []})  # type: ignore[arg-type]

    store._issues.create = without_labels  # type: ignore[method-assign, assignment]
    dream = store.open(WEB)
    assert labels(issue(person, dream.number)) == {"dream", "dream: open"}
