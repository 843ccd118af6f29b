"""Dreams as issues where many run at once, answers are lost and lists lag; what it costs, and what is not allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.adapters.github.dreams import GitHubDreamStore
from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.health import Report
from dreamnet_actions.errors import Conflict, NotFound, RefusedError, TemporaryError
from dreamnet_actions.testing.contracts.together import together
from dreamnet_actions.testing.github.standin import StandIn
from dreamnet_actions.testing.memory.clock import VirtualClock
from tests.github.dreams_home import REPOSITORY, WEB, MakeStore, duplicates, issues, labels

pytestmark = pytest.mark.slow


@pytest.fixture
def store(make_store: MakeStore) -> GitHubDreamStore:
    return make_store()


# ── one of many ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("lag", [0.0, 5.0, 3600.0])
def test_of_many_runs_one_issue_stays_open_whatever_lists_show(
    make_store: MakeStore, github: StandIn, person: GitHubRepository, lag: float
) -> None:
    stores = [make_store() for _ in range(4)]
    person.call("POST", "/issues", body={"title": "somebody else's"})
    for one in stores:
        one.ensure_labels()
    if lag:
        github.faults.stale(lag, f"/repos/{REPOSITORY}/issues")
    for n in range(3):
        key = f"p/web{n}"
        found = together([lambda one=one, key=key: one.open(Dream(key=key)) for one in stores])
        assert len({dream.number for dream in found}) == 1
    github.faults.clear()
    left = issues(person, "open")
    assert [one["title"] for one in left if "dream" in labels(one)] == [
        f"web{n} is failing (p)" for n in range(3)
    ]
    for one in duplicates(person):
        assert (one["state"], one["state_reason"]) == ("closed", "not_planned")
        with pytest.raises(NotFound):
            stores[0].get(one["number"])
    assert len(make_store().search()) == 3


def test_own_writes_are_seen_where_lists_lag(
    make_store: MakeStore, github: StandIn, clock: VirtualClock, person: GitHubRepository
) -> None:
    store = make_store()
    github.faults.stale(60.0, f"/repos/{REPOSITORY}/issues")
    dream = store.open(WEB)
    assert store.find(WEB.key) == dream
    dream = store.update(replace(dream, state="healing"))
    assert store.find(WEB.key) == dream
    assert list(store.search(states={"healing"})) == [dream]
    assert store.open(WEB) == dream
    dream = store.update(replace(dream, state="resolved"))
    assert store.find(WEB.key) == dream
    assert list(store.search(states={"open", "healing"})) == []
    clock.advance(30.0)
    assert store.find(WEB.key) == dream
    github.faults.clear()
    clock.advance(600.0)
    assert store.find(WEB.key) == dream


@pytest.mark.parametrize(
    "fault", ["502-after", "reset-after", "502", "reset", "truncated", "html", "secondary", "429"]
)
@pytest.mark.parametrize("lag", [0.0, 3600.0])
def test_a_create_that_seems_to_have_failed_is_one_issue(
    make_store: MakeStore, github: StandIn, person: GitHubRepository, fault: str, lag: float
) -> None:
    store = make_store()
    store.ensure_labels()
    person.call("POST", "/issues", body={"title": "somebody else's"})
    rule = github.faults.add(fault, method="POST", path=f"/repos/{REPOSITORY}/issues")
    if lag:
        github.faults.stale(lag, f"/repos/{REPOSITORY}/issues")
    dream = store.open(WEB)
    assert rule.acted == 1
    github.faults.clear()
    assert [one["number"] for one in issues(person) if "dream" in labels(one)] == [dream.number]
    assert store.get(dream.number) == dream


def test_a_create_whose_answer_comes_too_late_is_one_issue(
    make_store: MakeStore, github: StandIn, person: GitHubRepository
) -> None:
    store = make_store(timeout=0.5)
    store.ensure_labels()
    rule = github.faults.add("hang-real", method="POST", path=f"/repos/{REPOSITORY}/issues", seconds=1.5)
    dream = store.open(WEB)
    assert rule.acted == 1
    assert [one["number"] for one in issues(person)] == [dream.number]


@pytest.mark.parametrize("fault", ["502-after", "502", "reset-after"])
def test_changes_and_lines_that_seem_to_have_failed_are_there_once(
    store: GitHubDreamStore, github: StandIn, fault: str
) -> None:
    dream = store.open(WEB)
    rules = [
        github.faults.add(fault, method="PATCH", path=f"/repos/{REPOSITORY}/issues/{dream.number}"),
        github.faults.add(fault, method="POST", path=f"/repos/{REPOSITORY}/issues/{dream.number}/comments"),
        github.faults.add(fault, method="PATCH", path=f"/repos/{REPOSITORY}/issues/comments/*"),
    ]
    healing = replace(dream, state="healing")
    assert store.update(healing) == healing == store.get(dream.number)
    store.comment(dream.number, 1.0, "one")
    store.comment(dream.number, 2.0, "two")
    assert list(store.comments(dream.number)) == [(1.0, "one"), (2.0, "two")]
    assert [rule.acted for rule in rules] == [1, 1, 1]


def test_where_github_is_down_nothing_is_made_twice(
    store: GitHubDreamStore, github: StandIn, person: GitHubRepository
) -> None:
    store.ensure_labels()
    github.faults.add("502-after", method="POST", path=f"/repos/{REPOSITORY}/issues", times=None)
    down = github.faults.add("502", method="GET", path=f"/repos/{REPOSITORY}/issues*", nth=2, times=None)
    with pytest.raises(TemporaryError):
        store.open(WEB)
    assert down.acted > 0
    github.faults.clear()
    dream = store.open(WEB)
    assert [one["number"] for one in issues(person)] == [dream.number]


def test_a_duplicate_that_a_dead_run_left_is_closed_later(
    make_store: MakeStore, github: StandIn, person: GitHubRepository
) -> None:
    first, second = make_store(), make_store()
    github.faults.stale(3600.0, f"/repos/{REPOSITORY}/issues")
    one = first.open(WEB)
    github.faults.add("502", method="PATCH", path=f"/repos/{REPOSITORY}/issues/*", times=None)
    assert second.open(WEB) == one
    github.faults.clear()
    assert [found["number"] for found in issues(person, "open")] == [one.number, one.number + 1]
    third = make_store()
    assert [dream.number for dream in third.search()] == [one.number]
    assert third.find(WEB.key) == one
    third.update(replace(one, state="healing"))
    assert [found["number"] for found in issues(person, "open")] == [one.number]
    assert [found["number"] for found in duplicates(person)] == [one.number + 1]


def test_opening_and_opening_again_at_once_leaves_one(
    make_store: MakeStore, person: GitHubRepository
) -> None:
    first, second = make_store(), make_store()
    for n in range(4):
        former = first.open(Dream(key=f"p/web{n}"))
        former = first.update(replace(former, state="resolved"))

        def again(former: Dream = former) -> Dream | None:
            try:
                return first.update(replace(former, state="open", flaps=1))
            except Conflict:
                return None

        def anew(key: str = former.key) -> Dream | None:
            return second.open(Dream(key=key))

        together([again, anew])
        left = [one for one in first.search(key=former.key) if not one.ended]
        assert len(left) == 1
        assert second.find(former.key) == left[0]


# ── what it costs ───────────────────────────────────────────────────────────────────────────────────────────


def test_how_many_calls_each_takes(make_store: MakeStore, github: StandIn) -> None:
    store = make_store()
    store.ensure_labels()

    def charged(work: Callable[[], object]) -> tuple[int, int]:
        before = store._repository.calls
        work()
        after = store._repository.calls
        return after.charged - before.charged, after.free - before.free

    held: list[Dream] = []
    costs = {
        "find, nothing there": charged(lambda: store.find(WEB.key)),
        "open": charged(lambda: held.append(store.open(WEB))),
        "comment, the first": charged(lambda: store.comment(held[0].number, 1.0, "a")),
        "comment": charged(lambda: store.comment(held[0].number, 2.0, "b")),
        "update": charged(lambda: store.update(replace(held[0], state="healing"))),
        "find": charged(lambda: store.find(WEB.key)),
        "find again": charged(lambda: store.find(WEB.key)),
        "resolve": charged(lambda: store.update(replace(held[0], state="resolved"))),
        "get": charged(lambda: store.get(held[0].number)),
        "get again": charged(lambda: store.get(held[0].number)),
        "reopen": charged(lambda: store.update(replace(held[0], state="open", flaps=1))),
    }
    print(costs)
    assert costs["open"][0] <= 4
    assert costs["update"][0] <= 2
    assert costs["resolve"][0] <= 2
    assert costs["comment"][0] <= 2
    assert costs["find again"] == (0, 1)
    assert costs["get again"] == (0, 1)
    assert costs["reopen"][0] <= 6


def test_a_list_is_read_once_a_while(make_store: MakeStore, clock: VirtualClock) -> None:
    store = make_store(fresh_for=10.0)
    dreams = [store.open(Dream(key=f"p/{n}")) for n in range(3)]
    before = store._repository.calls
    for dream in dreams * 3:
        assert store.find(dream.key) == dream
    after = store._repository.calls
    assert after.charged + after.free - before.charged - before.free <= 1
    clock.advance(11.0)
    store.find("p/0")
    assert store._repository.calls.charged + store._repository.calls.free > after.charged + after.free


# ── what is not allowed ─────────────────────────────────────────────────────────────────────────────────────


def test_a_token_that_may_not_write_is_told_what_it_lacks(make_store: MakeStore, github: StandIn) -> None:
    weak = make_store(github.workflow_token(REPOSITORY, {"issues": "read", "metadata": "read"}, job="weak"))
    assert weak.find(WEB.key) is None
    with pytest.raises(RefusedError) as caught:
        weak.open(WEB)
    assert caught.value.hint.endswith("permissions:\n  issues: write")


def test_a_moved_repository_is_still_found(make_store: MakeStore, github: StandIn) -> None:
    store = make_store()
    dream = store.open(WEB)
    github.rename(REPOSITORY, "store")
    assert store.get(dream.number) == dream
    assert store.open(WEB) == dream


def test_long_evidence_is_cut_and_what_is_stored_is_answered(store: GitHubDreamStore) -> None:
    reports = tuple(
        Report(service="p/web", check=f"c{n}", status="failed", detail="x" * 20_000) for n in range(10)
    )
    dream = store.open(replace(WEB, evidence=reports))
    assert len(dream.evidence) == 10
    assert store.get(dream.number) == dream
    dream = store.update(replace(dream, evidence=reports, state="healing"))
    assert store.get(dream.number) == dream


def test_only_the_newest_of_a_key_is_opened_again(store: GitHubDreamStore) -> None:
    older, newer = (
        store.update(replace(store.open(WEB), state="resolved")),
        store.update(replace(store.open(WEB), state="resolved")),
    )
    assert older.number < newer.number
    with pytest.raises(Conflict, match=str(newer.number)):
        store.update(replace(older, state="open"))
    assert store.get(older.number) == older
    assert store.update(replace(newer, state="open")).number == newer.number


def test_a_new_one_yields_to_a_former_one_that_was_opened_again_at_the_same_moment(
    make_store: MakeStore, github: StandIn, person: GitHubRepository
) -> None:
    """Whatever lists show: each run asks after its own write, for the former ones by their numbers."""
    first, second = make_store(fresh_for=10.0), make_store(fresh_for=10.0)
    former = first.update(replace(first.open(WEB), state="resolved", resolved_at=1_700_000_060.0))
    assert first.find(WEB.key) == second.find(WEB.key) == former
    github.faults.stale(3600.0, f"/repos/{REPOSITORY}/issues")
    create, opened = second._issues.create, []

    def meanwhile(**fields: object) -> object:
        opened.append(first.update(replace(former, state="healing", flaps=1)))
        return create(**fields)  # type: ignore[arg-type]

    second._issues.create = meanwhile  # type: ignore[method-assign, assignment]
    assert second.open(WEB) == opened[0]
    github.faults.clear()
    assert [one["number"] for one in issues(person, "open")] == [former.number]


def test_of_two_former_ones_that_are_opened_again_where_lists_lag_the_older_one_stays(
    make_store: MakeStore, github: StandIn, person: GitHubRepository, clock: VirtualClock
) -> None:
    store = make_store()
    older = store.update(replace(store.open(WEB), state="resolved"))
    newer = store.update(replace(store.open(WEB), state="resolved"))
    one, other = make_store(fresh_for=10.0), make_store(fresh_for=10.0)
    assert one.find(WEB.key) == other.find(WEB.key) == newer
    clock.advance(60.0)
    # A person opens the older one on its page, which no list shows yet.
    github.faults.stale(30.0, f"/repos/{REPOSITORY}/issues")
    person.call("PATCH", f"/issues/{older.number}", body={"state": "open"})
    with pytest.raises(Conflict):
        one.update(replace(newer, state="open", flaps=1))
    github.faults.clear()
    assert [found["number"] for found in issues(person, "open")] == [older.number]
