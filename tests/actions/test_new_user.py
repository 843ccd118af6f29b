"""What a new user does, by the real commands: init, validate, doctor, sandbox; the service hangs, and is healed."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.actions.bed import free_port
from tests.actions.newcomer import Sandbox, page, replicas, run, shop

pytestmark = pytest.mark.slow


def test_from_an_empty_repository_to_a_closed_dream(tmp_path: Path) -> None:
    port = free_port()
    repository = shop(tmp_path, port)
    sandbox = Sandbox(repository)
    try:
        _story(repository, sandbox, f"http://127.0.0.1:{port}/")
    finally:
        sandbox.close()


def _story(repository: Path, sandbox: Sandbox, address: str) -> None:
    assert sandbox.until("^http://127").startswith("http://127.0.0.1:")
    sandbox.until(r"dreamnet-deploy\.yml #1 ended after .* success")
    assert "is deployed and passes its checks" in sandbox.until("local/web|local/shop")
    assert page(address) == "hello from my shop\n"

    # A service that ends is started again at once, by the platform; one that hangs is DreamKeeper's.
    (one,) = replicas(repository)
    one.send_signal(signal.SIGSTOP)
    assert "is failing" in sandbox.until("issue #1 opened")
    sandbox.until(r"dreamnet-relay\.yml #1 \(repository_dispatch\) started")
    sandbox.until("issue #1 closed")
    assert page(address) == "hello from my shop\n"

    issue = sandbox.api("/issues/1")
    assert (issue["state"], issue["state_reason"]) == ("closed", "completed")
    assert {label["name"] for label in issue["labels"]} == {"dream", "dream: resolved", "blip"}
    assert [run["conclusion"] for run in sandbox.api("/actions/runs")["workflow_runs"] if run["conclusion"]]
    seen = page(f"{sandbox.lines[0]}octo/shop/issues/1")
    assert "<strong>Resolved:</strong>" in seen
    assert "dreamnet:dream v1" not in seen
    home = page(sandbox.lines[0])
    assert "health-check-failed-needs-restart" in home
    assert "<h1>dreamnet/dreamnet</h1>" not in home

    # Ctrl-C ends all of it.
    sandbox.process.send_signal(signal.SIGINT)
    assert sandbox.process.wait(20) == 0
    assert page(address).startswith("no answer")
    assert replicas(repository) == []
    assert list((repository.parent / "tmp").glob("dreamnet-sandbox-*")) == []
    assert run(repository, "git", "status", "--short") == ""


def test_what_a_killed_sandbox_left_is_ended_by_the_next(tmp_path: Path) -> None:
    repository = shop(tmp_path, free_port())
    first = Sandbox(repository)
    try:
        first.until(r"dreamnet-deploy\.yml #1 ended after .* success")
        first.process.kill()
        first.process.wait(10)
        assert len(replicas(repository)) == 1
        second = Sandbox(repository, "--for", "1s")
        second.until("Ended what a sandbox that was killed had left")
        assert second.process.wait(60) == 0
    finally:
        first.close()
    assert replicas(repository) == []
    assert list((tmp_path / "tmp").glob("dreamnet-sandbox-*")) == []
