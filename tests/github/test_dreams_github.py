"""Dreams as issues: the contract of every DreamStore on the stand-in, and what only issues can get wrong."""

from __future__ import annotations

import re
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

    def make_one(token: str | None = None, timeout: float = 10.0, **options: Any) -> GitHubDreamStore:
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
            timeout=timeout,
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


@pytest.fixture
def person(github: StandIn, clock: VirtualClock) -> GitHubRepository:
    """Somebody who may do anything, by hand."""
    return GitHubRepository(
        REPOSITORY,
        SecretValue(github.person("octocat", "admin")),
        clock=clock,
        api_url=github.api_url,
        server_url=github.server_url,
        write_spacing=0.0,
    )


def issue(person: GitHubRepository, number: int) -> dict[str, Any]:
    return dict(person.call("GET", f"/issues/{number}"))


def issues(person: GitHubRepository, state: str = "all") -> list[dict[str, Any]]:
    listed = person.call("GET", "/issues", parameters={"state": state, "per_page": 100})
    return sorted(listed, key=lambda one: int(one["number"]))


def labels(found: dict[str, Any]) -> set[str]:
    return {one["name"] for one in found["labels"]}


WEB = Dream(key="production/web", cause="refused", opened_at=1_700_000_000.0)

# ── what a person sees ──────────────────────────────────────────────────────────────────────────────────────


def test_an_issue_tells_its_story(store: GitHubDreamStore, person: GitHubRepository) -> None:
    dream = store.open(FULL)
    found = issue(person, dream.number)
    assert found["title"] == "web is degraded: no answer in time (production)"
    assert labels(found) == {"dream", "dream: open"}
    assert found["user"]["login"] == "github-actions[bot]"
    shown = found["body"].partition("<!-- dreamnet:dream v1")[0]
    for part in (
        "2023-11-14 22:13:20 UTC",
        "no answer: ",
        "every Monday",
        "restart",
        "connect 100.0 ms",
        "dream 7",
    ):
        assert part in shown
    outside = re.sub(r"(?s)\n *(```+)\n.*?\n *\1\n", "", shown)
    assert "@octocat" in shown.replace(outside, "")  # within a block of code GitHub links nothing
    assert "@octocat" not in outside
    store.comment(dream.number, 1_700_000_001.0, "restart: asked for by @octocat, fixes #1")
    store.comment(dream.number, 1_700_000_002.0, "verified")
    told = person.call("GET", f"/issues/{dream.number}/comments")
    assert len(told) == 1
    assert "- 2023-11-14 22:13:22 verified" in told[0]["body"]
    assert "@octocat" not in told[0]["body"]


def test_states_are_labels_and_the_page_closes(store: GitHubDreamStore, person: GitHubRepository) -> None:
    dream = store.open(WEB)
    dream = store.update(replace(dream, state="healing", remedy="restart", attempt=1))
    assert labels(issue(person, dream.number)) == {"dream", "dream: healing"}
    dream = store.update(replace(dream, state="resolved", resolved_at=1_700_000_060.0))
    found = issue(person, dream.number)
    assert (found["state"], found["state_reason"]) == ("closed", "completed")
    assert labels(found) == {"dream", "dream: resolved"}
    dream = store.update(replace(dream, state="open", flaps=1))
    assert issue(person, dream.number)["state"] == "open"
    store.update(replace(dream, state="wont-fix"))
    found = issue(person, dream.number)
    assert (found["state"], found["state_reason"]) == ("closed", "not_planned")


def test_labels_are_made_once_and_left_as_people_like_them(
    make: Make, person: GitHubRepository, github: StandIn
) -> None:
    store = make()
    assert len(store.ensure_labels()) == 9
    person.call("PATCH", "/labels/dream", body={"color": "123456"})
    assert list(make().ensure_labels()) == []
    made = person.call("GET", "/labels", parameters={"per_page": 100})
    assert {one["color"] for one in made if one["name"] == "dream"} == {"123456"}
    assert all(one["description"] for one in made if one["name"].startswith("dream"))


def test_a_person_may_write_what_does_not_matter(store: GitHubDreamStore, person: GitHubRepository) -> None:
    dream = store.open(WEB)
    person.call(
        "PATCH",
        f"/issues/{dream.number}",
        body={"title": "My own words", "labels": ["dream", "dream: open", "bug"]},
    )
    assert store.get(dream.number) == dream
    dream = store.update(replace(dream, state="healing", cause="timeout"))
    found = issue(person, dream.number)
    assert found["title"] == "My own words"
    assert labels(found) == {"bug", "dream", "dream: healing"}
    assert store.update(dream) == dream


def test_a_title_follows_where_nobody_changed_it(store: GitHubDreamStore, person: GitHubRepository) -> None:
    dream = store.open(WEB)
    store.update(replace(dream, cause="crash"))
    assert issue(person, dream.number)["title"] == "web is failing: it crashes (production)"


@pytest.mark.parametrize(("reason", "state"), [("not_planned", "wont-fix"), ("completed", "resolved")])
def test_a_person_closes(store: GitHubDreamStore, person: GitHubRepository, reason: str, state: str) -> None:
    dream = store.open(WEB)
    person.call("PATCH", f"/issues/{dream.number}", body={"state": "closed", "state_reason": reason})
    found = store.get(dream.number)
    assert found.state == state
    assert "octocat" in found.because
    assert store.find(WEB.key) is not None
    assert [one.state for one in store.search(states={"resolved", "wont-fix"})] == [state]
    with pytest.raises(Conflict):
        store.update(replace(dream, state="healing"))
    assert issue(person, dream.number)["state"] == "closed"


def test_a_person_opens_again(store: GitHubDreamStore, person: GitHubRepository, clock: VirtualClock) -> None:
    dream = store.open(replace(WEB, remedy="restart", attempt=2))
    store.update(replace(dream, state="wont-fix"))
    clock.advance(3600)
    person.call("PATCH", f"/issues/{dream.number}", body={"state": "open"})
    found = store.get(dream.number)
    assert (found.state, found.flaps, found.attempt, found.remedy) == ("open", 1, 0, None)
    assert found.opened_at == pytest.approx(clock.now(), abs=2)
    assert store.open(WEB) == found == store.find(WEB.key)
    assert store.update(replace(found, state="healing")).state == "healing"


def test_who_is_needed_is_assigned(make: Make, person: GitHubRepository, github: StandIn) -> None:
    github.person("alice", "write")
    store = make(assignees=["alice"])
    dream = store.update(replace(store.open(WEB), state="needs-human"))
    assert [one["login"] for one in issue(person, dream.number)["assignees"]] == ["alice"]
    person.call("PATCH", f"/issues/{dream.number}", body={"assignees": []})
    store.update(replace(dream, because="still"))
    assert issue(person, dream.number)["assignees"] == []  # asked for once


def test_who_cannot_be_assigned_keeps_nothing_from_being_told(
    make: Make, github: StandIn, person: GitHubRepository
) -> None:
    store = make(assignees=["nobody"])
    rule = github.faults.add("422", method="PATCH", path=f"/repos/{REPOSITORY}/issues/*")
    dream = store.update(replace(store.open(WEB), state="needs-human"))
    assert rule.acted == 1
    assert "dream: needs-human" in labels(issue(person, dream.number))


def test_two_runs_that_begin_a_story_at_once_lose_no_line(make: Make, person: GitHubRepository) -> None:
    first, second = make(), make()
    dream = first.open(WEB)
    second._told = lambda number: None  # type: ignore[method-assign]  # it looked before the first one wrote
    first.comment(dream.number, 1.0, "one")
    second.comment(dream.number, 2.0, "two")
    del second._told  # type: ignore[method-assign]
    first.comment(dream.number, 3.0, "three")
    second.comment(dream.number, 4.0, "four")
    assert len(person.call("GET", f"/issues/{dream.number}/comments")) == 2
    told = [(1.0, "one"), (2.0, "two"), (3.0, "three"), (4.0, "four")]
    assert list(first.comments(dream.number)) == told == list(make().comments(dream.number))


# ── whose it is ─────────────────────────────────────────────────────────────────────────────────────────────


def test_what_others_wrote_is_nothing_to_us(store: GitHubDreamStore, person: GitHubRepository) -> None:
    real = store.open(WEB)
    copied = issue(person, real.number)
    foreign = person.call(
        "POST",
        "/issues",
        body={
            "title": copied["title"],
            "body": copied["body"].replace("production/web", "production/db"),
            "labels": ["dream", "dream: open"],
        },
    )["number"]
    before = issue(person, foreign)
    assert store.find("production/db") is None
    assert [one.number for one in store.search()] == [real.number]
    for call in (
        lambda: store.get(foreign),
        lambda: store.comments(foreign),
        lambda: store.comment(foreign, 1.0, "x"),
        lambda: store.update(replace(real, number=foreign, state="resolved")),
    ):
        with pytest.raises(NotFound):
            call()
    own = store.open(Dream(key="production/db"))
    assert own.number not in (foreign, real.number)
    assert issue(person, foreign) == before
    # And a comment with a copied marker is no part of the story.
    store.comment(own.number, 1.0, "ours")
    told = person.call("GET", f"/issues/{own.number}/comments")[0]["body"]
    person.call("POST", f"/issues/{own.number}/comments", body={"body": told.replace("ours", "theirs")})
    store.comment(own.number, 2.0, "ours again")
    assert list(store.comments(own.number)) == [(1.0, "ours"), (2.0, "ours again")]


def test_other_accounts_of_ours_are_told(make: Make, github: StandIn, person: GitHubRepository) -> None:
    by_hand = make(github.person("alice", "write"))
    dream = by_hand.open(WEB)
    assert make().find(WEB.key) is None
    assert make(logins=["Alice"]).find(WEB.key) == dream


def test_a_pull_request_and_an_issue_without_a_word(
    store: GitHubDreamStore, person: GitHubRepository
) -> None:
    number = person.call("POST", "/issues", body={"title": "hello", "labels": ["dream"]})["number"]
    with pytest.raises(NotFound):
        store.get(number)
    assert list(store.search()) == []
    with pytest.raises(NotFound):
        store.get(0)


# ── one of many ─────────────────────────────────────────────────────────────────────────────────────────────


def duplicates(person: GitHubRepository) -> list[dict[str, Any]]:
    return [one for one in issues(person) if "duplicate" in labels(one)]


@pytest.mark.parametrize("lag", [0.0, 5.0, 3600.0])
def test_of_many_runs_one_issue_stays_open_whatever_lists_show(
    make: Make, github: StandIn, person: GitHubRepository, lag: float
) -> None:
    stores = [make() for _ in range(4)]
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
    assert len(make().search()) == 3


def test_own_writes_are_seen_where_lists_lag(
    make: Make, github: StandIn, clock: VirtualClock, person: GitHubRepository
) -> None:
    store = make()
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
    make: Make, github: StandIn, person: GitHubRepository, fault: str, lag: float
) -> None:
    store = make()
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


@pytest.mark.slow
def test_a_create_whose_answer_comes_too_late_is_one_issue(
    make: Make, github: StandIn, person: GitHubRepository
) -> None:
    store = make(timeout=0.5)
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
    make: Make, github: StandIn, person: GitHubRepository
) -> None:
    first, second = make(), make()
    github.faults.stale(3600.0, f"/repos/{REPOSITORY}/issues")
    one = first.open(WEB)
    github.faults.add("502", method="PATCH", path=f"/repos/{REPOSITORY}/issues/*", times=None)
    assert second.open(WEB) == one
    github.faults.clear()
    assert [found["number"] for found in issues(person, "open")] == [one.number, one.number + 1]
    third = make()
    assert [dream.number for dream in third.search()] == [one.number]
    assert third.find(WEB.key) == one
    third.update(replace(one, state="healing"))
    assert [found["number"] for found in issues(person, "open")] == [one.number]
    assert [found["number"] for found in duplicates(person)] == [one.number + 1]


def test_opening_and_opening_again_at_once_leaves_one(make: Make, person: GitHubRepository) -> None:
    first, second = make(), make()
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


def test_how_many_calls_each_takes(make: Make, github: StandIn) -> None:
    store = make()
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


def test_a_list_is_read_once_a_while(make: Make, clock: VirtualClock) -> None:
    store = make(fresh_for=10.0)
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


def test_a_token_that_may_not_write_is_told_what_it_lacks(make: Make, github: StandIn) -> None:
    weak = make(github.workflow_token(REPOSITORY, {"issues": "read", "metadata": "read"}, job="weak"))
    assert weak.find(WEB.key) is None
    with pytest.raises(RefusedError) as caught:
        weak.open(WEB)
    assert caught.value.hint.endswith("permissions:\n  issues: write")


def test_a_moved_repository_is_still_found(make: Make, github: StandIn) -> None:
    store = make()
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
