"""Releases as deployments: the contract of every ReleaseReporter on the stand-in, and twice is once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.adapters.github.deployments import MOST_DESCRIPTION, STATES, GitHubReleaseReporter
from dreamnet_actions.domain.release import Release
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.errors import RefusedError, RequestError
from dreamnet_actions.testing.contracts.delivery import STATES as ALL
from dreamnet_actions.testing.contracts.delivery import ReleaseReporterContract
from dreamnet_actions.testing.github.standin import StandIn
from dreamnet_actions.testing.memory.clock import VirtualClock

pytestmark = pytest.mark.slow

REPOSITORY = "octo/shop"
RUN = "https://github.example/octo/shop/actions/runs/7"
MakeReporter = Callable[..., GitHubReleaseReporter]


def reach(github: StandIn, clock: VirtualClock, token: str) -> GitHubRepository:
    return GitHubRepository(
        REPOSITORY, SecretValue(token), clock=clock, api_url=github.api_url, server_url=github.server_url
    )


@pytest.fixture
def sha(github: StandIn) -> str:
    return github.commit(REPOSITORY, {"a": "1"}, "the run's commit")


@pytest.fixture
def reporters(github: StandIn, clock: VirtualClock, sha: str) -> MakeReporter:
    """Make reporters as runs have them."""
    runs = 0

    def make() -> GitHubReleaseReporter:
        nonlocal runs
        runs += 1
        permissions = {"deployments": "write", "statuses": "write", "metadata": "read"}
        token = github.workflow_token(REPOSITORY, permissions, job=f"run {runs}")
        return GitHubReleaseReporter(reach(github, clock, token), sha=sha, run_url=RUN)

    return make


@pytest.fixture
def reporter(reporters: MakeReporter) -> GitHubReleaseReporter:
    return reporters()


@pytest.fixture
def person(github: StandIn, clock: VirtualClock) -> GitHubRepository:
    return reach(github, clock, github.person("octocat", "admin"))


def deployments(person: GitHubRepository) -> list[dict[str, Any]]:
    return list(person.call("GET", "/deployments"))[::-1]


def statuses(person: GitHubRepository, number: int) -> list[tuple[str, str]]:
    listed = person.call("GET", f"/deployments/{number}/statuses")
    return [(one["state"], one["description"]) for one in listed][::-1]


def release(sha: str, service: str = "web") -> Release:
    return Release(service=service, version=f"git:{sha}", revision=sha)


class TestGitHubReleaseReporter(ReleaseReporterContract):
    @pytest.fixture
    def reporter(self, reporters: MakeReporter) -> GitHubReleaseReporter:
        return reporters()

    @pytest.fixture
    def said(self, person: GitHubRepository) -> Callable[[], str]:
        return lambda: str([(one, statuses(person, one["id"])) for one in deployments(person)])


def test_every_state_has_one_of_githubs() -> None:
    assert set(STATES) == set(ALL)


def test_a_release_and_its_steps(reporter: GitHubReleaseReporter, person: GitHubRepository, sha: str) -> None:
    for state, text in (
        ("pending", ""),
        ("in-progress", "5%"),
        ("in-progress", "25%"),
        ("deployed", "all well"),
    ):
        reporter.report(release(sha), platform="production", state=state, text=text)
    (made,) = deployments(person)
    assert (made["task"], made["environment"], made["sha"]) == ("deploy:web", "production", sha)
    assert made["description"] == f"web {sha[:7]} on production"
    assert statuses(person, made["id"]) == [
        ("pending", "pending"),
        ("in_progress", "in-progress: 5%"),
        ("in_progress", "in-progress: 25%"),
        ("success", "deployed: all well"),
    ]
    newest = person.call("GET", f"/deployments/{made['id']}/statuses")[0]
    assert newest["log_url"] == RUN


def test_twice_is_once_also_in_another_run(
    reporters: MakeReporter, person: GitHubRepository, sha: str
) -> None:
    for _ in range(2):
        for one in (reporters(), reporters()):
            one.report(release(sha), platform="production", state="deployed", text="well")
    (made,) = deployments(person)
    assert len(statuses(person, made["id"])) == 1


@pytest.mark.parametrize("fault", ["502-after", "502", "reset-after"])
def test_what_seems_to_have_failed_is_there_once(
    reporter: GitHubReleaseReporter, github: StandIn, person: GitHubRepository, sha: str, fault: str
) -> None:
    rules = [
        github.faults.add(fault, method="POST", path=f"/repos/{REPOSITORY}/deployments"),
        github.faults.add(fault, method="POST", path=f"/repos/{REPOSITORY}/deployments/*/statuses"),
    ]
    reporter.report(release(sha), platform="production", state="deployed", text="well")
    assert [rule.acted for rule in rules] == [1, 1]
    (made,) = deployments(person)
    assert len(statuses(person, made["id"])) == 1


def test_the_former_one_of_the_service_is_inactive_and_no_other(
    reporter: GitHubReleaseReporter, github: StandIn, person: GitHubRepository, sha: str
) -> None:
    newer = github.commit(REPOSITORY, {"a": "2"}, "newer")
    for one in (release(sha), release(sha, "api"), release(newer)):
        reporter.report(one, platform="production", state="deployed", text="")
    reporter.report(release(newer), platform="staging", state="deployed", text="")
    first, api, second, staging = deployments(person)
    assert statuses(person, first["id"])[-1] == ("inactive", f"superseded by {newer[:7]}")
    assert [statuses(person, one["id"])[-1][0] for one in (api, second, staging)] == ["success"] * 3


def test_a_failure_leaves_the_former_one_active(
    reporter: GitHubReleaseReporter, github: StandIn, person: GitHubRepository, sha: str
) -> None:
    newer = github.commit(REPOSITORY, {"a": "2"}, "newer")
    reporter.report(release(sha), platform="production", state="deployed", text="")
    for state in ("failed", "rolled-back", "rollback-failed", "deployed-unverified"):
        reporter.report(release(newer), platform="production", state=state, text="")
    first, second = deployments(person)
    assert [state for state, _ in statuses(person, first["id"])] == ["success"]
    assert [state for state, _ in statuses(person, second["id"])] == [
        "failure",
        "failure",
        "failure",
        "error",
    ]


def test_a_commit_of_another_repository_is_told_at_this_runs(
    reporter: GitHubReleaseReporter, person: GitHubRepository, sha: str
) -> None:
    elsewhere = "ab" * 20
    reporter.report(release(elsewhere), platform="production", state="pending", text="")
    (made,) = deployments(person)
    assert made["sha"] == sha
    assert made["payload"]["dreamnet"]["version"] == f"git:{elsewhere}"


def test_texts_are_cut_and_neutral(
    reporter: GitHubReleaseReporter, person: GitHubRepository, sha: str
) -> None:
    reporter.report(release(sha), platform="production", state="failed", text="@octocat fixes #1\n" * 20)
    (made,) = deployments(person)
    ((_, said),) = statuses(person, made["id"])
    assert len(said) <= MOST_DESCRIPTION
    assert "@octocat" not in said
    assert "#1" not in said
    with pytest.raises(RequestError):
        reporter.report(release(sha), platform="production", state="unheard of", text="")


def test_other_peoples_deployments_are_not_ours(
    reporters: MakeReporter, person: GitHubRepository, sha: str
) -> None:
    one = reporters()
    one.report(release(sha), platform="production", state="pending", text="")
    (ours,) = deployments(person)
    newer = {"ref": "main", "auto_merge": False, "required_contexts": []}
    copied = {name: ours[name] for name in ("task", "environment")} | {
        "payload": {"dreamnet": ours["payload"]["dreamnet"] | {"version": "git:" + "cd" * 20}}
    }
    person.call("POST", "/deployments", body=newer | copied)
    reporters().report(
        Release(service="web", version="git:" + "cd" * 20), platform="production", state="pending", text=""
    )
    assert len(deployments(person)) == 3


def test_a_missing_permission_is_named(github: StandIn, clock: VirtualClock, sha: str) -> None:
    token = github.workflow_token(REPOSITORY, {"deployments": "read", "metadata": "read"}, job="weak")
    weak = GitHubReleaseReporter(reach(github, clock, token), sha=sha)
    with pytest.raises(RefusedError) as caught:
        weak.report(release(sha), platform="production", state="pending", text="")
    assert "deployments: write" in caught.value.hint


def marks(person: GitHubRepository, sha: str) -> list[tuple[str, str, str]]:
    """The statuses of a commit, oldest first: context, state, link."""
    listed = person.call("GET", f"/commits/{sha}/statuses")
    return [(one["context"], one["state"], one["target_url"]) for one in listed][::-1]


def test_it_stands_beside_the_commits_checks(
    reporters: MakeReporter, github: StandIn, person: GitHubRepository, sha: str
) -> None:
    newer = github.commit(REPOSITORY, {"a": "3"}, "newer")
    for state in ("in-progress", "rolled-back", "rolled-back"):
        reporters().report(release(newer), platform="production", state=state, text="why")
    context = "dreamnet / production/web"
    assert marks(person, newer) == [(context, "pending", RUN), (context, "failure", RUN)]
    foreign = Release(
        service="web", version="git:" + "b" * 40, revision="b" * 40
    )  # another repository's commit
    reporters().report(foreign, platform="production", state="deployed", text="well")
    assert marks(person, sha) == [(context, "success", RUN)]


def test_the_page_of_the_service_is_linked(
    reporter: GitHubReleaseReporter, person: GitHubRepository, sha: str
) -> None:
    reporter.report(
        release(sha), platform="production", state="deployed", text="", url="https://shop.example/"
    )
    (made,) = deployments(person)
    newest = person.call("GET", f"/deployments/{made['id']}/statuses")[0]
    assert newest["environment_url"] == "https://shop.example/"


@pytest.mark.parametrize("held", ["deployments", "statuses"])
def test_one_permission_alone_does_its_part_and_names_the_other(
    github: StandIn, clock: VirtualClock, person: GitHubRepository, sha: str, held: str
) -> None:
    token = github.workflow_token(REPOSITORY, {held: "write", "metadata": "read"}, job="with one")
    reporter = GitHubReleaseReporter(reach(github, clock, token), sha=sha, run_url=RUN)
    (missing,) = {"deployments", "statuses"} - {held}
    with pytest.raises(RefusedError, match=missing):
        reporter.report(release(sha), platform="production", state="deployed", text="well")
    assert (len(deployments(person)), len(marks(person, sha))) == (
        (1, 0) if held == "deployments" else (0, 1)
    )
