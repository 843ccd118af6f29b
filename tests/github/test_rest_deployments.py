"""Deployments, statuses, check runs, variables, secrets and environments."""

from __future__ import annotations

import pytest
from github import GithubException

from dreamnet_actions.testing.github.hosting import Event
from dreamnet_actions.testing.github.standin import StandIn
from dreamnet_actions.testing.memory.clock import VirtualClock
from tests.github.conftest import client

pytestmark = pytest.mark.slow


def test_a_deployment_and_its_states(github: StandIn, clock: VirtualClock) -> None:
    events: list[Event] = []
    github.subscribe(events.append)
    token = github.workflow_token("octo/shop", {"deployments": "write"}, job="deploy")
    repo = client(github, token).get_repo("octo/shop")
    first = repo.create_deployment("main", environment="staging", payload={"dreamnet": {"release": "1"}})
    clock.advance(1)
    first.create_status("in_progress", target_url="https://example.com/run")
    first.create_status("success")
    second = repo.create_deployment("main", environment="staging", task="rollback")
    second.create_status("success")
    assert [one.state for one in first.get_statuses()] == ["inactive", "success", "in_progress"]
    assert [one.id for one in repo.get_deployments(task="rollback")] == [second.id]
    assert [one.id for one in repo.get_deployments(environment="staging")] == [second.id, first.id]
    assert repo.get_deployment(first.id).payload == {"dreamnet": {"release": "1"}}
    assert [one.name for one in events].count("deployment_status") == 4
    assert all(one.by_workflow for one in events)
    assert github.tokens.unused("deploy") == {}


def test_a_production_deployment_stays_active(github: StandIn) -> None:
    repo = client(github, github.person("alice")).get_repo("octo/shop")
    first, second = repo.create_deployment("main"), repo.create_deployment("main")
    first.create_status("success")
    second.create_status("success")
    assert [one.state for one in first.get_statuses()] == ["success"]


def test_a_deployment_waits_for_statuses(github: StandIn) -> None:
    repo = client(github, github.person("alice")).get_repo("octo/shop")
    commit = repo.get_commit("main")
    commit.create_status("pending", context="ci")
    with pytest.raises(GithubException) as refused:
        repo.create_deployment("main")
    assert refused.value.status == 409
    assert repo.create_deployment("main", required_contexts=[]).ref == "main"
    commit.create_status("success", context="ci")
    assert repo.create_deployment("main").ref == "main"
    with pytest.raises(GithubException):
        repo.create_deployment("main", required_contexts=["other"])


def test_a_branch_that_lags_is_merged_first(github: StandIn) -> None:
    repo = client(github, github.person("alice")).get_repo("octo/shop")
    github.commit("octo/shop", {"topic": "1"}, "topic", branch="topic")
    github.commit("octo/shop", {"main": "1"}, "main")
    _, answer = repo.requester.requestJsonAndCheck("POST", f"{repo.url}/deployments", input={"ref": "topic"})
    assert answer["message"] == "Auto-merged main into topic on deployment."
    assert repo.create_deployment("topic").sha == repo.get_branch("topic").commit.sha
    assert repo.compare("main", "topic").behind_by == 0


def test_statuses_are_combined(github: StandIn) -> None:
    commit = client(github, github.person("alice")).get_repo("octo/shop").get_commit("main")
    assert commit.get_combined_status().state == "pending"
    commit.create_status("success", context="a", description="fine", target_url="https://example.com")
    assert commit.get_combined_status().state == "success"
    commit.create_status("failure", context="b")
    assert commit.get_combined_status().state == "failure"
    commit.create_status("success", context="b")
    assert (commit.get_combined_status().state, commit.get_combined_status().total_count) == ("success", 2)
    assert [one.state for one in commit.get_statuses()] == ["success", "failure", "success"]


def test_a_check_run_goes_its_way(github: StandIn) -> None:
    token = github.workflow_token("octo/shop", {"checks": "write", "contents": "read"}, job="ci")
    repo = client(github, token).get_repo("octo/shop")
    sha = repo.get_branch("main").commit.sha
    run = repo.create_check_run("dreamnet", sha, status="in_progress")
    annotation = {
        "path": "dreamnet.yml",
        "start_line": 1,
        "end_line": 1,
        "annotation_level": "failure",
        "message": "no",
    }
    run.edit(conclusion="failure", output={"title": "t", "summary": "s", "annotations": [annotation]})
    found = repo.get_check_run(run.id)
    assert (found.status, found.conclusion, found.output.annotations_count) == ("completed", "failure", 1)
    assert [one.message for one in found.get_annotations()] == ["no"]
    assert [one.name for one in repo.get_commit("main").get_check_runs()] == ["dreamnet"]
    with pytest.raises(GithubException):
        client(github, github.person("alice")).get_repo("octo/shop").create_check_run("x", sha)


def test_variables_and_secrets_are_for_people(github: StandIn) -> None:
    repo = client(github, github.person("alice", "admin")).get_repo("octo/shop")
    repo.create_variable("colour", "red")
    assert github.variables("octo/shop") == {"COLOUR": "red"}
    with pytest.raises(GithubException) as there:
        repo.create_variable("COLOUR", "blue")
    assert there.value.status == 409
    assert repo.get_variable("COLOUR").edit("blue")
    repo.create_secret("token", "s3cret")
    repo.create_secret("token", "s3cret2")
    assert github.secrets("octo/shop") == {"TOKEN": "s3cret2"}
    assert [one.name for one in repo.get_secrets()] == ["TOKEN"]
    assert "s3cret" not in repr(github.world.repository("octo/shop"))
    repo.delete_secret("TOKEN")
    repo.delete_variable("COLOUR")
    assert (github.secrets("octo/shop"), github.variables("octo/shop")) == ({}, {})


def test_no_workflow_token_reaches_them(github: StandIn) -> None:
    token = github.workflow_token("octo/shop", {"actions": "write", "secrets": "write"}, job="env")
    repo = client(github, token).get_repo("octo/shop")
    for attempt in (repo.get_secrets, repo.get_variables, repo.get_public_key):
        with pytest.raises(GithubException) as refused:
            list(attempt())
        assert refused.value.status == 403
        assert refused.value.headers["x-accepted-github-permissions"] in {
            "secrets=read",
            "actions_variables=read",
        }


def test_environments(github: StandIn) -> None:
    repo = client(github, github.person("alice", "admin")).get_repo("octo/shop")
    repo.create_environment("prod/eu", wait_timer=10)
    assert repo.get_environment("prod/eu").protection_rules[0].wait_timer == 10
    repo.create_deployment("main", environment="made by a deployment")
    assert {one.name for one in repo.get_environments()} == {"prod/eu", "made by a deployment"}
    repo.delete_environment("prod/eu")


def test_an_environment_has_its_own(github: StandIn) -> None:
    repo = client(github, github.person("alice", "admin")).get_repo("octo/shop")
    with pytest.raises(GithubException) as nowhere:
        repo.requester.requestJsonAndCheck("GET", f"{repo.url}/environments/production/secrets")
    assert nowhere.value.status == 404
    environment = repo.create_environment("production")
    environment.create_secret("token", "s3cret")
    environment.create_variable("colour", "red")
    assert environment.get_variable("COLOUR").value == "red"
    assert [one.name for one in environment.get_secrets()] == ["TOKEN"]
    assert (github.secrets("octo/shop"), github.variables("octo/shop")) == ({}, {})
    environment.delete_secret("TOKEN")
    environment.delete_variable("COLOUR")
    assert [*environment.get_secrets(), *environment.get_variables()] == []


def test_variables_come_in_small_pages_and_secrets_end_at_a_hundred(github: StandIn) -> None:
    repo = client(github, github.person("alice", "admin")).get_repo("octo/shop")
    for number in range(35):
        repo.create_variable(f"V{number}", "1")
    _, body = repo.requester.requestJsonAndCheck("GET", f"{repo.url}/actions/variables?per_page=100")
    assert (body["total_count"], len(body["variables"])) == (35, 30)
    for number in range(100):
        repo.create_secret(f"S{number}", "1")
    repo.create_secret("S0", "2")
    with pytest.raises(GithubException) as full:
        repo.create_secret("ONE_MORE", "1")
    assert full.value.status == 422
