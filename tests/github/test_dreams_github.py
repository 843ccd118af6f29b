"""Dreams as issues: the contract of every DreamStore on the stand-in, what people see and do, and whose it is."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.adapters.github.dreams import GitHubDreamStore
from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.errors import Conflict, NotFound
from dreamnet_actions.testing.contracts.dream_store import FULL, DreamStoreContract
from dreamnet_actions.testing.github.standin import StandIn
from dreamnet_actions.testing.memory.clock import VirtualClock
from tests.github.dreams_home import REPOSITORY, WEB, MakeStore, issue, labels

pytestmark = pytest.mark.slow


@pytest.fixture
def store(make_store: MakeStore) -> GitHubDreamStore:
    return make_store()


class TestGitHubDreamStore(DreamStoreContract):
    @pytest.fixture
    def store(self, make_store: MakeStore) -> GitHubDreamStore:
        return make_store()

    @pytest.fixture
    def another(self, make_store: MakeStore) -> GitHubDreamStore:
        return make_store()


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
    make_store: MakeStore, person: GitHubRepository, github: StandIn
) -> None:
    store = make_store()
    assert len(store.ensure_labels()) == 11
    person.call("PATCH", "/labels/dream", body={"color": "123456"})
    assert list(make_store().ensure_labels()) == []
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


def test_who_is_needed_is_assigned(make_store: MakeStore, person: GitHubRepository, github: StandIn) -> None:
    github.person("alice", "write")
    store = make_store(assignees=["alice"])
    dream = store.update(replace(store.open(WEB), state="needs-human"))
    assert [one["login"] for one in issue(person, dream.number)["assignees"]] == ["alice"]
    person.call("PATCH", f"/issues/{dream.number}", body={"assignees": []})
    store.update(replace(dream, because="still"))
    assert issue(person, dream.number)["assignees"] == []  # asked for once


def test_who_cannot_be_assigned_keeps_nothing_from_being_told(
    make_store: MakeStore, github: StandIn, person: GitHubRepository
) -> None:
    store = make_store(assignees=["nobody"])
    rule = github.faults.add("422", method="PATCH", path=f"/repos/{REPOSITORY}/issues/*")
    dream = store.update(replace(store.open(WEB), state="needs-human"))
    assert rule.acted == 1
    assert "dream: needs-human" in labels(issue(person, dream.number))


def test_two_runs_that_begin_a_story_at_once_lose_no_line(
    make_store: MakeStore, person: GitHubRepository
) -> None:
    first, second = make_store(), make_store()
    dream = first.open(WEB)
    # It looked before the first one wrote.
    second._stories._find = lambda number, seen: None  # type: ignore[method-assign]
    first.comment(dream.number, 1.0, "one")
    second.comment(dream.number, 2.0, "two")
    del second._stories._find  # type: ignore[method-assign]
    first.comment(dream.number, 3.0, "three")
    second.comment(dream.number, 4.0, "four")
    assert len(person.call("GET", f"/issues/{dream.number}/comments")) == 2
    told = [(1.0, "one"), (2.0, "two"), (3.0, "three"), (4.0, "four")]
    assert list(first.comments(dream.number)) == told == list(make_store().comments(dream.number))


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


def test_other_accounts_of_ours_are_told(
    make_store: MakeStore, github: StandIn, person: GitHubRepository
) -> None:
    by_hand = make_store(github.person("alice", "write"))
    dream = by_hand.open(WEB)
    assert make_store().find(WEB.key) is None
    assert make_store(logins=["Alice"]).find(WEB.key) == dream


def test_a_pull_request_and_an_issue_without_a_word(
    store: GitHubDreamStore, person: GitHubRepository
) -> None:
    number = person.call("POST", "/issues", body={"title": "hello", "labels": ["dream"]})["number"]
    with pytest.raises(NotFound):
        store.get(number)
    assert list(store.search()) == []
    with pytest.raises(NotFound):
        store.get(0)
