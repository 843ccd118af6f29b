"""git itself, over HTTP, against the stand-in."""

from __future__ import annotations

import subprocess
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
