"""git itself, over HTTP, against the stand-in."""

from __future__ import annotations

import random
import subprocess
import threading
from pathlib import Path

import pytest

from dreamnet_actions.testing.github.hosting import Event
from dreamnet_actions.testing.github.standin import StandIn

pytestmark = pytest.mark.slow
ENV = {"PATH": "/usr/bin:/bin", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0"}
NAME = ["-c", "user.name=alice", "-c", "user.email=alice@users.noreply.github.com"]


def git(folder: Path, *args: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *NAME, *args], cwd=folder, env=ENV, capture_output=True, text=True, check=check
    )


def clone(github: StandIn, token: str, folder: Path) -> Path:
    url = github.server_url.replace("http://", f"http://x-access-token:{token}@") + "/octo/shop.git"
    git(folder, "clone", "-q", url, "shop")
    return folder / "shop"


def test_a_push_is_in_effect_and_told(github: StandIn, tmp_path: Path) -> None:
    events: list[Event] = []
    github.subscribe(events.append)
    work = clone(github, github.person("alice"), tmp_path)
    (work / "new.txt").write_text("new\n")
    git(work, "add", ".")
    git(work, "commit", "-qm", "Add new")
    git(work, "push", "-q", "origin", "main")
    (push,) = events
    head = git(work, "rev-parse", "HEAD").stdout.strip()
    assert (push.name, push.ref, push.sha, push.actor) == ("push", "refs/heads/main", head, "alice")
    assert push.payload["head_commit"]["added"] == ["new.txt"]
    assert push.payload["before"] == git(work, "rev-parse", "HEAD~1").stdout.strip()
    assert [one["message"] for one in push.payload["commits"]] == ["Add new"]


def test_a_push_that_came_late_is_refused(github: StandIn, tmp_path: Path) -> None:
    work = clone(github, github.person("alice"), tmp_path)
    github.commit("octo/shop", {"a": "1"}, "first")
    git(work, "commit", "-q", "--allow-empty", "-m", "second")
    assert git(work, "push", "-q", "origin", "main", check=False).returncode == 1


def test_a_job_without_the_permission_cannot_push(github: StandIn, tmp_path: Path) -> None:
    github.world.repository("octo/shop").private = True
    token = github.workflow_token("octo/shop", {"contents": "read"}, job="dream")
    work = clone(github, token, tmp_path)
    git(work, "commit", "-q", "--allow-empty", "-m", "x")
    refused = git(work, "push", "-q", "origin", "main", check=False)
    assert "403" in refused.stderr
    assert github.tokens.used("dream") == {"contents": "read"}


def test_a_job_without_contents_is_told_that_there_is_nothing(github: StandIn, tmp_path: Path) -> None:
    github.world.repository("octo/shop").private = True
    github.world.public_reads = False
    token = github.workflow_token("octo/shop", {"issues": "write"}, job="dream")
    url = github.server_url.replace("http://", f"http://x:{token}@") + "/octo/shop"
    refused = git(tmp_path, "clone", "-q", url, "there", check=False)
    assert refused.returncode == 128
    assert "remote: Repository not found." in refused.stderr
    assert "not found" in refused.stderr.splitlines()[-1]
    assert github.tokens.used("dream") == {}


def test_workflow_files_need_a_permission_that_no_job_has(github: StandIn, tmp_path: Path) -> None:
    token = github.workflow_token("octo/shop", {"contents": "write"}, job="dream")
    work = clone(github, token, tmp_path)
    (work / ".github/workflows").mkdir(parents=True)
    (work / ".github/workflows/ci.yml").write_text("on: push\n")
    git(work, "add", ".")
    git(work, "commit", "-qm", "ci")
    refused = git(work, "push", "-q", "origin", "main", check=False)
    assert refused.returncode == 1
    assert "without `workflows` permission" in refused.stderr
    url = github.server_url.replace("http://", f"http://x:{github.person('alice')}@") + "/octo/shop.git"
    git(work, "push", "-q", url, "main")
    (work / "other").write_text("x")
    git(work, "add", ".")
    git(work, "commit", "-qm", "other")
    git(work, "push", "-q", "origin", "main")  # a job may push on top of it


TOLD = [
    ("push", "refs/heads/main", True),
    ("push", "refs/heads/topic", False),
    ("create", "refs/heads/topic", None),
    ("push", "refs/tags/v1", False),
    ("create", "refs/tags/v1", None),
    ("push", "refs/heads/topic", False),
    ("delete", "refs/heads/topic", None),
    ("push", "refs/tags/v1", False),
    ("delete", "refs/tags/v1", None),
]


def test_force_with_lease_tags_and_deletes(github: StandIn, tmp_path: Path) -> None:
    work = clone(github, github.person("alice"), tmp_path)
    github.commit("octo/shop", {"a": "1"}, "theirs")
    stale = git(work, "rev-parse", "origin/main").stdout.strip()
    git(work, "commit", "-q", "--amend", "-m", "rewritten")
    refused = git(
        work, "push", "-q", f"--force-with-lease=refs/heads/main:{stale}", "origin", "main", check=False
    )
    assert refused.returncode == 1
    git(work, "fetch", "-q")
    events: list[Event] = []
    github.subscribe(events.append)
    git(
        work,
        "push",
        "-q",
        "--force-with-lease=main:" + git(work, "rev-parse", "origin/main").stdout.strip(),
        "origin",
        "main",
    )
    git(work, "tag", "-a", "v1", "-m", "one")
    git(work, "push", "-q", "origin", "v1", "HEAD:refs/heads/topic", "HEAD:refs/dreamnet/hidden")
    git(work, "push", "-q", "origin", ":topic", ":v1")
    told = [(one.name, one.ref, one.payload.get("forced")) for one in events]
    assert sorted(told, key=str) == sorted(TOLD, key=str)


@pytest.mark.parametrize("version", ["0", "2"])
def test_large_things_go_through_both_protocols(github: StandIn, tmp_path: Path, version: str) -> None:
    work = clone(github, github.person("alice"), tmp_path)
    content = random.Random(1).randbytes(6_000_000)
    (work / "large.bin").write_bytes(content)
    git(work, "add", ".")
    git(work, "commit", "-qm", "large")
    git(work, "-c", f"protocol.version={version}", "push", "-q", "origin", "main")
    git(
        tmp_path,
        "-c",
        f"protocol.version={version}",
        "clone",
        "-q",
        github.server_url + "/octo/shop.git",
        "again",
    )
    assert (tmp_path / "again" / "large.bin").read_bytes() == content
    # Many wants and haves: git zips the request.
    for number in range(25):
        github.commit("octo/shop", {f"f{number}": "x"}, f"commit {number}", branch=f"b{number}")
        git(work, "commit", "-q", "--allow-empty", "-m", f"own {number}")
    git(work, "-c", f"protocol.version={version}", "fetch", "-q", "origin")
    assert len(git(work, "branch", "-r").stdout.splitlines()) >= 26


def test_wrong_credentials(github: StandIn, tmp_path: Path) -> None:
    github.world.repository("octo/shop").private = True
    base = github.server_url.replace("http://", "http://x:{}@") + "/octo/shop.git"
    for token, said in (
        ("ghp_wrong", "Authentication failed"),
        (github.person("mallory", "none"), "not found"),
    ):
        refused = git(tmp_path, "clone", base.format(token), "x", check=False)
        assert said in refused.stderr
    anonymous = git(tmp_path, "clone", github.server_url + "/octo/shop.git", "x", check=False)
    assert "could not read Username" in anonymous.stderr
    reader = clone(github, github.person("bob", "read"), tmp_path)
    git(reader, "commit", "-q", "--allow-empty", "-m", "x")
    assert "403" in git(reader, "push", "origin", "main", check=False).stderr


def test_pushes_of_many_at_once_lose_nothing(github: StandIn, tmp_path: Path) -> None:
    """The journal's way: fetch, commit, push, again until it is taken."""
    token = github.person("alice")
    works = []
    for number in range(4):
        (tmp_path / str(number)).mkdir()
        works.append(clone(github, token, tmp_path / str(number)))

    def work(folder: Path, name: str) -> None:
        for count in range(4):
            while True:
                git(folder, "fetch", "-q", "origin")
                git(folder, "reset", "-q", "--hard", "origin/main")
                (folder / f"{name}-{count}").write_text("x")
                git(folder, "add", ".")
                git(folder, "commit", "-qm", f"{name}-{count}")
                if git(folder, "push", "-q", "origin", "main", check=False).returncode == 0:
                    break

    threads = [threading.Thread(target=work, args=(folder, f"w{n}")) for n, folder in enumerate(works)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    git(works[0], "pull", "-q")
    assert len(list(works[0].glob("w*"))) == 16
