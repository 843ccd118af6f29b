"""Flags and Actions secrets under act, in a repository whose configuration lies in a folder."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.entrances.setup.workflows import Wanted, callers
from dreamnet_actions.testing.github.actions.runs import Run
from tests.actions.bed import SHOP, Bed, bed, told

pytestmark = pytest.mark.slow
FOLDER = "apps/shop"
CONFIG = """\
version: 1
flags: {file: flags.json}
env:
  shop: {from: {dotenv: shop.env}, to: [{github-secrets: repository}]}
"""
FLAGS = {
    "flags": {
        "new-home": {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off"}
    }
}
VALUES = {
    "API_KEY": "Grüße 🌙 4711",
    "WORD": "correct horse battery",
    "LINES": "the first line\nthe second\n",
}
TOKEN = 'secrets: {secrets-token: "${{ secrets.DREAMNET_SECRETS_TOKEN }}"}'


def dotenv() -> str:
    lines = (f'{name}="{value}"'.replace("\n", "\\n") for name, value in VALUES.items())
    return "\n".join(lines) + "\n"


def repository(story: Bed) -> None:
    """Make it with the callers that ``dreamnet init`` writes, and what a person adds for the folder."""
    written = callers(Wanted(branch="main", services=(), ref="main", with_env=True, secrets_token=True))
    assert TOKEN in written[".github/workflows/dreamnet-env.yml"]
    workflows = {
        path: text.replace("with: {", f"with: {{config: {FOLDER}/dreamnet.yml, ")
        for path, text in written.items()
    }
    story.repository(
        {
            **workflows,
            f"{FOLDER}/dreamnet.yml": CONFIG,
            f"{FOLDER}/flags.json": json.dumps(FLAGS, indent=1),
            f"{FOLDER}/shop.env": dotenv(),
        }
    )


def asked(story: Bed, **given: Any) -> Run:
    """Send a request by ``repository_dispatch``; answers the run once it has ended."""
    story.dispatch("dreamnet.request.v1", {"dreamnet": {"agent": "envkeeper", "input": given}})
    story.settle()
    return story.runs()[-1]


def test_a_dispatch_changes_a_flag_and_secrets_arrive_sealed(tmp_path: Path) -> None:
    with bed(tmp_path) as story:
        repository(story)
        changed = asked(
            story, action="toggle-flag", flag="new-home", reason="the new home\nis ready", by="nightshift"
        )
        newest = story.get("/commits")[0]
        whole = story.get(f"/commits/{newest['sha']}")
        assert newest["commit"]["message"] == (
            "Set flag new-home to on, ENABLED\n\nWhy: the new home is ready\nAsked for by: nightshift"
        ), told(changed)
        assert [one["filename"] for one in whole["files"]] == [f"{FOLDER}/flags.json"]
        held = base64.b64decode(story.get(f"/contents/{FOLDER}/flags.json")["content"])
        assert json.loads(held)["flags"]["new-home"]["defaultVariant"] == "on"
        secrets = story.github.world.repository(SHOP).secrets
        refused = asked(story, action="sync", entry="shop")
        assert "No workflow's own token reaches secrets" in told(refused)
        assert not VALUES.keys() & secrets.keys()
        story.secret("DREAMNET_SECRETS_TOKEN", story.github.fine_grained("octocat", {"secrets": "write"}))
        request = {"agent": "envkeeper", "input": {"action": "sync", "entry": "shop"}}
        synced = story.press("dreamnet-env.yml", request=json.dumps(request))
        assert synced.conclusion == "success", told(synced)
        assert {name: secrets[name].value for name in VALUES} == VALUES  # as the stand-in opened the boxes
        shown = "\n".join(map(told, story.runs()))
        assert [one for value in VALUES.values() for one in value.split("\n") if one and one in shown] == []
        assert story.github.violations == []
