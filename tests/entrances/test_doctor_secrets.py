"""`dreamnet doctor` and `init` where values go to Actions secrets: no job's own token may write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.entrances.doctored import PIN, run, with_entry, written_anew

pytestmark = pytest.mark.slow
ENTRY = """
env:
  app: {from: {dotenv: app.env}, to: [{github-secrets: repository}, {github-variables: environment/production}]}
"""
HANDED = 'secrets: {secrets-token: "${{ secrets.DREAMNET_SECRETS_TOKEN }}"}'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository as `init` leaves it; then an entry was added that writes to GitHub."""
    return with_entry(tmp_path, ENTRY)


def said(root: Path) -> str:
    done = run(root, "doctor", "--offline")
    return done.stdout + done.stderr


def test_who_hands_no_token_over_is_told_how(root: Path) -> None:
    shown = said(root)
    assert "✗ secrets of app" in shown
    assert "relaybot is handed no other" in shown
    assert HANDED in shown


def test_init_writes_the_line_where_it_writes_the_workflow(root: Path) -> None:
    workflows = root / ".github" / "workflows"
    written_anew(root)
    handing = {one.name for one in workflows.glob("*.yml") if HANDED in one.read_text("utf-8")}
    assert handing == {"dreamnet-env.yml", "dreamnet-plan.yml", "dreamnet-relay.yml"}
    assert "✓ secrets of app" in said(root)


def test_a_step_whose_token_is_another_each_time_is_told_to_bring_a_key(root: Path) -> None:
    """The step of a workflow of one's own, where an App's token is made."""
    workflows = root / ".github" / "workflows"
    (workflows / "dreamnet-relay.yml").unlink()
    token = "DREAMNET_SECRETS_TOKEN: ${{ steps.app.outputs.token }}"
    text = f"""
on: {{workflow_dispatch: }}
jobs:
  env:
    runs-on: ubuntu-latest
    steps:
      - uses: dreamnet/dreamnet@{PIN}
        with: {{agent: envkeeper}}
        env:
          {token}
"""
    (workflows / "dreamnet-env.yml").write_text(text, "utf-8")
    shown = said(root)
    assert "envkeeper's token is another one in each job" in shown
    assert 'env: {DREAMNET_HASH_KEY: "${{ secrets.DREAMNET_HASH_KEY }}"}' in shown
    key = "DREAMNET_HASH_KEY: ${{ secrets.DREAMNET_HASH_KEY }}"
    (workflows / "dreamnet-env.yml").write_text(text.replace(token, f"{token}\n          {key}"), "utf-8")
    assert "is another one in each job" not in said(root)
    theirs = text.replace("steps.app.outputs.token", "secrets.DREAMNET_SECRETS_TOKEN")
    (workflows / "dreamnet-env.yml").write_text(theirs, "utf-8")
    assert "is another one in each job" not in said(root), "a person's token lasts"
