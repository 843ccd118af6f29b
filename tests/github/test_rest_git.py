"""What is in git, through REST and the official client."""

from __future__ import annotations

import pytest
from github import Auth, Github, GithubException, InputGitTreeElement

from dreamnet_actions.testing.github.hosting import Event
from dreamnet_actions.testing.github.standin import StandIn
from tests.github.conftest import client

pytestmark = pytest.mark.slow


def test_files_are_written_read_and_deleted(github: StandIn) -> None:
    events: list[Event] = []
    github.subscribe(events.append)
    repo = client(github, github.person("alice")).get_repo("octo/shop")
    made = repo.create_file("docs/a b.md", "Add", "hello", branch="main")
    found = repo.get_contents("docs/a b.md")
    assert found.decoded_content == b"hello"
    assert made["content"].sha == found.sha
    with pytest.raises(GithubException) as refused:
        repo.update_file("docs/a b.md", "Change", "x", sha="0" * 40)
    assert refused.value.status == 409
    repo.update_file("docs/a b.md", "Change", "bye", sha=found.sha)
    assert [one.path for one in repo.get_contents("docs")] == ["docs/a b.md"]
    assert {one.path for one in repo.get_contents("")} == {"README.md", "docs"}
    repo.delete_file("docs/a b.md", "Delete", repo.get_contents("docs/a b.md").sha)
    with pytest.raises(GithubException) as gone:
        repo.get_contents("docs/a b.md")
    assert gone.value.status == 404
    changes = [(one.payload["head_commit"]["message"], one.payload["head_commit"]["added"]) for one in events]
    assert changes == [("Add", ["docs/a b.md"]), ("Change", []), ("Delete", [])]
    assert [one.commit.message for one in repo.get_commits()] == ["Delete", "Change", "Add", "Initial commit"]
    assert len(list(repo.get_commits(path="README.md"))) == 1


def test_a_commit_is_built_from_its_objects(github: StandIn) -> None:
    repo = client(github, github.person("alice")).get_repo("octo/shop")
    head = repo.get_branch("main").commit
    blob = repo.create_git_blob("aGk=", "base64")
    elements = [
        InputGitTreeElement("x/y.txt", "100644", "blob", sha=blob.sha),
        InputGitTreeElement("z.txt", "100644", "blob", content="z"),
    ]
    tree = repo.create_git_tree(elements, base_tree=head.commit.tree)
    commit = repo.create_git_commit("Add x and z", tree, [head.commit])
    ref = repo.create_git_ref("refs/heads/topic/x", commit.sha)
    assert ref.object.sha == commit.sha
    assert {one.path for one in repo.get_git_tree("topic/x", recursive=True).tree} == {
        "README.md",
        "x",
        "x/y.txt",
        "z.txt",
    }
    compared = repo.compare("main", "topic/x")
    assert (compared.status, compared.ahead_by, [one.filename for one in compared.files]) == (
        "ahead",
        1,
        ["x/y.txt", "z.txt"],
    )
    assert {one.name for one in repo.get_branches()} == {"main", "topic/x"}
    assert repo.get_commit("topic/x").stats.additions == 2
    tag = repo.create_git_tag("v1", "first", commit.sha, "commit")
    repo.create_git_ref("refs/tags/v1", tag.sha)
    assert [(one.name, one.commit.sha) for one in repo.get_tags()] == [("v1", commit.sha)]
    assert repo.get_git_tag(tag.sha).message == "first"


def test_a_ref_moves_forward_only_unless_forced(github: StandIn) -> None:
    events: list[Event] = []
    repo = client(github, github.person("alice")).get_repo("octo/shop")
    old = repo.get_git_ref("heads/main").object.sha
    new = github.commit("octo/shop", {"a": "1"}, "a")
    github.subscribe(events.append)
    ref = repo.get_git_ref("heads/main")
    with pytest.raises(GithubException) as refused:
        ref.edit(old)
    assert refused.value.status == 422
    ref.edit(old, force=True)
    ref.edit(new)
    assert [(one.name, one.payload["forced"]) for one in events] == [("push", True), ("push", False)]
    with pytest.raises(GithubException):
        ref.delete()


def test_a_release_makes_its_tag_once(github: StandIn) -> None:
    events: list[Event] = []
    github.subscribe(events.append)
    repo = client(github, github.person("alice")).get_repo("octo/shop")
    release = repo.create_git_release("v1.0.0", "One", "notes")
    assert repo.get_release("v1.0.0").id == release.id == repo.get_latest_release().id
    assert [one.name for one in repo.get_tags()] == ["v1.0.0"]
    names = [(one.name, one.action) for one in events]
    assert names == [
        ("push", None),
        ("create", None),
        ("release", "created"),
        ("release", "published"),
        ("release", "released"),
    ]
    with pytest.raises(GithubException) as refused:
        repo.create_git_release("v1.0.0", "Two", "")
    assert refused.value.data["errors"][0]["code"] == "already_exists"
    draft = repo.create_git_release("v2.0.0", "Two", "", draft=True)
    assert repo.get_latest_release().id == release.id
    draft.update_release("Two", "", draft=False)
    assert repo.get_latest_release().id == draft.id


def test_a_pull_request_is_opened_and_closed(github: StandIn) -> None:
    repo = client(github, github.person("alice")).get_repo("octo/shop")
    github.commit("octo/shop", {"a": "1"}, "a", branch="revert")
    pull = repo.create_pull(base="main", head="revert", title="Revert", body="why")
    assert (pull.number, pull.commits, pull.changed_files, pull.mergeable) == (1, 1, 1, True)
    assert [one.number for one in repo.get_pulls(head="octo:revert")] == [1]
    assert repo.get_issue(1).pull_request is not None
    with pytest.raises(GithubException):
        repo.create_pull(base="main", head="revert", title="again")
    pull.edit(state="closed")
    assert list(repo.get_pulls()) == []
    assert repo.get_pull(1).state == "closed"


def test_an_empty_repository_says_so(github: StandIn) -> None:
    github.create_repository("octo/empty")
    repo = Github(auth=Auth.Token(github.person("alice")), base_url=github.api_url, retry=None).get_repo(
        "octo/empty"
    )
    with pytest.raises(GithubException) as refused:
        list(repo.get_commits())
    assert refused.value.status == 409
    repo.create_file("a", "first", "a")
    assert repo.get_contents("a").decoded_content == b"a"
