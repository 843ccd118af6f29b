"""`dreamnet doctor` where EnvKeeper looks at pull requests: its workflow is there, and strangers cannot use it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.entrances.doctored import PIN, run, with_entry, written_anew
from tests.entrances.repositories import FLASK, repository

pytestmark = pytest.mark.slow
ENTRY = """
env:
  app: {from: {dotenv: app.env}, to: [{github-secrets: repository}]}
"""
PLAN = ".github/workflows/dreamnet-plan.yml"
PATHS = '".github/dreamnet.yml", ".github/dreamnet.yaml", dreamnet.yml, dreamnet.yaml, app.env'
EVENT = f"pull_request: {{paths: [{PATHS}]}}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository as `init` leaves it where an entry is already there."""
    made = with_entry(tmp_path, ENTRY)
    written_anew(made)
    return made


def said(root: Path) -> tuple[int, str]:
    done = run(root, "doctor", "--offline")
    return done.exit_code, done.stdout + done.stderr


def changed(root: Path, old: str, new: str) -> None:
    file = root / PLAN
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


def test_what_init_writes_is_right(root: Path) -> None:
    status, shown = said(root)
    assert "✓ envkeeper-plan" in shown, shown
    assert "! envkeeper-plan" not in shown
    assert "✗ envkeeper-plan" not in shown
    assert status == 0


def test_where_nothing_looks_at_pull_requests_init_does_it(root: Path) -> None:
    (root / PLAN).unlink()
    status, shown = said(root)
    assert status == 0, "DreamNet works without"
    assert "! envkeeper-plan" in shown
    assert "dreamnet init" in shown


def test_a_repository_without_values_is_told_nothing(tmp_path: Path) -> None:
    made = repository(tmp_path, {"app.py": FLASK})
    assert run(made, "init", "--yes", "--ref", PIN).exit_code == 0
    assert "envkeeper-plan" not in said(made)[1]


WRONG: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "by pull_request_target": (
        lambda root: changed(root, "pull_request:", "pull_request_target:"),
        "✗ envkeeper-plan",
        EVENT,
    ),
    "by push": (lambda root: changed(root, EVENT, "push:"), "✗ envkeeper-plan", EVENT),
    "not for a source": (lambda root: changed(root, ", app.env", ""), "! envkeeper-plan", EVENT),
    "with too few permissions": (
        lambda root: changed(root, ", pull-requests: write", ""),
        "✗ envkeeper-plan",
        "pull-requests: write",
    ),
    "with too many": (
        lambda root: changed(root, "contents: read", "contents: write"),
        "! envkeeper-plan",
        "contents: read",
    ),
    "with a ref that moves": (
        lambda root: changed(root, PIN, "main"),
        "! envkeeper-plan",
        "can move",
    ),
    "without the token": (
        lambda root: changed(root, "secrets-token", "hash-key"),
        "! envkeeper-plan",
        'secrets: {secrets-token: "${{ secrets.DREAMNET_SECRETS_TOKEN }}"}',
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_told_with_the_lines(root: Path, what: str) -> None:
    change, mark, line = WRONG[what]
    change(root)
    status, shown = said(root)
    assert mark in shown, shown
    assert line in shown, shown
    assert PLAN in shown
    assert status == (5 if mark.startswith("✗") else 0)


def test_a_pattern_may_cover_a_source(root: Path) -> None:
    changed(root, "app.env", '"*.env"')
    assert "! envkeeper-plan" not in said(root)[1]


def test_a_job_of_ones_own_that_uses_the_action_is_known(root: Path) -> None:
    """By its event: the action takes a pull request for something to plan."""
    text = f"""
on: {{{EVENT}}}
jobs:
  look:
    runs-on: ubuntu-latest
    permissions: {{contents: read, pull-requests: write}}
    steps:
      - uses: dreamnet/dreamnet@{PIN}
        with: {{agent: envkeeper}}
"""
    (root / PLAN).write_text(text, "utf-8")
    status, shown = said(root)
    assert "✓ envkeeper-plan" in shown, shown
    assert status == 0, shown
    (root / PLAN).write_text(text.replace("on: {", "on: {schedule: [{cron: '7 * * * *'}], "), "utf-8")
    assert "! envkeeper-plan" in said(root)[1], "it is the one that syncs"
