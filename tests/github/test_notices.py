"""Notices of maintenance as issues, and the label of dreams that were over soon, over the stand-in."""

from __future__ import annotations

import pytest

from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.adapters.github.notices import GitHubNotices
from dreamnet_actions.domain.dream import BLIP, Dream
from dreamnet_actions.testing.github import StandIn
from dreamnet_actions.testing.memory.clock import VirtualClock
from tests.github.dreams_home import MakeStore, reach

pytestmark = pytest.mark.slow

TEXT = "```\nservices: web\nuntil: 2026-12-01T23:00\n```"
STARTER = {"contents": "write", "issues": "write"}


def by(github: StandIn, clock: VirtualClock, login: str, role: str) -> GitHubRepository:
    return reach(github, clock, github.person(login, role, repository="octo/shop"), write_spacing=0.0)


def write(at: GitHubRepository, body: str = TEXT) -> int:
    return int(at.call("POST", "/issues", body={"title": "We move", "body": body})["number"])


def label(at: GitHubRepository, number: int, *names: str) -> None:
    at.call("POST", f"/issues/{number}/labels", body={"labels": list(names)})


def job(github: StandIn, clock: VirtualClock) -> GitHubNotices:
    token = github.workflow_token("octo/shop", STARTER, job="job")
    return GitHubNotices(reach(github, clock, token, write_spacing=0.0))


def test_an_issue_of_somebody_who_may_write_is_a_notice(github: StandIn, clock: VirtualClock) -> None:
    admin, writer = by(github, clock, "octocat", "admin"), by(github, clock, "alice", "write")
    reader = by(github, clock, "mallory", "read")
    numbers = [write(one) for one in (admin, writer, reader)]
    for number in numbers:
        label(admin, number, "maintenance")
    found = job(github, clock).standing()
    assert [one.where for one in found] == [f"#{number}" for number in numbers[:2]]
    assert {one.text for one in found} == {TEXT}
    assert all(abs(one.at - clock.now()) < 60 for one in found)


def test_only_open_ones_with_the_label_count(github: StandIn, clock: VirtualClock) -> None:
    admin = by(github, clock, "octocat", "admin")
    write(admin)
    assert not job(github, clock).ever()
    number = write(admin)
    label(admin, number, "maintenance")
    assert job(github, clock).ever()
    assert [one.where for one in job(github, clock).standing()] == [f"#{number}"]
    admin.call("PATCH", f"/issues/{number}", body={"state": "closed"})
    assert job(github, clock).standing() == []
    assert job(github, clock).ever()


def test_asking_costs_one_request_and_one_for_each_author(github: StandIn, clock: VirtualClock) -> None:
    admin = by(github, clock, "octocat", "admin")
    for _ in range(3):
        label(admin, write(admin), "maintenance")
    notices = job(github, clock)
    before = len(github.calls.all())
    assert len(notices.standing()) == 3
    assert len(github.calls.all()) - before == 2


def test_a_permission_counts_at_the_moment(github: StandIn, clock: VirtualClock) -> None:
    """A process that lives long asks anew."""
    admin, writer = by(github, clock, "octocat", "admin"), by(github, clock, "alice", "write")
    label(admin, write(writer), "maintenance")
    notices = job(github, clock)
    assert len(notices.standing()) == 1
    by(github, clock, "alice", "read")
    assert notices.standing() == []


def test_a_dream_that_was_over_soon_carries_the_label_while_it_is_closed(
    make_store: MakeStore, person: GitHubRepository
) -> None:
    from dataclasses import replace

    store = make_store()
    dream = store.open(Dream(key="here/web", because="it was seen"))

    def labels() -> set[str]:
        return {str(one["name"]) for one in person.call("GET", f"/issues/{dream.number}")["labels"]}

    person.call("POST", f"/issues/{dream.number}/labels", body={"labels": ["team: shop"]})
    over = store.update(replace(dream, state="resolved", resolved_at=1.0, data={BLIP: True}))
    assert labels() == {"dream", "dream: resolved", "blip", "team: shop"}
    assert store.get(dream.number).blip
    store.update(replace(over, state="open", resolved_at=None, data={}))
    assert labels() == {"dream", "dream: open", "team: shop"}
