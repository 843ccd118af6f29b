"""The comment of a pull request as `docs/envkeeper.md` shows it: made by EnvKeeper for a copy of ``examples/env``."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from dreamnet_actions import bootstrap
from dreamnet_actions.entrances.action.event import Proposed
from dreamnet_actions.entrances.action.proposal import markdown
from dreamnet_actions.entrances.action.proposing import Proposal
from dreamnet_actions.entrances.action.telling import judged_values
from tests.docs.pages import ROOT

HEAD = "0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c"
ENVIRON = {
    "DREAMNET_HASH_KEY": "shown to everybody",
    "GITHUB_REPOSITORY": "octocat/shop",
    "GITHUB_RUN_ID": "1000042",
    "GITHUB_SERVER_URL": "https://github.com",
}


def comment() -> str:
    """Look at the example as a pull request, and answer what the comment would say."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "shop"
        shutil.copytree(ROOT / "examples/env", root, ignore=shutil.ignore_patterns(".dreamnet"))
        environ = {**ENVIRON, "GITHUB_WORKSPACE": str(root)}
        options = bootstrap.Options(root=root, state=root.parent / "state", environ=environ)
        system = bootstrap.assemble(options)
        try:
            proposal = Proposal(proposed=Proposed(pull=7, head=HEAD), environ=environ, now=system.clock.now)
            result = proposal.look(system)
        finally:
            system.close()
        text = markdown(result, environ, head=HEAD, judged=judged_values(result, environ))
    return f"```text\n{text}\n```"
