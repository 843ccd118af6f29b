"""`dreamnet doctor` on reverts by pull request: the job's own token has no right to them, and how it gets one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.entrances.doctored import PIN, run
from tests.entrances.repositories import FLASK, repository
from tests.entrances.test_doctor import DEPLOY

pytestmark = pytest.mark.slow
ASKED = "    release: {git: ., on-failure: {revert: pull-request}}\n"
ITSELF = """\
name: deploy
on: {push: {branches: [main]}}
jobs:
  deploy:
    runs-on: ubuntu-latest
    permissions: {contents: write, deployments: write, issues: read, statuses: write%s}
    steps:
      - uses: dreamnet/dreamnet@0123456789abcdef0123456789abcdef01234567
        with: {agent: deploykeeper%s}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository as `init` leaves it, whose service asks for reverts."""
    made = repository(tmp_path, {"app.py": FLASK})
    assert run(made, "init", "--yes", "--ref", PIN).exit_code == 0
    config = made / ".github" / "dreamnet.yml"
    text = config.read_text("utf-8")
    assert "    platform: " in text
    lines = [line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("release:")]
    place = next(index for index, line in enumerate(lines) if line.startswith("    platform: "))
    config.write_text("".join([*lines[:place], ASKED, *lines[place:]]), "utf-8")
    return made


def said(root: Path) -> str:
    done = run(root, "doctor", "--offline")
    return done.stdout + done.stderr


def test_the_keepers_own_job_may_open_none_and_a_token_mends_it(root: Path) -> None:
    shown = said(root)
    assert "! revert of" in shown
    assert "its own token may open no pull request" in shown
    assert "pull-requests: write" in shown
    assert "secrets: {token:" in shown
    workflow = root / DEPLOY
    text = workflow.read_text("utf-8")
    uses = next(line for line in text.splitlines() if "/deploykeeper.yml@" in line)
    secret = '    secrets: {token: "${{ secrets.DREAMNET_TOKEN }}"}'
    workflow.write_text(text.replace(uses, f"{uses}\n{secret}"), "utf-8")
    assert "✓ revert of" in said(root)


@pytest.mark.parametrize(
    ("permission", "token", "mark"),
    [("", "", "!"), (", pull-requests: write", "", "✓"), ("", ", token: '${{ secrets.T }}'", "✓")],
)
def test_a_job_that_works_itself_gets_the_permission(
    root: Path, permission: str, token: str, mark: str
) -> None:
    (root / DEPLOY).write_text(ITSELF % (permission, token), "utf-8")
    shown = said(root)
    assert f"{mark} revert of" in shown
    assert "grants more than it needs" not in shown


def test_without_the_wish_nothing_is_said(root: Path) -> None:
    config = root / ".github" / "dreamnet.yml"
    config.write_text(config.read_text("utf-8").replace(ASKED, ""), "utf-8")
    assert "revert of" not in said(root)
